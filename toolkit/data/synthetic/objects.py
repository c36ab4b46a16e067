"""What is worn or held before a face: glasses and hats; hands, masks, microphones, phones, bars."""

import numpy as np

from toolkit.core.arrays import Floats
from toolkit.data.synthetic.canvas import HAIR, THING, WORN, Canvas, ribbon
from toolkit.data.synthetic.chance import Colour, between, grey, mixed, pick, three, times, within
from toolkit.data.synthetic.hair import hull
from toolkit.data.synthetic.head import COLUMNS, CROWN_ROWS, PIVOT_SKULL, mean_head
from toolkit.data.synthetic.look import Look, any_colour
from toolkit.data.synthetic.pose import HeadView

_TURN = np.linspace(0, 2 * np.pi, 26)
_COS, _SIN = np.cos(_TURN), np.sin(_TURN)
_SIGNS = np.array([-1, 1])
"""The right side of the face, then the left."""
_BAND = np.linspace(0, 2 * np.pi, 40)
_CROWN = mean_head().vertices[: CROWN_ROWS * COLUMNS].astype(np.float64)
OCCLUDED = 0.16
"""The share of faces with something held before them."""


def _rims(wide: float, high: float, square: float) -> Floats:
    """(2, 26, 3) the edge of each lens, bent round the face."""
    rim = np.zeros((2, 26, 3))
    rim[..., 0] = wide * np.sign(_COS) * np.abs(_COS) ** square
    rim[..., 1] = high * np.sign(_SIN) * np.abs(_SIN) ** square
    iris = mean_head().vertices[mean_head().spans["iris_left"]][0, 0]
    rim += np.stack([(iris + 0.03) * _SIGNS, np.full(2, 0.03), np.full(2, 0.29)], -1)[:, None]
    rim[..., 2] -= 0.4 * np.maximum(np.abs(rim[..., 0]) - 0.25, 0)
    return rim


def paint_glasses(canvas: Canvas, view: HeadView, look: Look, rng: np.random.Generator) -> None:
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


def paint_hat(canvas: Canvas, view: HeadView, look: Look, rng: np.random.Generator) -> None:
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


def _paint_hand(canvas: Canvas, view: HeadView, look: Look, rng: np.random.Generator) -> None:
    """Fingers, with or without the palm, that come from below or a side and end on the face."""
    u = view.unit_px
    tip = view.image_of(np.array([[between(rng, -0.7, 0.7), between(rng, 0.0, 1.1), 0.4]]))[0]
    angle = between(rng, 0.05, 0.95) * np.pi
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    skin = times(look.skin, between(rng, 0.7, 1.05))
    count, bend = int(between(rng, 1, 5)), between(rng, -0.25, 0.25)
    t = np.linspace(0, 1, 9)[:, None]
    width = np.interp(t[:, 0], (0, 0.06, 1), (0.07, 0.14, 0.2)) * u
    fingers = []
    for k in range(count):
        start = tip + (across * 0.17 * k + along * 0.06 * abs(k - 1.5)) * u
        fingers.append(start + (along * 1.1 * t + across * bend * t * t) * u)
    if rng.random() < 0.7:
        ends = np.concatenate([line[-3:] for line in fingers])
        canvas.fill(
            hull(np.concatenate([ends + across * 0.1 * u, ends - across * 0.1 * u, ends + along * 1.5 * u])),
            skin,
            THING,
        )
    for line in fingers:
        canvas.fill(ribbon(line, width * 1.14), mixed(skin, look.crease, 0.7), THING)
        canvas.fill(ribbon(line, width * 0.95), skin, THING)
        canvas.fill(ribbon(line[:2] + (line[1] - line[0]) * 0.25, 0.08 * u), within(times(skin, 1.1), 0, 255))


def _paint_mask(canvas: Canvas, view: HeadView, rng: np.random.Generator) -> None:
    """A medical or cloth mask from the nose's bridge to under the chin, or pulled down below the nose."""
    jaw, u = view.contour[3:-3].astype(np.float64), view.unit_px
    drop = 0.0 if rng.random() < 0.8 else between(rng, 0.15, 0.35)
    knots = ((-0.72, 0.3, -0.25), (-0.3, 0.22, 0.25), (0, 0.16, 0.44), (0.3, 0.22, 0.25), (0.72, 0.3, -0.25))
    top = view.image_of(np.array(knots) + np.array([0, drop + between(rng, -0.05, 0.1), 0]))
    cut = len(jaw) // 7
    low = jaw[cut:-cut] + (jaw[cut:-cut] - jaw.mean(axis=0)) * 0.03
    colour: Colour = (190, 215, 235) if rng.random() < 0.6 else any_colour(rng)
    canvas.fill(np.concatenate([top, low[::-1]]), colour, WORN)
    heights = np.array([0.5, 0.66, 0.82]) + drop
    pleats = view.image_of(np.array([[(-0.5, y, 0.05), (0, y + 0.04, 0.45), (0.5, y, 0.05)] for y in heights]))
    canvas.line(pleats, times(colour, 0.85), 0.02 * u)
    canvas.line([np.stack([jaw[cut], jaw[1]]), np.stack([jaw[-cut], jaw[-2]])], colour, 0.02 * u)


def _paint_bar(canvas: Canvas, view: HeadView, rng: np.random.Generator) -> None:
    """A rail, a stem, an arm: a straight thing across part of the face."""
    u, middle = view.unit_px, view.image_of(np.array([[between(rng, -1, 1), between(rng, -0.3, 1.4), 0.3]]))[0]
    angle = between(rng, 0, np.pi)
    reach = (-4.0 if rng.random() < 0.6 else 0.0, 4.0)
    line = middle + np.array([np.cos(angle), np.sin(angle)]) * np.linspace(*reach, 6)[:, None] * u
    canvas.fill(ribbon(line, between(rng, 0.08, 0.45) * u), any_colour(rng), THING)


def _paint_thing(canvas: Canvas, view: HeadView, rng: np.random.Generator) -> None:
    """A microphone, cup, phone, leaf or another head: a roundish or boxy thing before the lower face or a side."""
    u = view.unit_px
    at = np.array([[between(rng, -1.0, 1.0), between(rng, 0.2, 1.5), 0.4]])
    if rng.random() < 0.3:
        at = np.array([[(0.9 + 0.3 * rng.random()) * (1 - 2 * (rng.random() < 0.5)), between(rng, -0.8, 1.2), 0.2]])
    turn, angle = np.linspace(0, 2 * np.pi, 28, endpoint=False), between(rng, 0, np.pi)
    c, s = np.cos(turn), np.sin(turn)
    power = pick(rng, (1.0, 0.5, 0.2), (0.5, 0.25, 0.25))
    shape = np.stack([np.sign(c) * np.abs(c) ** power, np.sign(s) * np.abs(s) ** power], -1)
    shape = shape * (between(rng, 0.12, 0.5) * u, between(rng, 0.12, 0.6) * u)
    turned = shape @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    canvas.fill(view.image_of(at)[0] + turned, any_colour(rng), THING)


def paint_occluder(canvas: Canvas, view: HeadView, look: Look, rng: np.random.Generator) -> None:
    """Now and then, something before the face."""
    if rng.random() >= OCCLUDED:
        return
    kind = pick(rng, range(4), (0.38, 0.14, 0.2, 0.28))
    if kind == 0:
        _paint_hand(canvas, view, look, rng)
    elif kind == 1:
        _paint_mask(canvas, view, rng)
    elif kind == 2:
        _paint_bar(canvas, view, rng)
    else:
        _paint_thing(canvas, view, rng)
