"""Labelled faces: check, preview, label, pack."""
