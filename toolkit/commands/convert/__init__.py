"""What ships: convert, verify, describe, compare."""
