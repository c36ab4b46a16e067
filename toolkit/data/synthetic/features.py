"""What is painted on and under the face's surface: eyes, brows, nose, mouth, ears, neck and shoulders."""

from collections.abc import Sequence
from math import cos, radians, sin

import numpy as np

from toolkit.core.arrays import Floats
from toolkit.data.synthetic.canvas import CLOTH, SKIN, Canvas, inset, ribbon
from toolkit.data.synthetic.chance import Colour, between, clamp, dyed, grey, mixed, plus, three, times, within
from toolkit.data.synthetic.head import COLUMNS, CROWN_ROWS, ROWS, SAMPLES, smooth_line
from toolkit.data.synthetic.look import Look, any_colour
from toolkit.data.synthetic.pose import SIDES, HeadView

PROFILE_YAW = 24.0
"""Degrees beyond which the nose may hide what lies behind it."""
DARK: Colour = (26, 16, 14)
_TURN = np.linspace(0, 2 * np.pi, 18, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], -1).astype(np.float32)
_ALONG = np.linspace(0, 1, SAMPLES)
_LASH = np.interp(_ALONG, (0, 0.3, 0.8, 1), (0.008, 0.02, 0.03, 0.014)).astype(np.float32)
_LIFT = np.interp(_ALONG, (0, 0.15, 0.85, 1), (0.0, 0.14, 0.14, 0.0)).astype(np.float32)
"""How far beyond the lids' edges skin is painted over the eyeball."""
_MIDDLE = slice(SAMPLES // 2 - 2, SAMPLES // 2 + 3)


def area(edge: Floats, other: Floats) -> Floats:
    """The polygon between two curves (..., P, 2) that run the same way."""
    return np.concatenate([edge, other[..., ::-1, :]], axis=-2)


def discs(centres: Floats, radius: float, squash: float = 1.0) -> Floats:
    """(N, P, 2) circles about (N, 2) centres, or ellipses narrower by `squash`."""
    out: Floats = centres[:, None] + _CIRCLE * np.array([radius * squash, radius], np.float32)
    return out


def _paint_eyeballs(canvas: Canvas, view: HeadView, look: Look, sides: slice, rng: np.random.Generator) -> None:
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


def paint_eyes(canvas: Canvas, view: HeadView, look: Look, sides: slice, rng: np.random.Generator) -> None:
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


def paint_brows(canvas: Canvas, view: HeadView, look: Look, sides: slice, rng: np.random.Generator) -> None:
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


def paint_nose(canvas: Canvas, view: HeadView, look: Look, rng: np.random.Generator) -> None:
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


def paint_folds(canvas: Canvas, view: HeadView, look: Look, smile: float, rng: np.random.Generator) -> None:
    """The folds from nose to mouth, deepened by age and smiling."""
    turn = sin(radians(view.pose.yaw))
    deep = min((0.03 + 0.25 * look.age + 0.4 * max(0.0, smile)) * between(rng, 0.3, 0.9), 0.7)
    for side, sign in zip(SIDES, (-1, 1), strict=True):
        seen = clamp(1 - 1.3 * max(0.0, sign * turn), 0, 1)
        canvas.shadow(view.curve(f"fold_{side}"), deep * seen, 0.035 * view.unit_px)


def _far_edge(view: HeadView, rows: slice, near: int) -> tuple[Floats, Floats]:
    """The face's middle in these rows: its silhouette on the side turned away, and a column on the near side."""
    middle, sign = COLUMNS // 2, 1 if view.pose.yaw > 0 else -1
    columns = slice(middle - 8, middle + 9)
    angle = radians(view.pose.roll)
    across = view.grid[rows, columns] @ np.array([cos(angle), sin(angle)], np.float32)
    far = (across * sign).argmax(axis=1) + columns.start
    return view.grid[np.arange(rows.start, rows.stop), far], view.grid[rows, middle - sign * near]


def paint_profile(canvas: Canvas, view: HeadView, skin: Colour) -> None:
    """Skin under nose, lips and chin where a much turned head shows them beyond the cheek."""
    if abs(view.pose.yaw) > PROFILE_YAW:
        canvas.fill(area(*_far_edge(view, slice(CROWN_ROWS - 8, ROWS - 1), 3)), skin, SKIN)


def cover_by_nose(canvas: Canvas, view: HeadView, skin: Colour) -> None:
    """Paints the nose over the far eye where a much turned head hides part of it."""
    if abs(view.pose.yaw) > PROFILE_YAW:
        edge, near = _far_edge(view, slice(CROWN_ROWS, CROWN_ROWS + 15), 1)
        canvas.fill(area(edge, near), skin, SKIN)
        weight = float(np.interp(abs(view.pose.yaw), (PROFILE_YAW, 45), (0, 0.6)))
        canvas.shadow(edge[3:], weight, 0.02 * view.unit_px)


def _paint_inside(canvas: Canvas, view: HeadView, rng: np.random.Generator, gap: float) -> None:
    """Teeth, tongue and darkness between parted lips; `gap` in units."""
    high, low = view.curve("lip_upper_inner"), view.curve("lip_lower_inner")
    canvas.fill(inset(area(high, low)), times((52, 16, 16), between(rng, 0.4, 1.5)))
    if gap < 0.015:
        return
    depth = low - high
    enamel = times((238, 230, 214), between(rng, 0.6, 1.0))
    if gap > 0.1:
        flesh = times((176, 86, 84), between(rng, 0.6, 1.1))
        rise = min(between(rng, 0.05, 0.13) / gap, 0.5)
        canvas.fill(area(low[3:-3] - depth[3:-3] * rise, low[3:-3]), flesh)
    if rng.random() < 0.88:
        edge = high + depth * min(between(rng, 0.05, 0.12) / gap, 0.95)
        canvas.fill(area(high[1:-1], edge[1:-1]), enamel)
        if rng.random() < 0.5:
            gaps = np.stack([high[3:-3:2], edge[3:-3:2]], axis=1)
            canvas.line(gaps, times(enamel, between(rng, 0.6, 0.95)), 0.008 * view.unit_px)
    if rng.random() < 0.25:
        edge = low - depth * min(between(rng, 0.02, 0.06) / gap, 0.4)
        canvas.fill(area(edge[2:-2], low[2:-2]), times(enamel, 0.88))
    canvas.shadow(high, 0.35, 0.035 * view.unit_px)


def paint_mouth(canvas: Canvas, view: HeadView, look: Look, rng: np.random.Generator) -> None:
    """Lips, the seam between them or the mouth's inside, and the shadow below."""
    u = view.unit_px
    outer = view.curve("lip_upper_outer"), view.curve("lip_lower_outer")
    inner = view.curve("lip_upper_inner"), view.curve("lip_lower_inner")
    gap = sorted(np.hypot(*(inner[1] - inner[0])[_MIDDLE].T).tolist())[2] / u
    drop = (outer[1] - inner[1])[SAMPLES // 2] * 0.35
    canvas.shadow(outer[1][3:-3] + drop, between(rng, 0.1, 0.45), 0.07 * u)
    lip = look.lip if look.lipstick else mixed(look.skin, look.lip, between(rng, 0.35, 1.0))
    whole = inset(area(outer[0], outer[1]))
    canvas.shadow(whole, 0)
    canvas.fill(whole, lip)
    canvas.fill(inset(area(outer[0], inner[0])), times(lip, between(rng, 0.75, 0.97)))
    _paint_inside(canvas, view, rng, gap)
    seam, shut = mixed(look.crease, DARK, 0.5), clamp(1 - gap / 0.05, 0.3, 1)
    canvas.line(np.concatenate([outer[0][:1], inner[0], outer[0][-1:]]), mixed(lip, seam, 0.8 * shut), 0.016 * u)
    canvas.shadow([np.stack([outer[0][end], inner[0][step]]) for end, step in ((0, 1), (-1, -2))], 0.6, 0.03 * u)
    if look.lipstick or rng.random() < 0.4:
        canvas.line(0.5 * (inner[1] + outer[1])[5:12], within(plus(times(lip, 1.2), grey(15)), 0, 255), 0.03 * u)


def _mirrored(half: Sequence[tuple[float, float]], across: Floats, down: Floats) -> Floats:
    """A smooth shape from its (out, down) knots on one side, top to bottom, and the same on the other."""
    side = smooth_line(half, 12)
    out, low = side[:, :1] * across, side[:, 1:] * down
    return np.concatenate([out + low, (low - out)[::-1]])


def paint_body(canvas: Canvas, view: HeadView, look: Look, rng: np.random.Generator) -> None:
    """Neck with the head's shadow on it, and shoulders in cloth."""
    u, jaw = view.unit_px, view.contour
    chin, centre = jaw[len(jaw) // 2], 0.5 * (jaw[11] + jaw[-12])
    lean = radians(view.pose.roll * 0.5)
    down, across = np.array([-sin(lean), cos(lean)]), np.array([cos(lean), sin(lean)])
    back = sin(radians(view.pose.yaw)) * 0.35 * u
    middle = 0.35 * chin + 0.65 * centre - across * back
    wide, long = between(rng, 0.42, 0.64), between(rng, 0.8, 1.15)
    flare = wide + between(rng, 0.05, 0.4)
    neck = middle + u * _mirrored(
        [(wide * 1.04, -0.3), (wide, 0.4 * long), (wide * 1.05, 0.75 * long), (flare, long),
         (flare + 0.6, long + 0.25), (2, 2.2)],
        across, down,
    )  # fmt: skip
    canvas.fill(neck, times(look.skin, between(rng, 0.75, 1.0)), SKIN)
    canvas.shadow(jaw + down * (between(rng, 0.05, 0.2) * u), between(rng, 0.05, 0.8))
    collar, rise = long * between(rng, 0.6, 1.25), between(rng, 0.1, 0.35)
    shoulders = middle + u * _mirrored(
        [(0.01, collar + between(rng, 0.0, 0.6)), (wide * 0.9, collar), (wide * 1.25, collar - 0.05),
         (1.5, collar + rise), (2.2, collar + 0.5 + rise), (2.6, collar + 2.6)],
        across, down,
    )  # fmt: skip
    canvas.fill(shoulders, any_colour(rng), CLOTH)


def paint_ears(canvas: Canvas, view: HeadView, look: Look) -> None:
    """Both ears; the face, painted later, hides the far one."""
    ears = view.curves("ear")
    canvas.fill(ears, dyed(look.skin, (0.97, 0.88, 0.86)), SKIN)
    middle = ears.sum(axis=1, keepdims=True) / SAMPLES
    canvas.shadow(middle + (ears[:, 2:-4] - middle) * np.float32(0.66), 0.5, 0.05 * view.unit_px)
