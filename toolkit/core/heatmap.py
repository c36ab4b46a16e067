"""Heatmaps: points -> sub-pixel Gaussian targets -> points.

Convention, here and nowhere else: a heatmap has STRIDE times fewer pixels than the crop, and both cover the same
square. With whole numbers at pixel centres, crop pixel u and heatmap pixel h meet at u = STRIDE * (h + 0.5) - 0.5.
"""

from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Heatmaps = NDArray[np.float32]
Decoder = Literal["dark", "quarter", "argmax"]

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
        decoder: `dark` (Zhang et al., CVPR 2020): a Newton step on the log of the smoothed map, exact for a Gaussian,
            also on the border and up to a heatmap pixel outside;
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
    smoothed = smooth(maps, sigma_px) if decoder == "dark" else maps
    rows, columns = peaks(smoothed)
    points = np.column_stack([columns, rows]).astype(np.float64)
    if decoder == "quarter":
        points += _quarter_shift(maps, rows, columns)
    elif decoder == "dark":
        points += _newton_step(maps, smoothed, points, sigma_px)
    return from_heatmap(points), confidence


def smoothing_kernel(sigma_px: float) -> FloatArray:
    """The (odd,) Gaussian that DARK smooths with along each axis, of the targets' own width; sums to 1."""
    radius = max(1, int(np.ceil(3 * sigma_px)))
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-(offsets**2) / (2 * sigma_px**2))
    return np.asarray(kernel / kernel.sum())


def smooth(maps: FloatArray, sigma_px: float) -> FloatArray:
    """(M, h, w) smoothed with smoothing_kernel, zeros outside, times border_gain along each axis."""
    kernel = smoothing_kernel(sigma_px)
    down, across = (border_gain(side, sigma_px) for side in maps.shape[1:])
    out = [cv2.sepFilter2D(m, cv2.CV_64F, kernel, kernel, borderType=cv2.BORDER_CONSTANT) for m in maps]
    return np.asarray(np.stack(out) * down[:, None] * across)


def border_gain(side: int, sigma_px: float) -> FloatArray:
    """What (side,) smoothed pixels are multiplied by, so that the zeros outside do not draw peaks inwards; 1 inside.

    At pixel x a Gaussian around c, cut off and smoothed with one of its own width, is Gaussian in x - c times W at
    (x + c) / 2, where W is the mass of the squared kernel that lies inside the map. Dividing by the root of W(x) leaves
    W((x + c) / 2) over the geometric mean of W(x) and W(c), up to a constant: even in x - c, and so no pull.
    """
    squared = smoothing_kernel(sigma_px) ** 2
    inside = np.convolve(np.ones(side), squared / squared.sum())[len(squared) // 2 :][:side]
    return np.asarray(1 / np.sqrt(inside))


def peaks(maps: FloatArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row and column (M,) of each map's highest pixel; the first one where several are equal."""
    return np.unravel_index(maps.reshape(len(maps), -1).argmax(axis=1), maps.shape[1:])


def _neighbour(maps: FloatArray, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> FloatArray:
    """(M, 3, 3) pixels around (row, column); outside the map its nearest pixel."""
    height, width = maps.shape[1:]
    step = np.arange(-1, 2)
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

BORDER_SIGMAS = 2.0
"""An axis on which a peak is nearer to the border than this reads the bare map, which nothing was cut off from."""

BORDER_CURVATURE = (-1.0, -0.5)
"""Limits of the log map's curvature on a border pixel, times sigma_px ** 2: the targets' own, and half of it."""


def _newton_step(maps: FloatArray, smoothed: FloatArray, peak: FloatArray, sigma_px: float) -> FloatArray:
    """From each peak (M, 2), x before y, to the summit of the log map, (M, 2); zero where that map is not peaked.

    Inside, -H^-1 g of the smoothed map, within half a pixel. Near the border each axis goes by itself, on the bare
    map, up to a whole pixel; a peak on the border pixel is read off the pixel beside it, which has two neighbours.
    """
    last = np.array(maps.shape[:0:-1]) - 1
    near = np.minimum(peak, last - peak) < BORDER_SIGMAS * sigma_px
    centre = np.clip(peak, 1, last - 1)
    shift = peak - centre
    gradient, curvature, mixed = _derivatives(smoothed, centre)
    bare_gradient, bare_curvature, _ = _derivatives(maps, centre)
    gradient = np.where(near, bare_gradient, gradient)
    curvature = np.where(near, bare_curvature, curvature)
    mixed = np.where(near.any(axis=1, keepdims=True), 0.0, mixed)
    # the far pixel of the three says little but noise when the summit is outside: keep the curvature plausible
    change = (np.clip(curvature, *np.divide(BORDER_CURVATURE, sigma_px**2)) - curvature) * np.abs(shift)
    curvature = curvature + change
    gradient = gradient - shift * change / 2  # the slope between the two pixels nearest to the border stays
    determinant = curvature[:, :1] * curvature[:, 1:] - mixed**2
    peaked = (curvature.sum(axis=1, keepdims=True) < 0) & (determinant > 1e-6)
    step = (mixed * gradient[:, ::-1] - curvature[:, ::-1] * gradient) / np.where(peaked, determinant, 1.0)
    reach = np.where(near, 1.0, 0.5)
    return np.where(peaked, np.clip(step - shift, -reach, reach), 0.0)


def _derivatives(maps: FloatArray, centre: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Of the log maps by central differences: gradient (M, 2), curvature (M, 2), mixed second derivative (M, 1)."""
    columns, rows = centre.astype(np.intp).T
    a = np.log(np.maximum(_neighbour(maps, rows, columns), LOG_FLOOR))
    gradient = np.column_stack([a[:, 1, 2] - a[:, 1, 0], a[:, 2, 1] - a[:, 0, 1]]) / 2
    curvature = np.column_stack([a[:, 1, 2] + a[:, 1, 0], a[:, 2, 1] + a[:, 0, 1]]) - 2 * a[:, 1, 1, None]
    mixed = (a[:, 2, 2] + a[:, 0, 0] - a[:, 0, 2] - a[:, 2, 0]) / 4
    return gradient, curvature, mixed[:, None]
