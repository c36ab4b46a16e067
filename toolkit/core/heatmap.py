"""Heatmaps: points -> sub-pixel Gaussian targets -> points.

Convention, here and nowhere else: a heatmap has STRIDE times fewer pixels than the crop, and both cover the same
square. With whole numbers at pixel centres, crop pixel u and heatmap pixel h meet at u = STRIDE * (h + 0.5) - 0.5.
"""

from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray

Heatmaps = NDArray[np.float32]
Decoder = Literal["dark", "centroid", "quarter", "argmax"]

STRIDE = 4
"""Crop pixels per heatmap pixel, along each axis."""


def to_heatmap(points_xy: FloatArray) -> FloatArray:
    """Crop pixels -> heatmap pixels, any shape ending in 2."""
    return np.asarray((points_xy + 0.5) / STRIDE - 0.5)


def from_heatmap(points_xy: FloatArray) -> FloatArray:
    """Heatmap pixels -> crop pixels, any shape ending in 2."""
    return np.asarray((points_xy + 0.5) * STRIDE - 0.5)


def encode(points_xy: FloatArray, size_px: int, sigma_px: float) -> Heatmaps:
    """Gaussian targets with peak 1 at the exact, sub-pixel position (paper section 3.1).

    Args:
        points_xy: (..., 2) in crop pixels; NaN gives an all-zero map.
        size_px: side of the crop, a multiple of STRIDE.
        sigma_px: standard deviation in heatmap pixels.

    Returns:
        (..., size_px / STRIDE, size_px / STRIDE) float32 in [0, 1].
    """
    side = size_px // STRIDE
    centres = to_heatmap(points_xy)
    grid = np.arange(side)
    along = np.exp(-((grid - centres[..., None]) ** 2) / (2 * sigma_px**2)).astype(np.float32)  # (..., 2, side)
    maps: Heatmaps = along[..., 1, :, None] * along[..., 0, None, :]
    return np.nan_to_num(maps, nan=0.0, copy=False)


def decode(heatmaps: Heatmaps, decoder: Decoder, sigma_px: float) -> tuple[FloatArray, FloatArray]:
    """Points and confidences of heatmaps.

    Args:
        heatmaps: (M, h, w) of one face.
        decoder: `dark` (Zhang et al., CVPR 2020): a Newton step on the log of the smoothed map, exact for a Gaussian;
            `centroid`: the centre of the squared values around the highest pixel, as accurate as DARK on networks'
            heatmaps for half of its operations, and what `--coordinate-weight` trains;
            `quarter`: a quarter pixel from the highest pixel towards its higher neighbour, as HRNet publishes it;
            `argmax`: the highest pixel.
        sigma_px: the targets' standard deviation in heatmap pixels.

    Returns:
        points (M, 2) in crop pixels and confidences (M,), the height of each map's peak clipped to [0, 1].

    Raises:
        ValueError: an unknown decoder.
    """
    if decoder not in get_args(Decoder):
        raise ValueError(f"unknown decoder {decoder!r}; known: {', '.join(get_args(Decoder))}")
    maps = heatmaps.astype(np.float64)
    confidence = np.clip(maps.max(axis=(1, 2)), 0, 1)
    if decoder == "dark":
        maps = smooth(maps, sigma_px)
    rows, columns = peaks(maps)
    points = np.column_stack([columns, rows]).astype(np.float64)
    if decoder == "quarter":
        points += _quarter_shift(maps, rows, columns)
    elif decoder == "dark":
        points += _newton_step(maps, rows, columns)
    elif decoder == "centroid":
        points += _centroid_step(maps, rows, columns, centroid_radius(sigma_px))
    return from_heatmap(points), confidence


def smoothing_kernel(sigma_px: float) -> FloatArray:
    """The (odd,) Gaussian that DARK smooths with along each axis, of the targets' own width; sums to 1."""
    radius = max(1, int(np.ceil(3 * sigma_px)))
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-(offsets**2) / (2 * sigma_px**2))
    return np.asarray(kernel / kernel.sum())


def smooth(maps: FloatArray, sigma_px: float) -> FloatArray:
    """(M, h, w) smoothed with smoothing_kernel, zeros outside."""
    kernel = smoothing_kernel(sigma_px)
    out = [cv2.sepFilter2D(m, cv2.CV_64F, kernel, kernel, borderType=cv2.BORDER_CONSTANT) for m in maps]
    return np.stack(out)


def peaks(maps: FloatArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row and column (M,) of each map's highest pixel; the first one where several are equal."""
    return np.unravel_index(maps.reshape(len(maps), -1).argmax(axis=1), maps.shape[1:])


def _neighbour(maps: FloatArray, rows: NDArray[np.intp], columns: NDArray[np.intp], radius: int = 1) -> FloatArray:
    """(M, 2 r + 1, 2 r + 1) pixels around (row, column); outside the map its nearest pixel."""
    height, width = maps.shape[1:]
    step = np.arange(-radius, radius + 1)
    r = np.clip(rows[:, None] + step, 0, height - 1)
    c = np.clip(columns[:, None] + step, 0, width - 1)
    return np.asarray(maps[np.arange(len(maps))[:, None, None], r[:, :, None], c[:, None, :]])


def _quarter_shift(maps: FloatArray, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> FloatArray:
    around = _neighbour(maps, rows, columns)
    return np.asarray(
        0.25 * np.sign(np.column_stack([around[:, 1, 2] - around[:, 1, 0], around[:, 2, 1] - around[:, 0, 1]]))
    )


LOG_FLOOR = 1e-4
"""Heatmap values below this count as this in DARK's logarithm."""


def _newton_step(maps: FloatArray, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> FloatArray:
    """-H^-1 g of the log map at its peak, (M, 2), within half a pixel; zero where H is not negative definite."""
    around = np.log(np.maximum(_neighbour(maps, rows, columns), LOG_FLOOR))
    gx = (around[:, 1, 2] - around[:, 1, 0]) / 2
    gy = (around[:, 2, 1] - around[:, 0, 1]) / 2
    hxx = around[:, 1, 2] + around[:, 1, 0] - 2 * around[:, 1, 1]
    hyy = around[:, 2, 1] + around[:, 0, 1] - 2 * around[:, 1, 1]
    hxy = (around[:, 2, 2] + around[:, 0, 0] - around[:, 0, 2] - around[:, 2, 0]) / 4
    determinant = hxx * hyy - hxy**2
    peaked = (hxx < 0) & (hyy < 0) & (determinant > 1e-6)
    safe = np.where(peaked, determinant, 1.0)
    step = np.column_stack([-(hyy * gx - hxy * gy) / safe, -(hxx * gy - hxy * gx) / safe])
    return np.where(peaked[:, None], np.clip(step, -0.5, 0.5), 0.0)


CENTROID_FLOOR = 1e-3
"""Squared values around a peak that sum to less move its point by less; where there is no peak, by nothing."""


def centroid_radius(sigma_px: float) -> int:
    """How far the pixels whose centre is taken lie from the highest one, along each axis, in heatmap pixels."""
    return max(1, int(2 * sigma_px + 0.5))


def _centroid_step(maps: FloatArray, rows: NDArray[np.intp], columns: NDArray[np.intp], radius: int) -> FloatArray:
    """From the highest pixel to the centre of the squared values around it, (M, 2), within half a pixel; values below 0
    count as 0."""
    weight = np.square(np.maximum(_neighbour(maps, rows, columns, radius), 0))
    step = np.arange(-radius, radius + 1)
    mass = np.maximum(weight.sum(axis=(1, 2)), CENTROID_FLOOR)
    centre = np.column_stack([weight.sum(axis=1) @ step, weight.sum(axis=2) @ step]) / mass[:, None]
    return np.asarray(np.clip(centre, -0.5, 0.5))
