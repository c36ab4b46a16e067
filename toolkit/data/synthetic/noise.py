"""Noise textures: cut from tiles that are made once."""

from functools import cache
from math import log2

import cv2
import numpy as np

from toolkit.core.arrays import ImageArray
from toolkit.data.synthetic.arrays import Picture, single

_WHITE = 768
_TILE = 512
_ANGLES = (-40, -20, 0, 20, 40)
_FINEST, _COARSEST = -4, 6
"""Range of the tiles' magnifications, as powers of the square root of 2."""


def _soft(white: Picture, sigma_x: float, sigma_y: float | None = None) -> Picture:
    return single(cv2.GaussianBlur(white, (0, 0), sigmaX=sigma_x, sigmaY=sigma_y or sigma_x))


@cache
def _plain(kind: str, angle: int) -> Picture:
    """A tile as large as it is drawn, mean 0 and deviation 1."""
    white = np.random.default_rng(7).normal(size=(_WHITE, _WHITE)).astype(np.float32)
    if kind == "cloud":
        tile = single(sum(_soft(np.roll(white, 97 * n, axis=(0, 1)), 2.0**n) * 2.6**n for n in range(7)))
    elif kind == "strand":
        tile = _soft(white, 0.6, 12) + 2.5 * _soft(white[::-1].copy(), 2.0, 24)
        turn = cv2.getRotationMatrix2D((_WHITE / 2, _WHITE / 2), angle, 1.0)
        tile = single(cv2.warpAffine(tile, turn, (_WHITE, _WHITE), borderMode=cv2.BORDER_WRAP))
    else:
        tile = _soft(white, 0.5)
    return single((tile - np.mean(tile)) / np.std(tile))


@cache
def _tile(kind: str, angle: int, step: int, side: int) -> Picture:
    """(side, side) of a tile magnified by sqrt(2) ** step."""
    plain, need = _plain(kind, angle), int(side / 2 ** (step / 2)) + 1
    if need > _WHITE:
        plain = single(cv2.copyMakeBorder(plain, 0, need - _WHITE, 0, need - _WHITE, cv2.BORDER_REFLECT))
    return single(
        cv2.resize(plain[:need, :need], (side, side), interpolation=cv2.INTER_AREA if step < 0 else cv2.INTER_LINEAR)
    )


def noise(rng: np.random.Generator, kind: str, side: int, zoom: float = 1.0) -> Picture:
    """(side, side) of noise, mean about 0 and deviation 1, magnified about `zoom` times; not to be written to.

    Kinds: "cloud", "grain", and "strand", streaks that run in a random direction.
    """
    step = min(max(round(2 * log2(zoom)), _FINEST), _COARSEST)
    tile = _tile(kind, _ANGLES[int(rng.random() * 5)] if kind == "strand" else 0, step, _TILE * (side // 384 + 1))
    free = len(tile) - side
    x, y = int(rng.random() * free), int(rng.random() * free)
    return tile[y : y + side, x : x + side]


@cache
def _hairy(angle: int, step: int, side: int) -> ImageArray:
    """(side, side) strands and locks, 128 in the mean."""
    fine, locks = (_tile("strand", angle, step + more, side) for more in (0, 3))
    shade = 1 + 0.17 * fine + 0.17 * locks + 0.14 * _tile("cloud", 0, -2, side)
    return np.asarray(np.clip(128 * shade, 30, 255), np.uint8)


def hair_shade(rng: np.random.Generator, side: int, unit_px: float) -> ImageArray:
    """(side, side) uint8, 128 in the mean: the light and dark of strands that run in a random direction."""
    step = min(max(round(2 * log2(0.6 * unit_px / 40 * (0.7 + 0.6 * rng.random()))), _FINEST), 3)
    tile = _hairy(_ANGLES[int(rng.random() * 5)], step, _TILE * (side // 384 + 1))
    free = len(tile) - side
    x, y = int(rng.random() * free), int(rng.random() * free)
    return tile[y : y + side, x : x + side]


@cache
def _film(side: int) -> ImageArray:
    """(side, side, 3) coloured grain about 128, deviation 40."""
    grain = np.random.default_rng(8).normal(size=(side, side, 3)).astype(np.float32)
    grain = 0.6 * grain + 0.4 * grain[..., :1]
    soft = cv2.GaussianBlur(grain, (3, 3), 0.6)
    return np.clip(128 + 40 / np.std(soft) * soft, 0, 255).astype(np.uint8)


def film_grain(rng: np.random.Generator, side: int) -> ImageArray:
    """(side, side, 3) uint8 grain about 128 with deviation 40; not to be written to."""
    film = _film(_TILE * (side // 384 + 1))
    free = len(film) - side
    x, y = int(rng.random() * free), int(rng.random() * free)
    return film[y : y + side, x : x + side]
