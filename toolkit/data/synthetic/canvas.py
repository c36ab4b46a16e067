"""Painting polygons, ribbons and textures at sub-pixel places."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.synthetic.arrays import Floats, Picture, single
from toolkit.data.synthetic.noise import noise_patch

_SHIFT = 4
_FAINT = 0.03
"""What is painted thinner than this is not seen."""
_FINE = 4
"""How many times finer than the picture a polygon's coverage is drawn, along each axis."""


def ribbon(line: Floats, widths_px: Floats | float) -> Floats:
    """The polygon of a line drawn with the given width at each of its points."""
    along = np.empty_like(line)
    along[1:-1] = line[2:] - line[:-2]
    along[0], along[-1] = line[1] - line[0], line[-1] - line[-2]
    half = 0.5 * widths_px / np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)
    across = np.stack([-along[:, 1] * half, along[:, 0] * half], -1)
    out: Floats = np.concatenate([line + across, (line - across)[::-1]])
    return out


def _blurred(cover: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    """A Gaussian blur, approximated by two boxes where it is wide."""
    if sigma < 2.0:
        return np.asarray(cv2.GaussianBlur(cover, (0, 0), sigma), np.uint8)
    k = 2 * int(np.sqrt(6 * sigma * sigma + 1) / 2) + 1
    return np.asarray(cv2.blur(cv2.blur(cover, (k, k)), (k, k)), np.uint8)


class Canvas:
    """A picture being painted; places and sizes are in its pixels, pixel centres at whole numbers."""

    def __init__(self, rgb: Picture) -> None:
        self.rgb = rgb
        """(H, W, 3) in 0..255."""
        self.lit = np.zeros(rgb.shape[:2], np.float32)
        """(H, W) in 0..1: what belongs to the head and takes its light."""

    def _cover(self, polygon: Floats, where: tuple[slice, slice], sigma: float = 0.0) -> Picture:
        """How much of each pixel of a part of the canvas a polygon covers, 0 to 1.

        Drawn without antialiasing several times larger and averaged: OpenCV's own antialiasing widens a shape by half
        a pixel and shakes it vertically.
        """
        rows, columns = where
        height, width = rows.stop - rows.start, columns.stop - columns.start
        large = np.zeros((height * _FINE, width * _FINE), np.uint8)
        corner = np.array([columns.start, rows.start]) - (_FINE - 1) / (2 * _FINE)
        fixed = np.rint((polygon - corner) * (_FINE << _SHIFT)).astype(np.int32)
        cv2.fillPoly(large, [fixed], (255,), lineType=cv2.LINE_8, shift=_SHIFT)
        cover = np.asarray(cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        if sigma > 0.2:
            cover = _blurred(cover, sigma)
        return cover.astype(np.float32) * np.float32(1 / 255)

    def mask(self, polygon: Floats, soft_px: float = 0.0) -> tuple[tuple[slice, slice], Picture] | None:
        """The part of the canvas that a polygon touches and its coverage there; None where that is nothing."""
        height, width = self.lit.shape
        pad = 1 + int(3 * soft_px)
        (left, top), (right, bottom) = polygon.min(axis=0).tolist(), polygon.max(axis=0).tolist()
        x0, y0 = max(int(left) - pad, 0), max(int(top) - pad, 0)
        x1, y1 = min(int(right) + pad + 2, width), min(int(bottom) + pad + 2, height)
        if x1 <= x0 or y1 <= y0:
            return None
        where = slice(y0, y1), slice(x0, x1)
        return where, self._cover(polygon, where, soft_px)

    def fill(
        self,
        polygon: Floats,
        colour: Picture,
        *,
        alpha: float | Picture = 1.0,
        soft_px: float = 0.0,
        within: Floats | None = None,
        lit: bool | None = None,
    ) -> None:
        """Paints a polygon, only inside the polygon `within` where given; `alpha` and `colour` may be whole pictures.

        `lit` says whether what it covers takes the head's light from here on; None leaves that as it was.
        """
        found = self.mask(polygon, soft_px) if isinstance(alpha, np.ndarray) or alpha > _FAINT else None
        if found is None:
            return
        where, cover = found
        if lit:
            np.maximum(self.lit[where], cover, out=self.lit[where])
        elif lit is False:
            self.lit[where] *= 1 - cover
        if isinstance(alpha, np.ndarray):
            cover *= alpha[where]
        elif alpha != 1.0:
            cover *= np.float32(alpha)
        if within is not None:
            cover *= self._cover(within, where)
        region = self.rgb[where]
        if colour.ndim == 3:
            paint = np.ascontiguousarray(colour[where])
        else:
            paint = np.empty(region.shape, np.float32)
            paint[:] = colour
        region[:] = cv2.blendLinear(np.ascontiguousarray(region), paint, 1 - cover, cover)

    def stroke(
        self,
        line: Floats,
        colour: Picture,
        width_px: Floats | float,
        alpha: float = 1.0,
        soft_px: float = 0.0,
    ) -> None:
        """Paints a line of constant or varying width."""
        self.fill(ribbon(line, width_px), colour, alpha=alpha, soft_px=soft_px)

    def texture(self, rng: np.random.Generator, colour: Picture, *layers: tuple[str, float, float]) -> Picture:
        """(H, W, 3) a colour varied by (kind, zoom, amount) layers of noise."""
        side = max(self.lit.shape)
        shade = np.ones((side, side), np.float32)
        for kind, zoom, amount in layers:
            shade += np.float32(amount) * noise_patch(rng, kind, side, zoom)
        shade = np.clip(shade, 0.3, 2.2)[: self.lit.shape[0], : self.lit.shape[1]]
        return single(cv2.merge([shade * np.float32(channel) for channel in colour]))
