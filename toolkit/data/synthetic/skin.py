"""Skin as it varies over the face: pores, blotches, freckles and the creases of age, on the unrolled surface."""

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.data.synthetic.arrays import Picture, single
from toolkit.data.synthetic.head import COLUMNS, ROWS, mean_head

FINER = 4
"""Texels per cell of the surface grid."""
KINDS = 12
_REACH = 7
"""Widths beyond which a crease is not seen."""
_AGES = (0.0, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9, 1.0, 1.0)


@cache
def _places() -> tuple[FloatArray, FloatArray]:
    """How far aside and how low on the mean head every texel lies, one after another."""
    grid = mean_head().vertices[: ROWS * COLUMNS].reshape(ROWS, COLUMNS, 3)
    wide = cv2.resize(grid, (COLUMNS * FINER, ROWS * FINER), interpolation=cv2.INTER_LINEAR).astype(np.float64)
    return np.abs(wide[..., 0].ravel()), wide[..., 1].ravel()


def _crease(knots: Sequence[tuple[float, float]], width: float) -> tuple[NDArray[np.intp], Picture]:
    """Which texels a dark line through knots on both sides of the face darkens, and how much, 0 to 1."""
    aside, low = _places()
    (left, top), (right, bottom) = (edge(knots, axis=0) for edge in (np.min, np.max))
    reach = _REACH * width
    near = np.flatnonzero(
        (aside > left - reach) & (aside < right + reach) & (low > top - reach) & (low < bottom + reach)
    )
    a, b = np.array(knots[:-1]), np.array(knots[1:])
    spot, along = np.stack([aside[near], low[near]], -1)[:, None], b - a
    t = np.clip(((spot - a) * along).sum(-1) / (along * along).sum(-1), 0, 1)
    far = np.linalg.norm(spot - (a + t[..., None] * along), axis=-1).min(-1)
    return near, single(np.exp(-0.5 * (far / width) ** 2))


def _aged(rng: np.random.Generator, age: float) -> Picture:
    """(ROWS * FINER, COLUMNS * FINER) how much darker age's lines make each texel."""
    lines = np.zeros(ROWS * COLUMNS * FINER * FINER, np.float32)

    def add(knots: Sequence[tuple[float, float]], width: float, depth: float) -> None:
        moved = [(a, b + rng.normal(0, 0.008)) for a, b in knots]
        deep = depth * rng.uniform(0.3, 1.0)
        near, line = _crease(moved, width)
        lines[near] = np.maximum(lines[near], deep * line)

    for height in np.arange(-0.34, -0.62, -0.075):
        add([(0, height), (0.2, height - 0.015), (0.42, height + 0.03)], 0.012, 0.3 * age)
    for n in range(4):
        add([(0.53, 0.02), (0.68, -0.06 + 0.05 * n)], 0.008, 0.3 * age)
    add([(0.19, 0.42), (0.26, 0.53), (0.34, 0.66), (0.36, 0.76)], 0.02, 0.2 + 0.3 * age)
    add([(0.34, 0.74), (0.36, 0.88)], 0.015, 0.35 * age)
    add([(0.22, 0.06), (0.3, 0.115), (0.4, 0.12), (0.48, 0.08)], 0.015, 0.1 + 0.3 * age)
    add([(0.05, -0.2), (0.045, -0.08)], 0.01, 0.4 * age)
    add([(0.0, 0.9), (0.12, 0.88)], 0.02, 0.2)
    return lines.reshape(ROWS * FINER, COLUMNS * FINER)


@cache
def skin_map(kind: int) -> ImageArray:
    """(ROWS * FINER, COLUMNS * FINER, 3) what the skin's colour is multiplied by, 128 for 1; kinds grow with age."""
    rng, age = np.random.default_rng([23, kind]), _AGES[kind]
    white = rng.normal(size=(ROWS * FINER, COLUMNS * FINER, 3)).astype(np.float32)
    fine, blotch, broad = (cv2.GaussianBlur(white, (0, 0), s) for s in (0.6, 4, 14))
    out = 1 + 0.025 * (0.6 + age) * fine[..., :1] / fine.std() + 0.012 * blotch / blotch.std()
    out += 0.025 * broad / broad.std() * np.array([0.5, 1.0, 1.0])
    if kind in (1, 3, 6, 9):
        spots = np.clip(blotch[..., 0] / blotch.std() + fine[..., 1] / fine.std() - 2.0, 0, 1)[..., None]
        out -= spots * np.array([0.12, 0.2, 0.22])
    out -= _aged(rng, age)[..., None] * np.array([0.55, 0.7, 0.72])
    return np.asarray(np.clip(128 * out, 0, 255), np.uint8)
