"""Whether labelled points are of their picture, and of which of its pixels."""

import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.images import Stored
from toolkit.core.schemes import Scheme
from toolkit.data.shape import LEAST_POINTS, LIMIT, nearest

FAR_OUT = 0.5
"""Where more than this share of a face's points is outside its picture, they belong to another one."""


def misplaced(points_xy: FloatArray, image: ImageArray, how: Stored, scheme: Scheme) -> str:
    """Why points (M, 2) are not of this upright picture; empty where they may be.

    Points are those of the upright picture. Where EXIF turns the stored pixels, points that make an upright face of
    those are not taken for a face lying on its side.
    """
    given = points_xy[np.isfinite(points_xy).all(axis=1)]
    if how.orientation != 1 and _nearer_stored(points_xy, how, scheme):
        return (
            f"EXIF orientation {how.orientation} turns its picture, and the points are those of the pixels as they are "
            "stored: remove that tag from the picture, or turn the points"
        )
    outside = int((~inside(given, image)).sum())
    if outside > FAR_OUT * len(given):
        return f"{outside} of {len(given)} points are outside the picture of {image.shape[1]} x {image.shape[0]} pixels"
    return ""


def inside(points_xy: FloatArray, image: ImageArray) -> NDArray[np.bool_]:
    """Which points (M, 2) lie on the picture, edges included."""
    return np.asarray(((points_xy >= -0.5) & (points_xy <= np.array(image.shape[1::-1]) - 0.5)).all(axis=1))


def _nearer_stored(points_xy: FloatArray, how: Stored, scheme: Scheme) -> bool:
    """Whether points make more of an upright face if they are those of the stored pixels."""
    few = np.isfinite(points_xy).all(axis=1).sum() < LEAST_POINTS
    found = None if few else nearest(np.stack([points_xy, how.upright(points_xy)]), scheme)
    if found is None:
        return False
    (as_upright, as_stored), (roll, roll_stored) = found.residual, np.abs(found.roll_deg)
    return bool(as_stored <= LIMIT and (as_upright > LIMIT or roll_stored < roll))
