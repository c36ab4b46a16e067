"""Points of networks as labels: how far they are from those that a face came with.

Lengths are shares of the eye distance, that of the outer corners of the mean head seen with the predicted points, which
a profile has too.
"""

from dataclasses import dataclass

import numpy as np

from toolkit.core.arrays import FloatArray
from toolkit.core.correspondence import translated
from toolkit.core.geometry import moved_onto
from toolkit.core.metrics import OUTER
from toolkit.core.schemes import Scheme
from toolkit.data.mean_shape import nearest

LEAST = 6
"""Inner points that are given and found; fewer say nothing of a face's placement."""
GAIN = 0.8
"""A face is placed anew where that brings its inner points to this share of their distance or nearer,"""
IN_PLACE = 0.01
"""and not where their distance is less than this share of the eye distance."""


def eye_distance(points_xy: FloatArray, scheme: Scheme) -> float:
    """Of a face's points (M, 2), in their pixels; see above."""
    found = nearest(points_xy[None], scheme)
    if found is None:
        left, right = scheme.eyes
        return float(np.linalg.norm(points_xy[left] - points_xy[right]))
    return float(abs(found.turn[0]))


def disagreement(found_xy: FloatArray, given_xy: FloatArray, found: Scheme, given: Scheme) -> float:
    """How far a network's points are from those that a face came with, where they are furthest apart.

    Args:
        found_xy: (M, 2).
        given_xy: (K, 2) in the same pixels, NaN where a point is missing.
        found: scheme of the former.
        given: that of the latter.

    Returns:
        The largest of the mean distances in the regions of `given`, as a share of the eye distance: of five points
        those of the eyes, the nose and the mouth. Infinite where no point is given that the network has.
    """
    apart = np.linalg.norm(translated(found_xy, found, given) - given_xy, axis=1)
    means = [apart[list(members)] for members in given.regions.values()]
    known = [float(np.nanmean(region)) for region in means if np.isfinite(region).any()]
    return max(known) / eye_distance(found_xy, found) if known else float("inf")


@dataclass(frozen=True, kw_only=True)
class Placement:
    """A face's given points, moved as a whole to where a network sees the face."""

    points_xy: FloatArray
    """(K, 2) under the similarity that brings the inner points nearest."""
    before: float
    """Mean distance of the inner points from the network's, as a share of the eye distance."""
    after: float

    def better(self, limit: float) -> bool:
        """Whether to believe it: the network sees the same face, and it was elsewhere."""
        return self.before >= IN_PLACE and self.after <= min(limit, GAIN * self.before)


def placed(found_xy: FloatArray, given_xy: FloatArray, found: Scheme, given: Scheme) -> Placement | None:
    """A face's given points placed anew, arguments as for disagreement; None where too few points say where.

    The contour is moved with the rest and has no say, since where it lies along a cheek differs between annotators.
    """
    seen = translated(found_xy, found, given)
    inner = np.isfinite(seen + given_xy).all(axis=1)
    inner[list(given.regions.get(OUTER, ()))] = False
    if inner.sum() < LEAST:
        return None
    moved = moved_onto(given_xy, given_xy[inner], seen[inner])
    unit = eye_distance(found_xy, found)

    def apart(points_xy: FloatArray) -> float:
        return float(np.linalg.norm(points_xy[inner] - seen[inner], axis=1).mean()) / unit

    return Placement(points_xy=moved, before=apart(given_xy), after=apart(moved))
