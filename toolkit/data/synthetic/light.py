"""How light falls on the head: shading and skin tint computed on the surface grid and splatted into the image."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.synthetic.arrays import Picture, single
from toolkit.data.synthetic.head import COLUMNS, MOUTH_Y, ROWS, bell, mean_head, ramp
from toolkit.data.synthetic.look import Look
from toolkit.data.synthetic.pose import View

_SIDE = 112
"""Side of the splat layer, matched to the grid's density for a head in an image of any size."""


@dataclass(frozen=True, kw_only=True)
class Lamp:
    """A key light and the light from everywhere else."""

    direction: Picture
    """(3,) unit vector towards the lamp, in the viewer's axes."""
    key: Picture
    ambient: Picture
    gloss: float


def draw_lamp(rng: np.random.Generator) -> Lamp:
    """A random lamp: mostly above and in front, sometimes hard from a side."""
    aside = rng.normal(0, 0.75)
    direction = np.array([aside, -0.25 - 0.5 * abs(rng.normal()) + 0.25 * rng.random(), rng.uniform(0.25, 1.2)])
    ambient = rng.uniform(0.3, 0.85)
    warm = rng.normal(0, 0.05)
    tint, fill = np.array([1 + warm, 1, 1 - warm]), np.array([1 - 0.7 * warm, 1, 1 + 0.7 * warm])
    return Lamp(
        direction=(direction / np.linalg.norm(direction)).astype(np.float32),
        key=(tint * (1.08 - ambient) * rng.uniform(0.9, 1.1)).astype(np.float32),
        ambient=(fill * ambient).astype(np.float32),
        gloss=float(rng.uniform(0, 1) ** 1.5),
    )


@cache
def _maps() -> dict[str, Picture]:
    """(ROWS, COLUMNS) strengths on the mean head: hollows, blush, dark eye rims, and where beards grow."""
    grid = mean_head().vertices[: ROWS * COLUMNS].reshape(ROWS, COLUMNS, 3).astype(np.float64)
    x, y, z = np.moveaxis(grid, -1, 0)
    hollow = np.clip(cv2.GaussianBlur(z, (0, 0), 4) - z, -0.05, 0.12) / 0.12
    under_nose = ramp(0.5, 0.55, y) * (1 - ramp(0.62, 0.66, y)) * (1 - ramp(0.24, 0.36, np.abs(x)))
    side = ramp(0.0, 0.35, np.abs(x) - (0.78 - 0.62 * ramp(0.15, 1.0, y)))
    jaw = np.maximum(ramp(0.2, 0.5, y) * side, ramp(0.9, 0.98, y) * (1 - ramp(0.3, 0.6, np.abs(x)) * 0.3))
    jaw = np.maximum(jaw, ramp(0.56, 0.75, y) * ramp(0.27, 0.36, np.abs(x)) * ramp(0.3, 0.6, y) * 0.95)
    goatee = bell(x, y, (0.0, 1.08), (0.2, 0.11)) + bell(x, y, (0.33, 0.82), (0.05, 0.15)) * 0.8
    maps = {
        "hollow": hollow,
        "blush": bell(x, y, (0.43, 0.38), (0.15, 0.13)) + 0.8 * bell(x, y, (0, 0.42), (0.1, 0.09)),
        "rim": bell(x, y, (0.34, 0.06), (0.17, 0.075)) + 0.7 * bell(x, y, (0.2, 0.0), (0.06, 0.07)),
        "moustache": under_nose,
        "jaw": np.clip(jaw, 0, 1),
        "goatee": np.clip(goatee, 0, 1),
        "mouth": bell(x, y, (0.0, MOUTH_Y), (0.3, 0.12)),
    }
    return {name: value.astype(np.float32) for name, value in maps.items()}


def normals(world: Picture) -> Picture:
    """(R, C, 3) unit normals of a (R, C, 3) surface, towards the outside."""
    down, across = np.zeros_like(world), np.zeros_like(world)
    down[1:-1], down[0], down[-1] = world[2:] - world[:-2], world[1] - world[0], world[-1] - world[-2]
    across[:, 1:-1] = world[:, 2:] - world[:, :-2]
    across[:, 0], across[:, -1] = world[:, 1] - world[:, 0], world[:, -1] - world[:, -2]
    (ax, ay, az), (dx, dy, dz) = np.moveaxis(across, -1, 0), np.moveaxis(down, -1, 0)
    n = np.stack([ay * dz - az * dy, az * dx - ax * dz, ax * dy - ay * dx], -1)
    out: Picture = n / np.maximum(np.sqrt(np.einsum("rci,rci->rc", n, n)), 1e-9)[..., None]
    return out


def _surface(view: View, look: Look, lamp: Lamp) -> tuple[Picture, NDArray[np.bool_]]:
    """(ROWS, COLUMNS, 5) light times tint, gloss and beard at each grid point, and which points face the viewer."""
    n, m = normals(view.grid_world), _maps()
    facing = n[..., 2] > 0.02
    half = lamp.direction + np.array([0, 0, 1], np.float32)
    both = cv2.transform(n, np.stack([lamp.direction, half / np.linalg.norm(half)]))
    lit, mirrored = both[..., 0], both[..., 1]
    diffuse = np.clip(0.25 + 0.75 * lit, 0, None)[..., None] * lamp.key
    open_sky = 1 - 0.42 * m["hollow"] + 0.12 * n[..., 1] * -1.0
    light = (diffuse + lamp.ambient) * open_sky[..., None]
    shine = np.clip(mirrored, 0, 1) ** 22 * lamp.gloss
    red = np.array([0.02, -0.10, -0.10], np.float32) * look.blush
    dark = np.array([-0.14, -0.17, -0.15], np.float32) * (0.4 + 0.6 * look.age + 0.5 * look.makeup)
    tint = 1 + m["blush"][..., None] * red + m["rim"][..., None] * dark
    beard = np.maximum(look.moustache * m["moustache"], look.beard * m["jaw"])
    if 0 < look.beard < 0.7:
        beard = np.maximum(look.moustache * m["moustache"], look.beard * 1.3 * m["goatee"])
    shade = look.stubble * np.maximum(m["moustache"], m["jaw"]) * 0.35
    tint = tint * (1 - shade[..., None] * np.array([1.0, 0.9, 0.75], np.float32))
    return np.concatenate([light * tint, shine[..., None], beard[..., None]], axis=-1).astype(np.float32), facing


def splat(view: View, look: Look, lamp: Lamp, size_px: int) -> Picture:
    """(112, 112, 5) the surface's light (RGB), gloss and beard as seen, spread smoothly beyond the face's edge.

    Grid columns are laid down from the side turned away to the near side, so that the nose covers what lies behind it.
    """
    values, facing = _surface(view, look, lamp)
    side = _SIDE
    share = np.float32(side / size_px)
    at = np.rint((view.grid + 0.5) * share - 0.5).astype(np.int64)
    seen = facing & (at >= 0).all(-1) & (at < side).all(-1)
    order = slice(None, None, -1) if view.pose.yaw > 0 else slice(None)
    flat = (at[..., 1] * side + at[..., 0]).T[order]
    chosen = seen.T[order]
    layer = np.zeros((side * side, 6), np.float32)
    places = flat[chosen]
    layer[places, :5] = values.transpose(1, 0, 2)[order][chosen]
    layer[places, 5] = 1
    layer = layer.reshape(side, side, 6)
    near = cv2.GaussianBlur(layer, (5, 5), 0.8)
    small = cv2.resize(layer, (side // 4, side // 4), interpolation=cv2.INTER_AREA)
    far = cv2.resize(cv2.GaussianBlur(small, (0, 0), 2.5), (side, side), interpolation=cv2.INTER_LINEAR)
    mixed = near + 0.01 * far
    weight = mixed[..., 5:] + 1e-5
    base = np.zeros(5, np.float32)
    base[:3] = lamp.ambient + 0.5 * lamp.key
    out = (mixed[..., :5] + 1e-5 * base) / weight
    out[..., 3:] *= np.clip(near[..., 5:] * 1.5, 0, 1)
    return single(out)
