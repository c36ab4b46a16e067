"""What is known of each point of a face: seen, covered, or neither.

A confidence is to tell those that are seen from those that are covered (core.metrics.visibility_auc). Where a set says
nothing of its points, only what augmentation hides is known.
"""

import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray

States = NDArray[np.uint8]
SEEN, COVERED, UNKNOWN = 0, 1, 2
"""Of a point: it is seen; something, the head itself or the edge of the crop hides it; the set does not say."""


def states_of(covered: NDArray[np.bool_] | None, points_xy: FloatArray) -> States:
    """The state (M,) of each point of a face.

    Args:
        covered: (M,) as a sample has it.
        points_xy: (M, 2) with NaN where a point is missing: nobody says whether it is seen, unless it is covered.
    """
    if covered is None:
        return np.full(len(points_xy), UNKNOWN, np.uint8)
    known = covered | np.isfinite(points_xy).all(axis=1)
    return np.where(known, covered, UNKNOWN).astype(np.uint8)


def hidden_in(states: States, points_xy: FloatArray, cover: NDArray[np.bool_]) -> States:
    """The states (M,) of the points of a crop, part of which something covers.

    Args:
        states: (M,) before that.
        points_xy: (M, 2) in crop pixels, NaN where missing. Those outside the crop are covered, too.
        cover: (H, W) True where something lies before the face.
    """
    placed = np.isfinite(points_xy).all(axis=1)
    column, row = np.rint(np.where(placed[:, None], points_xy, -1)).astype(int).T
    inside = (column >= 0) & (row >= 0) & (column < cover.shape[1]) & (row < cover.shape[0])
    hidden = placed & ~inside
    hidden[inside] = cover[row[inside], column[inside]]
    return np.where(hidden, COVERED, states).astype(np.uint8)
