"""Eyes, brows and nose: what most landmarks sit on."""

from math import cos, radians, sin

import numpy as np

from toolkit.data.synthetic.arrays import Floats
from toolkit.data.synthetic.canvas import SKIN, Canvas, inset, ribbon
from toolkit.data.synthetic.chance import between, clamp, three
from toolkit.data.synthetic.colour import Colour, grey, mixed, times
from toolkit.data.synthetic.head import COLUMNS, CROWN_ROWS, ROWS, SAMPLES
from toolkit.data.synthetic.look import Look
from toolkit.data.synthetic.pose import SIDES, View

PROFILE_YAW = 24.0
"""Degrees beyond which the nose may hide what lies behind it."""
DARK: Colour = (26, 16, 14)
_TURN = np.linspace(0, 2 * np.pi, 18, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], -1).astype(np.float32)
_ALONG = np.linspace(0, 1, SAMPLES)
_LASH = np.interp(_ALONG, (0, 0.3, 0.8, 1), (0.008, 0.02, 0.03, 0.014)).astype(np.float32)
_LIFT = np.interp(_ALONG, (0, 0.15, 0.85, 1), (0.0, 0.14, 0.14, 0.0)).astype(np.float32)
"""How far beyond the lids' edges skin is painted over the eyeball."""


def area(edge: Floats, other: Floats) -> Floats:
    """The polygon between two curves (..., P, 2) that run the same way."""
    return np.concatenate([edge, other[..., ::-1, :]], axis=-2)


def discs(centres: Floats, radius: float, squash: float = 1.0) -> Floats:
    """(N, P, 2) circles about (N, 2) centres, or ellipses narrower by `squash`."""
    out: Floats = centres[:, None] + _CIRCLE * np.array([radius * squash, radius], np.float32)
    return out


def _paint_eyeballs(canvas: Canvas, view: View, look: Look, sides: slice, rng: np.random.Generator) -> None:
    """Irises with pupils and, mostly, a glint."""
    u, squash = view.unit_px, max(cos(radians(view.pose.yaw)), 0.25)
    irises = view.curves("iris", sides)[:, 0]
    size = between(rng, 0.068, 0.078) * u
    canvas.fill(discs(irises, size, squash), times(look.iris, 0.5))
    canvas.fill(discs(irises, 0.75 * size, squash), look.iris)
    pupil = between(rng, 0.02, 0.038) * u
    canvas.fill(discs(irises, pupil, squash), times(DARK, 0.4))
    if rng.random() < 0.7:
        offset = np.array([between(rng, -0.04, 0.04), between(rng, -0.04, 0.0)]) * u
        canvas.fill(discs(irises + offset, 0.013 * u), grey(between(rng, 150, 255)))


def paint_eyes(canvas: Canvas, view: View, look: Look, sides: slice, rng: np.random.Generator) -> None:
    """The eyes on the given sides with lids and lashes."""
    u = view.unit_px
    upper, lower = view.curves("lid_upper", sides), view.curves("lid_lower", sides)
    roll = radians(view.pose.roll)
    up = np.array([sin(roll), -cos(roll)], np.float32)
    canvas.fill(area(upper, lower), times((226, 218, 212), between(rng, 0.7, 1.1)))
    _paint_eyeballs(canvas, view, look, sides, rng)
    shadow = mixed(look.skin, three(rng, 30, 180), 0.5 * look.makeup)
    near, far = up * (_LIFT * u)[:, None], up * 0.3
    canvas.fill(area(upper + near, upper + far), shadow)
    canvas.fill(area(lower - near, lower - far), look.skin)
    deep = between(rng, 0.15, 0.8)
    canvas.shadow(upper, 0.4, 0.04 * u)
    canvas.shadow(view.curves("crease", sides), deep, 0.025 * u)
    canvas.shadow(view.curves("bag", sides), 0.1 + 0.4 * look.age * deep, 0.03 * u)
    lash = between(rng, 0.0, 1.0)
    thick = _LASH * (0.7 + 0.6 * lash + 0.7 * look.makeup) * u
    canvas.fill(ribbon(upper + up * (0.35 * thick[:, None]), thick), mixed(look.crease, DARK, 0.4 + 0.6 * lash))
    canvas.line(lower, mixed(look.skin, DARK, 0.25 + 0.3 * lash + 0.4 * look.makeup), 0.014 * u)


def paint_brows(canvas: Canvas, view: View, look: Look, sides: slice, rng: np.random.Generator) -> None:
    """The brows on the given sides, made of hair, from thin and pale to dense and dark."""
    colour = mixed(look.skin, look.brow, look.brow_density)
    upper, lower = view.curves("brow_upper", sides), view.curves("brow_lower", sides)
    shapes = area(upper, lower)
    slant, thick = 0.12 * (upper[:, -1:] - upper[:, :1]), upper[:, :-1] - lower[:, :-1]
    start, length = rng.random((len(upper), 2, SAMPLES - 1, 1)).swapaxes(0, 1)
    hairs = np.empty((*thick.shape[:2], 2, 2))
    hairs[:, :, 0] = lower[:, :-1] + start * thick
    hairs[:, :, 1] = hairs[:, :, 0] + slant * (0.3 + length) + 0.25 * thick
    for shape, strokes in zip(shapes, hairs, strict=True):
        canvas.fill(inset(shape), colour, (255, 140, 0))
        canvas.line(strokes, mixed(colour, times(look.brow, 0.7), 0.7), 0.01 * view.unit_px)


def paint_nose(canvas: Canvas, view: View, look: Look, rng: np.random.Generator) -> None:
    """Nostrils, wings and the shadow below the nose; the surface's own shading does the rest."""
    u, strength = view.unit_px, between(rng, 0.4, 1.0)
    turn = sin(radians(view.pose.yaw))
    canvas.shadow(view.curve("nose_base"), 0.45 * strength, 0.045 * u)
    shown = clamp(0.85 - 0.02 * view.pose.pitch, 0.3, 1.0)
    for side, sign in zip(SIDES, (-1, 1), strict=True):
        seen = clamp(1 - 1.6 * max(0.0, sign * turn), 0, 1)
        if seen > 0.1:
            canvas.shadow(view.curve(f"ala_{side}"), 0.6 * strength * seen, 0.03 * u)
            dark = mixed(look.skin, times(look.crease, 0.35), shown * strength * seen)
            canvas.fill(view.curve(f"nostril_{side}"), dark)


def paint_folds(canvas: Canvas, view: View, look: Look, smile: float, rng: np.random.Generator) -> None:
    """The folds from nose to mouth, deepened by age and smiling."""
    turn = sin(radians(view.pose.yaw))
    deep = min((0.03 + 0.25 * look.age + 0.4 * max(0.0, smile)) * between(rng, 0.3, 0.9), 0.7)
    for side, sign in zip(SIDES, (-1, 1), strict=True):
        seen = clamp(1 - 1.3 * max(0.0, sign * turn), 0, 1)
        canvas.shadow(view.curve(f"fold_{side}"), deep * seen, 0.035 * view.unit_px)


def _far_edge(view: View, rows: slice, near: int) -> tuple[Floats, Floats]:
    """The face's middle in these rows: its silhouette on the side turned away, and a column on the near side."""
    middle, sign = COLUMNS // 2, 1 if view.pose.yaw > 0 else -1
    columns = slice(middle - 8, middle + 9)
    angle = radians(view.pose.roll)
    across = view.grid[rows, columns] @ np.array([cos(angle), sin(angle)], np.float32)
    far = (across * sign).argmax(axis=1) + columns.start
    return view.grid[np.arange(rows.start, rows.stop), far], view.grid[rows, middle - sign * near]


def paint_profile(canvas: Canvas, view: View, skin: Colour) -> None:
    """Skin under nose, lips and chin where a much turned head shows them beyond the cheek."""
    if abs(view.pose.yaw) > PROFILE_YAW:
        canvas.fill(area(*_far_edge(view, slice(CROWN_ROWS - 8, ROWS - 1), 3)), skin, SKIN)


def cover_by_nose(canvas: Canvas, view: View, skin: Colour) -> None:
    """Paints the nose over the far eye where a much turned head hides part of it."""
    if abs(view.pose.yaw) > PROFILE_YAW:
        edge, near = _far_edge(view, slice(CROWN_ROWS, CROWN_ROWS + 15), 1)
        canvas.fill(area(edge, near), skin, SKIN)
        weight = float(np.interp(abs(view.pose.yaw), (PROFILE_YAW, 45), (0, 0.6)))
        canvas.shadow(edge[3:], weight, 0.02 * view.unit_px)
