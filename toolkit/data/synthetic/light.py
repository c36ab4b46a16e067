"""How light falls on the head: shading and skin computed on the surface grid and splatted into the image."""

from dataclasses import dataclass
from functools import cache
from math import hypot

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.sample import ImageArray
from toolkit.data.synthetic.arrays import Picture, single
from toolkit.data.synthetic.canvas import plain
from toolkit.data.synthetic.chance import between
from toolkit.data.synthetic.colour import Colour
from toolkit.data.synthetic.head import COLUMNS, ROWS, bell, mean_head, ramp
from toolkit.data.synthetic.look import Look
from toolkit.data.synthetic.pose import View, slopes
from toolkit.data.synthetic.skin import FINER, skin_map

_ONE = 90
"""A light of 1 in bytes, before it meets the skin."""
_REDDER = np.array([0.02, -0.1, -0.1], np.float32)[:, None]
_DARKER = np.array([-0.95, -1.1, -1.0], np.float32)[:, None]
"""What blush and shade do to red, green and blue."""
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
    """What the surface looks like, in the part of the image where it is seen."""

    where: tuple[slice, slice]
    """Rows and columns of that part."""
    light: ImageArray
    """(S, S, 3) what the head's colours are multiplied by in the whole image, 128 for 1."""
    gloss: Picture | None
    """(h, w) where the lamp is glossy."""
    beard: Picture | None
    """(h, w) density, where there is a beard."""


def draw_lamp(rng: np.random.Generator) -> Lamp:
    """A random lamp: mostly above and in front, sometimes hard from a side, now and then behind."""
    aside = 0.75 * rng.standard_normal() if rng.random() < 0.8 else 2.0 * (1 - 2 * (rng.random() < 0.5))
    above = -0.25 - 0.5 * abs(rng.standard_normal()) + 0.25 * rng.random()
    front = between(rng, 0.1, 1.2)
    far = hypot(aside, above, front)
    ambient = between(rng, 0.2, 0.85)
    warm = 0.05 * rng.standard_normal()
    key = (1.1 - ambient) * between(rng, 0.9, 1.2)
    return Lamp(
        direction=np.array([aside / far, above / far, front / far], np.float32),
        key=np.array([(1 + warm) * key, key, (1 - warm) * key], np.float32),
        ambient=np.array([(1 - 0.7 * warm) * ambient, ambient, (1 + 0.7 * warm) * ambient], np.float32),
        gloss=between(rng, 0, 1) ** 1.5,
        wrap=between(rng, 0.05, 0.4),
    )


def flat_light(lamp: Lamp) -> Colour:
    """The light on what has no surface of its own, hair, neck and ears, in bytes with 128 for 1."""
    red, green, blue = ((lamp.ambient + np.float32(0.5) * lamp.key) * 128).tolist()
    return red, green, blue


@cache
def _maps() -> dict[str, Picture]:
    """(ROWS * COLUMNS,) strengths on the mean head: openness to the sky, blush, dark eye rims, and where beards grow."""
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
    return {name: value.astype(np.float32).ravel() for name, value in {**maps, **soft}.items()}


def normals(surface: Picture) -> Picture:
    """(3, R * C) unit normals of a (3, R, C) surface, towards the outside."""
    (ax, ay, az), (dx, dy, dz) = (slope.reshape(3, -1) for slope in slopes(surface))
    n = np.stack([ay * dz - az * dy, az * dx - ax * dz, ax * dy - ay * dx])
    squares = n * n
    n /= np.sqrt(np.maximum(squares[0] + squares[1] + squares[2], 1e-12))
    return n


def _beard(look: Look) -> Picture:
    m = _maps()
    grown = m["goatee"] * 1.3 if 0 < look.beard < 0.7 else m["jaw"]
    out: Picture = np.maximum(np.float32(look.moustache) * m["moustache"], np.float32(look.beard) * grown)
    return out.reshape(ROWS, COLUMNS)


@dataclass(frozen=True)
class _Shading:
    """What the lamp makes of the surface, (ROWS, COLUMNS) each."""

    light: ImageArray
    """(ROWS, COLUMNS, 3) light times tint, _ONE for 1."""
    gloss: Picture | None
    facing: NDArray[np.bool_]
    """What faces the viewer."""


def _cosines(n: Picture, direction: Picture) -> Picture:
    """(V,) cosines of the angles between normals (3, V) and a direction (3,)."""
    out = n[0] * direction[0]
    out += n[1] * direction[1]
    out += n[2] * direction[2]
    return out


def _shaded(view: View, look: Look, lamp: Lamp) -> _Shading:
    n, m = normals(view.head.surface), _maps()
    key = _cosines(n, lamp.direction)
    key += np.float32(lamp.wrap)
    key *= np.float32(1 / (1 + lamp.wrap))
    np.maximum(key, 0, out=key)
    sky = m["open"] - np.float32(0.15) * n[1] + np.float32(0.1) * n[2]
    shade = m["rim"] * np.float32(0.15 * (0.4 + 0.6 * look.age + 0.5 * look.makeup))
    if look.stubble:
        shade += m["bristle"] * np.float32(0.3 * look.stubble)
    blush = m["blush"] * np.float32(look.blush)
    light = key * lamp.key[:, None]
    light += sky * lamp.ambient[:, None]
    tint = _REDDER * blush
    tint += 1
    tint += _DARKER * shade
    light *= tint
    red, green, blue = cv2.convertScaleAbs(light, alpha=_ONE).reshape(3, ROWS, COLUMNS)
    gloss = None
    if lamp.gloss > 0.1:
        x, y, z = lamp.direction.tolist()
        half = np.array([x, y, z + 1], np.float32) / np.float32(max(hypot(x, y, z + 1), 1e-3))
        gloss = (np.maximum(_cosines(n, half), 0) ** 22 * np.float32(lamp.gloss)).reshape(ROWS, COLUMNS)
    facing = (n[2] > 0.03).reshape(ROWS, COLUMNS)
    return _Shading(np.asarray(cv2.merge([red, green, blue]), np.uint8), gloss, facing)


_CELLS = np.arange(1, 4 * ROWS * COLUMNS + 1, dtype=np.int32)


@cache
def _places() -> Picture:
    """(N + 1, 3) grid row and column of each cell of the grid made twice finer, column by column, and 1; 0 at first."""
    row, column = (axis.T.ravel().astype(np.float32) for axis in np.mgrid[0 : 2 * ROWS, 0 : 2 * COLUMNS])
    cells = np.stack([(row - 0.5) / 2, (column - 0.5) / 2, np.ones_like(row)], -1)
    return single(np.concatenate([np.zeros((1, 3)), cells]))


def _unrolled(view: View, facing: NDArray[np.bool_], part: tuple[int, int, int, int], share: float) -> Picture:
    """(h, w, 3) grid row and column of what each pixel of a part of the image shows, spread a little, and how surely.

    Grid columns are laid down from the side turned away to the near side, so that the nose covers what lies behind it.
    """
    x0, y0, width, height = part
    coarse = (view.planes - np.array([x0, y0], np.float32)[:, None, None]) * np.float32(share) + np.float32(0.5)
    x, y, seen = (
        cv2.transpose(cv2.resize(plane, (COLUMNS * 2, ROWS * 2), interpolation=cv2.INTER_LINEAR)).ravel()
        for plane in (*coarse, facing.astype(np.float32))
    )
    outside = height * width
    place = y.astype(np.int32)
    place *= width
    place += x.astype(np.int32)
    np.putmask(place, ~((seen > 0.5) & (x >= 0) & (y >= 0) & (x < width) & (y < height)), outside)
    order = slice(None, None, -1 if view.pose.yaw > 0 else 1)
    top = np.zeros(outside + 1, np.int32)
    top[place[order].astype(np.intp)] = _CELLS[order]
    near = cv2.blur(_places().take(top[:-1], axis=0).reshape(height, width, 3), (3, 3))
    tiny = np.ascontiguousarray(cv2.blur(near, (5, 5))[::4, ::4])
    far = single(cv2.resize(cv2.blur(tiny, (5, 5)), (width, height), interpolation=cv2.INTER_LINEAR))
    far *= np.float32(0.02)
    far += near
    return far


def splat(view: View, look: Look, lamp: Lamp, size_px: int) -> Layer:
    """The surface's light, gloss and beard as seen, spread smoothly a little beyond the face's edge."""
    pad = int(0.12 * view.unit_px) + 2
    x0, y0 = (max(int(plane.min()) - pad, 0) for plane in view.planes)
    width, height = (
        max(min(int(plane.max()) + pad + 2, size_px) - low, 2) for plane, low in zip(view.planes, (x0, y0), strict=True)
    )
    share = min(1.0, _SIDE / max(width, height))
    shading = _shaded(view, look, lamp)
    part = x0, y0, max(int(width * share), 2), max(int(height * share), 2)
    near = _unrolled(view, shading.facing, part, share)
    if share < 1:
        near = single(cv2.resize(near, (width, height), interpolation=cv2.INTER_LINEAR))
    row, column, known = (single(plane) for plane in cv2.split(near))
    sure = np.maximum(known, 1e-4)
    row /= sure
    column /= sure
    light = cv2.remap(shading.light, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    edge = np.float32((FINER - 1) / 2)
    albedo = cv2.remap(skin_map(look.skin_kind), column * FINER + edge, row * FINER + edge, cv2.INTER_LINEAR)
    fade = cv2.blur(np.minimum(known * np.float32(200), 1), (7, 7))
    around = plain((size_px, size_px), flat_light(lamp))
    where = slice(y0, y0 + height), slice(x0, x0 + width)
    mixed = cv2.blendLinear(cv2.multiply(light, albedo, scale=1 / _ONE), around[where], fade, 1 - fade)
    around[where] = mixed
    solid = np.minimum(known * np.float32(1.6), 1)
    gloss = beard = None
    if shading.gloss is not None:
        gloss = solid * cv2.remap(shading.gloss, column, row, cv2.INTER_LINEAR)
    if look.beard or look.moustache:
        beard = solid * cv2.remap(_beard(look), column, row, cv2.INTER_LINEAR)
    return Layer(where, around, gloss, beard)
