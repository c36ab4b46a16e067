"""Neck, shoulders and ears."""

from collections.abc import Sequence
from math import cos, radians, sin

import numpy as np

from toolkit.data.synthetic.arrays import Floats
from toolkit.data.synthetic.canvas import CLOTH, SKIN, Canvas
from toolkit.data.synthetic.chance import between
from toolkit.data.synthetic.colour import dyed, times
from toolkit.data.synthetic.head import SAMPLES, smooth_line
from toolkit.data.synthetic.look import Look, any_colour
from toolkit.data.synthetic.pose import View


def _mirrored(half: Sequence[tuple[float, float]], across: Floats, down: Floats) -> Floats:
    """A smooth shape from its (out, down) knots on one side, top to bottom, and the same on the other."""
    side = smooth_line(half, 12)
    out, low = side[:, :1] * across, side[:, 1:] * down
    return np.concatenate([out + low, (low - out)[::-1]])


def paint_body(canvas: Canvas, view: View, look: Look, rng: np.random.Generator) -> None:
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


def paint_ears(canvas: Canvas, view: View, look: Look) -> None:
    """Both ears; the face, painted later, hides the far one."""
    ears = view.curves("ear")
    canvas.fill(ears, dyed(look.skin, (0.97, 0.88, 0.86)), SKIN)
    middle = ears.sum(axis=1, keepdims=True) / SAMPLES
    canvas.shadow(middle + (ears[:, 2:-4] - middle) * np.float32(0.66), 0.5, 0.05 * view.unit_px)
