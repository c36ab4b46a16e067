"""The few values that stand for many weights: k-means in one dimension, exact but for the grouping of its start."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray

ROUNDS = 100
GROUPS = 256
"""Groups of weights by even steps, and as many by quantiles, that the start tells apart: the first for the rare large
weights, the others for the many small."""


def palette(weights: NDArray[Any], bits: int) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """2**bits values in rising order, and for each weight, flattened, the index of the nearest one.

    The best division of the groups is found by dynamic programming, then Lloyd's rounds go on with single weights.
    """
    flat = weights.ravel().astype(np.float64)
    values = np.sort(flat)
    sums = np.concatenate([[0], np.cumsum(values)])
    centres = _start(values, sums, 2**bits)
    for _ in range(ROUNDS):
        bounds = np.concatenate([[0], np.searchsorted(values, _borders(centres)), [len(values)]])
        sizes = np.diff(bounds)
        means = np.where(sizes > 0, np.diff(sums[bounds]) / np.maximum(sizes, 1), centres)
        if np.array_equal(means, centres):
            break
        centres = means
    return centres.astype(weights.dtype), np.searchsorted(_borders(centres), flat).astype(np.uint8)


def _start(values: FloatArray, sums: FloatArray, count: int) -> FloatArray:
    """The means of the best division of sorted values into so many runs of whole groups; the last is repeated where
    there are fewer groups."""
    even = np.linspace(values[0], values[-1], GROUPS)[1:]
    cuts = np.concatenate([even, np.quantile(values, np.arange(1, GROUPS) / GROUPS)])
    ends = np.unique(np.concatenate([[0], np.searchsorted(values, cuts, "right"), [len(values)]]))
    squares = np.concatenate([[0], np.cumsum(np.square(values))])[ends]
    sizes = np.maximum(ends - ends[:, None], 1)
    # cost[i, j]: squared error of the run from group i to before group j
    cost = squares - squares[:, None] - np.square(sums[ends] - sums[ends][:, None]) / sizes
    cost[np.tril_indices(len(ends))] = np.inf
    best, cuts_before = cost[0], []
    for _ in range(min(count, len(ends) - 1) - 1):
        total = best[:, None] + cost
        cuts_before.append(total.argmin(0))
        best = total.min(0)
    bounds = [len(ends) - 1]
    for before in reversed(cuts_before):
        bounds.append(int(before[bounds[-1]]))
    runs = ends[[0, *reversed(bounds)]]
    means = np.diff(sums[runs]) / np.diff(runs)
    return np.pad(means, (0, count - len(means)), "edge")


def _borders(centres: FloatArray) -> FloatArray:
    return np.asarray((centres[1:] + centres[:-1]) / 2)
