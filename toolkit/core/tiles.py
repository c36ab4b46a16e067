"""Faces as small pictures with their points and a caption, for contact sheets."""

import cv2
import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.draw import draw_landmarks
from toolkit.core.geometry import crop_of_box, cut
from toolkit.core.schemes import Scheme

CAPTION_PX = 14
FONT, FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.33
NUMBER_SCALE = 0.28
LIGHT, DARK, YELLOW = (230, 230, 230), (0, 0, 0), (240, 228, 66)


def face_tile(
    image: ImageArray,
    points_xy: FloatArray,
    box_xyxy: FloatArray,
    scheme: Scheme,
    size_px: int,
    confidence: FloatArray | None = None,
) -> ImageArray:
    """The plain crop of a face, (size_px, size_px, 3), with its points drawn.

    Args:
        image: (H, W, 3) uint8 RGB.
        points_xy: (M, 2) in its pixels.
        box_xyxy: (4,) in its pixels.
        scheme: says which points a line joins.
        size_px: side of the tile.
        confidence: (M,) in [0, 1], shown as the dots' colour.
    """
    crop = crop_of_box(box_xyxy, size_px)
    return draw_landmarks(cut(image, crop), crop.to_crop(points_xy), scheme, confidence)


def numbered(tile: ImageArray, points_xy: FloatArray) -> ImageArray:
    """A copy of a tile with the index of every point (M, 2) beside it."""
    canvas = tile.copy()
    for index, point in enumerate(points_xy):
        if np.isfinite(point).all():
            place = (int(point[0]) + 2, int(point[1]) - 2)
            for colour, thickness in ((DARK, 2), (YELLOW, 1)):
                cv2.putText(canvas, str(index), place, FONT, NUMBER_SCALE, colour, thickness, cv2.LINE_AA)
    return canvas


def captioned(tile: ImageArray, text: str) -> ImageArray:
    """A tile with a line of text under it, cut off at its width; letters beyond ASCII become question marks."""
    width = tile.shape[1]
    plain = text.encode("ascii", "replace").decode()
    while plain and cv2.getTextSize(plain, FONT, FONT_SCALE, 1)[0][0] > width - 4:
        plain = plain[:-1]
    strip = np.full((CAPTION_PX, width, 3), 32, dtype=np.uint8)
    cv2.putText(strip, plain, (2, CAPTION_PX - 4), FONT, FONT_SCALE, LIGHT, 1, cv2.LINE_AA)
    return np.concatenate([tile, strip])
