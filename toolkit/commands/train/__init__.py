"""Training and slimming: teacher, supernet, slim, distil."""
