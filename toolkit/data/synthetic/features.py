"""Eyes, brows and nose: what most landmarks sit on."""

import numpy as np

from toolkit.data.synthetic.arrays import Floats, Picture
from toolkit.data.synthetic.canvas import SKIN, Canvas, Mask, ribbon
from toolkit.data.synthetic.chance import between, clamp
from toolkit.data.synthetic.head import COLUMNS, CROWN_ROWS, ROWS, SAMPLES
from toolkit.data.synthetic.look import Look
from toolkit.data.synthetic.noise import noise
from toolkit.data.synthetic.pose import SIDES, View

PROFILE_YAW = 24.0
"""Degrees beyond which the nose may hide what lies behind it."""
DARK = np.array([26, 16, 14], np.float32)
_TURN = np.linspace(0, 2 * np.pi, 18, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], -1).astype(np.float32)
_LASH = np.interp(np.linspace(0, 1, SAMPLES), (0, 0.3, 0.8, 1), (0.006, 0.018, 0.026, 0.012)).astype(np.float32)


def area(edge: Floats, other: Floats) -> Floats:
    """The polygon between two curves that run the same way."""
    return np.concatenate([edge, other[::-1]])


def mixed(a: Picture, b: Picture, share: float) -> Picture:
    """The colour at a share of the way from one to the other."""
    out: Picture = (a + (b - a) * np.float32(share)).astype(np.float32)
    return out


def _disc(centre: Floats, radius: float, squash: float) -> Floats:
    out: Floats = centre + _CIRCLE * np.array([radius * squash, radius], np.float32)
    return out


def opening_of(canvas: Canvas, view: View, sides: list[str]) -> Mask | None:
    """Where the lids leave the eyes open."""
    return canvas.mask([(area(view.curve(f"lid_upper_{s}"), view.curve(f"lid_lower_{s}")), 1.0) for s in sides])


def paint_eyes(canvas: Canvas, view: View, look: Look, sides: list[str], rng: np.random.Generator) -> Mask | None:
    """The eyes on the given sides with lids and lashes; returns where they are open."""
    u = view.unit_px
    upper, lower, crease, bag = (
        [view.curve(f"{n}_{s}") for s in sides] for n in ("lid_upper", "lid_lower", "crease", "bag")
    )
    deep, lash = between(rng, 0.15, 0.7), between(rng, 0.5, 1.0)
    shadow = mixed(look.crease, rng.uniform(30, 180, 3).astype(np.float32), 0.5 * look.makeup)
    lids = [(area(c, top), 1.0) for c, top in zip(crease, upper, strict=True)]
    canvas.fill(lids, shadow, alpha=0.12 + 0.4 * look.makeup, soft_px=0.02 * u)
    lines = [(c, deep) for c in crease] + [(b, 0.1 + 0.4 * look.age * deep) for b in bag]
    canvas.stroke(lines, look.crease, 0.018 * u, soft_px=0.011 * u)
    opening = opening_of(canvas, view, sides)
    white = np.array([226, 218, 212], np.float32) * np.float32(between(rng, 0.7, 1.1))
    canvas.lay(opening, white)
    if opening is not None:
        squash = max(float(np.cos(np.radians(view.pose.yaw))), 0.25)
        discs = [view.curve(f"iris_{s}")[0] for s in sides]
        size = between(rng, 0.068, 0.078)
        canvas.fill([(_disc(c, size * u, squash), 1.0) for c in discs], look.iris * np.float32(0.5), within=opening)
        canvas.fill([(_disc(c, 0.055 * u, squash), 1.0) for c in discs], look.iris, soft_px=0.008 * u, within=opening)
        pupil = between(rng, 0.02, 0.038) * u
        canvas.fill([(_disc(c, pupil, squash), 1.0) for c in discs], DARK * np.float32(0.4), within=opening)
        canvas.stroke([(line, 1.0) for line in upper], DARK, 0.05 * u, alpha=0.45, soft_px=0.012 * u, within=opening)
    roll = np.radians(view.pose.roll)
    up = np.array([np.sin(roll), -np.cos(roll)], np.float32)
    thick = _LASH * (0.8 + 0.7 * look.makeup) * u
    lashes = [(ribbon(line + up * (0.35 * thick[:, None]), thick), 1.0) for line in upper]
    canvas.fill(lashes, mixed(look.crease, DARK, 0.5 + 0.5 * lash), alpha=0.45 + 0.5 * lash)
    rim = mixed(look.crease, DARK, 0.7 * look.makeup)
    rims = [(line - up * (0.006 * u), 1.0) for line in lower]
    canvas.stroke(rims, rim, 0.014 * u, alpha=0.35 + 0.4 * lash * look.makeup, soft_px=0.005 * u)
    return opening


def paint_glints(
    canvas: Canvas, view: View, sides: list[str], opening: Mask | None, toward: Floats, bright: float
) -> None:
    """A lamp's reflection in each open eye; after the light, for a glint is not shaded."""
    offset = 0.035 * view.unit_px * np.asarray(toward)[:2]
    spots = [(_disc(view.curve(f"iris_{s}")[0] + offset, 0.014 * view.unit_px, 1.0), 1.0) for s in sides]
    canvas.fill(spots, np.full(3, 245, np.float32), alpha=bright, within=opening)


def paint_brows(canvas: Canvas, view: View, look: Look, sides: list[str], rng: np.random.Generator) -> None:
    """The brows on the given sides, made of hair, from thin and pale to dense and dark."""
    hairy = np.clip(look.brow_density + 0.25 * noise(rng, "strand", len(canvas.lit), 0.7 * view.unit_px / 40), 0, 1)
    shapes = [(area(view.curve(f"brow_upper_{s}"), view.curve(f"brow_lower_{s}")), 1.0) for s in sides]
    canvas.fill(shapes, look.brow, alpha=hairy, soft_px=between(rng, 0.006, 0.022) * view.unit_px)


def paint_nose(canvas: Canvas, view: View, look: Look, rng: np.random.Generator) -> None:
    """Nostrils, wings and the shadow below the nose; the surface's own shading does the rest."""
    u, strength = view.unit_px, between(rng, 0.45, 1.0)
    turn = np.sin(np.radians(view.pose.yaw))
    seen = {s: clamp(1 - 1.6 * max(0.0, sign * turn), 0, 1) for s, sign in zip(SIDES, (-1, 1), strict=True)}
    base = view.curve("nose_base")
    canvas.stroke(base, look.crease, 0.03 * u, alpha=0.45 * strength, soft_px=0.018 * u)
    wings = [(view.curve(f"ala_{s}"), 0.55 * strength * seen[s]) for s in SIDES]
    canvas.stroke(wings, look.crease, 0.02 * u, soft_px=0.01 * u)
    shown = clamp(0.85 - 0.02 * view.pose.pitch, 0.3, 1.0)
    holes = [(view.curve(f"nostril_{s}"), shown * strength * seen[s]) for s in SIDES]
    canvas.fill(holes, look.crease * np.float32(0.35), soft_px=0.008 * u)


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
        edge, near = _far_edge(view, slice(CROWN_ROWS - 8, ROWS - 1), 3)
        canvas.fill(area(edge, near), skin, soft_px=0.2, kind=SKIN)


def cover_by_nose(canvas: Canvas, view: View, skin: Picture) -> None:
    """Paints the nose over the far eye where a much turned head hides part of it."""
    if abs(view.pose.yaw) < PROFILE_YAW:
        return
    edge, near = _far_edge(view, slice(CROWN_ROWS, CROWN_ROWS + 15), 1)
    canvas.fill(area(edge, near), skin, soft_px=0.3, kind=SKIN)
    weight = float(np.interp(abs(view.pose.yaw), (PROFILE_YAW, 45), (0, 0.55)))
    shadow = skin * np.array([0.55, 0.45, 0.42], np.float32)
    canvas.stroke(edge[3:], shadow, 0.014 * view.unit_px, alpha=weight, soft_px=0.008 * view.unit_px)


def paint_folds(canvas: Canvas, view: View, look: Look, smile: float, rng: np.random.Generator) -> None:
    """The folds from nose to mouth, deepened by age and smiling."""
    turn = np.sin(np.radians(view.pose.yaw))
    deep = min((0.05 + 0.3 * look.age + 0.4 * max(0.0, smile)) * between(rng, 0.3, 0.9), 0.75)
    sides = zip(SIDES, (-1, 1), strict=True)
    lines = [(view.curve(f"fold_{s}"), deep * clamp(1 - 1.3 * max(0.0, sign * turn), 0, 1)) for s, sign in sides]
    canvas.stroke(lines, look.crease, 0.02 * view.unit_px, soft_px=0.016 * view.unit_px)
