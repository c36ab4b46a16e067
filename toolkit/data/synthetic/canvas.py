"""Painting polygons and lines at sub-pixel places."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import ComplexArray, Floats, ImageArray, SingleArray, single
from toolkit.data.synthetic.chance import Colour, within

FINE = 2
"""How many times finer than the picture everything is painted, along each axis."""
_SHIFT = 4
_SCALE, _OFFSET = np.float32(FINE << _SHIFT), np.float32((FINE - 1) << (_SHIFT - 1))
_TINY = 1e-6
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
Fixed = Sequence[NDArray[np.int32]]
"""The same in fixed point, one by one."""


@dataclass(frozen=True)
class Painting:
    """What was painted, at the picture's own size."""

    rgb: ImageArray
    """(S, S, 3)"""
    lit: ImageArray
    hair: ImageArray
    dusk: ImageArray
    """(S, S) each, 0 to 255: what takes the head's light, is textured, and lies in small shadows."""
    front: SingleArray
    """(S, S) what hides the face, 0 to 1."""


def joined(points_xy: Floats) -> ComplexArray:
    """(...) x + iy of points (..., 2): half as many numbers, and turning by a right angle is a product with i."""
    out: ComplexArray = np.ascontiguousarray(points_xy, np.float64).view(np.complex128)[..., 0]
    return out


def parted(points: ComplexArray) -> Floats:
    """(..., 2) points of their x + iy (...)."""
    return points.view(np.float64).reshape(*points.shape, 2)


def ribbon(line: Floats, widths_px: Floats | float) -> Floats:
    """The polygon of a line (..., P, 2) drawn with the given width at each of its points."""
    at = joined(line)
    along = np.empty_like(at)
    np.subtract(at[..., 2:], at[..., :-2], out=along[..., 1:-1])
    along[..., 0], along[..., -1] = at[..., 1] - at[..., 0], at[..., -1] - at[..., -2]
    along *= 0.5 * widths_px / np.maximum(np.abs(along), _TINY)
    along *= 1j
    return parted(np.concatenate([at + along, (at - along)[..., ::-1]], axis=-1))


def inset(polygon: Floats, by_px: float = _BOUND) -> Floats:
    """The polygon made smaller by about as much on all sides; makes up for what OpenCV adds."""
    at = joined(polygon)
    around = np.concatenate([at[-1:], at, at[:1]])
    along = around[2:] - around[:-2]
    along *= by_px / np.maximum(np.abs(along), _TINY)
    along *= 1j if cv2.contourArea(np.asarray(polygon, np.float32), True) > 0 else -1j
    along += at
    return parted(along)


def _fixed(shapes: Sequence[Floats]) -> Iterator[Fixed]:
    """OpenCV's fixed-point places of shapes (P, 2) or (N, P, 2) of one precision, all at once."""
    if not shapes:
        return
    places = np.concatenate([shape if shape.ndim == 2 else shape.reshape(-1, 2) for shape in shapes])
    places *= _SCALE
    places += _OFFSET
    fixed, start = places.astype(np.int32), 0
    for shape in shapes:
        end = start + shape.size // 2
        yield (fixed[start:end],) if shape.ndim == 2 else tuple(fixed[start:end].reshape(shape.shape))
        start = end


class Canvas:
    """A square picture being painted; places and sizes are in its pixels, pixel centres at whole numbers.

    It keeps the strokes and paints them when it is finished, since NumPy is quicker at many places at once.
    """

    def __init__(self, background: ImageArray) -> None:
        """From an (S * FINE, S * FINE, 3) picture."""
        self._rgb = background
        self._marks = np.zeros_like(background)
        self._dusk = np.zeros(background.shape[:2], np.uint8)
        self._strokes: list[tuple[Callable[[Fixed], None], Shapes]] = []
        self.side = len(background) // FINE

    def fill(self, shapes: Shapes, colour: Colour, kind: Kind | None = None) -> None:
        """Paints polygons, which must not overlap; without a `kind`, what was there keeps its own."""

        def paint(fixed: Fixed) -> None:
            cv2.fillPoly(self._rgb, fixed, colour, cv2.LINE_8, _SHIFT)
            if kind is not None:
                cv2.fillPoly(self._marks, fixed, kind, cv2.LINE_8, _SHIFT)
                cv2.fillPoly(self._dusk, fixed, (0,), cv2.LINE_8, _SHIFT)

        self._strokes.append((paint, shapes))

    def tint(self, shapes: Shapes, colour: Colour, alpha: float) -> None:
        """Paints polygons that let what is below shine through."""

        def paint(fixed: Fixed) -> None:
            left, top, wide, high = cv2.boundingRect(np.concatenate(fixed) >> _SHIFT)
            rows = slice(max(top - 1, 0), max(top + high + 1, 0))
            columns = slice(max(left - 1, 0), max(left + wide + 1, 0))
            part = self._rgb[rows, columns]
            if part.size:
                over = part.copy()
                offset = np.array([columns.start, rows.start], np.int32) << _SHIFT
                cv2.fillPoly(over, [shape - offset for shape in fixed], colour, cv2.LINE_8, _SHIFT)
                cv2.addWeighted(over, alpha, part, 1 - alpha, 0, dst=part)

        if alpha >= 0.02 and len(shapes):
            self._strokes.append((paint, shapes))

    def line(self, lines: Shapes, colour: Colour, thick_px: float, kind: Kind | None = None) -> None:
        """Paints lines."""
        thick = max(round(thick_px * FINE), 1)

        def paint(fixed: Fixed) -> None:
            cv2.polylines(self._rgb, fixed, False, colour, thick, cv2.LINE_8, _SHIFT)
            if kind is not None:
                cv2.polylines(self._marks, fixed, False, kind, thick, cv2.LINE_8, _SHIFT)

        self._strokes.append((paint, lines))

    def shadow(self, shapes: Shapes, strength: float, thick_px: float = 0.0) -> None:
        """Darkens polygons softly, or lines where a thickness is given; the last one painted holds."""
        grey, thick = (round(255 * strength),), max(round(thick_px * FINE), 1)

        def paint(fixed: Fixed) -> None:
            if thick_px:
                cv2.polylines(self._dusk, fixed, False, grey, thick, cv2.LINE_8, _SHIFT)
            else:
                cv2.fillPoly(self._dusk, fixed, grey, cv2.LINE_8, _SHIFT)

        self._strokes.append((paint, shapes))

    def _paint(self) -> None:
        """Paints all strokes that are not painted yet, in their order."""
        groups = [(shapes,) if isinstance(shapes, np.ndarray) else shapes for _, shapes in self._strokes]
        wide = [shape for group in groups for shape in group if shape.itemsize == 8]
        narrow = [shape for group in groups for shape in group if shape.itemsize == 4]
        fixed = {8: _fixed(wide), 4: _fixed(narrow)}
        for (paint, _), group in zip(self._strokes, groups, strict=True):
            paint([place for shape in group for place in next(fixed[shape.itemsize])])
        self._strokes.clear()

    def finished(self, soft_px: float) -> Painting:
        """The painting at the picture's size, small shadows blurred."""
        self._paint()
        size = self.side, self.side
        rgb, marks, dusk = (
            np.asarray(cv2.resize(p, size, interpolation=cv2.INTER_AREA), np.uint8)
            for p in (self._rgb, self._marks, self._dusk)
        )
        k = 2 * int(max(soft_px, 0.5) * 1.7) + 1
        dusk = np.asarray(cv2.blur(dusk, (k, k)), np.uint8)
        lit, hair, front = cv2.split(marks)
        return Painting(
            rgb, np.asarray(lit, np.uint8), np.asarray(hair, np.uint8), dusk, single(front * np.float32(1 / 255))
        )


def plain(size_hw: tuple[int, ...], colour: Colour) -> ImageArray:
    """(H, W, 3) of one colour in 0..255; NumPy is slow at this."""
    out = np.empty((*size_hw, 3), np.uint8)
    cv2.rectangle(out, (0, 0), (size_hw[1], size_hw[0]), within(colour, 0, 255), -1)
    return out
