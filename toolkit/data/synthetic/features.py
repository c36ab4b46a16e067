"""Eyes, brows and nose: what most landmarks sit on."""

import numpy as np

from toolkit.data.synthetic.arrays import Floats, Picture
from toolkit.data.synthetic.canvas import SKIN, Canvas, inset, ribbon
from toolkit.data.synthetic.chance import between, clamp
from toolkit.data.synthetic.head import COLUMNS, CROWN_ROWS, ROWS, SAMPLES
from toolkit.data.synthetic.look import Look
from toolkit.data.synthetic.pose import SIDES, View

PROFILE_YAW = 24.0
"""Degrees beyond which the nose may hide what lies behind it."""
DARK = np.array([26, 16, 14], np.float32)
_TURN = np.linspace(0, 2 * np.pi, 18, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], -1).astype(np.float32)
_ALONG = np.linspace(0, 1, SAMPLES)
_LASH = np.interp(_ALONG, (0, 0.3, 0.8, 1), (0.008, 0.02, 0.03, 0.014)).astype(np.float32)
_LIFT = np.interp(_ALONG, (0, 0.15, 0.85, 1), (0.0, 0.14, 0.14, 0.0)).astype(np.float32)
"""How far beyond the lids' edges skin is painted over the eyeball."""


def area(edge: Floats, other: Floats) -> Floats:
    """The polygon between two curves that run the same way."""
    return np.concatenate([edge, other[::-1]])


def mixed(a: Picture, b: Picture, share: float) -> Picture:
    """The colour at a share of the way from one to the other."""
    out: Picture = (a + (b - a) * np.float32(share)).astype(np.float32)
    return out


def disc(centre: Floats, radius: float, squash: float = 1.0) -> Floats:
    """A circle, or an ellipse narrower by `squash`."""
    out: Floats = centre + _CIRCLE * np.array([radius * squash, radius], np.float32)
    return out


def paint_eyes(canvas: Canvas, view: View, look: Look, sides: list[str], rng: np.random.Generator) -> None:
    """The eyes on the given sides with lids and lashes."""
    if not sides:
        return
    u = view.unit_px
    upper, lower, crease, bag = (
        [view.curve(f"{n}_{s}") for s in sides] for n in ("lid_upper", "lid_lower", "crease", "bag")
    )
    roll = np.radians(view.pose.roll)
    up = np.array([np.sin(roll), -np.cos(roll)], np.float32)
    white = np.array([226, 218, 212], np.float32) * np.float32(between(rng, 0.7, 1.1))
    canvas.fill([area(a, b) for a, b in zip(upper, lower, strict=True)], white)
    squash = max(float(np.cos(np.radians(view.pose.yaw))), 0.25)
    irises = [view.curve(f"iris_{s}")[0] for s in sides]
    size = between(rng, 0.068, 0.078) * u
    canvas.fill([disc(c, size, squash) for c in irises], look.iris * np.float32(0.5))
    canvas.fill([disc(c, 0.75 * size, squash) for c in irises], look.iris)
    pupil = between(rng, 0.02, 0.038) * u
    canvas.fill([disc(c, pupil, squash) for c in irises], DARK * np.float32(0.4))
    if rng.random() < 0.7:
        offset = np.array([between(rng, -0.04, 0.04), between(rng, -0.04, 0.0)]) * u
        canvas.fill([disc(c + offset, 0.013 * u) for c in irises], np.full(3, between(rng, 150, 255)))
    shadow = mixed(look.skin, rng.uniform(30, 180, 3).astype(np.float32), 0.5 * look.makeup)
    over = [area(edge + up * (_LIFT * u)[:, None], edge + up * 0.3) for edge in upper]
    under = [area(edge - up * (_LIFT * u)[:, None], edge - up * 0.3) for edge in lower]
    canvas.fill(over, shadow)
    canvas.fill(under, look.skin)
    deep = between(rng, 0.15, 0.8)
    canvas.shadow(upper, 0.4, 0.04 * u)
    canvas.shadow(crease, deep, 0.025 * u)
    canvas.shadow(bag, 0.1 + 0.4 * look.age * deep, 0.03 * u)
    lash = between(rng, 0.0, 1.0)
    thick = _LASH * (0.7 + 0.6 * lash + 0.7 * look.makeup) * u
    lashes = [ribbon(edge + up * (0.35 * thick[:, None]), thick) for edge in upper]
    canvas.fill(lashes, mixed(look.crease, DARK, 0.4 + 0.6 * lash))
    canvas.line(lower, mixed(look.skin, DARK, 0.25 + 0.3 * lash + 0.4 * look.makeup), 0.014 * u)


def paint_brows(canvas: Canvas, view: View, look: Look, sides: list[str], rng: np.random.Generator) -> None:
    """The brows on the given sides, made of hair, from thin and pale to dense and dark."""
    u, dense = view.unit_px, look.brow_density
    colour = mixed(look.skin, look.brow, dense)
    for side in sides:
        upper, lower = view.curve(f"brow_upper_{side}"), view.curve(f"brow_lower_{side}")
        canvas.fill(inset(area(upper, lower)), colour, (255, 140, 0))
        slant = 0.12 * (upper[-1] - upper[0])
        start = lower[:-1] + rng.random((SAMPLES - 1, 1)) * (upper[:-1] - lower[:-1])
        end = start + slant * (0.3 + rng.random((SAMPLES - 1, 1))) + 0.25 * (upper[:-1] - lower[:-1])
        canvas.line(np.stack([start, end], axis=1), mixed(colour, look.brow * np.float32(0.7), 0.7), 0.01 * u)


def paint_nose(canvas: Canvas, view: View, look: Look, rng: np.random.Generator) -> None:
    """Nostrils, wings and the shadow below the nose; the surface's own shading does the rest."""
    u, strength = view.unit_px, between(rng, 0.4, 1.0)
    turn = np.sin(np.radians(view.pose.yaw))
    canvas.shadow(view.curve("nose_base"), 0.45 * strength, 0.045 * u)
    shown = clamp(0.85 - 0.02 * view.pose.pitch, 0.3, 1.0)
    for side, sign in zip(SIDES, (-1, 1), strict=True):
        seen = clamp(1 - 1.6 * max(0.0, sign * turn), 0, 1)
        if seen > 0.1:
            canvas.shadow(view.curve(f"ala_{side}"), 0.6 * strength * seen, 0.03 * u)
            dark = mixed(look.skin, look.crease * np.float32(0.35), shown * strength * seen)
            canvas.fill(view.curve(f"nostril_{side}"), dark)


def paint_folds(canvas: Canvas, view: View, look: Look, smile: float, rng: np.random.Generator) -> None:
    """The folds from nose to mouth, deepened by age and smiling."""
    turn = np.sin(np.radians(view.pose.yaw))
    deep = min((0.03 + 0.25 * look.age + 0.4 * max(0.0, smile)) * between(rng, 0.3, 0.9), 0.7)
    for side, sign in zip(SIDES, (-1, 1), strict=True):
        seen = clamp(1 - 1.3 * max(0.0, sign * turn), 0, 1)
        canvas.shadow(view.curve(f"fold_{side}"), deep * seen, 0.035 * view.unit_px)


def _far_edge(view: View, rows: slice, near: int) -> tuple[Floats, Floats]:
    """The face's middle in these rows: its silhouette on the side turned away, and a column on the near side."""
    middle, sign = COLUMNS // 2, 1 if view.pose.yaw > 0 else -1
    columns = np.arange(middle - 8, middle + 9)
    angle = np.radians(view.pose.roll)
    across = view.grid[rows, columns] @ np.array([np.cos(angle), np.sin(angle)], np.float32)
    far = columns[np.argmax(across * sign, axis=1)]
    return view.grid[np.arange(rows.start, rows.stop), far], view.grid[rows, middle - sign * near]


def paint_profile(canvas: Canvas, view: View, skin: Picture) -> None:
    """Skin under nose, lips and chin where a much turned head shows them beyond the cheek."""
    if abs(view.pose.yaw) > PROFILE_YAW:
        canvas.fill(area(*_far_edge(view, slice(CROWN_ROWS - 8, ROWS - 1), 3)), skin, SKIN)


def cover_by_nose(canvas: Canvas, view: View, skin: Picture) -> None:
    """Paints the nose over the far eye where a much turned head hides part of it."""
    if abs(view.pose.yaw) > PROFILE_YAW:
        edge, near = _far_edge(view, slice(CROWN_ROWS, CROWN_ROWS + 15), 1)
        canvas.fill(area(edge, near), skin, SKIN)
        weight = float(np.interp(abs(view.pose.yaw), (PROFILE_YAW, 45), (0, 0.6)))
        canvas.shadow(edge[3:], weight, 0.02 * view.unit_px)
