"""Faces that are turned in the picture: by how much, the crop that stands upright with them, and the picture seen from
its other sides, since the detector sees little of faces on their side or head."""

from collections.abc import Callable, Sequence

import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.geometry import rotation
from toolkit.core.schemes import Scheme
from toolkit.detect.boxes import SAME_FACE, Detection, area, around, has_area, shared

LEVEL_DEG = 10.0
"""Faces turned by less are cropped as they are, as on every platform; from twice as much on, crops turn all the way."""
QUARTERS = (1, 3, 2)
"""Quarter turns to the left that bring a face upright, those of a phone held sideways first."""
CLEAR = 0.82
"""A face that scores less may stand otherwise than the detector's eyes say, one on its head above all. Of 637 held-out
and training faces on their heads none that is taken for an upright one scores more (from 0.8 on, four do); of the same
faces upright, 2 in 100 score less."""


def roll_of(right_xy: FloatArray, left_xy: FloatArray) -> float:
    """By how many degrees a face is turned clockwise, from its right and left eye; in (-180, 180]."""
    across = left_xy - right_xy
    return float(np.degrees(np.arctan2(across[1], across[0])))


def turn_for(roll_deg: float) -> float:
    """By how many degrees the crop of a face is turned, clockwise: 0 for a level one, and nowhere a jump."""
    roll_deg = (roll_deg + 180) % 360 - 180
    return float(np.sign(roll_deg) * min(abs(roll_deg), 2 * max(abs(roll_deg) - LEVEL_DEG, 0.0)))


def crop_around(points_xy: FloatArray, scheme: Scheme) -> tuple[FloatArray, float]:
    """The box (4,) of a face's points (M, 2), as it is when turned around its middle, and by how much it is turned."""
    right, left = scheme.eyes
    turn_deg = turn_for(roll_of(points_xy[right], points_xy[left]))
    if not turn_deg:
        return around(points_xy), 0.0
    back = rotation(-turn_deg)
    upright = around(points_xy @ back.T)
    centre = (upright[:2] + upright[2:]) / 2 @ back
    half = (upright[2:] - upright[:2]) / 2
    return np.concatenate([centre - half, centre + half]), turn_deg


def faces_any_way_up(
    image: ImageArray, detector: Callable[[ImageArray], list[Detection]], quarters: Sequence[int] = QUARTERS
) -> list[list[Detection]]:
    """What the detector sees in a picture or, where that is nothing, in turned ones; largest first.

    Where a face is not CLEAR, the picture is looked at from every side. Each face is given by its views, the highest
    score first: the network can tell which one is right. What has no area, or is not finite, is no face.

    Args:
        image: (H, W, 3) uint8 RGB.
        detector: sees upright faces.
        quarters: turns that are tried where nothing is seen.
    """
    upright = _seen_from(image, detector, 0)
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


def turned_back(face: Detection, quarter: int, width: int, height: int) -> Detection:
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


def _same(face: Detection, other: Detection) -> bool:
    return shared(face.box_xyxy, other.box_xyxy) > SAME_FACE


def _seen_from(image: ImageArray, detector: Callable[[ImageArray], list[Detection]], quarter: int) -> list[Detection]:
    """What the detector sees after so many quarter turns to the left, in the picture as it is."""
    faces = detector(np.ascontiguousarray(np.rot90(image, quarter)))
    whole = [face for face in faces if has_area(face.box_xyxy) and np.isfinite(face.keypoints_xy).all()]
    return [turned_back(face, quarter, image.shape[1], image.shape[0]) for face in whole]
