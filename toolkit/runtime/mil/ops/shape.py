"""Operations that move elements without computing: layout, slices, joins, gathers."""

import itertools
from typing import Any

import numpy as np

from toolkit.runtime.mil.ops.arguments import Arguments, Operator
from toolkit.runtime.mil.values import Array


def reshape(a: Arguments) -> Array:
    """A new shape in which 0 keeps a dimension and -1 is inferred. From iOS 17 zeros count from the last axis."""
    x, shape = a.array("x"), a.integers("shape")
    if 0 in shape:
        if len(shape) != x.ndim:
            raise ValueError(f"zeros in shape {shape} are supported only where the rank stays {x.ndim}")
        shape = [side or own for side, own in zip(shape, x.shape, strict=True)]
    return x.reshape(shape)


def transpose(a: Arguments) -> Array:
    """Axes in the order of perm."""
    return a.array("x").transpose(a.integers("perm"))


def expand_dims(a: Arguments) -> Array:
    """New axes of length one."""
    return np.expand_dims(a.array("x"), tuple(a.integers("axes")))


def squeeze(a: Arguments) -> Array:
    """Without the given axes, or all of length one."""
    return np.squeeze(a.array("x"), tuple(a.integers("axes")) if "axes" in a else None)


def slice_by_index(a: Arguments) -> Array:
    """x[begin:end:stride] on every axis; masks open a bound or take a single index."""
    x = a.array("x")
    none = [0] * x.ndim
    begins, ends, strides = a.integers("begin"), a.integers("end"), a.integers("stride", [1] * x.ndim)
    masks = (a.integers(name, none) for name in ("begin_mask", "end_mask", "squeeze_mask"))
    index: list[int | slice] = []
    for begin, end, stride, no_begin, no_end, single in zip(begins, ends, strides, *masks, strict=True):
        bounds = slice(None if no_begin else begin, None if no_end else end, stride)
        index.append(begin if single else bounds)
    return np.asarray(x[tuple(index)])


def slice_by_size(a: Arguments) -> Array:
    """Size elements from begin on every axis; -1 takes all that are left."""
    x = a.array("x")
    bounds = zip(a.integers("begin"), a.integers("size"), x.shape, strict=True)
    return x[tuple(slice(b % n if n else 0, n if size == -1 else b % n + size) for b, size, n in bounds)]


def split(a: Arguments) -> list[Array]:
    """Pieces along an axis, even or of given sizes."""
    x, axis = a.array("x"), a.integer("axis")
    if "split_sizes" not in a:
        return np.split(x, a.integer("num_splits"), axis)
    return np.split(x, list(itertools.accumulate(a.integers("split_sizes")))[:-1], axis)


def concat(a: Arguments) -> Array:
    """Tensors joined along an axis."""
    if a.integer("interleave", 0):
        raise ValueError("interleaved concat is not supported")
    return np.concatenate(a.arrays("values"), a.integer("axis"))


def stack(a: Arguments) -> Array:
    """Tensors joined along a new axis."""
    return np.stack(a.arrays("values"), a.integer("axis"))


def tile(a: Arguments) -> Array:
    """Every axis repeated."""
    return np.tile(a.array("x"), a.integers("reps"))


def pad(a: Arguments) -> Array:
    """Elements before and after the last axes."""
    x = a.array("x")
    modes = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}
    mode: Any = modes[a.one_of("mode", tuple(modes), "constant")]
    pairs = np.reshape(a.integers("pad"), (-1, 2)).tolist()
    widths = [(0, 0)] * (x.ndim - len(pairs)) + pairs
    options = {"constant_values": a.number("constant_val", 0)} if mode == "constant" else {}
    return np.pad(x, widths, mode, **options)


def gather(a: Arguments) -> Array:
    """Slices of x along an axis by index."""
    if a.integer("batch_dims", 0):
        raise ValueError("batch_dims is not supported")
    return np.take(a.array("x"), a.array("indices").astype(np.intp), a.integer("axis", 0))


def gather_along_axis(a: Arguments) -> Array:
    """One element of x for each index, along an axis."""
    return np.take_along_axis(a.array("x"), a.array("indices").astype(np.intp), a.integer("axis", 0))


def gather_nd(a: Arguments) -> Array:
    """Slices of x by coordinates, which are the last axis of indices."""
    if a.integer("batch_dims", 0):
        raise ValueError("batch_dims is not supported")
    indices = a.array("indices").astype(np.intp)
    return np.asarray(a.array("x")[tuple(np.moveaxis(indices, -1, 0))])


def fill(a: Arguments) -> Array:
    """A tensor of one value."""
    return np.full(a.integers("shape"), a.array("value"))


def fill_like(a: Arguments) -> Array:
    """A tensor of one value in another's shape."""
    return np.full(a.array("ref_tensor").shape, a.array("value"))


def range_1d(a: Arguments) -> Array:
    """Numbers from start to before end."""
    return np.arange(a.array("start"), a.array("end"), a.array("step"))


def shape(a: Arguments) -> Array:
    """The shape of x."""
    return np.array(a.array("x").shape)


OPERATORS: dict[str, Operator] = {
    operator.__name__: operator
    for operator in (
        reshape, transpose, expand_dims, squeeze, slice_by_index, slice_by_size, split, concat, stack, tile, pad,
        gather, gather_along_axis, gather_nd, fill, fill_like, range_1d, shape,
    )
}  # fmt: skip
