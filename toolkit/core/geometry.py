"""Box <-> crop: the one way from an image to what a network sees, shared by training, evaluation and every demo.

Coordinates: 0-based pixels, origin at the top left, whole numbers at pixel *centres*, x before y. An image of width W
therefore covers [-0.5, W - 0.5] and mirrors by x -> W - 1 - x. A crop maps the outer edges of its square onto the
outer edges of the box's square, so pixel centres go to pixel centres without any shift.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray, ImageArray

BOX_SCALE = 1.25
"""The crop's side over the longer side of the face box (paper section 4.3, after HRNet)."""

LONGEST_PX = 32_766
"""A side of a picture that OpenCV still warps: it addresses pixels by 16 bits."""


@dataclass(frozen=True)
class Crop:
    """A similarity from image pixels to the pixels of a square crop of `size_px`."""

    matrix: FloatArray
    """(2, 3) image -> crop, for pixel-centre coordinates."""
    size_px: int

    def to_crop(self, points_xy: FloatArray) -> FloatArray:
        """Image points (..., 2) -> crop points (..., 2), in pixels."""
        return np.asarray(points_xy @ self.matrix[:, :2].T + self.matrix[:, 2])

    def to_image(self, points_xy: FloatArray) -> FloatArray:
        """Crop points (..., 2) -> image points (..., 2), in pixels; the exact inverse of to_crop."""
        return np.asarray((points_xy - self.matrix[:, 2]) @ np.linalg.inv(self.matrix[:, :2]).T)

    @property
    def scale(self) -> float:
        """Crop pixels per image pixel."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))


@dataclass(frozen=True, kw_only=True)
class Pose:
    """How a crop departs from the plain box: as augmentation, or as a tracker's aligned crop."""

    scale: float = 1.0
    """The face's size relative to the plain crop; 2 shows it twice as large."""
    rotation_deg: float = 0.0
    """Positive turns the face clockwise on the screen."""
    shift: tuple[float, float] = (0.0, 0.0)
    """Displacement of the crop's centre in box sides, (x, y)."""


UPRIGHT = Pose()


def crop_of_box(box_xyxy: FloatArray, size_px: int, pose: Pose = UPRIGHT) -> Crop:
    """The square crop of BOX_SCALE times the longer side of a box, around its centre.

    Args:
        box_xyxy: (4,) left, top, right, bottom in image pixels.
        size_px: side of the crop.
        pose: departure from the plain crop.

    Raises:
        ValueError: the box is not finite or has no area.
    """
    box = np.asarray(box_xyxy, dtype=np.float64)
    extent = box[2:] - box[:2]
    if box.shape != (4,) or not np.isfinite(box).all() or extent.min() < 0 or extent.max() <= 0:
        raise ValueError(f"a face box needs finite left < right and top < bottom, got {box.tolist()}")
    side = float(extent.max())
    centre = (box[:2] + box[2:]) / 2 + np.asarray(pose.shift) * side
    zoom = size_px / (BOX_SCALE * side) * pose.scale
    linear = zoom * rotation(pose.rotation_deg)
    offset = (size_px - 1) / 2 - linear @ centre
    return Crop(matrix=np.column_stack([linear, offset]), size_px=size_px)


def rotation(degrees: float) -> FloatArray:
    """The matrix (2, 2) that turns points clockwise on the screen."""
    angle = np.deg2rad(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def moved_onto(points_xy: FloatArray, source_xy: FloatArray, target_xy: FloatArray) -> FloatArray:
    """Points (..., 2) under the rotation, scale and shift that bring some points nearest to others (least squares).

    Args:
        points_xy: to move.
        source_xy: (N, 2), at least two different ones.
        target_xy: (N, 2) where they should be.
    """
    s, t = source_xy @ [1, 1j], target_xy @ [1, 1j]  # as complex numbers, where turning and scaling is a product
    spread = s - s.mean()
    factor = np.vdot(spread, t - t.mean()) / np.vdot(spread, spread)
    moved = (points_xy @ [1, 1j] - s.mean()) * factor + t.mean()
    return np.stack([moved.real, moved.imag], axis=-1)


def cut(image: ImageArray, crop: Crop) -> ImageArray:
    """The crop's pixels, (size_px, size_px, 3) uint8; outside the image the nearest edge pixel is repeated.

    Where the crop shrinks the image by n or more (n a whole number), the image is first averaged over n x n blocks,
    then sampled bilinearly: no aliasing, and a rule that any platform can repeat.

    Args:
        image: (H, W, 3) uint8.
        crop: from crop_of_box.
    """
    matrix = crop.matrix
    block = int(1 / crop.scale) if crop.scale < 1 else 1
    if block > 1:
        image, matrix = _average_blocks(image, crop, block)
    elif max(image.shape[:2]) > LONGEST_PX:
        image, matrix = _part_under(image, crop)
    return np.asarray(
        cv2.warpAffine(
            image,
            matrix,
            (crop.size_px, crop.size_px),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        dtype=np.uint8,
    )


def _part_under(image: ImageArray, crop: Crop) -> tuple[ImageArray, FloatArray]:
    """The part of the image under the crop, and the crop's matrix for it."""
    low, high = _blocks_under(image, crop, 1)
    matrix = np.column_stack([crop.matrix[:, :2], crop.to_crop(low.astype(np.float64))])
    return image[low[1] : high[1], low[0] : high[0]], matrix


def _average_blocks(image: ImageArray, crop: Crop, block: int) -> tuple[ImageArray, FloatArray]:
    """The part of the image under the crop, shrunk by `block`, and the crop's matrix for it."""
    low, high = _blocks_under(image, crop, block)
    part: ImageArray = image[low[1] * block : high[1] * block, low[0] * block : high[0] * block]
    below, right = (high - low)[::-1] * block - np.array(part.shape[:2])
    if below or right:
        part = np.asarray(cv2.copyMakeBorder(part, 0, int(below), 0, int(right), cv2.BORDER_REPLICATE), dtype=np.uint8)
    columns, rows = (high - low).tolist()
    small = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
    # small pixel s has its centre at image pixel (low + s) * block + (block - 1) / 2
    origin = low * block + (block - 1) / 2
    matrix = np.column_stack([crop.matrix[:, :2] * block, crop.matrix[:, :2] @ origin + crop.matrix[:, 2]])
    return np.asarray(small, dtype=np.uint8), matrix


def _blocks_under(image: ImageArray, crop: Crop, block: int) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """The first block of the image under the crop (x, y), and the one past the last; one at least."""
    height, width = image.shape[:2]
    edge = crop.size_px - 0.5
    corners = crop.to_image(np.array([[-0.5, -0.5], [edge, -0.5], [-0.5, edge], [edge, edge]]))
    low = np.floor(corners.min(axis=0)).astype(int) // block - 1
    high = np.ceil(corners.max(axis=0)).astype(int) // block + 2
    limit = np.array([-(-width // block), -(-height // block)])
    low = np.clip(low, 0, limit - 1)
    return low, np.clip(high, low + 1, limit)


def on_line(line_xy: FloatArray, lengths: FloatArray) -> FloatArray:
    """Points (N, 2) at lengths (N,) along a line (P, 2), which goes on straight beyond its ends."""
    along = lengths_along(line_xy)
    out = np.column_stack([np.interp(lengths, along, line_xy[:, axis]) for axis in (0, 1)])
    before, beyond = np.minimum(lengths, 0), np.maximum(lengths - along[-1], 0)
    out += before[:, None] * (line_xy[1] - line_xy[0]) / along[1]
    out += beyond[:, None] * (line_xy[-1] - line_xy[-2]) / (along[-1] - along[-2])
    return np.asarray(out)


def lengths_along(line_xy: FloatArray) -> FloatArray:
    """(P,) how far along a line (P, 2) each of its points lies."""
    steps = np.linalg.norm(np.diff(line_xy, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])
