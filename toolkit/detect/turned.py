"""Faces that lie on their side or stand on their head, where the detector sees none upright."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from toolkit.detect.faces import Detection

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.uint8]

QUARTERS = (1, 3, 2)
"""Quarter turns to the left that bring a face upright, those of a phone held sideways first."""


def faces_any_way_up(
    image: ImageArray, detector: Callable[[ImageArray], list[Detection]], quarters: Iterable[int] = QUARTERS
) -> list[Detection]:
    """What the detector sees in a picture (H, W, 3) or, where that is nothing, in the first turned one with a face."""
    for quarter in (0, *quarters):
        found = detector(np.ascontiguousarray(np.rot90(image, quarter)))
        if found:
            return [_turned_back(each, quarter, image.shape[1], image.shape[0]) for each in found]
    return []


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
