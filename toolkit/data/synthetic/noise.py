"""Noise textures: cut from tiles that are made once."""

from functools import cache

import cv2
import numpy as np

from toolkit.data.synthetic.arrays import Picture, single

_TILE = 768
_ANGLES = (-40, -20, 0, 20, 40)


def _soft(white: Picture, sigma_x: float, sigma_y: float | None = None) -> Picture:
    return single(cv2.GaussianBlur(white, (0, 0), sigmaX=sigma_x, sigmaY=sigma_y or sigma_x))


@cache
def noise_tile(kind: str, angle: int = 0) -> Picture:
    """A square tile of noise, mean 0 and deviation 1: "cloud", "grain", or "strand" (streaks, turned by `angle`)."""
    white = np.random.default_rng(7).normal(size=(_TILE, _TILE)).astype(np.float32)
    if kind == "cloud":
        tile = single(sum(_soft(np.roll(white, 97 * n, axis=(0, 1)), 2.0**n) * 2.6**n for n in range(7)))
    elif kind == "strand":
        tile = _soft(white, 0.6, 9) + 2.5 * _soft(white[::-1].copy(), 2.0, 16)
        turn = cv2.getRotationMatrix2D((_TILE / 2, _TILE / 2), angle, 1.0)
        tile = single(cv2.warpAffine(tile, turn, (_TILE, _TILE), borderMode=cv2.BORDER_WRAP))
    else:
        tile = _soft(white, 0.5)
    return single((tile - np.mean(tile)) / np.std(tile))


def noise_patch(rng: np.random.Generator, kind: str, side: int, zoom: float = 1.0) -> Picture:
    """(side, side) piece of a tile from a random place, magnified `zoom` times; streaks run in a random direction."""
    tile = noise_tile(kind, int(rng.choice(_ANGLES)) if kind == "strand" else 0)
    size = int(np.clip(side / zoom, 4, _TILE - 1))
    x, y = rng.integers(0, _TILE - size, 2)
    return single(cv2.resize(tile[y : y + size, x : x + size], (side, side), interpolation=cv2.INTER_LINEAR))
