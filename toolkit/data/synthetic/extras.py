"""What is worn: glasses and hats."""

import numpy as np

from toolkit.data.synthetic.arrays import Floats
from toolkit.data.synthetic.canvas import HAIR, THING, WORN, Canvas, ribbon
from toolkit.data.synthetic.chance import between, three
from toolkit.data.synthetic.colour import grey, times
from toolkit.data.synthetic.hair import hull
from toolkit.data.synthetic.head import COLUMNS, CROWN_ROWS, PIVOT_SKULL, mean_head
from toolkit.data.synthetic.look import Look, any_colour
from toolkit.data.synthetic.pose import View

_TURN = np.linspace(0, 2 * np.pi, 26)
_COS, _SIN = np.cos(_TURN), np.sin(_TURN)
_SIGNS = np.array([-1, 1])
"""The right side of the face, then the left."""
_BAND = np.linspace(0, 2 * np.pi, 40)
_CROWN = mean_head().vertices[: CROWN_ROWS * COLUMNS].astype(np.float64)


def _rims(wide: float, high: float, square: float) -> Floats:
    """(2, 26, 3) the edge of each lens, bent round the face."""
    rim = np.zeros((2, 26, 3))
    rim[..., 0] = wide * np.sign(_COS) * np.abs(_COS) ** square
    rim[..., 1] = high * np.sign(_SIN) * np.abs(_SIN) ** square
    iris = mean_head().vertices[mean_head().spans["iris_left"]][0, 0]
    rim += np.stack([(iris + 0.03) * _SIGNS, np.full(2, 0.03), np.full(2, 0.29)], -1)[:, None]
    rim[..., 2] -= 0.4 * np.maximum(np.abs(rim[..., 0]) - 0.25, 0)
    return rim


def paint_glasses(canvas: Canvas, view: View, look: Look, rng: np.random.Generator) -> None:
    """Spectacles or sunglasses on the bridge."""
    if look.glasses == "none":
        return
    u, dark = view.unit_px, look.glasses == "dark"
    wide, high = between(rng, 0.2, 0.29), between(rng, 0.12, 0.24)
    yaw = view.pose.yaw
    sides = [i for i, sign in enumerate(_SIGNS.tolist()) if abs(yaw) < 50 or (yaw > 0) == (sign < 0)]
    rims = _rims(wide, high, between(rng, 0.5, 1.0))
    loops = view.image_of(rims[sides])
    brightness = between(rng, 10, 90)
    frame = times(three(rng, 0.6, 1.4), brightness)
    if rng.random() < 0.2:
        frame = any_colour(rng)
    thick = (between(rng, 0.012, 0.05) if rng.random() < 0.8 else 0.006) * u
    if dark:
        canvas.fill(loops, three(rng, 10, 70), THING)
    elif rng.random() < 0.5:
        canvas.tint(loops, grey(225), between(rng, 0.03, 0.2))
    if rng.random() < 0.4:
        middle, shift = loops.mean(axis=1, keepdims=True), 0.05 * rng.standard_normal(2) * u
        canvas.tint(middle + (loops - middle) * (0.5, 0.35) + shift, grey(245), between(rng, 0.1, 0.6))
    lines = [np.concatenate([loop, loop[:1]]) for loop in loops]
    for i in sides:
        sign = 2 * i - 1
        if (yaw > 0) == (sign < 0) or abs(yaw) < 12:
            hinge = rims[i, 13 * (1 - i)] + (0, -0.04, -0.02)
            lines.append(view.image_of(np.array([hinge, (sign * 0.86, -0.03, -0.3), (sign * 0.9, -0.02, -0.75)])))
    lines.append(view.image_of(np.array([(-0.38 + wide, 0, 0.29), (0, -0.03, 0.34), (0.38 - wide, 0, 0.29)])))
    canvas.line(lines, frame, thick)


def paint_hat(canvas: Canvas, view: View, look: Look, rng: np.random.Generator) -> None:
    """A knitted hat or a cap, down to somewhere on the forehead."""
    if look.hat == "none":
        return
    low = between(rng, -0.6, -0.3)
    grown = (_CROWN[_CROWN[:, 1] < low][::5] - PIVOT_SKULL) * (1.14, 1.16, 1.14) + PIVOT_SKULL
    band = np.stack([0.95 * np.cos(_BAND), np.full(40, low + 0.03), -0.62 + 0.98 * np.sin(_BAND)], -1)
    colour = any_colour(rng)
    canvas.fill(hull(view.image_of(np.concatenate([grown, band]))), colour, HAIR)
    front = band[band[:, 2] > -0.62]
    if look.hat == "cap":
        brim = np.concatenate([front, (front - (0, 0, -0.62)) * (0.95, 1, 1.5) + (0, 0.06, -0.62)])
        canvas.fill(hull(view.image_of(brim)), times(colour, 0.7), WORN)
        return
    canvas.fill(ribbon(view.image_of(front), 0.12 * view.unit_px), times(colour, 0.8), HAIR)
