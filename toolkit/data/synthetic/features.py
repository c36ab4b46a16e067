"""Eyes, brows, nose and mouth: what the landmarks sit on."""

import numpy as np

from toolkit.data.synthetic.arrays import Floats, Picture
from toolkit.data.synthetic.canvas import Canvas, ribbon
from toolkit.data.synthetic.head import COLUMNS, CROWN_ROWS, ROWS
from toolkit.data.synthetic.look import Look
from toolkit.data.synthetic.modes import Values
from toolkit.data.synthetic.noise import noise_patch
from toolkit.data.synthetic.pose import View

SIDES = ("right", "left")
PROFILE_YAW = 24.0
"""Degrees beyond which the nose may hide what lies behind it."""
_DARK = np.array([26, 16, 14], np.float32)


def _between(edge: Floats, other: Floats) -> Floats:
    """The polygon between two curves that run the same way."""
    return np.concatenate([edge, other[::-1]])


def _mix(a: Picture, b: Picture, share: float) -> Picture:
    out: Picture = (a + (b - a) * np.float32(share)).astype(np.float32)
    return out


def _disc(centre: Floats, radius: float, squash: float) -> Floats:
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    out: Floats = centre + radius * np.stack([np.cos(turn) * squash, np.sin(turn)], -1)
    return out


def paint_eyes(canvas: Canvas, view: View, look: Look, rng: np.random.Generator) -> list[Floats]:
    """Both eyes with lids and lashes; returns the middles of the irises."""
    gaze = rng.normal(0, (0.028, 0.012)).clip((-0.07, -0.03), (0.07, 0.03))
    white = np.array([232, 226, 222], np.float32) * np.float32(rng.uniform(0.95, 1.15))
    shadow = _mix(look.crease, rng.uniform(30, 180, 3).astype(np.float32), 0.5 * look.makeup)
    crease_alpha, lash = rng.uniform(0.15, 0.6), rng.uniform(0.5, 1.0)
    squash = float(np.cos(np.radians(view.pose.yaw)))
    irises = []
    for side in SIDES:
        u = view.unit_px
        upper, lower, crease = (view.curve(f"{name}_{side}") for name in ("lid_upper", "lid_lower", "crease"))
        canvas.fill(_between(crease, upper), shadow, alpha=0.12 + 0.4 * look.makeup, soft_px=0.02 * u)
        canvas.stroke(crease, look.crease, 0.016 * u, crease_alpha, 0.008 * u)
        bag = view.curve(f"bag_{side}")
        canvas.stroke(bag, look.crease, 0.014 * u, 0.08 + 0.35 * look.age * crease_alpha, 0.012 * u)
        opening = _between(upper, lower)
        canvas.fill(opening, white)
        canvas.fill(_disc(lower[1] * 0.5 + upper[2] * 0.5, 0.014 * u, 1.0), _mix(white, look.lip, 0.6), within=opening)
        centre = view.curve(f"iris_{side}")[0] + gaze * u
        iris = _disc(centre, 0.072 * u, squash)
        canvas.fill(iris, look.iris * np.float32(0.5), within=opening)
        canvas.fill(_disc(centre, 0.06 * u, squash), look.iris, within=opening)
        canvas.fill(_disc(centre, 0.029 * u, squash), np.full(3, 10, np.float32), within=opening)
        canvas.fill(ribbon(upper, 0.05 * u), _DARK, alpha=0.45, soft_px=0.012 * u, within=opening)
        thick = np.interp(np.linspace(0, 1, len(upper)), (0, 0.3, 0.8, 1), (0.006, 0.018, 0.026, 0.012)) * (
            0.8 + 0.7 * look.makeup
        )
        up = np.array([np.sin(np.radians(view.pose.roll)), -np.cos(np.radians(view.pose.roll))])
        canvas.stroke(upper + up * (0.35 * thick[:, None] * u), _DARK, thick * u, 0.55 + 0.4 * lash)
        rim = _mix(look.crease, _DARK, 0.7 * look.makeup)
        canvas.stroke(lower - up * (0.006 * u), rim, 0.012 * u, 0.35 + 0.4 * lash * look.makeup, 0.003 * u)
        irises.append(centre)
    return irises


def paint_glints(canvas: Canvas, view: View, irises: list[Floats], toward: Floats, strength: float) -> None:
    """A lamp's reflection in each open eye; after the light, for a glint is not shaded."""
    for side, centre in zip(SIDES, irises, strict=True):
        opening = _between(view.curve(f"lid_upper_{side}"), view.curve(f"lid_lower_{side}"))
        spot = centre + 0.035 * view.unit_px * np.asarray(toward)[:2]
        canvas.fill(_disc(spot, 0.014 * view.unit_px, 1.0), np.full(3, 245, np.float32), alpha=strength, within=opening)


def paint_brows(canvas: Canvas, view: View, look: Look, rng: np.random.Generator) -> None:
    """Both brows, made of hair: dense at the lower edge's middle, thin at the inner end."""
    density = float(np.clip(rng.normal(0.85, 0.17) - 0.2 * (look.age > 0.8), 0.22, 1.0))
    strand = noise_patch(rng, "strand", max(canvas.lit.shape))
    hairy = np.clip(density + 0.22 * strand, 0, 1)
    for side in SIDES:
        area = _between(view.curve(f"brow_upper_{side}"), view.curve(f"brow_lower_{side}"))
        canvas.fill(area, look.brow, alpha=hairy, soft_px=0.007 * view.unit_px)


def paint_nose(canvas: Canvas, view: View, look: Look, rng: np.random.Generator) -> None:
    """Nostrils, wings and the shadow below the nose; the surface's own shading does the rest."""
    u, strength = view.unit_px, rng.uniform(0.45, 1.0)
    base = view.curve("nose_base")
    canvas.stroke(base, look.crease, 0.03 * u, 0.45 * strength, 0.014 * u)
    turn = np.sin(np.radians(view.pose.yaw))
    for side, sign in (("right", -1), ("left", 1)):
        seen = float(np.clip(1.0 - 1.6 * max(0.0, sign * turn), 0, 1))
        canvas.stroke(view.curve(f"ala_{side}"), look.crease, 0.018 * u, 0.55 * strength * seen, 0.007 * u)
        shown = float(np.clip(0.85 - 0.02 * view.pose.pitch, 0.3, 1.0))
        canvas.fill(
            view.curve(f"nostril_{side}"),
            look.crease * np.float32(0.35),
            alpha=shown * strength * seen,
            soft_px=0.006 * u,
        )


def _far_edge(view: View, rows: slice, near: int) -> tuple[Floats, Floats]:
    """The face's middle in these rows: its silhouette on the side turned away, and a column on the near side."""
    middle, sign = COLUMNS // 2, 1 if view.pose.yaw > 0 else -1
    columns = np.arange(middle - 14, middle + 15)
    angle = np.radians(view.pose.roll)
    across = view.grid[rows, columns] @ np.array([np.cos(angle), np.sin(angle)], np.float32)
    far = columns[np.argmax(across * sign, axis=1)]
    return view.grid[np.arange(rows.start, rows.stop), far], view.grid[rows, middle - sign * near]


def paint_profile(canvas: Canvas, view: View, skin: Picture) -> None:
    """Skin under nose, lips and chin where a much turned head shows them beyond the cheek."""
    if abs(view.pose.yaw) > PROFILE_YAW:
        edge, near = _far_edge(view, slice(CROWN_ROWS - 10, ROWS - 2), 6)
        canvas.fill(_between(edge, near), skin, soft_px=0.2, lit=True)


def cover_by_nose(canvas: Canvas, view: View, skin: Picture) -> None:
    """Paints the nose over the far eye where a much turned head hides part of it."""
    if abs(view.pose.yaw) < PROFILE_YAW:
        return
    edge, near = _far_edge(view, slice(CROWN_ROWS, CROWN_ROWS + 30), 2)
    canvas.fill(_between(edge, near), skin, soft_px=0.3, lit=True)
    weight = np.interp(abs(view.pose.yaw), (PROFILE_YAW, 45), (0, 0.55))
    shadow = skin * np.array([0.55, 0.45, 0.42], np.float32)
    canvas.stroke(edge[6:], shadow, 0.012 * view.unit_px, float(weight), 0.006 * view.unit_px)


def _paint_inside(canvas: Canvas, view: View, rng: np.random.Generator, gap: float) -> None:
    """Teeth, tongue and darkness between parted lips; `gap` in units."""
    u, high, low = view.unit_px, view.curve("lip_upper_inner"), view.curve("lip_lower_inner")
    opening = _between(high, low)
    canvas.fill(opening, np.array([52, 16, 16], np.float32) * np.float32(rng.uniform(0.4, 1.3)))
    if gap < 0.015:
        return
    down = (low - high) / np.maximum(np.hypot(*(low - high).T), 1e-6)[:, None]
    enamel = np.array([238, 230, 214], np.float32) * np.float32(rng.uniform(0.65, 0.95))
    if gap > 0.12:
        tongue = low[6:-6] - down[6:-6] * min(0.09, 0.4 * gap) * u
        canvas.fill(
            _between(tongue, low[6:-6]),
            np.array([176, 86, 84], np.float32),
            alpha=0.8,
            soft_px=0.02 * u,
            within=opening,
        )
    if rng.random() < 0.88:
        edge = high + down * rng.uniform(0.05, 0.11) * u
        canvas.fill(_between(high[3:-3], edge[3:-3]), enamel, soft_px=0.004 * u, within=opening)
        for k in np.linspace(8, len(high) - 9, 6):
            i = round(k)
            canvas.stroke(np.stack([high[i], edge[i]]), enamel * np.float32(0.6), 0.006 * u, 0.35)
    if rng.random() < 0.25:
        edge = low - down * rng.uniform(0.02, 0.05) * u
        canvas.fill(_between(edge[5:-5], low[5:-5]), enamel * np.float32(0.88), soft_px=0.004 * u, within=opening)
    canvas.fill(ribbon(high, 0.03 * u), _DARK, alpha=0.35, soft_px=0.01 * u, within=opening)


def paint_mouth(canvas: Canvas, view: View, look: Look, rng: np.random.Generator) -> None:
    """Lips and what shows between them."""
    u = view.unit_px
    outer, inner = ([view.curve(f"lip_{part}_{ring}") for part in ("upper", "lower")] for ring in ("outer", "inner"))
    gap = float(np.median(np.hypot(*(inner[1][12:21] - inner[0][12:21]).T))) / u
    canvas.stroke(outer[1][6:-6] + (outer[1][16] - inner[1][16]) * 0.35, look.crease, 0.05 * u, 0.28, 0.02 * u)
    alpha = 1.0 if look.lipstick else float(rng.uniform(0.6, 1.0))
    soft = 0.003 * u if look.lipstick else 0.007 * u
    canvas.fill(_between(outer[0], inner[0]), look.lip * np.float32(rng.uniform(0.78, 0.95)), alpha=alpha, soft_px=soft)
    canvas.fill(_between(inner[1], outer[1]), look.lip, alpha=alpha, soft_px=soft)
    _paint_inside(canvas, view, rng, gap)
    seam = _mix(look.crease, _DARK, 0.5)
    shut = float(np.clip(1 - gap / 0.05, 0.35, 1))
    line = np.concatenate([outer[0][:1], inner[0], outer[0][-1:]])
    canvas.stroke(line, seam, 0.014 * u, 0.8 * shut, 0.003 * u)
    for corner, step in ((outer[0][0], inner[0][2]), (outer[0][-1], inner[0][-3])):
        canvas.stroke(np.stack([corner, step]), seam, 0.022 * u, 0.55, 0.006 * u)
    if look.lipstick or rng.random() < 0.5:
        shine = 0.5 * (inner[1] + outer[1])[11:22]
        canvas.stroke(shine, np.minimum(look.lip * 1.5 + 30, 255).astype(np.float32), 0.018 * u, 0.35, 0.008 * u)


def paint_lines(canvas: Canvas, view: View, look: Look, modes: Values, rng: np.random.Generator) -> None:
    """Nasolabial folds, brow furrows and moles."""
    u, smile = view.unit_px, max(0.0, modes.get("smile", 0.0))
    turn = np.sin(np.radians(view.pose.yaw))
    for side, sign in (("right", -1), ("left", 1)):
        seen = float(np.clip(1.0 - 1.3 * max(0.0, sign * turn), 0, 1))
        deep = (0.1 + 0.5 * look.age + 0.35 * smile) * rng.uniform(0.3, 0.8) * seen
        canvas.stroke(view.curve(f"fold_{side}"), look.crease, 0.018 * u, float(min(deep, 0.75)), 0.013 * u)
    if look.age > 0.5 or modes.get("frown", 0.0) > 0.025:
        for x in (-0.04, 0.045):
            furrow = view.image_of(np.array([(x, -0.2, 0.31), (x * 0.9, -0.15, 0.31), (x, -0.1, 0.31)]))
            canvas.stroke(furrow, look.crease, 0.012 * u, float(rng.uniform(0, 0.5)), 0.006 * u)
    across = np.linspace(-0.4, 0.4, 9)
    for y in (-0.38, -0.48, -0.58) if rng.random() < look.age - 0.35 else ():
        wave = np.stack([across, y + 0.02 * np.cos(3 * across), 0.27 - 0.35 * across**2], -1)
        canvas.stroke(view.image_of(wave), look.crease, 0.012 * u, float(rng.uniform(0.1, 0.35)), 0.008 * u)
