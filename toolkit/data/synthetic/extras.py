"""What is worn: glasses and hats."""

import numpy as np

from toolkit.data.synthetic.arrays import Floats
from toolkit.data.synthetic.canvas import HAIR, THING, WORN, Canvas, ribbon
from toolkit.data.synthetic.chance import between
from toolkit.data.synthetic.hair import hull
from toolkit.data.synthetic.head import COLUMNS, CROWN_ROWS, PIVOT_SKULL, mean_head
from toolkit.data.synthetic.look import Look, any_colour
from toolkit.data.synthetic.pose import View

_TURN = np.linspace(0, 2 * np.pi, 26)
_SIGNED = (("right", -1), ("left", 1))


def _rims(wide: float, high: float, square: float) -> dict[str, Floats]:
    """(26, 3) each lens's edge, bent round the face."""
    c, s = np.cos(_TURN), np.sin(_TURN)
    rim = np.stack([wide * np.sign(c) * np.abs(c) ** square, high * np.sign(s) * np.abs(s) ** square, 0 * c], -1)
    out = {}
    for side, sign in _SIGNED:
        centre = np.array([mean_head().vertices[mean_head().spans[f"iris_{side}"]][0][0] + 0.03 * sign, 0.03, 0.29])
        bend = 0.4 * np.maximum(np.abs(rim[:, :1] + centre[0]) - 0.25, 0)
        out[side] = rim + centre - np.array([0, 0, 1]) * bend
    return out


def paint_glasses(canvas: Canvas, view: View, look: Look, rng: np.random.Generator) -> None:
    """Spectacles or sunglasses on the bridge."""
    if look.glasses == "none":
        return
    u, dark = view.unit_px, look.glasses == "dark"
    wide, high = between(rng, 0.2, 0.29), between(rng, 0.12, 0.24)
    rims = _rims(wide, high, between(rng, 0.5, 1.0))
    yaw = view.pose.yaw
    sides = [(s, sign) for s, sign in _SIGNED if abs(yaw) < 50 or (yaw > 0) == (sign < 0)]
    loops = [view.image_of(rims[s]) for s, _ in sides]
    frame = (between(rng, 10, 90) * rng.uniform(0.6, 1.4, 3)).astype(np.float32)
    if rng.random() < 0.2:
        frame = any_colour(rng)
    thick = (between(rng, 0.012, 0.05) if rng.random() < 0.8 else 0.006) * u
    if dark:
        canvas.fill(loops, rng.uniform(10, 70, 3), THING)
    elif rng.random() < 0.5:
        canvas.tint(loops, np.full(3, 225.0), between(rng, 0.03, 0.2))
    if rng.random() < 0.4:
        shift = rng.normal(0, 0.05, 2) * u
        glare = [loop.mean(axis=0) + (loop - loop.mean(axis=0)) * (0.5, 0.35) + shift for loop in loops]
        canvas.tint(glare, np.full(3, 245.0), between(rng, 0.1, 0.6))
    lines = [np.concatenate([loop, loop[:1]]) for loop in loops]
    for side, sign in sides:
        if (yaw > 0) == (sign < 0) or abs(yaw) < 12:
            hinge = rims[side][0 if sign > 0 else 13] + (0, -0.04, -0.02)
            arm = np.array([hinge, (sign * 0.86, -0.03, -0.3), (sign * 0.9, -0.02, -0.75)])
            lines.append(view.image_of(arm))
    lines.append(view.image_of(np.array([(-0.38 + wide, 0, 0.29), (0, -0.03, 0.34), (0.38 - wide, 0, 0.29)])))
    canvas.line(lines, frame, thick)


def paint_hat(canvas: Canvas, view: View, look: Look, rng: np.random.Generator) -> None:
    """A knitted hat or a cap, down to somewhere on the forehead."""
    if look.hat == "none":
        return
    low = between(rng, -0.6, -0.3)
    grid = mean_head().vertices[: CROWN_ROWS * COLUMNS].astype(float)
    grown = (grid[grid[:, 1] < low][::5] - PIVOT_SKULL) * (1.14, 1.16, 1.14) + PIVOT_SKULL
    turn = np.linspace(0, 2 * np.pi, 40)
    band = np.stack([0.95 * np.cos(turn), np.full(40, low + 0.03), -0.62 + 0.98 * np.sin(turn)], -1)
    colour = any_colour(rng)
    canvas.fill(hull(view.image_of(np.concatenate([grown, band]))), colour, HAIR)
    front = band[band[:, 2] > -0.62]
    if look.hat == "cap":
        brim = np.concatenate([front, (front - (0, 0, -0.62)) * (0.95, 1, 1.5) + (0, 0.06, -0.62)])
        canvas.fill(hull(view.image_of(brim)), colour * np.float32(0.7), WORN)
        return
    canvas.fill(ribbon(view.image_of(front), 0.12 * view.unit_px), colour * np.float32(0.8), HAIR)
