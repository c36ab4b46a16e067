"""How light falls on the head: shading and skin computed on the surface grid and splatted into the image."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.sample import ImageArray
from toolkit.data.synthetic.arrays import Picture, single
from toolkit.data.synthetic.canvas import plain
from toolkit.data.synthetic.chance import between
from toolkit.data.synthetic.head import COLUMNS, ROWS, bell, mean_head, ramp
from toolkit.data.synthetic.look import Look
from toolkit.data.synthetic.pose import View
from toolkit.data.synthetic.skin import FINER, skin_map

_ONE = 90
"""A light of 1 in bytes, before it meets the skin."""
_SIDE = 80
"""Longer side of the splat layer at most, matched to the finer grid's density."""


@dataclass(frozen=True, kw_only=True)
class Lamp:
    """A key light and the light from everywhere else."""

    direction: Picture
    """(3,) unit vector towards the lamp, in the viewer's axes."""
    key: Picture
    ambient: Picture
    gloss: float
    wrap: float = 0.25
    """How far the key light reaches round the head: 0 a bare bulb, 0.5 a cloudy sky."""


@dataclass(frozen=True)
class Layer:
    """What the surface looks like in a part of the image."""

    rows: slice
    columns: slice
    light: ImageArray
    """(h, w, 3) what the head's colours are multiplied by, 128 for 1."""
    gloss: Picture | None
    """(h, w) where the lamp is glossy."""
    beard: Picture | None
    """(h, w) density, where there is a beard."""


def draw_lamp(rng: np.random.Generator) -> Lamp:
    """A random lamp: mostly above and in front, sometimes hard from a side, now and then behind."""
    aside = rng.normal(0, 0.75) if rng.random() < 0.8 else 2.0 * (1 - 2 * (rng.random() < 0.5))
    direction = np.array([aside, -0.25 - 0.5 * abs(rng.normal()) + 0.25 * rng.random(), between(rng, 0.1, 1.2)])
    ambient = between(rng, 0.2, 0.85)
    warm = rng.normal(0, 0.05)
    tint, fill = np.array([1 + warm, 1, 1 - warm]), np.array([1 - 0.7 * warm, 1, 1 + 0.7 * warm])
    return Lamp(
        direction=(direction / np.linalg.norm(direction)).astype(np.float32),
        key=(tint * (1.1 - ambient) * between(rng, 0.9, 1.2)).astype(np.float32),
        ambient=(fill * ambient).astype(np.float32),
        gloss=between(rng, 0, 1) ** 1.5,
        wrap=between(rng, 0.05, 0.4),
    )


def flat_light(lamp: Lamp) -> Picture:
    """(3,) the light on what has no surface of its own: hair, neck, ears."""
    out: Picture = lamp.ambient + np.float32(0.5) * lamp.key
    return out


@cache
def _maps() -> dict[str, Picture]:
    """(ROWS, COLUMNS) strengths on the mean head: openness to the sky, blush, dark eye rims, and where beards grow."""
    grid = mean_head().vertices[: ROWS * COLUMNS].reshape(ROWS, COLUMNS, 3).astype(np.float64)
    x, y, z = np.moveaxis(grid, -1, 0)
    hollow = np.clip(cv2.GaussianBlur(z, (0, 0), 2) - z, -0.05, 0.12) / 0.12
    under_nose = ramp(0.5, 0.55, y) * (1 - ramp(0.62, 0.66, y)) * (1 - ramp(0.24, 0.36, np.abs(x)))
    side = ramp(0.0, 0.35, np.abs(x) - (0.78 - 0.62 * ramp(0.15, 1.0, y)))
    jaw = np.maximum(ramp(0.2, 0.5, y) * side, ramp(0.9, 0.98, y) * (1 - ramp(0.3, 0.6, np.abs(x)) * 0.3))
    jaw = np.maximum(jaw, ramp(0.56, 0.75, y) * ramp(0.27, 0.36, np.abs(x)) * ramp(0.3, 0.6, y) * 0.95)
    goatee = bell(x, y, (0.0, 1.08), (0.2, 0.11)) + bell(x, y, (0.33, 0.82), (0.05, 0.15)) * 0.8
    maps = {
        "open": 0.9 - 0.42 * hollow,
        "blush": bell(x, y, (0.43, 0.38), (0.15, 0.13)) + 0.8 * bell(x, y, (0, 0.42), (0.1, 0.09)),
        "rim": bell(x, y, (0.34, 0.06), (0.17, 0.075)) + 0.7 * bell(x, y, (0.2, 0.0), (0.06, 0.07)),
        "moustache": under_nose,
        "bristle": np.maximum(under_nose, np.clip(jaw, 0, 1)),
        "jaw": np.clip(jaw, 0, 1),
        "goatee": np.clip(goatee, 0, 1),
    }
    soft = {name: cv2.GaussianBlur(maps[name], (0, 0), 1.0) for name in ("moustache", "bristle", "jaw", "goatee")}
    return {name: value.astype(np.float32) for name, value in {**maps, **soft}.items()}


def normals(world: Picture) -> Picture:
    """(R, C, 3) unit normals of a (R, C, 3) surface, towards the outside."""
    down, across = np.empty_like(world), np.empty_like(world)
    down[1:-1], down[0], down[-1] = world[2:] - world[:-2], world[1] - world[0], world[-1] - world[-2]
    across[:, 1:-1] = world[:, 2:] - world[:, :-2]
    across[:, 0], across[:, -1] = world[:, 1] - world[:, 0], world[:, -1] - world[:, -2]
    (ax, ay, az), (dx, dy, dz) = np.moveaxis(across, -1, 0), np.moveaxis(down, -1, 0)
    n = np.stack([ay * dz - az * dy, az * dx - ax * dz, ax * dy - ay * dx])
    n /= np.sqrt(np.maximum((n * n).sum(axis=0), 1e-12))
    out: Picture = np.ascontiguousarray(n.transpose(1, 2, 0))
    return out


def _beard(look: Look) -> Picture:
    m = _maps()
    grown = m["goatee"] * 1.3 if 0 < look.beard < 0.7 else m["jaw"]
    out: Picture = np.maximum(np.float32(look.moustache) * m["moustache"], np.float32(look.beard) * grown)
    return out


def _surface(view: View, look: Look, lamp: Lamp) -> tuple[Picture, NDArray[np.bool_]]:
    """(ROWS, COLUMNS, 4) light times tint as RGB, and gloss; and (ROWS, COLUMNS) what faces the viewer."""
    n, m = normals(view.grid_world), _maps()
    half = lamp.direction + np.array([0, 0, 1], np.float32)
    half /= max(float(np.linalg.norm(half)), 1e-3)
    both = cv2.transform(n, np.stack([lamp.direction, half]).astype(np.float32))
    key = np.maximum((both[..., 0] + np.float32(lamp.wrap)) * np.float32(1 / (1 + lamp.wrap)), 0)
    sky = m["open"] - np.float32(0.15) * n[..., 1] + np.float32(0.1) * n[..., 2]
    shade = m["rim"] * np.float32(0.15 * (0.4 + 0.6 * look.age + 0.5 * look.makeup))
    if look.stubble:
        shade += m["bristle"] * np.float32(0.3 * look.stubble)
    blush = m["blush"] * np.float32(look.blush)
    out = np.empty((ROWS, COLUMNS, 4), np.float32)
    for c, (redder, darker) in enumerate(((0.02, -0.95), (-0.1, -1.1), (-0.1, -1.0))):
        part = key * lamp.key[c]
        part += sky * lamp.ambient[c]
        part *= 1 + np.float32(redder) * blush + np.float32(darker) * shade
        out[..., c] = part
    out[..., 3] = np.maximum(both[..., 1], 0) ** 22 * np.float32(lamp.gloss)
    return out, n[..., 2] > 0.03


@cache
def _places() -> tuple[Picture, Picture]:
    """Grid row and column of each cell of the grid made twice finer, in the order that they are laid down in."""
    row, column = (_axis.astype(np.float32) for _axis in np.mgrid[0 : 2 * ROWS, 0 : 2 * COLUMNS])
    return single((row.T.ravel() - 0.5) / 2), single((column.T.ravel() - 0.5) / 2)


def _unrolled(view: View, facing: NDArray[np.bool_], part: tuple[int, int, int, int], share: float) -> Picture:
    """(h, w, 3) grid row and column of what each pixel of a part of the image shows, spread a little, and how surely.

    Grid columns are laid down from the side turned away to the near side, so that the nose covers what lies behind it.
    """
    x0, y0, width, height = part
    coarse = np.empty((ROWS, COLUMNS, 3), np.float32)
    coarse[..., :2], coarse[..., 2] = (view.grid - np.array([x0, y0], np.float32)) * np.float32(share) + 0.5, facing
    fine = cv2.resize(coarse, (COLUMNS * 2, ROWS * 2), interpolation=cv2.INTER_LINEAR)
    x, y, seen = np.ascontiguousarray(fine.transpose(2, 1, 0)).reshape(3, -1)
    chosen = np.flatnonzero((seen > 0.5) & (x >= 0) & (y >= 0) & (x < width) & (y < height))
    if view.pose.yaw > 0:
        chosen = chosen[::-1]
    place = y[chosen].astype(np.int32) * width + x[chosen].astype(np.int32)
    rows, columns = _places()
    layer = np.zeros((height * width, 3), np.float32)
    layer[place, 0], layer[place, 1], layer[place, 2] = rows[chosen], columns[chosen], 1
    near = cv2.blur(layer.reshape(height, width, 3), (3, 3))
    tiny = np.ascontiguousarray(cv2.blur(near, (5, 5))[::4, ::4])
    far = single(cv2.resize(cv2.blur(tiny, (5, 5)), (width, height), interpolation=cv2.INTER_LINEAR))
    return single(near + np.float32(0.02) * far)


def splat(view: View, look: Look, lamp: Lamp, size_px: int) -> Layer:
    """The surface's light, gloss and beard as seen, spread smoothly a little beyond the face's edge."""
    pad = int(0.12 * view.unit_px) + 2
    low = np.maximum(view.grid.min(axis=(0, 1)).astype(int) - pad, 0)
    high = np.minimum(view.grid.max(axis=(0, 1)).astype(int) + pad + 2, size_px)
    (x0, y0), (width, height) = low.tolist(), np.maximum(high - low, 2).tolist()
    share = min(1.0, _SIDE / max(width, height))
    values, facing = _surface(view, look, lamp)
    near = _unrolled(view, facing, (x0, y0, max(int(width * share), 2), max(int(height * share), 2)), share)
    if share < 1:
        near = single(cv2.resize(near, (width, height), interpolation=cv2.INTER_LINEAR))
    row, column, known = cv2.split(near)
    sure = np.maximum(known, 1e-4)
    row, column = single(row / sure), single(column / sure)
    solid = np.minimum(known * np.float32(1.6), 1)
    bytes_ = np.asarray(cv2.convertScaleAbs(np.ascontiguousarray(values[..., :3]), alpha=_ONE), np.uint8)
    light = cv2.remap(bytes_, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    edge = np.float32((FINER - 1) / 2)
    albedo = cv2.remap(skin_map(look.skin_kind), column * FINER + edge, row * FINER + edge, cv2.INTER_LINEAR)
    fade = cv2.blur(np.minimum(known * np.float32(200), 1), (7, 7))
    around = plain((height, width), flat_light(lamp) * 128)
    mixed = cv2.blendLinear(cv2.multiply(light, albedo, scale=1 / _ONE), around, fade, 1 - fade)
    gloss = beard = None
    if lamp.gloss > 0.1:
        gloss = solid * cv2.remap(np.ascontiguousarray(values[..., 3]), column, row, cv2.INTER_LINEAR)
    if look.beard or look.moustache:
        beard = solid * cv2.remap(_beard(look), column, row, cv2.INTER_LINEAR)
    return Layer(slice(y0, y0 + height), slice(x0, x0 + width), np.asarray(mixed, np.uint8), gloss, beard)
