"""Points of networks as labels: how far they are from those that a face came with, and what is written of them.

Lengths are shares of the eye distance, that of the outer corners of the mean head seen with the predicted points, which
a profile has too.
"""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.core.arrays import FloatArray
from toolkit.core.correspondence import translated
from toolkit.core.files import write_bytes, write_json
from toolkit.core.geometry import moved_onto
from toolkit.core.images import write_png
from toolkit.core.metrics import OUTER
from toolkit.core.schemes import Scheme, file_of
from toolkit.data.formats.gather import SCHEME
from toolkit.data.formats.pts import COVERED, HIDDEN, VISIBILITY, VISIBLE, write_pts
from toolkit.data.labels import Label, decoded
from toolkit.data.mean_shape import nearest
from toolkit.data.own import write_labels

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


class PseudoLabelFolder:
    """A folder of pictures with .pts files that labels are added to; the pictures are copies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._visibility: dict[str, Any] = {}

    def add(self, label: Label, points_xy: FloatArray, same_points: bool) -> None:
        """A face with other points.

        Args:
            label: as it came.
            points_xy: (M, 2) in pixels of its upright picture, NaN where a point is missing.
            same_points: they are points of the same names, so that what is said to be covered is so still.
        """
        if isinstance(label.picture, Path):
            shutil.copyfile(label.picture, self.folder / f"{label.name}{label.picture.suffix.lower()}")
        else:
            write_png(self.folder / f"{label.name}.png", decoded(label)[0])
        write_bytes(self.folder / f"{label.name}.pts", write_pts(points_xy).encode())
        if same_points and label.covered is not None:
            placed = np.isfinite(points_xy).all(axis=1)
            state = np.where(placed, np.where(label.covered, COVERED, VISIBLE), HIDDEN)
            pose = min(label.subsets, default="unknown")
            self._visibility[label.name] = {"pose": pose, "visible": state.tolist()}

    def close(self, about: Mapping[str, Any], scheme: Scheme) -> None:
        """Write what is said of all faces together, and which points of one's own they have."""
        own = file_of(scheme)
        if own is not None:
            write_json(self.folder / SCHEME, asdict(own))
        if self._visibility:
            write_json(self.folder / VISIBILITY, self._visibility)
        write_labels(self.folder, about)
