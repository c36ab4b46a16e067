"""Bilinear and nearest resizing of the last two axes, with the sampling grids that MIL defines."""

import numpy as np

from toolkit.runtime.mil.ops.arguments import Arguments, Operator
from toolkit.runtime.mil.values import Array

SAMPLING = ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "DEFAULT", "OFFSET_CORNERS", "UNALIGN_CORNERS")


def grid(size_in: int, size_out: int, sampling: str) -> Array:
    """Where each output sample lies on the input's [0, size_in - 1]; UNALIGN_CORNERS means half-pixel centres."""
    index = np.arange(size_out, dtype=np.float64)
    if sampling == "UNALIGN_CORNERS":
        points = (index + 0.5) * (size_in / size_out) - 0.5
    elif sampling == "OFFSET_CORNERS":
        points = (index + 0.5) * (max(1, size_in - 1) / size_out)
    elif sampling == "DEFAULT":
        points = index * (size_in / size_out)
    elif size_out > 1:
        points = index * ((size_in - 1) / (size_out - 1))
    else:
        points = np.full(1, (size_in - 1) / 2 if sampling == "ALIGN_CORNERS" else 0.0)
    return np.clip(points, 0, size_in - 1)


def _bilinear(x: Array, sides: tuple[int, int], sampling: str) -> Array:
    for axis, size in zip((-2, -1), sides, strict=True):
        points = grid(x.shape[axis], size, sampling)
        low = np.floor(points).astype(np.intp)
        high = np.minimum(low + 1, x.shape[axis] - 1)
        part = (points - low).astype(np.float32).reshape(-1, *(1,) * (-1 - axis))
        x = x.take(low, axis) * (1 - part) + x.take(high, axis) * part
    return x


def _scaled(a: Arguments) -> tuple[Array, tuple[int, int]]:
    x = a.array("x")
    factors = a.number("scale_factor_height", 1), a.number("scale_factor_width", 1)
    height, width = (int(np.floor(side * factor)) for side, factor in zip(x.shape[-2:], factors, strict=True))
    return x, (height, width)


def upsample_bilinear(a: Arguments) -> Array:
    """Bilinear by scale factors, (..., H, W) -> (..., floor(H * fh), floor(W * fw))."""
    x, sides = _scaled(a)
    corners = bool(a.integer("align_corners", 1))
    if bool(a.integer("half_pixel_centers", int(not corners))) == corners:
        raise ValueError("align_corners and half_pixel_centers must differ")
    return _bilinear(x, sides, "STRICT_ALIGN_CORNERS" if corners else "UNALIGN_CORNERS")


def upsample_nearest_neighbor(a: Arguments) -> Array:
    """Repeats pixels by scale factors."""
    x, sides = _scaled(a)
    for axis, size in zip((-2, -1), sides, strict=True):
        x = x.take(np.arange(size) * x.shape[axis] // size, axis)
    return x


def resize_bilinear(a: Arguments) -> Array:
    """Bilinear to a given size."""
    sides = a.integer("target_size_height", 1), a.integer("target_size_width", 1)
    return _bilinear(a.array("x"), sides, a.one_of("sampling_mode", SAMPLING, "DEFAULT"))


def resize(a: Arguments) -> Array:
    """iOS 17's bilinear resize of the last axes; a size of 0 keeps the input's."""
    x = a.array("x")
    a.one_of("interpolation_mode", ("LINEAR",), "LINEAR")
    if a.integer("resized_dims") != 2:
        raise ValueError("only two axes can be resized")
    wanted = a.integers("shape")[-2:]
    height, width = (size or side for size, side in zip(wanted, x.shape[-2:], strict=True))
    return _bilinear(x, (height, width), a.one_of("sampling_mode", SAMPLING, "DEFAULT"))


OPERATORS: dict[str, Operator] = {
    "upsample_bilinear": upsample_bilinear,
    "upsample_nearest_neighbor": upsample_nearest_neighbor,
    "resize_bilinear": resize_bilinear,
    "resize": resize,
}
