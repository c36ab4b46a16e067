"""The few values that stand for many weights: Lloyd's algorithm in one dimension, where it takes milliseconds."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

ROUNDS = 100


def palette(weights: NDArray[Any], bits: int) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """2**bits values in rising order, and for each weight, flattened, the index of the nearest one.

    The start lies between even steps and quantiles: the first serve the rare large weights, the others the many small.
    """
    count = 2**bits
    flat = weights.ravel().astype(np.float64)
    values = np.sort(flat)
    sums = np.concatenate([[0], np.cumsum(values)])
    even = np.linspace(values[0], values[-1], count)
    centres = (even + np.quantile(values, (np.arange(count) + 0.5) / count)) / 2
    for _ in range(ROUNDS):
        bounds = np.concatenate([[0], np.searchsorted(values, _borders(centres)), [len(values)]])
        sizes = np.diff(bounds)
        means = np.where(sizes > 0, np.diff(sums[bounds]) / np.maximum(sizes, 1), centres)
        if np.array_equal(means, centres):
            break
        centres = means
    return centres.astype(weights.dtype), np.searchsorted(_borders(centres), flat).astype(np.uint8)


def _borders(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((centres[1:] + centres[:-1]) / 2)
