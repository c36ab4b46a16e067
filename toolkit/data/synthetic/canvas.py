"""Painting polygons and lines at sub-pixel places."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.sample import ImageArray
from toolkit.data.synthetic.arrays import Floats, Picture, single

FINE = 2
"""How many times finer than the picture everything is painted, along each axis."""
_SHIFT = 4
_BOUND = 0.25
"""Pixels by which OpenCV's polygons reach beyond their outline at this fineness."""

Kind = tuple[int, int, int]
"""From 0 to 255: what takes the head's light, what is textured like hair, and what hides the face."""
SKIN, BEHIND, HAIR, WORN, THING, CLOTH = (
    (255, 0, 0),
    (255, 255, 0),
    (255, 255, 255),
    (255, 40, 255),
    (0, 30, 255),
    (0, 60, 0),
)
Shapes = Floats | Sequence[Floats]
"""One polygon or line (P, 2), or several, as a list or (N, P, 2)."""


@dataclass(frozen=True)
class Painting:
    """What was painted, at the picture's own size."""

    rgb: ImageArray
    """(S, S, 3)"""
    lit: Picture
    hair: Picture
    front: Picture
    dusk: Picture
    """(S, S) each, 0 to 1: what takes the head's light, is textured, hides the face, and lies in small shadows."""


def ribbon(line: Floats, widths_px: Floats | float) -> Floats:
    """The polygon of a line drawn with the given width at each of its points."""
    along = np.empty_like(line)
    along[1:-1] = line[2:] - line[:-2]
    along[0], along[-1] = line[1] - line[0], line[-1] - line[-2]
    half = 0.5 * widths_px / np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)
    across = along[:, ::-1] * (half[:, None] * (-1, 1))
    out: Floats = np.concatenate([line + across, (line - across)[::-1]])
    return out


def inset(polygon: Floats, by_px: float = _BOUND) -> Floats:
    """The polygon made smaller by about as much on all sides; makes up for what OpenCV adds."""
    along = np.empty_like(polygon)
    along[1:-1] = polygon[2:] - polygon[:-2]
    along[0], along[-1] = polygon[1] - polygon[-1], polygon[0] - polygon[-2]
    inward = by_px if cv2.contourArea(np.asarray(polygon, np.float32), True) > 0 else -by_px
    half = inward / np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)
    out: Floats = polygon + along[:, ::-1] * (half[:, None] * (-1, 1))
    return out


def _fixed(shapes: Shapes) -> list[NDArray[np.int32]]:
    scale, shift = FINE << _SHIFT, (FINE - 1) << (_SHIFT - 1)
    if not isinstance(shapes, np.ndarray):
        return [(shape * scale + shift).astype(np.int32) for shape in shapes]
    fixed = (shapes * scale + shift).astype(np.int32)
    return [fixed] if fixed.ndim == 2 else list(fixed)


class Canvas:
    """A square picture being painted; places and sizes are in its pixels, pixel centres at whole numbers."""

    def __init__(self, background: ImageArray) -> None:
        """From an (S * FINE, S * FINE, 3) picture."""
        self._rgb = background
        self._marks = np.zeros_like(background)
        self._dusk = np.zeros(background.shape[:2], np.uint8)
        self.side = len(background) // FINE

    def fill(self, shapes: Shapes, colour: Floats, kind: Kind | None = None) -> None:
        """Paints polygons, which must not overlap; without a `kind`, what was there keeps its own."""
        fixed = _fixed(shapes)
        cv2.fillPoly(self._rgb, fixed, colour.tolist(), cv2.LINE_8, _SHIFT)
        if kind is not None:
            cv2.fillPoly(self._marks, fixed, kind, cv2.LINE_8, _SHIFT)
            cv2.fillPoly(self._dusk, fixed, (0,), cv2.LINE_8, _SHIFT)

    def tint(self, shapes: Shapes, colour: Floats, alpha: float) -> None:
        """Paints polygons that let what is below shine through."""
        if alpha < 0.02 or not len(shapes):
            return
        fixed = _fixed(shapes)
        left, top, wide, high = cv2.boundingRect(np.concatenate(fixed) >> _SHIFT)
        rows, columns = slice(max(top - 1, 0), max(top + high + 1, 0)), slice(max(left - 1, 0), max(left + wide + 1, 0))
        part = self._rgb[rows, columns]
        if part.size:
            over = part.copy()
            offset = np.array([columns.start, rows.start], np.int32) << _SHIFT
            cv2.fillPoly(over, [shape - offset for shape in fixed], colour.tolist(), cv2.LINE_8, _SHIFT)
            part[:] = cv2.addWeighted(over, alpha, part, 1 - alpha, 0)

    def line(self, lines: Shapes, colour: Floats, thick_px: float, kind: Kind | None = None) -> None:
        """Paints lines."""
        fixed, thick = _fixed(lines), max(round(thick_px * FINE), 1)
        cv2.polylines(self._rgb, fixed, False, colour.tolist(), thick, cv2.LINE_8, _SHIFT)
        if kind is not None:
            cv2.polylines(self._marks, fixed, False, kind, thick, cv2.LINE_8, _SHIFT)

    def shadow(self, shapes: Shapes, strength: float, thick_px: float = 0.0) -> None:
        """Darkens polygons softly, or lines where a thickness is given; the last one painted holds."""
        grey = (round(255 * strength),)
        if thick_px:
            cv2.polylines(self._dusk, _fixed(shapes), False, grey, max(round(thick_px * FINE), 1), cv2.LINE_8, _SHIFT)
        else:
            cv2.fillPoly(self._dusk, _fixed(shapes), grey, cv2.LINE_8, _SHIFT)

    def finished(self, soft_px: float) -> Painting:
        """The painting at the picture's size, small shadows blurred."""
        size = self.side, self.side
        rgb, marks, dusk = (
            np.asarray(cv2.resize(p, size, interpolation=cv2.INTER_AREA), np.uint8)
            for p in (self._rgb, self._marks, self._dusk)
        )
        k = 2 * int(max(soft_px, 0.5) * 1.7) + 1
        dusk = np.asarray(cv2.blur(dusk, (k, k)), np.uint8)
        lit, hair, front = (single(plane * np.float32(1 / 255)) for plane in cv2.split(marks))
        return Painting(rgb, lit, hair, front, single(dusk * np.float32(1 / 255)))


def plain(size_hw: tuple[int, ...], colour: Floats) -> ImageArray:
    """(H, W, 3) of one colour in 0..255; NumPy is slow at this."""
    out = np.empty((*size_hw, 3), np.uint8)
    cv2.rectangle(out, (0, 0), (size_hw[1], size_hw[0]), np.clip(colour, 0, 255).tolist(), -1)
    return out
