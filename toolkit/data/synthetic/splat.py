"""The head's surface splatted into the image: which part of it each pixel shows, with its light, skin and beard."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray, ImageArray, SingleArray, single
from toolkit.data.synthetic.canvas import plain
from toolkit.data.synthetic.head import COLUMNS, ROWS, mean_head
from toolkit.data.synthetic.light import ONE, Lamp, beard_on, flat_light, shaded
from toolkit.data.synthetic.look import Look
from toolkit.data.synthetic.pose import HeadView

FINER = 4
"""Texels per cell of the surface grid."""
KINDS = 12
_REACH = 7
"""Widths beyond which a crease is not seen."""
_AGES = (0.0, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9, 1.0, 1.0)
_SIDE = 80
"""Longer side of the splatted layer at most, matched to the finer grid's density."""
_CELLS = np.arange(1, 4 * ROWS * COLUMNS + 1, dtype=np.int32)


@cache
def _texels() -> tuple[FloatArray, FloatArray]:
    """How far aside and how low on the mean head every texel lies, one after another."""
    grid = mean_head().vertices[: ROWS * COLUMNS].reshape(ROWS, COLUMNS, 3)
    wide = cv2.resize(grid, (COLUMNS * FINER, ROWS * FINER), interpolation=cv2.INTER_LINEAR).astype(np.float64)
    return np.abs(wide[..., 0].ravel()), wide[..., 1].ravel()


def _crease(knots: Sequence[tuple[float, float]], width: float) -> tuple[NDArray[np.intp], SingleArray]:
    """Which texels a dark line through knots on both sides of the face darkens, and how much, 0 to 1."""
    aside, low = _texels()
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


def _aged(rng: np.random.Generator, age: float) -> SingleArray:
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


@dataclass(frozen=True)
class _Window:
    """The part of the image where the surface is seen, in whole pixels."""

    left: int
    top: int
    width: int
    height: int
    cut: bool
    """Whether the image's edge cuts off some of the surface, or of the margin round it."""

    @property
    def where(self) -> tuple[slice, slice]:
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def _window(view: HeadView, size_px: int) -> _Window:
    """All of the surface with a margin, as far as it lies in the image."""
    pad = int(0.12 * view.unit_px) + 2
    lows = [int(plane.min()) - pad for plane in view.planes]
    highs = [int(plane.max()) + pad + 2 for plane in view.planes]
    left, top = (max(low, 0) for low in lows)
    width, height = (max(min(high, size_px) - low, 2) for high, low in zip(highs, (left, top), strict=True))
    return _Window(left, top, width, height, min(lows) < 0 or max(highs) > size_px)


@dataclass(frozen=True)
class Layer:
    """What the surface looks like, in the part of the image where it is seen."""

    where: tuple[slice, slice]
    """Rows and columns of that part."""
    light: ImageArray
    """(S, S, 3) what the head's colours are multiplied by in the whole image, 128 for 1."""
    gloss: SingleArray | None
    """(h, w) where the lamp is glossy."""
    beard: SingleArray | None
    """(h, w) density, where there is a beard."""


@cache
def _places() -> SingleArray:
    """(N + 1, 3) grid row and column of each cell of the grid made twice finer, column by column, and 1; 0 at first."""
    row, column = (axis.T.ravel().astype(np.float32) for axis in np.mgrid[0 : 2 * ROWS, 0 : 2 * COLUMNS])
    cells = np.stack([(row - 0.5) / 2, (column - 0.5) / 2, np.ones_like(row)], -1)
    return single(np.concatenate([np.zeros((1, 3)), cells]))


def _unrolled(view: HeadView, facing: NDArray[np.bool_], window: _Window) -> SingleArray:
    """(h, w, 3) grid row and column of what each pixel of a window shows, spread a little, and how surely.

    Grid columns are laid down from the side turned away to the near side, so that the nose covers what lies behind it.
    """
    share = min(1.0, _SIDE / max(window.width, window.height))
    width, height = max(int(window.width * share), 2), max(int(window.height * share), 2)
    corner = np.array([window.left, window.top], np.float32)
    coarse = (view.planes - corner[:, None, None]) * np.float32(share) + np.float32(0.5)
    x, y, seen = (
        cv2.transpose(cv2.resize(plane, (COLUMNS * 2, ROWS * 2), interpolation=cv2.INTER_LINEAR)).ravel()
        for plane in (*coarse, facing.astype(np.float32))
    )
    outside = height * width
    place = y.astype(np.int32)
    place *= width
    place += x.astype(np.int32)
    lost = seen <= 0.5
    if window.cut:
        lost |= (x < 0) | (y < 0) | (x >= width) | (y >= height)
    np.putmask(place, lost, outside)
    order = slice(None, None, -1 if view.pose.yaw > 0 else 1)
    top = np.zeros(outside + 1, np.int32)
    top[place[order].astype(np.intp)] = _CELLS[order]
    near = cv2.blur(_places().take(top[:-1], axis=0).reshape(height, width, 3), (3, 3))
    tiny = np.ascontiguousarray(cv2.blur(near, (5, 5))[::4, ::4])
    far = single(cv2.resize(cv2.blur(tiny, (5, 5)), (width, height), interpolation=cv2.INTER_LINEAR))
    far *= np.float32(0.02)
    far += near
    if share < 1:
        far = single(cv2.resize(far, (window.width, window.height), interpolation=cv2.INTER_LINEAR))
    return far


def splat(view: HeadView, look: Look, lamp: Lamp, size_px: int) -> Layer:
    """The surface's light, gloss and beard as seen, spread smoothly a little beyond the face's edge."""
    window, shading = _window(view, size_px), shaded(view, look, lamp)
    row, column, known = (single(plane) for plane in cv2.split(_unrolled(view, shading.facing, window)))
    sure = np.maximum(known, 1e-4)
    row /= sure
    column /= sure
    light = cv2.remap(shading.light, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    edge = np.float32((FINER - 1) / 2)
    albedo = cv2.remap(skin_map(look.skin_kind), column * FINER + edge, row * FINER + edge, cv2.INTER_LINEAR)
    fade = cv2.blur(np.minimum(known * np.float32(200), 1), (7, 7))
    around = plain((size_px, size_px), flat_light(lamp))
    where = window.where
    mixed = cv2.blendLinear(cv2.multiply(light, albedo, scale=1 / ONE), around[where], fade, 1 - fade)
    around[where] = mixed
    solid = np.minimum(known * np.float32(1.6), 1)
    gloss = beard = None
    if shading.gloss is not None:
        gloss = solid * cv2.remap(shading.gloss, column, row, cv2.INTER_LINEAR)
    if look.beard or look.moustache:
        beard = solid * cv2.remap(beard_on(look), column, row, cv2.INTER_LINEAR)
    return Layer(where, around, gloss, beard)
