"""Hair: behind the head, along the hairline, over forehead and temples."""

from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np

from toolkit.core.arrays import FloatArray, Floats, single
from toolkit.data.synthetic.canvas import BEHIND, HAIR, SKIN, Canvas, inset, joined, parted, ribbon
from toolkit.data.synthetic.chance import between, mixed
from toolkit.data.synthetic.features import discs
from toolkit.data.synthetic.head import COLUMNS, CROWN_ROWS, PIVOT_SKULL, ROWS, mean_head
from toolkit.data.synthetic.look import Look
from toolkit.data.synthetic.pose import HeadView

_VOLUME = {"bald": 0.0, "buzz": 0.02, "short": 0.1, "bun": 0.06, "medium": 0.14, "long": 0.13, "afro": 0.42}
_HAIRLINE_AT = (0.0, 0.4, 0.62, 0.8, 0.9, 1.0)
_ACROSS = np.linspace(-1, 1, COLUMNS)
_ASIDE, _COLUMN, _ROW = np.abs(_ACROSS), np.arange(COLUMNS), np.arange(ROWS, dtype=float)
_ROWS_Y = mean_head().vertices[: ROWS * COLUMNS : COLUMNS, 1].astype(np.float64)


def _sphere(count: int = 90) -> FloatArray:
    n = np.arange(count)
    z, turn = 1 - 2 * (n + 0.5) / count, n * np.pi * (3 - np.sqrt(5))
    ring = np.sqrt(1 - z * z)
    return np.stack([ring * np.cos(turn), z, ring * np.sin(turn)], -1)


_BALL = _sphere()
_CROWN = mean_head().vertices[: CROWN_ROWS * COLUMNS : 7].astype(np.float64)
_CROWN = _CROWN[_CROWN[:, 1] < -0.55] - PIVOT_SKULL
_WIDE = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)[: CROWN_ROWS // 2 : 2, ::4].ravel()
"""Some vertices of the crown."""
_FALL = np.array([0.0, 0.35, 0.7, 1.0])
"""How far along each hair its points lie."""


def hull(points: Floats) -> Floats:
    """The convex hull of (N, 2) points."""
    return single(cv2.convexHull(np.ascontiguousarray(points, np.float32))[:, 0])


def hairline(style: str, rng: np.random.Generator) -> FloatArray:
    """Height y of the hairline at each grid column, in the mean head's units."""
    back = 0.16 * abs(rng.normal()) if style in ("short", "buzz", "bald") else 0.06 * abs(rng.normal())
    low = between(rng, -0.05, 0.25)
    heights = (-0.68 - 0.6 * back, -0.68 - back, -0.56 - 0.8 * back, -0.2, -0.05, low)
    if style == "bald":
        heights = (-1.24, -1.24, -1.24, -1.24 if low < 0.1 else -0.6, -0.4, low)
    out: FloatArray = np.interp(_ASIDE, _HAIRLINE_AT, heights) + 0.02 * rng.standard_normal(COLUMNS)
    return out


def rows_at(heights: Floats) -> FloatArray:
    """(COLUMNS,) the fractional row where each grid column crosses its height."""
    return np.interp(heights, _ROWS_Y, _ROW)


def line_on_grid(view: HeadView, at: FloatArray) -> FloatArray:
    """(COLUMNS, 2) pixels at a fractional row of each grid column."""
    low = np.minimum(at.astype(np.intp), ROWS - 2)
    t, place = (at - low)[:, None], low * COLUMNS + _COLUMN
    out: FloatArray = view.pixels.take(place, axis=0) * (1 - t)
    out += view.pixels.take(place + COLUMNS, axis=0) * t
    return out


@dataclass(frozen=True)
class Hairline:
    """Where hair begins."""

    heights: FloatArray
    """(COLUMNS,) height y at each grid column, in the mean head's units."""
    at: FloatArray
    """(COLUMNS,) the fractional row there."""
    line: FloatArray
    """(COLUMNS, 2) pixels."""


def hairline_on(view: HeadView, heights: FloatArray) -> Hairline:
    """The hairline as seen."""
    at = rows_at(heights)
    return Hairline(heights, at, line_on_grid(view, at))


def face_window(view: HeadView, hairline: Hairline) -> Floats:
    """The face's bare skin: under the hairline, inside the visible outline."""
    line, at = hairline.line, hairline.at
    left, right = view.outline
    seen = np.flatnonzero(view.facing[np.minimum(at.astype(np.intp) + 1, ROWS - 1), _COLUMN])
    if not len(seen):  # seen from so far above or below that no bare skin under the hairline faces the camera
        seen = _COLUMN
    rows_left, rows_right = ceil(at[seen[0]]), ceil(at[seen[-1]])
    return np.concatenate([line[seen], right[rows_right:], left[rows_left:][::-1]])


def skull(view: HeadView, volume: float) -> Floats:
    """The head without the face, with hair of the given thickness in units on it, as a convex polygon."""
    ball = _BALL * (0.88 + 0.8 * volume, 0.93 + volume, 0.98 + volume)
    grown = _CROWN * (1 + volume, 1 + 1.1 * volume, 1 + 0.6 * volume)
    wide = view.pixels.take(_WIDE, axis=0)
    return hull(np.concatenate([view.image_of(np.concatenate([ball, grown]) + PIVOT_SKULL), wide]))


def paint_back(canvas: Canvas, view: HeadView, look: Look, rng: np.random.Generator) -> None:
    """Skull and hair behind the face."""
    u, volume = view.unit_px, _VOLUME[look.hair_style] * between(rng, 0.6, 1.3)
    shape = skull(view, volume)
    if look.hair_style in ("long", "medium"):
        reach = between(rng, 1.4, 2.4) if look.hair_style == "long" else between(rng, 0.7, 1.25)
        width = 0.95 + volume + between(rng, -0.05, 0.3)
        low = [
            (s * width * k, y, -0.75)
            for s in (-1, 1)
            for k, y in ((1, 0.2), (1.05, 0.5 * reach), (0.95, reach), (0.5, reach + 0.1))
        ]
        shape = hull(np.concatenate([shape, view.image_of(np.array(low))]))
    elif look.hair_style == "bun":
        knot = view.image_of(np.array([[rng.normal(0, 0.1), -1.25, -1.2]]))
        canvas.fill(discs(knot, between(rng, 0.25, 0.4) * u), look.hair, BEHIND)
    if look.hair_style == "bald":
        canvas.fill(shape, look.skin, SKIN)
        return
    rough = between(rng, 0.0, 0.04) if look.hair_style != "afro" else 0.05
    if rough > 0.01:
        shape = densified(shape)
        shape = shape + rng.normal(0, rough * u, shape.shape)
    canvas.fill(shape, look.hair, BEHIND)


def densified(polygon: Floats, each: int = 3) -> Floats:
    """The polygon with more corners."""
    t = np.arange(each)[:, None] / each
    ahead = np.concatenate([polygon[1:], polygon[:1]])
    out: Floats = (polygon[:, None] * (1 - t) + ahead[:, None] * t).reshape(-1, 2)
    return out


def _hairs(starts: Floats, down: Floats, lengths: Floats, rng: np.random.Generator) -> Floats:
    """(N, 4, 2) curved lines of given lengths from their starts, more or less downwards."""
    first, bend = 0.35 * rng.standard_normal((2, len(starts), 1))
    fall = complex(*down)
    lines = (_FALL * first + _FALL * _FALL * bend) * (1j * fall)
    lines += _FALL * fall
    lines *= lengths[:, None]
    lines += joined(starts)[:, None]
    return parted(lines)


def _fringe(canvas: Canvas, view: HeadView, look: Look, heights: Floats, rng: np.random.Generator) -> None:
    """Hair over the forehead, cut straight or ragged, parted somewhere; sometimes down to the eyes."""
    part = between(rng, -0.6, 0.6)
    low = between(rng, -0.52, -0.12) - between(rng, -0.1, 0.3) * np.abs(_ACROSS - part)
    step = int(between(rng, 1, 5))
    teeth = np.interp(_COLUMN, _COLUMN * step, rng.standard_normal(COLUMNS))
    ragged = low + between(rng, 0.01, 0.08) * teeth
    if rng.random() < 0.4:
        keep = (_ACROSS - part) * (1 - 2 * (rng.random() < 0.5))
        ragged = np.where(keep > 0, ragged, ragged - 2.5 * np.abs(keep))
    seen = view.facing[15]
    top = line_on_grid(view, rows_at(heights - 0.1))[seen]
    bottom = line_on_grid(view, rows_at(np.minimum(np.maximum(ragged, heights), 0.05)))[seen]
    canvas.fill(np.concatenate([top, bottom[::-1]]), look.hair, HAIR)


def _locks(canvas: Canvas, view: HeadView, look: Look, rng: np.random.Generator) -> None:
    """Long hair before the ears and over the edge of the cheeks."""
    u = view.unit_px
    share = between(rng, 0.6, 0.95) if look.hair_style == "long" else between(rng, 0.2, 0.65)
    reach = CROWN_ROWS + int(share * (ROWS - CROWN_ROWS))
    for edge in view.outline:
        if rng.random() < 0.75:
            lock = edge[7:reach:2]
            wide = between(rng, 0.4, 1.3) * u
            width = np.interp(np.linspace(0, 1, len(lock)), (0, 0.3, 1), (0.1, 0.26, 0.12)) * wide
            canvas.fill(ribbon(lock + rng.normal(0, 0.03, (1, 2)) * u, width), look.hair, HAIR)


def _downwards(view: HeadView, high: int, low: int) -> Floats:
    """(2,) unit vector along the middle of the face from one row of the grid to another."""
    down = view.grid[low, COLUMNS // 2] - view.grid[high, COLUMNS // 2]
    out: Floats = down / max(float(np.hypot(*down)), 1e-6)
    return out


def paint_front(canvas: Canvas, view: HeadView, look: Look, hairline: Hairline, rng: np.random.Generator) -> None:
    """Hair that falls over the face: a fringe on the forehead, locks over temples and cheeks, single hairs."""
    if look.hair_style in ("bald", "buzz"):
        return
    u = view.unit_px
    if look.hair_style not in ("bun", "afro") and rng.random() < 0.45:
        _fringe(canvas, view, look, hairline.heights, rng)
    if look.hair_style in ("long", "medium") and rng.random() < 0.7:
        _locks(canvas, view, look, rng)
    line = hairline.line[view.facing[4]]
    if len(line):
        count = int(between(rng, 4, 24))
        starts = line[(rng.random(count) * len(line)).astype(np.intp)]
        lengths = (0.04 + (0.3 - 0.04) * rng.random(count)) * u
        hairs = _hairs(starts, _downwards(view, 2, CROWN_ROWS + 4), lengths, rng)
        canvas.line(hairs, mixed(look.skin, look.hair, between(rng, 0.15, 0.6)), 0.008 * u)


def paint_bare_face(canvas: Canvas, view: HeadView, look: Look, hairline: Hairline, rng: np.random.Generator) -> None:
    """The skin of the face up to the hairline, where short hairs blend it into the hair above."""
    canvas.fill(inset(face_window(view, hairline)), look.skin, SKIN)
    line = hairline.line[view.facing[4]]
    if look.hair_style == "bald" or len(line) < 3:
        return
    u = view.unit_px
    canvas.shadow(line, 0.5, 0.05 * u)
    down = _downwards(view, 0, CROWN_ROWS)
    starts = np.concatenate([line, 0.5 * (line[1:] + line[:-1])]) - down * 0.03 * u
    tips = _hairs(starts, down, (0.02 + (0.12 - 0.02) * rng.random(len(starts))) * u, rng)
    canvas.line(tips, look.hair, 0.02 * u, BEHIND)
