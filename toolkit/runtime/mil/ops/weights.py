"""Weights that a package keeps small: 8-bit and palettised constants, expanded once when it is read."""

import math

import numpy as np

from toolkit.runtime.mil.ops.arguments import Arguments, Operator
from toolkit.runtime.mil.values import ELEMENTS, Array, TensorType, elements


def affine_dequantize(a: Arguments) -> Array:
    """iOS 16: scale * (quantized_data - zero_point), per tensor or per slice of an axis."""
    data = a.array("quantized_data").astype(np.float32)
    shape = [1] * data.ndim
    shape[a.integer("axis", 0)] = -1
    scale, zero = a.array("scale").reshape(shape), a.array("zero_point").reshape(shape)
    return np.asarray((data - zero) * scale)


def blockwise_shift_scale(a: Arguments) -> Array:
    """iOS 18: scale * (data - offset), where scale and offset cover blocks of the data."""
    data, scale = a.array("data").astype(np.float32), a.array("scale")
    blocks = _blocks(data.shape, scale.shape)
    if "offset" in a:
        data = data - a.array("offset")[blocks]
    return np.asarray(data * scale[blocks])


def lut_to_dense(a: Arguments) -> Array:
    """Palette entries by index. iOS 16 packs the indices of one palette; iOS 18 has one for each block of the tensor.

    The iOS 18 table has shape (blocks along each axis..., palette, vector); a vector longer than one fills that many
    neighbours along vector_axis.
    """
    lut, indices = a.array("lut"), a.array("indices")
    if "shape" in a:
        shape = tuple(a.integers("shape"))
        return np.asarray(lut[_unpacked(indices, shape, int(math.log2(lut.size)))])
    blocks = _blocks(indices.shape, lut.shape[:-2])
    vectors = lut[(*blocks, indices)]  # (indices.shape..., vector)
    if lut.shape[-1] == 1:
        return np.asarray(vectors[..., 0])
    axis = a.integer("vector_axis") % indices.ndim
    dense = list(indices.shape)
    dense[axis] *= lut.shape[-1]
    return np.moveaxis(vectors, -1, axis + 1).reshape(dense)


def _blocks(shape: tuple[int, ...], table: tuple[int, ...]) -> tuple[Array, ...]:
    """The index into a table of blocks for every element of a tensor, one open grid an axis."""
    return np.ix_(*(np.arange(side) * blocks // side for side, blocks in zip(shape, table, strict=True)))


def _unpacked(packed: Array, shape: tuple[int, ...], bits: int) -> Array:
    """Indices of `bits` bits each, packed into bytes from the lowest bit up."""
    element = next(e for e in ELEMENTS.values() if e.name == f"uint{bits}")
    return elements(packed.tobytes(), TensorType(element, shape))


OPERATORS: dict[str, Operator] = {
    "constexpr_affine_dequantize": affine_dequantize,
    "constexpr_blockwise_shift_scale": blockwise_shift_scale,
    "constexpr_lut_to_dense": lut_to_dense,
    "constexpr_cast": lambda a: a.array("source_val"),
}
