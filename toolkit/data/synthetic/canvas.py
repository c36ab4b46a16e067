"""Painting polygons, ribbons and textures at sub-pixel places, in magnified closeups where it matters."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.floating]
Colour = NDArray[np.float32]
Mask = NDArray[np.float32]

_SHIFT = 4
_TILE = 768
_ANGLES = (-40, -20, 0, 20, 40)


@cache
def noise_tile(kind: str, angle: int = 0) -> NDArray[np.float32]:
    """A square tile of noise with mean 0 and deviation 1: "cloud", "grain", or "strand" (streaks, turned by `angle`)."""
    white = np.random.default_rng(7).normal(size=(_TILE, _TILE)).astype(np.float32)
    if kind == "cloud":
        tile = np.zeros_like(white)
        for n in range(7):
            tile += 2.6**n * cv2.GaussianBlur(np.roll(white, 97 * n, axis=(0, 1)), (0, 0), 2.0**n)
    elif kind == "strand":
        tile = cv2.GaussianBlur(white, (0, 0), sigmaX=0.6, sigmaY=9)
        tile += 2.5 * cv2.GaussianBlur(white[::-1].copy(), (0, 0), sigmaX=2.0, sigmaY=16)
        middle = (_TILE / 2, _TILE / 2)
        turn = cv2.getRotationMatrix2D(middle, angle, 1.0)
        tile = cv2.warpAffine(tile, turn, (_TILE, _TILE), borderMode=cv2.BORDER_WRAP)
    else:
        tile = cv2.GaussianBlur(white, (0, 0), 0.5)
    out: NDArray[np.float32] = ((tile - np.mean(tile)) / np.std(tile)).astype(np.float32)
    return out


def noise_patch(rng: np.random.Generator, kind: str, side: int, zoom: float = 1.0) -> Mask:
    """(side, side) piece of a noise tile from a random place, magnified `zoom` times; streaks run in a random direction."""
    tile = noise_tile(kind, int(rng.choice(_ANGLES)) if kind == "strand" else 0)
    size = int(np.clip(side / zoom, 4, _TILE - 1))
    x, y = rng.integers(0, _TILE - size, 2)
    out: Mask = cv2.resize(tile[y : y + size, x : x + size], (side, side), interpolation=cv2.INTER_LINEAR)
    return out


def ribbon(line: Points, widths_px: NDArray[np.floating] | float) -> Points:
    """The polygon of a line drawn with the given width at each of its points."""
    along = np.empty_like(line)
    along[1:-1] = line[2:] - line[:-2]
    along[0], along[-1] = line[1] - line[0], line[-1] - line[-2]
    half = 0.5 * widths_px / np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)
    across = np.stack([-along[:, 1] * half, along[:, 0] * half], -1)
    out: Points = np.concatenate([line + across, (line - across)[::-1]])
    return out


def _blurred(cover: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    """A Gaussian blur, approximated by two boxes where it is wide."""
    if sigma < 2.0:
        return cv2.GaussianBlur(cover, (0, 0), sigma)  # type: ignore[return-value]
    k = 2 * int(np.sqrt(6 * sigma * sigma + 1) / 2) + 1
    return cv2.blur(cv2.blur(cover, (k, k)), (k, k))  # type: ignore[return-value]


class Canvas:
    """A picture being painted; all places and sizes are in pixels of the finished image, whatever part of it this is."""

    def __init__(self, rgb: NDArray[np.float32], *, zoom: int = 1, origin_xy: tuple[int, int] = (0, 0)) -> None:
        self.rgb = rgb
        """(H, W, 3) in 0..255."""
        self.lit = np.zeros(rgb.shape[:2], np.float32)
        """(H, W) in 0..1: what belongs to the head and takes its light."""
        self.zoom = zoom
        self._origin = origin_xy

    def closeup(self, around: Points, zoom: int, margin_px: float) -> "Canvas":
        """The part around some points, magnified, to be painted finely and then given back to `absorb`."""
        height, width = self.lit.shape
        x0, y0 = np.clip(np.floor(around.min(axis=0) - margin_px), 0, (width - 8, height - 8)).astype(int).tolist()
        x1, y1 = np.clip(np.ceil(around.max(axis=0) + margin_px) + 1, (x0 + 8, y0 + 8), (width, height)).astype(int).tolist()
        size = ((x1 - x0) * zoom, (y1 - y0) * zoom)
        fine = Canvas(cv2.resize(self.rgb[y0:y1, x0:x1], size, interpolation=cv2.INTER_NEAREST), zoom=zoom, origin_xy=(x0, y0))
        fine.lit = cv2.resize(self.lit[y0:y1, x0:x1], size, interpolation=cv2.INTER_NEAREST)
        return fine

    def absorb(self, fine: "Canvas") -> None:
        """Puts a closeup back, averaging its pixels."""
        x, y = fine._origin
        height, width = (n // fine.zoom for n in fine.lit.shape)
        self.rgb[y : y + height, x : x + width] = cv2.resize(fine.rgb, (width, height), interpolation=cv2.INTER_AREA)
        self.lit[y : y + height, x : x + width] = cv2.resize(fine.lit, (width, height), interpolation=cv2.INTER_AREA)

    def mask(self, polygon: Points, soft_px: float = 0.0) -> tuple[tuple[slice, slice], Mask] | None:
        """The part of the canvas that a polygon touches and how much of each pixel it covers, 0 to 1."""
        at = (np.asarray(polygon, np.float64) - self._origin) * self.zoom + (self.zoom - 1) / 2
        sigma = soft_px * self.zoom
        pad = 2 + int(3 * sigma)
        (height, width), (left, top), (right, bottom) = self.lit.shape, at.min(axis=0), at.max(axis=0)
        x0, y0 = max(int(left) - pad, 0), max(int(top) - pad, 0)
        x1, y1 = min(int(right) + pad + 2, width), min(int(bottom) + pad + 2, height)
        if x1 <= x0 or y1 <= y0:
            return None
        cover = np.zeros((y1 - y0, x1 - x0), np.uint8)
        fixed = ((at - (x0, y0)) * (1 << _SHIFT) + 0.5).astype(np.int32)
        cv2.fillPoly(cover, [fixed], 255, lineType=cv2.LINE_AA, shift=_SHIFT)
        if sigma > 0.2:
            cover = _blurred(cover, sigma)
        return (slice(y0, y1), slice(x0, x1)), cv2.multiply(cover, 1 / 255, dtype=cv2.CV_32F)

    def fill(
        self,
        polygon: Points,
        colour: Colour,
        *,
        alpha: float | Mask = 1.0,
        soft_px: float = 0.0,
        within: Mask | None = None,
        lit: bool | None = None,
    ) -> None:
        """Paints a polygon; `alpha` and `within` (as large as the canvas) weaken it, `colour` may be a whole picture.

        `lit` says whether what it covers takes the head's light from here on; None leaves that as it was.
        """
        found = self.mask(polygon, soft_px)
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
            cover *= within[where]
        region = self.rgb[where]
        if colour.ndim == 3:
            paint = np.ascontiguousarray(colour[where])
        else:
            paint = np.empty(region.shape, np.float32)
            paint[:] = colour
        region[:] = cv2.blendLinear(np.ascontiguousarray(region), paint, 1 - cover, cover)

    def stroke(
        self, line: Points, colour: Colour, width_px: NDArray[np.floating] | float, alpha: float = 1.0, soft_px: float = 0.0
    ) -> None:
        """Paints a line of constant or varying width."""
        self.fill(ribbon(line, width_px), colour, alpha=alpha, soft_px=soft_px)

    def full_mask(self, polygon: Points, soft_px: float = 0.0) -> Mask:
        """(H, W) coverage of a polygon."""
        out = np.zeros(self.lit.shape, np.float32)
        found = self.mask(polygon, soft_px)
        if found is not None:
            out[found[0]] = found[1]
        return out

    def texture(self, rng: np.random.Generator, colour: Colour, *layers: tuple[str, float, float]) -> NDArray[np.float32]:
        """(H, W, 3) a colour varied by (kind, zoom, amount) layers of noise, as fine as the finished image."""
        height, width = self.lit.shape
        side = max(height, width) // self.zoom
        shade = np.ones((side, side), np.float32)
        for kind, zoom, amount in layers:
            shade += np.float32(amount) * noise_patch(rng, kind, side, zoom)
        full = cv2.resize(np.clip(shade, 0.3, 2.2), (side * self.zoom, side * self.zoom), interpolation=cv2.INTER_LINEAR)
        return cv2.merge([full[:height, :width] * np.float32(channel) for channel in colour])  # type: ignore[return-value]
