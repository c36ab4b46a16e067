"""How light falls on the head, computed on the surface grid."""

from dataclasses import dataclass
from functools import cache
from math import hypot

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import ImageArray, SingleArray, single
from toolkit.data.synthetic.chance import Colour, between
from toolkit.data.synthetic.head import COLUMNS, ROWS, bell, mean_head, ramp
from toolkit.data.synthetic.look import Look
from toolkit.data.synthetic.pose import HeadView, slopes

ONE = 90
"""A light of 1 in bytes, before it meets the skin."""
_REDDER = np.array([0.02, -0.1, -0.1], np.float32)[:, None]
_DARKER = np.array([-0.95, -1.1, -1.0], np.float32)[:, None]
"""What blush and shade do to red, green and blue."""


@dataclass(frozen=True, kw_only=True)
class Lamp:
    """A key light and the light from everywhere else."""

    direction: SingleArray
    """(3,) unit vector towards the lamp, in the viewer's axes."""
    key: SingleArray
    ambient: SingleArray
    gloss: float
    wrap: float = 0.25
    """How far the key light reaches round the head: 0 a bare bulb, 0.5 a cloudy sky."""


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
def _maps() -> dict[str, SingleArray]:
    """(ROWS * COLUMNS,) strengths on the mean head: openness to the sky, blush, dark eye rims, where beards grow."""
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


def normals(surface: SingleArray) -> SingleArray:
    """(3, R * C) unit normals of a (3, R, C) surface, towards the outside."""
    (ax, ay, az), (dx, dy, dz) = (slope.reshape(3, -1) for slope in slopes(surface))
    n = np.stack([ay * dz - az * dy, az * dx - ax * dz, ax * dy - ay * dx])
    squares = n * n
    n /= np.sqrt(np.maximum(squares[0] + squares[1] + squares[2], 1e-12))
    return single(n)


def beard_on(look: Look) -> SingleArray:
    """(ROWS, COLUMNS) how dense the beard grows."""
    m = _maps()
    grown = m["goatee"] * 1.3 if 0 < look.beard < 0.7 else m["jaw"]
    out: SingleArray = np.maximum(np.float32(look.moustache) * m["moustache"], np.float32(look.beard) * grown)
    return out.reshape(ROWS, COLUMNS)


@dataclass(frozen=True)
class Shading:
    """What the lamp makes of the surface, (ROWS, COLUMNS) each."""

    light: ImageArray
    """(ROWS, COLUMNS, 3) light times tint, ONE for 1."""
    gloss: SingleArray | None
    """Where the lamp is glossy."""
    facing: NDArray[np.bool_]
    """What faces the viewer."""


def _cosines(n: SingleArray, direction: SingleArray) -> SingleArray:
    """(V,) cosines of the angles between normals (3, V) and a direction (3,)."""
    out: SingleArray = n[0] * direction[0]
    out += n[1] * direction[1]
    out += n[2] * direction[2]
    return out


def shaded(view: HeadView, look: Look, lamp: Lamp) -> Shading:
    """The surface of a head under a lamp."""
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
    red, green, blue = cv2.convertScaleAbs(light, alpha=ONE).reshape(3, ROWS, COLUMNS)
    gloss = None
    if lamp.gloss > 0.1:
        x, y, z = lamp.direction.tolist()
        half = np.array([x, y, z + 1], np.float32) / np.float32(max(hypot(x, y, z + 1), 1e-3))
        gloss = (np.maximum(_cosines(n, half), 0) ** 22 * np.float32(lamp.gloss)).reshape(ROWS, COLUMNS)
    facing = (n[2] > 0.03).reshape(ROWS, COLUMNS)
    return Shading(np.asarray(cv2.merge([red, green, blue]), np.uint8), gloss, facing)
