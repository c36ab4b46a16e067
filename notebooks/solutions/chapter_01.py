"""Chapter 1: a point becomes a heatmap, and a heatmap a point."""

import numpy as np


def encode(point_xy, side, sigma):
    """A heatmap (side, side) with its peak at point_xy, in heatmap pixels."""
    x, y = point_xy
    places = np.arange(side)
    across, down = (places - x) ** 2, (places - y) ** 2
    return np.exp(-(down[:, None] + across[None, :]) / (2 * sigma**2))


def newton(logs):
    """The step (across, down) from the middle of 3 x 3 logarithms, logs[row, column], to the top of their parabola."""
    slope = np.array([logs[1, 2] - logs[1, 0], logs[2, 1] - logs[0, 1]]) / 2
    across = logs[1, 2] - 2 * logs[1, 1] + logs[1, 0]
    down = logs[2, 1] - 2 * logs[1, 1] + logs[0, 1]
    mixed = (logs[2, 2] - logs[2, 0] - logs[0, 2] + logs[0, 0]) / 4
    return -np.linalg.solve([[across, mixed], [mixed, down]], slope)
