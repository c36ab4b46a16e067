"""Schemes, geometry, heatmaps, metrics, pictures and files, on NumPy. Imports nothing from the other rooms."""
