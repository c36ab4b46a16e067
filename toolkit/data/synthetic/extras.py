"""What hides parts of a face: glasses, hats, masks, hands and bars."""

import numpy as np

from toolkit.data.synthetic.canvas import Canvas, ribbon
from toolkit.data.synthetic.hair import hull
from toolkit.data.synthetic.head import COLUMNS, PIVOT_SKULL, mean_head
from toolkit.data.synthetic.look import Look, any_colour
from toolkit.data.synthetic.pose import View

OCCLUDED = 0.1
"""The share of faces with something held before them."""


def paint_glasses(canvas: Canvas, view: View, look: Look, rng: np.random.Generator) -> None:
    """Spectacles or sunglasses on the bridge."""
    if look.glasses == "none":
        return
    u = view.unit_px
    eyes = {s: mean_head().vertices[mean_head().spans[f"iris_{s}"]][0] for s in ("right", "left")}
    wide, high, square = rng.uniform(0.2, 0.29), rng.uniform(0.12, 0.22), rng.uniform(0.5, 1.0)
    turn = np.linspace(0, 2 * np.pi, 32)
    c, s = np.cos(turn), np.sin(turn)
    rim = np.stack([wide * np.sign(c) * np.abs(c) ** square, high * np.sign(s) * np.abs(s) ** square, 0 * c], -1)
    frame = (rng.uniform(10, 90) * rng.uniform(0.6, 1.4, 3)).astype(np.float32)
    thick, lens = rng.uniform(0.012, 0.045) * u, rng.uniform(10, 70, 3).astype(np.float32)
    tint = float(rng.uniform(0.75, 1.0)) if look.glasses == "dark" else float(rng.uniform(0.0, 0.18))
    for side, sign in (("right", -1), ("left", 1)):
        centre = np.array([eyes[side][0] + 0.03 * sign, 0.03, 0.29])
        bent = rim + centre - np.array([0, 0, 1]) * (0.4 * np.maximum(np.abs(rim[:, :1] + centre[0]) - 0.25, 0))
        loop = view.image_of(bent)
        canvas.fill(loop, lens if look.glasses == "dark" else np.full(3, 220, np.float32), alpha=tint)
        canvas.stroke(np.concatenate([loop, loop[:2]]), frame, thick, 0.95)
        toward = (view.pose.yaw > 0) == (sign < 0)
        if toward or abs(view.pose.yaw) < 12:
            arm = [
                centre + np.array([sign * wide, -0.04, -0.06]),
                (sign * 0.86, -0.03, -0.3),
                (sign * 0.9, -0.02, -0.75),
            ]
            canvas.stroke(view.image_of(np.array(arm)), frame, thick * 0.9, 0.9)
    nose = [(-0.38 + wide, 0, 0.29), (0, -0.03, 0.34), (0.38 - wide, 0, 0.29)]
    canvas.stroke(view.image_of(np.array(nose)), frame, thick, 0.95)


def paint_hat(canvas: Canvas, view: View, look: Look, rng: np.random.Generator) -> None:
    """A knitted hat or a cap, down to somewhere on the forehead."""
    if look.hat == "none":
        return
    low = rng.uniform(-0.6, -0.36)
    grid = mean_head().vertices[: 40 * COLUMNS].astype(float)
    grown = (grid[grid[:, 1] < low][::5] - PIVOT_SKULL) * (1.14, 1.16, 1.14) + PIVOT_SKULL
    turn = np.linspace(0, 2 * np.pi, 40)
    band = np.stack([0.95 * np.cos(turn), np.full(40, low + 0.03), -0.62 + 0.98 * np.sin(turn)], -1)
    shape = hull(view.image_of(np.concatenate([grown, band])))
    colour = any_colour(rng)
    canvas.fill(shape, canvas.texture(rng, colour, ("strand", 0.8, 0.16)), lit=True)
    front = band[band[:, 2] > -0.62]
    if look.hat == "cap":
        brim = np.concatenate([front, (front - (0, 0, -0.62)) * (0.95, 1, 1.5) + (0, 0.06, -0.62)])
        canvas.fill(hull(view.image_of(brim)), colour * np.float32(0.7), lit=True)
    else:
        canvas.stroke(view.image_of(front), colour * np.float32(0.8), 0.12 * view.unit_px, 0.7)


def _paint_hand(canvas: Canvas, view: View, look: Look, rng: np.random.Generator) -> None:
    """Fingers that come from below or a side and end on the face."""
    u, tip = view.unit_px, view.image_of(np.array([[rng.uniform(-0.6, 0.6), rng.uniform(0.3, 1.1), 0.4]]))[0]
    angle = rng.uniform(0.15, 0.85) * np.pi
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    shade = look.skin * np.float32(rng.uniform(0.7, 1.0))
    for k in range(int(rng.integers(1, 5))):
        start = tip + across * 0.17 * k * u + along * 0.06 * abs(k - 1.5) * u
        line = start + along * np.linspace(0, 1.6, 12)[:, None] * u
        width = np.interp(np.arange(12), (0, 1, 11), (0.08, 0.15, 0.2)) * u
        canvas.stroke(line, look.crease, width * 1.12, 0.8, 0.01 * u)
        canvas.stroke(line, shade, width * 0.95)


def _paint_mask(canvas: Canvas, view: View, rng: np.random.Generator) -> None:
    """A medical or cloth mask from the nose's bridge to under the chin."""
    jaw = view.contour.astype(np.float64)
    top = view.image_of(
        np.array([(-0.72, 0.3, -0.25), (-0.3, 0.22, 0.25), (0, 0.16, 0.44), (0.3, 0.22, 0.25), (0.72, 0.3, -0.25)])
    )
    cut = len(jaw) // 7
    low = jaw[cut:-cut] + (jaw[cut:-cut] - jaw.mean(axis=0)) * 0.03
    colour = np.array([190, 215, 235], np.float32) if rng.random() < 0.6 else any_colour(rng)
    canvas.fill(np.concatenate([top, low[::-1]]), colour, lit=True)
    for y in (0.5, 0.66, 0.82):
        pleat = view.image_of(np.array([(-0.5, y, 0.05), (0, y + 0.04, 0.45), (0.5, y, 0.05)]))
        canvas.stroke(pleat, colour * np.float32(0.8), 0.02 * view.unit_px, 0.6)


def _paint_bar(canvas: Canvas, view: View, rng: np.random.Generator) -> None:
    """A rail, a cup, a stem: a straight thing across part of the face."""
    u, middle = view.unit_px, view.image_of(np.array([[rng.uniform(-1, 1), rng.uniform(-0.3, 1.4), 0.3]]))[0]
    angle = rng.uniform(0, np.pi)
    along = np.array([np.cos(angle), np.sin(angle)])
    reach = (-4.0 if rng.random() < 0.6 else 0.0, 4.0)
    line = middle + along * np.linspace(reach[0], reach[1], 6)[:, None] * u
    colour = canvas.texture(rng, any_colour(rng), ("cloud", float(rng.uniform(0.3, 1.5)), 0.2))
    canvas.fill(ribbon(line, rng.uniform(0.08, 0.45) * u), colour, soft_px=0.3)


def paint_occluder(canvas: Canvas, view: View, look: Look, rng: np.random.Generator) -> None:
    """Now and then, something before the face."""
    if rng.random() >= OCCLUDED:
        return
    kind = rng.choice(3, p=(0.45, 0.15, 0.4))
    if kind == 0:
        _paint_hand(canvas, view, look, rng)
    elif kind == 1:
        _paint_mask(canvas, view, rng)
    else:
        _paint_bar(canvas, view, rng)
