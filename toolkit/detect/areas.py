"""What boxes (4,) of faces have in common: left, top, right, bottom in image pixels."""

import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray

SAME_FACE = 0.4
"""Two boxes show the same face when they share more than this part of the smaller one."""
FARTHEST = 2.0
"""A face does not become so many times larger or smaller from one crop to the next."""


def area(box_xyxy: FloatArray) -> float:
    """Square pixels."""
    return float(np.prod(box_xyxy[2:] - box_xyxy[:2]))


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
