"""The head's surface splatted into the image: which part of it each pixel shows, with its light, skin and beard."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import ImageArray
from toolkit.data.synthetic.arrays import Picture, single
from toolkit.data.synthetic.canvas import plain
from toolkit.data.synthetic.head import COLUMNS, ROWS
from toolkit.data.synthetic.light import ONE, Lamp, beard_on, flat_light, shaded
from toolkit.data.synthetic.look import Look
from toolkit.data.synthetic.pose import View
from toolkit.data.synthetic.skin import FINER, skin_map

_SIDE = 80
"""Longer side of the splatted layer at most, matched to the finer grid's density."""


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


def _window(view: View, size_px: int) -> _Window:
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
    gloss: Picture | None
    """(h, w) where the lamp is glossy."""
    beard: Picture | None
    """(h, w) density, where there is a beard."""


_CELLS = np.arange(1, 4 * ROWS * COLUMNS + 1, dtype=np.int32)


@cache
def _places() -> Picture:
    """(N + 1, 3) grid row and column of each cell of the grid made twice finer, column by column, and 1; 0 at first."""
    row, column = (axis.T.ravel().astype(np.float32) for axis in np.mgrid[0 : 2 * ROWS, 0 : 2 * COLUMNS])
    cells = np.stack([(row - 0.5) / 2, (column - 0.5) / 2, np.ones_like(row)], -1)
    return single(np.concatenate([np.zeros((1, 3)), cells]))


def _unrolled(view: View, facing: NDArray[np.bool_], window: _Window) -> Picture:
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


def splat(view: View, look: Look, lamp: Lamp, size_px: int) -> Layer:
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
