"""Faces as a detector sees them, and their boxes (4,): left, top, right, bottom in image pixels; how they compare, and
how MediaPipe's box becomes the tight box of the landmarks, which is what the networks are trained on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.geometry import rotation

SAME_FACE = 0.4
"""Two boxes show the same face when they share more than this part of the smaller one."""
FARTHEST = 2.0
"""A face does not become so many times larger or smaller from one crop to the next."""
SETTLED = 0.05
"""A crop is in place when its points' box departs from it by no more of its longer side. On validation faces it is for
nine upright ones in ten, and predicting the others again is as good as predicting all again."""


@dataclass(frozen=True, kw_only=True)
class Detection:
    """A face as MediaPipe sees it, in image pixels (whole numbers at pixel centres, see core.geometry)."""

    box_xyxy: FloatArray
    """(4,) left, top, right, bottom: a square from brows to chin; `calibrate` makes it the box of the landmarks."""
    score: float
    """In [0, 1]."""
    keypoints_xy: FloatArray
    """(6, 2): right eye, left eye, nose tip, middle of the mouth, right ear, left ear, as the person has them."""


def area(box_xyxy: FloatArray) -> float:
    """Square pixels."""
    return float(np.prod(box_xyxy[2:] - box_xyxy[:2]))


def has_area(box_xyxy: FloatArray) -> bool:
    """Whether a box is finite, its left side left of its right one, and its top above its bottom."""
    return bool(np.isfinite(box_xyxy).all() and (box_xyxy[:2] < box_xyxy[2:]).all())


def around(points_xy: FloatArray) -> FloatArray:
    """The tight box of points (M, 2)."""
    return np.concatenate([points_xy.min(axis=0), points_xy.max(axis=0)])


def shared(a: FloatArray, b: FloatArray) -> float:
    """The area that two boxes share over the smaller one's; 0 where that one has none."""
    common = np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None))
    smaller = min(area(a), area(b))
    return float(common / smaller) if smaller > 0 else 0.0


def part_inside(box_xyxy: FloatArray, image: ImageArray) -> float:
    """The part of a box that lies in an image (H, W, 3)."""
    height, width = image.shape[:2]
    return shared(box_xyxy, np.array([-0.5, -0.5, width - 0.5, height - 0.5]))


def similar(box_xyxy: FloatArray, before_xyxy: FloatArray) -> bool:
    """Whether a box still is the same face: its longer side within FARTHEST times, its centre within half a side."""
    sides = [(b[2:] - b[:2]).max() for b in (box_xyxy, before_xyxy)]
    shift = np.abs(box_xyxy[:2] + box_xyxy[2:] - before_xyxy[:2] - before_xyxy[2:]).max() / 2
    return bool(sides[1] / FARTHEST < sides[0] < sides[1] * FARTHEST and shift < sides[1] / 2)


def nearest(box_xyxy: FloatArray, boxes_xyxy: Sequence[FloatArray]) -> int | None:
    """Which of some boxes has its middle nearest to that of a box, if that middle is in it; None where none is."""
    middle, half = (box_xyxy[:2] + box_xyxy[2:]) / 2, (box_xyxy[2:] - box_xyxy[:2]) / 2
    off = [float(np.abs(((each[:2] + each[2:]) / 2 - middle) / half).max()) for each in boxes_xyxy]
    best = int(np.argmin(off)) if off else -1
    return best if best >= 0 and off[best] < 1 else None


def settled(box_xyxy: FloatArray, before_xyxy: FloatArray) -> bool:
    """Whether a box lies where the one before did: its centre along each axis, and half its longer side, by SETTLED."""
    sides = [(b[2:] - b[:2]).max() for b in (box_xyxy, before_xyxy)]
    shift = np.abs(box_xyxy[:2] + box_xyxy[2:] - before_xyxy[:2] - before_xyxy[2:]).max() / 2
    return bool(max(shift, abs(sides[0] - sides[1]) / 2) <= SETTLED * sides[1])


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """From MediaPipe's box to the tight box of the landmarks, which is what the networks are trained on."""

    shift_xy: tuple[float, float]
    """The landmarks' centre from the detector's, in sides of the detector's box."""
    scale_xy: tuple[float, float]
    """The landmarks' box over the detector's box."""


# Measured by fit_calibration on a 300W subset: all 337 AFW and 870 Helen training faces, every one of them found.
# AFW alone and Helen alone differ from these by at most 0.006. What is left: the crop's side is right within -13 and
# +10 % for nine faces in ten, its centre within 4 % of that side across and 7 % down (5th and 95th percentile).
CALIBRATION = Calibration(shift_xy=(-0.004, 0.051), scale_xy=(0.977, 0.950))


def calibrate(box_xyxy: FloatArray, calibration: Calibration = CALIBRATION, turn_deg: float = 0.0) -> FloatArray:
    """The box (4,) that training would have used for the face in MediaPipe's box (4,).

    For a crop that is turned clockwise, the box before it is turned around its middle.
    """
    low, high = box_xyxy[:2], box_xyxy[2:]
    centre = (low + high) / 2 + rotation(turn_deg) @ ((high - low) * calibration.shift_xy)
    half = (high - low) * calibration.scale_xy / 2
    return np.concatenate([centre - half, centre + half])


def fit_calibration(detector_boxes: FloatArray, truth_boxes: FloatArray) -> Calibration:
    """The calibration that is right for the middle face: medians, so single bad detections do not count.

    Both scales are stretched alike until the *longer* side, which sets the crop, has the right median too: the
    longer side of a median box is shorter than the median longer side.

    Args:
        detector_boxes: (N, 4) of MediaPipe.
        truth_boxes: (N, 4) around the landmarks of the same faces.

    Raises:
        ValueError: no boxes, or not as many of both.
    """
    if detector_boxes.shape != truth_boxes.shape or detector_boxes.ndim != 2 or len(truth_boxes) == 0:
        raise ValueError(f"expected two arrays (N, 4), got {detector_boxes.shape} and {truth_boxes.shape}")
    extent = detector_boxes[:, 2:] - detector_boxes[:, :2]
    truth_extent = truth_boxes[:, 2:] - truth_boxes[:, :2]
    centres = [(b[:, :2] + b[:, 2:]) / 2 for b in (detector_boxes, truth_boxes)]
    shift = np.median((centres[1] - centres[0]) / extent, axis=0)
    scale = np.median(truth_extent / extent, axis=0)
    scale *= np.median(truth_extent.max(axis=1) / (extent * scale).max(axis=1))
    return Calibration(shift_xy=(float(shift[0]), float(shift[1])), scale_xy=(float(scale[0]), float(scale[1])))
