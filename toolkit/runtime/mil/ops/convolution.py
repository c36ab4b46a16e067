"""Convolution as matrix products, and the other weighted sums. All accumulate in float32."""

import numpy as np

from toolkit.runtime.mil.ops.arguments import Arguments, Operator
from toolkit.runtime.mil.values import Array

PAD_TYPES = ("valid", "custom", "same", "same_lower")


def conv(a: Arguments) -> Array:
    """2-D convolution: (B, C_in, H, W) by (C_out, C_in / groups, kh, kw) -> (B, C_out, h, w)."""
    x, weight = a.array("x"), a.array("weight")
    if x.ndim != 4:
        raise ValueError(f"only 2-D convolutions are supported, the input has shape {x.shape}")
    strides, dilations = (a.integers(name, [1, 1]) for name in ("strides", "dilations"))
    extents = [(k - 1) * d + 1 for k, d in zip(weight.shape[2:], dilations, strict=True)]
    padded = _padded(x, _padding(a, x.shape[2:], extents, strides))
    windows = _windows(padded, extents)[:, :, :: strides[0], :: strides[1], :: dilations[0], :: dilations[1]]
    groups = a.integer("groups", 1)
    depthwise = groups == x.shape[1] and groups > 1
    out = _depthwise(windows, weight) if depthwise else _grouped(windows, weight, groups)
    if (bias := a.maybe("bias")) is not None:
        out += bias.reshape(-1, 1, 1)
    return out


def _padding(a: Arguments, sides: tuple[int, ...], extents: list[int], strides: list[int]) -> list[tuple[int, int]]:
    """Zeros before and after each spatial axis. `same` keeps ceil(side / stride), as TensorFlow does."""
    kind = a.one_of("pad_type", PAD_TYPES, "valid")
    if kind == "valid":
        return [(0, 0), (0, 0)]
    if kind == "custom":
        top, bottom, left, right = a.integers("pad", [0, 0, 0, 0])
        return [(top, bottom), (left, right)]
    padding = []
    for side, extent, stride in zip(sides, extents, strides, strict=True):
        total = max(0, (-(-side // stride) - 1) * stride + extent - side)
        less = total // 2
        padding.append((less, total - less) if kind == "same" else (total - less, less))
    return padding


def _padded(x: Array, widths: list[tuple[int, int]]) -> Array:
    """Zeros around the last two axes; np.pad would take longer than a small convolution."""
    (top, bottom), (left, right) = widths
    if not any((top, bottom, left, right)):
        return x
    batch, channels, height, width = x.shape
    out = np.zeros((batch, channels, top + height + bottom, left + width + right), x.dtype)
    out[:, :, top : top + height, left : left + width] = x
    return out


def _windows(x: Array, extents: list[int]) -> Array:
    """(B, C, H, W) -> a view (B, C, H - eh + 1, W - ew + 1, eh, ew): every window of the given extents."""
    (batch, channels, height, width), (eh, ew) = x.shape, extents
    if eh > height or ew > width:
        raise ValueError(f"a kernel of extent {eh} x {ew} does not fit into {height} x {width}")
    shape = (batch, channels, height - eh + 1, width - ew + 1, eh, ew)
    return np.lib.stride_tricks.as_strided(x, shape, (*x.strides, *x.strides[2:]), writeable=False)


def _depthwise(windows: Array, weight: Array) -> Array:
    """A filter or several for each channel: windows (B, C, h, w, kh, kw), weight (C * m, 1, kh, kw)."""
    batch, channels, height, width, kh, kw = windows.shape
    filters = weight.reshape(channels, -1, kh, kw)
    out = np.zeros((batch, channels, filters.shape[1], height, width), windows.dtype)
    for i in range(kh):
        for j in range(kw):
            out += filters[:, :, i, j, None, None] * windows[:, :, None, :, :, i, j]
    return out.reshape(batch, -1, height, width)


def _grouped(windows: Array, weight: Array, groups: int) -> Array:
    """One matrix product a group: windows (B, C_in, h, w, kh, kw), weight (C_out, C_in / groups, kh, kw)."""
    batch, _, height, width, _, _ = windows.shape
    columns = windows.transpose(0, 1, 4, 5, 2, 3).reshape(batch, groups, -1, height * width)
    filters = weight.reshape(groups, weight.shape[0] // groups, -1)
    return np.asarray(np.matmul(filters, columns).reshape(batch, -1, height, width))


def linear(a: Arguments) -> Array:
    """x (..., C_in) by weight (C_out, C_in)."""
    out = a.array("x") @ a.array("weight").T
    bias = a.maybe("bias")
    return np.asarray(out if bias is None else out + bias)


def matmul(a: Arguments) -> Array:
    """The product of two matrices or stacks of them, either one transposed on request."""
    x, y = a.array("x"), a.array("y")
    if a.integer("transpose_x", 0):
        x = x.swapaxes(-1, -2)
    if a.integer("transpose_y", 0):
        y = y.swapaxes(-1, -2)
    return np.asarray(x @ y)


def batch_norm(a: Arguments) -> Array:
    """Per-channel normalisation with fixed statistics; channels are axis 1."""
    x = a.array("x")
    shape = (1, -1, *(1,) * (x.ndim - 2))
    scale = 1 / np.sqrt(a.array("variance") + np.float32(a.number("epsilon", 1e-5)))
    if "gamma" in a:
        scale = scale * a.array("gamma")
    out = (x - a.array("mean").reshape(shape)) * scale.reshape(shape)
    return np.asarray(out + a.array("beta").reshape(shape) if "beta" in a else out)


OPERATORS: dict[str, Operator] = {"conv": conv, "linear": linear, "matmul": matmul, "batch_norm": batch_norm}
