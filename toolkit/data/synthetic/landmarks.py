"""Landmark schemes sampled from a view's curves."""

import numpy as np
from numpy.typing import NDArray

from toolkit.data.synthetic.arrays import Floats
from toolkit.data.synthetic.head import JAW_ROWS
from toolkit.data.synthetic.pose import View

BROW_LINE = 0.35
"""How far below a brow's upper edge its landmarks lie, as a fraction of its thickness."""


def _at(curve: Floats, places: tuple[float, ...]) -> NDArray[np.float64]:
    """Points of a densely sampled curve at fractions of its parameter, linearly between samples."""
    at = np.asarray(places) * (len(curve) - 1)
    low = np.minimum(at.astype(int), len(curve) - 2)
    t = (at - low)[:, None]
    out: NDArray[np.float64] = curve[low] * (1 - t) + curve[low + 1] * t
    return out


def brow_line(view: View, side: str) -> NDArray[np.float64]:
    """(SAMPLES, 2) the line that brow landmarks follow, inner to outer end."""
    upper, lower = view.curve(f"brow_upper_{side}").astype(float), view.curve(f"brow_lower_{side}").astype(float)
    out: NDArray[np.float64] = upper + BROW_LINE * (lower - upper)
    return out


def points_68(view: View) -> NDArray[np.float64]:
    """(68, 2) the iBUG points in pixels."""
    steps = (JAW_ROWS - 1) // 8
    fifths, thirds = (0.0, 0.25, 0.5, 0.75, 1.0), (0.0, 0.34, 0.68, 1.0)
    lids = {
        side: [_at(view.curve(f"lid_{edge}_{side}"), thirds) for edge in ("upper", "lower")]
        for side in ("right", "left")
    }
    (up_r, low_r), (up_l, low_l) = lids["right"], lids["left"]
    sixths = tuple(n / 6 for n in range(7))
    inner = (0.0, 1 / 3, 0.5, 2 / 3, 1.0)
    out: NDArray[np.float64] = np.concatenate(
        [
            view.contour[::steps],
            _at(brow_line(view, "right"), fifths)[::-1],
            _at(brow_line(view, "left"), fifths),
            _at(view.curve("ridge"), (0.0, 1 / 3, 2 / 3, 1.0)),
            _at(view.curve("nose_base"), fifths),
            up_r[::-1], low_r[1:3],
            up_l, low_l[2:0:-1],
            _at(view.curve("lip_upper_outer"), sixths),
            _at(view.curve("lip_lower_outer"), sixths[5:0:-1]),
            _at(view.curve("lip_upper_inner"), inner),
            _at(view.curve("lip_lower_inner"), inner[3:0:-1]),
        ]
    ).astype(np.float64)  # fmt: skip
    return out
