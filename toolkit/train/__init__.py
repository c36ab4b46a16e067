"""Training: one loop for every stage, and what it is made of."""
