"""What every platform must know to give Python's points: the terms in words and numbers, and cases to check against."""
