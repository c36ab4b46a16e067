"""Everything of the head that is not the face: skull, hair, ears, neck and shoulders."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.synthetic.arrays import Floats, Picture, single
from toolkit.data.synthetic.canvas import Canvas, ribbon
from toolkit.data.synthetic.head import COLUMNS, CROWN_ROWS, PIVOT_SKULL, ROWS, mean_head, smooth_line
from toolkit.data.synthetic.look import Look, any_colour
from toolkit.data.synthetic.pose import View

_VOLUME = {"bald": 0.0, "buzz": 0.02, "short": 0.1, "bun": 0.06, "medium": 0.14, "long": 0.13, "afro": 0.42}
_HAIRLINE_AT = (0.0, 0.4, 0.62, 0.8, 0.9, 1.0)


def _sphere() -> NDArray[np.float64]:
    n = np.arange(240)
    z, turn = 1 - 2 * (n + 0.5) / 240, n * np.pi * (3 - np.sqrt(5))
    ring = np.sqrt(1 - z * z)
    return np.stack([ring * np.cos(turn), z, ring * np.sin(turn)], -1)


def hull(points: Floats) -> Floats:
    """The convex hull of (N, 2) points."""
    return single(cv2.convexHull(np.ascontiguousarray(points, np.float32))[:, 0])


def hair_picture(canvas: Canvas, colour: Picture, rng: np.random.Generator, coarse: float = 1.0) -> Picture:
    """(S, S, 3) a texture of strands in the given colour."""
    return canvas.texture(rng, colour, ("strand", coarse, 0.2), ("cloud", 0.8, 0.16))


def hairline(style: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """Height y of the hairline at each grid column, in the mean head's units."""
    back = 0.16 * abs(rng.normal()) if style in ("short", "buzz", "bald") else 0.06 * abs(rng.normal())
    low = rng.uniform(-0.05, 0.25)
    heights = (-0.68 - 0.6 * back, -0.68 - back, -0.56 - 0.8 * back, -0.2, -0.05, low)
    if style == "bald":
        heights = (-1.24, -1.24, -1.24, -1.24 if low < 0.1 else -0.6, -0.4, low)
    across = np.abs(np.linspace(-1, 1, COLUMNS))
    out: NDArray[np.float64] = np.interp(across, _HAIRLINE_AT, heights) + 0.015 * rng.normal(size=COLUMNS)
    return out


def _line_on_grid(view: View, heights: Floats) -> tuple[Floats, NDArray[np.float64]]:
    """(COLUMNS, 2) pixels where each grid column crosses its height, and the fractional row there."""
    rows_y = mean_head().vertices[: ROWS * COLUMNS].reshape(ROWS, COLUMNS, 3)[:, 0, 1]
    at = np.interp(heights, rows_y, np.arange(ROWS))
    low = np.minimum(at.astype(int), ROWS - 2)
    t = (at - low)[:, None]
    column = np.arange(COLUMNS)
    return view.grid[low, column] * (1 - t) + view.grid[low + 1, column] * t, at


def face_window(view: View, heights: Floats) -> Floats:
    """The face's bare skin: under the hairline, inside the visible outline."""
    line, at = _line_on_grid(view, heights)
    left, right = view.outline
    seen = normals_facing(view)[np.minimum(at.astype(int) + 1, ROWS - 1), np.arange(COLUMNS)]
    inner = line[seen]
    first, last = int(np.flatnonzero(seen)[0]), int(np.flatnonzero(seen)[-1])
    rows_left, rows_right = int(np.ceil(at[first])), int(np.ceil(at[last]))
    return np.concatenate([inner, right[rows_right:], left[rows_left:][::-1]])


def normals_facing(view: View) -> NDArray[np.bool_]:
    """(ROWS, COLUMNS) whether the surface faces the viewer, by the winding of the projected grid."""
    g = view.grid
    across, down = np.zeros_like(g), np.zeros_like(g)
    across[:, 1:-1], across[:, 0], across[:, -1] = g[:, 2:] - g[:, :-2], g[:, 1] - g[:, 0], g[:, -1] - g[:, -2]
    down[1:-1], down[0], down[-1] = g[2:] - g[:-2], g[1] - g[0], g[-1] - g[-2]
    out: NDArray[np.bool_] = across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0] > 0
    return out


def skull(view: View, volume: float) -> Floats:
    """The head without the face, with hair of the given thickness in units on it, as a convex polygon."""
    radii = np.array([0.88, 0.93, 0.98]) + np.array([0.8, 1.0, 1.0]) * volume
    cap = mean_head().vertices[: CROWN_ROWS * COLUMNS : 7]
    grown = PIVOT_SKULL + (cap[cap[:, 1] < -0.55] - PIVOT_SKULL) * (1 + volume * np.array([1, 1.1, 0.6]))
    wide = view.grid[: CROWN_ROWS // 2].reshape(-1, 2)
    return hull(np.concatenate([view.image_of(_sphere() * radii + PIVOT_SKULL), view.image_of(grown), wide]))


def paint_back(canvas: Canvas, view: View, look: Look, picture: Picture, rng: np.random.Generator) -> None:
    """Skull and hair behind the face."""
    volume = _VOLUME[look.hair_style] * rng.uniform(0.6, 1.3)
    if look.hair_style in ("long", "medium"):
        reach = rng.uniform(1.4, 2.4) if look.hair_style == "long" else rng.uniform(0.7, 1.25)
        width = 0.95 + volume + rng.uniform(-0.05, 0.3)
        low = [
            (s * width * k, y, -0.75)
            for s in (-1, 1)
            for k, y in ((1, 0.2), (1.05, 0.5 * reach), (0.95, reach), (0.5, reach + 0.1))
        ]
        flowing = np.concatenate([skull(view, volume), view.image_of(np.array(low))])
        canvas.fill(hull(flowing), picture, soft_px=0.02 * view.unit_px, lit=True)
    if look.hair_style == "bun":
        knot = view.image_of(np.array([[rng.normal(0, 0.1), -1.25, -1.2]]))[0]
        turn = np.linspace(0, 2 * np.pi, 24)
        canvas.fill(
            knot + rng.uniform(0.25, 0.4) * view.unit_px * np.stack([np.cos(turn), np.sin(turn)], -1), picture, lit=True
        )
    paint = picture if look.hair_style != "bald" else look.skin
    canvas.fill(skull(view, volume), paint, soft_px=0.015 * view.unit_px, lit=True)


def _mirrored(half: list[tuple[float, float]], across: Floats, down: Floats) -> Floats:
    """A smooth shape from its (out, down) knots on one side, top to bottom, and the same on the other."""
    side = smooth_line(half, 16)
    right = side[:, :1] * across + side[:, 1:] * down
    left = -side[:, :1] * across + side[:, 1:] * down
    return np.concatenate([right, left[::-1]])


def paint_neck(canvas: Canvas, view: View, look: Look, rng: np.random.Generator) -> None:
    """Neck with the head's shadow on it, and shoulders in cloth."""
    u, jaw = view.unit_px, view.contour
    chin, centre = jaw[len(jaw) // 2], jaw[[16, len(jaw) - 17]].mean(axis=0)
    lean = np.radians(view.pose.roll * 0.5)
    down, across = np.array([-np.sin(lean), np.cos(lean)]), np.array([np.cos(lean), np.sin(lean)])
    middle = 0.35 * chin + 0.65 * centre
    wide, long = rng.uniform(0.45, 0.66), rng.uniform(0.8, 1.15)
    flare = wide + rng.uniform(0.05, 0.4)
    neck = middle + u * _mirrored(
        [(wide * 1.04, -0.3), (wide, 0.4 * long), (wide * 1.05, 0.75 * long), (flare, long),
         (flare + 0.6, long + 0.25), (2, 2.2)],
        across, down,
    )  # fmt: skip
    canvas.fill(neck, look.skin * np.float32(rng.uniform(0.8, 0.97)), lit=True)
    shadow = jaw + down * (rng.uniform(0.08, 0.2) * u)
    canvas.fill(shadow, look.crease, alpha=float(rng.uniform(0.1, 0.8)), soft_px=0.07 * u, within=neck)
    collar, rise = long * rng.uniform(0.7, 1.25), rng.uniform(0.1, 0.35)
    shoulders = middle + u * _mirrored(
        [(0.01, collar + rng.uniform(0.0, 0.6)), (wide * 0.9, collar), (wide * 1.25, collar - 0.05),
         (1.5, collar + rise), (2.2, collar + 0.5 + rise), (2.6, collar + 2.6)],
        across, down,
    )  # fmt: skip
    weave = canvas.texture(rng, any_colour(rng), ("cloud", float(rng.uniform(0.3, 1.2)), 0.15))
    canvas.fill(shoulders, weave, soft_px=0.3, lit=False)


def paint_ears(canvas: Canvas, view: View, look: Look) -> None:
    """Both ears; the face, painted later, hides the far one."""
    for side in ("right", "left"):
        ear = view.curve(f"ear_{side}")
        canvas.fill(ear, look.skin * np.array([0.97, 0.88, 0.86], np.float32), lit=True)
        middle = ear.mean(axis=0)
        shell = middle + (ear[4:-8] - middle) * 0.66
        canvas.stroke(shell, look.crease, 0.03 * view.unit_px, 0.5, 0.012 * view.unit_px)


def paint_front(
    canvas: Canvas,
    view: View,
    look: Look,
    heights: Floats,
    picture: Picture,
    rng: np.random.Generator,
) -> None:
    """Hair that falls over the face: a fringe on the forehead, locks over the temples and cheeks."""
    if look.hair_style in ("bald", "buzz", "bun"):
        return
    u = view.unit_px
    seen = normals_facing(view)[30]
    if rng.random() < (0.4 if look.hair_style != "afro" else 0.0):
        across = np.linspace(-1, 1, COLUMNS)
        part = rng.uniform(-0.6, 0.6)
        low = rng.uniform(-0.5, -0.2) - rng.uniform(0, 0.3) * np.abs(across - part)
        ragged = low + 0.05 * np.interp(
            np.arange(COLUMNS), np.arange(0, COLUMNS, 6), rng.normal(size=len(range(0, COLUMNS, 6)))
        )
        top, bottom = _line_on_grid(view, heights - 0.1)[0], _line_on_grid(view, np.maximum(ragged, heights))[0]
        canvas.fill(np.concatenate([top[seen], bottom[seen][::-1]]), picture, soft_px=0.008 * u, lit=True)
    if look.hair_style in ("long", "medium") and rng.random() < 0.7:
        left, right = view.outline
        reach = CROWN_ROWS + (rng.integers(40, 62) if look.hair_style == "long" else rng.integers(15, 45))
        for edge in (left, right):
            if rng.random() < 0.75:
                lock = edge[14:reach:3]
                width = (
                    np.interp(np.linspace(0, 1, len(lock)), (0, 0.3, 1), (0.1, 0.26, 0.12)) * u * rng.uniform(0.5, 1.3)
                )
                sway = rng.normal(0, 0.03, (1, 2)) * u
                canvas.fill(ribbon(lock + sway, width), picture, soft_px=0.01 * u, lit=True)
