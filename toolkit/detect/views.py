"""The parts of a picture that the detector looks at."""

import cv2
import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray

Window = tuple[int, int, int, int]
"""Left, top, right, bottom of a part of a picture, in whole pixels; right and bottom are just outside."""

VIEW_PX = 256
"""Parts of the picture are averaged down to this, twice what the network sees, since MediaPipe only samples them."""


def tiles(width: int, height: int, side: int) -> list[Window]:
    """Squares that cover a picture, each half over the next: a face up to half a tile wide is whole in one of them."""

    def starts(length: int) -> list[int]:
        count = 1 + max(0, -(-2 * (length - side) // side))
        return [round(i * max(0, length - side) / max(1, count - 1)) for i in range(count)]

    return [(x, y, min(x + side, width), min(y + side, height)) for y in starts(height) for x in starts(width)]


def view(image: ImageArray, window: Window) -> tuple[ImageArray, FloatArray]:
    """A window's pixels, black beyond the image, shrunk to at most VIEW_PX; and image pixels per view pixel (2,)."""
    left, top, right, bottom = window
    height, width = image.shape[:2]
    part: ImageArray = image[max(top, 0) : bottom, max(left, 0) : right]
    beyond = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
    if any(beyond):
        part = np.asarray(cv2.copyMakeBorder(part, *beyond, cv2.BORDER_CONSTANT), dtype=np.uint8)
    size = np.array([right - left, bottom - top])
    shrunk = np.maximum(1, np.rint(size * min(1.0, VIEW_PX / size.max()))).astype(int)
    if (shrunk < size).any():
        part = np.asarray(cv2.resize(part, shrunk.tolist(), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return np.ascontiguousarray(part), size / shrunk


def shows_whole(box_xyxy: FloatArray, window: Window, image: ImageArray) -> bool:
    """Whether a tile shows the face whole: no side of its box is beyond an edge of the tile that cuts the image."""
    height, width = image.shape[:2]
    left, top, right, bottom = window
    starts = (left == 0 or box_xyxy[0] >= left) and (top == 0 or box_xyxy[1] >= top)
    return bool(starts and (right == width or box_xyxy[2] <= right) and (bottom == height or box_xyxy[3] <= bottom))
