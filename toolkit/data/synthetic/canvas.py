"""Painting polygons and lines at sub-pixel places."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.synthetic.arrays import Floats, Picture

_SHIFT = 4
_FAINT = 0.03
"""What is painted thinner than this is not seen."""
_LARGE = 6000
"""Pixels beyond which a polygon's coverage is drawn 2 times finer than the picture along each axis instead of 4."""

Kind = tuple[float, float]
"""Whether what is painted takes the head's light, and whether it hides the face."""
SKIN, HAIR, THING, CLOTH = (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0)

Parts = Floats | Sequence[tuple[Floats, float]]
"""One polygon or line (P, 2), several of full strength (N, P, 2), or several, each with its strength from 0 to 1."""
Paint = Picture | tuple[Picture, Picture]
"""A colour (3,), or a colour and a picture (H, W) that multiplies it."""


@dataclass(frozen=True, slots=True)
class Mask:
    """How much of each pixel in a part of the canvas is covered."""

    rows: slice
    columns: slice
    cover: NDArray[np.uint8]


def ribbon(line: Floats, widths_px: Floats | float) -> Floats:
    """The polygon of a line drawn with the given width at each of its points."""
    along = np.empty_like(line)
    along[1:-1] = line[2:] - line[:-2]
    along[0], along[-1] = line[1] - line[0], line[-1] - line[-2]
    half = 0.5 * widths_px / np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)
    across = along[:, ::-1] * (half[:, None] * (-1, 1))
    out: Floats = np.concatenate([line + across, (line - across)[::-1]])
    return out


def _fixed(polygon: Floats) -> NDArray[np.int32]:
    return (polygon * (1 << _SHIFT)).astype(np.int32)


class Canvas:
    """A picture being painted; places and sizes are in its pixels, pixel centres at whole numbers."""

    def __init__(self, rgb: Picture) -> None:
        """From a (3, H, W) background in 0..255."""
        self.planes = np.zeros((5, *rgb.shape[1:]), np.float32)
        """(5, H, W): red, green and blue in 0..255; what takes the head's light and what hides the face, in 0..1."""
        self.planes[:3] = rgb

    @property
    def rgb(self) -> Picture:
        """(3, H, W)"""
        return self.planes[:3]

    @property
    def lit(self) -> Picture:
        """(H, W)"""
        return self.planes[3]

    @property
    def front(self) -> Picture:
        """(H, W)"""
        return self.planes[4]

    def mask(
        self, parts: Parts, soft_px: float = 0.0, *, thick_px: float = 0.0, inside: Mask | None = None
    ) -> Mask | None:
        """What the parts cover; None where that is nothing.

        Drawn without antialiasing several times larger and averaged: OpenCV's own antialiasing widens a shape by half
        a pixel and shakes it vertically. With `thick_px` the parts are lines; with `inside` only its pixels are drawn.
        """
        if isinstance(parts, np.ndarray):
            shapes = [(_fixed(parts), 255)]
        else:
            shapes = [(_fixed(shape), round(255 * strength)) for shape, strength in parts if strength > _FAINT]
        if not shapes:
            return None
        if inside is None:
            height, width = self.planes.shape[1:]
            whole = shapes[0][0] if len(shapes) == 1 else np.concatenate([shape for shape, _ in shapes])
            left, top, wide, high = cv2.boundingRect(whole.reshape(-1, 2))
            pad = 1 + int(2.5 * soft_px + 0.5 * thick_px)
            x0, y0 = max((left >> _SHIFT) - pad, 0), max((top >> _SHIFT) - pad, 0)
            x1, y1 = min((left + wide >> _SHIFT) + pad + 2, width), min((top + high >> _SHIFT) + pad + 2, height)
            if x1 <= x0 or y1 <= y0:
                return None
        else:
            (x0, x1), (y0, y1) = ((span.start, span.stop) for span in (inside.columns, inside.rows))
        cover = _drawn(shapes, (x0, y0, x1 - x0, y1 - y0), soft_px, thick_px)
        return Mask(slice(y0, y1), slice(x0, x1), cover)

    def lay(
        self,
        mask: Mask | None,
        paint: Paint,
        *,
        alpha: float | Picture = 1.0,
        within: Mask | None = None,
        kind: Kind | None = None,
    ) -> None:
        """Paints what a mask covers; `kind` None leaves what takes light and what hides the face as it was."""
        if mask is None or (isinstance(alpha, float) and alpha < _FAINT):
            return
        rows, columns = mask.rows, mask.columns
        cover: Picture
        if isinstance(alpha, np.ndarray):
            cover = mask.cover * alpha[rows, columns]
            cover *= np.float32(1 / 255)
        else:
            cover = mask.cover * np.float32(alpha / 255)
        if within is not None:
            cover *= within.cover * np.float32(1 / 255)
        colour, shade = paint if isinstance(paint, tuple) else (paint, None)
        if kind is not None:
            colour = np.array([*colour, *kind], np.float32)
        region = self.planes[: len(colour), rows, columns]
        if shade is None:
            change = colour[:, None, None] - region
        else:
            change = -region
            change[:3] += colour[:3, None, None] * shade[rows, columns]
            change[3:] += colour[3:, None, None]
        change *= cover
        region += change

    def fill(
        self,
        parts: Parts,
        paint: Paint,
        *,
        alpha: float | Picture = 1.0,
        soft_px: float = 0.0,
        within: Mask | None = None,
        kind: Kind | None = None,
    ) -> None:
        """Paints polygons, only inside the mask `within` where given."""
        self.lay(self.mask(parts, soft_px, inside=within), paint, alpha=alpha, within=within, kind=kind)

    def stroke(
        self,
        parts: Parts,
        paint: Paint,
        thick_px: float,
        *,
        alpha: float = 1.0,
        soft_px: float = 0.0,
        within: Mask | None = None,
    ) -> None:
        """Paints lines of constant thickness."""
        self.lay(self.mask(parts, soft_px, thick_px=thick_px, inside=within), paint, alpha=alpha, within=within)


def _drawn(
    shapes: list[tuple[NDArray[np.int32], int]], part: tuple[int, int, int, int], soft_px: float, thick_px: float
) -> NDArray[np.uint8]:
    """The coverage in 0..255 of shapes in fixed point within a part (left, top, width, height) of the canvas."""
    x0, y0, width, height = part
    fine = 1 if soft_px > 1.2 else 2 if soft_px > 0.5 or width * height > _LARGE else 4
    large = np.zeros((height * fine, width * fine), np.uint8)
    corner = np.array([x0, y0], np.int32) * (fine << _SHIFT) - (fine - 1 << _SHIFT - 1)
    for shape, grey in shapes:
        place = shape * fine - corner
        many = list(place) if place.ndim == 3 else [place]
        if thick_px:
            cv2.polylines(large, many, False, (grey,), max(round(thick_px * fine), 1), cv2.LINE_8, _SHIFT)
        else:
            cv2.fillPoly(large, many, (grey,), cv2.LINE_8, _SHIFT)
    if fine == 4:
        large = np.asarray(cv2.resize(large, (2 * width, 2 * height), interpolation=cv2.INTER_AREA), np.uint8)
    if soft_px > 0.15:
        sigma = soft_px * min(fine, 2)
        twice = sigma > 1.4
        k = 2 * int(np.sqrt((6 if twice else 12) * sigma * sigma + 1) / 2) + 1
        large = np.asarray(cv2.blur(large, (k, k)), np.uint8)
        if twice:
            large = np.asarray(cv2.blur(large, (k, k)), np.uint8)
    if fine == 1:
        return large
    return np.asarray(cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
