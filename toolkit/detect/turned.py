"""Faces that lie on their side or stand on their head, of which the detector sees little as they are."""

from collections.abc import Callable, Sequence

import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.detect.areas import SAME_FACE, area, shared
from toolkit.detect.faces import Detection

QUARTERS = (1, 3, 2)
"""Quarter turns to the left that bring a face upright, those of a phone held sideways first."""
CLEAR = 0.8
"""A face that scores less may stand otherwise than the detector's eyes say, one on its head above all. Of upright faces
99 in 100 score more."""


def faces_any_way_up(
    image: ImageArray, detector: Callable[[ImageArray], list[Detection]], quarters: Sequence[int] = QUARTERS
) -> list[list[Detection]]:
    """What the detector sees in a picture or, where that is nothing, in turned ones; largest first.

    Where a face is not CLEAR, the picture is looked at from every side. Each face is given by its views, the highest
    score first: the network can tell which one is right.

    Args:
        image: (H, W, 3) uint8 RGB.
        detector: sees upright faces.
        quarters: turns that are tried where nothing is seen.
    """
    upright = detector(image)
    if upright and all(face.score >= CLEAR for face in upright):
        return [[face] for face in upright]
    tried = () if upright else quarters
    seen = [*upright, *(face for quarter in tried for face in _seen_from(image, detector, quarter))]
    if any(face.score < CLEAR for face in seen):
        seen += [face for quarter in QUARTERS if quarter not in tried for face in _seen_from(image, detector, quarter)]
    faces: list[list[Detection]] = []
    for face in sorted(seen, key=lambda face: -face.score):
        known = next((views for views in faces if _same(face, views[0])), None)
        if known is not None:
            known.append(face)
        elif not upright or any(_same(face, other) for other in upright):
            faces.append([face])
    return sorted(faces, key=lambda views: -area(views[0].box_xyxy))


def _same(face: Detection, other: Detection) -> bool:
    return shared(face.box_xyxy, other.box_xyxy) > SAME_FACE


def _seen_from(image: ImageArray, detector: Callable[[ImageArray], list[Detection]], quarter: int) -> list[Detection]:
    """What the detector sees after so many quarter turns to the left, in the picture as it is."""
    turned = np.ascontiguousarray(np.rot90(image, quarter))
    return [_turned_back(face, quarter, image.shape[1], image.shape[0]) for face in detector(turned)]


def _turned_back(face: Detection, quarter: int, width: int, height: int) -> Detection:
    """A face of the picture after so many quarter turns to the left, in the picture as it is."""
    sides = (width, height) if quarter % 2 == 0 else (height, width)

    def back(points_xy: FloatArray) -> FloatArray:
        (wide, high), points = sides, points_xy
        for _ in range(quarter):  # a quarter turn to the right
            points = np.stack([high - 1 - points[:, 1], points[:, 0]], axis=1)
            wide, high = high, wide
        return points

    corners = back(face.box_xyxy.reshape(2, 2))
    box_xyxy = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    return Detection(box_xyxy=box_xyxy, score=face.score, keypoints_xy=back(face.keypoints_xy))
