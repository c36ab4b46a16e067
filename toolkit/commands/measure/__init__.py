"""Accuracy and time: evaluate, benchmark, report."""
