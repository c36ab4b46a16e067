"""Types and constants of an ML Program, and the weight file that the large constants lie in.

Field numbers follow coremltools' MIL.proto; the weight file follows its StorageFormat.hpp.
"""

import math
import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.runtime.mil.wire import Message

Array = NDArray[Any]
Value = Array | str


@dataclass(frozen=True)
class ElementType:
    """One of MIL's element types."""

    name: str
    dtype: Any
    """What NumPy holds it in."""
    blob: int = 0
    """Its code in a weight file; 0 where none is ever stored."""
    bits: int = 0
    """Bits an element takes there when that is less than a byte."""


ELEMENTS = {
    1: ElementType("bool", np.bool_),
    2: ElementType("string", np.str_),
    10: ElementType("float16", np.float16, 1),
    11: ElementType("float32", np.float32, 2),
    12: ElementType("float64", np.float64),
    21: ElementType("int8", np.int8, 4),
    22: ElementType("int16", np.int16, 6),
    23: ElementType("int32", np.int32, 14),
    24: ElementType("int64", np.int64),
    25: ElementType("int4", np.int8, 8, bits=4),
    31: ElementType("uint8", np.uint8, 3),
    32: ElementType("uint16", np.uint16, 7),
    33: ElementType("uint32", np.uint32, 15),
    34: ElementType("uint64", np.uint64),
    35: ElementType("uint4", np.uint8, 11, bits=4),
    36: ElementType("uint2", np.uint8, 10, bits=2),
    37: ElementType("uint1", np.uint8, 9, bits=1),
    38: ElementType("uint6", np.uint8, 13, bits=6),
    39: ElementType("uint3", np.uint8, 12, bits=3),
}
"""MIL's DataType codes; bfloat16 and the 8-bit floats are left out, no converter of ours writes them."""


@dataclass(frozen=True)
class TensorType:
    """Element type and shape; None stands for a dimension that the package leaves open."""

    element: ElementType
    shape: tuple[int | None, ...]

    @property
    def half(self) -> bool:
        """Whether the elements are float16."""
        return self.element.dtype is np.float16

    def __str__(self) -> str:
        return f"{self.element.name} ({', '.join('?' if n is None else str(n) for n in self.shape)})"


class WeightFile:
    """The blobs of one weights/*.bin file."""

    METADATA = struct.Struct("<IIQQQ")  # sentinel, element code, bytes, offset, padding bits
    SENTINEL = 0xDEADBEEF

    def __init__(self, path: Path) -> None:
        self.path = path
        self._data = path.read_bytes()

    def read(self, at: int, tensor: TensorType) -> Array:
        """The tensor whose metadata lies at an offset.

        Raises:
            ValueError: no such blob there, or the file ends before it does.
        """
        if at + self.METADATA.size > len(self._data):
            raise ValueError(f"{self.path} is cut short ({len(self._data)} bytes): convert or copy the package again")
        sentinel, code, size, start, _ = self.METADATA.unpack_from(self._data, at)
        if sentinel != self.SENTINEL or code != tensor.element.blob:
            raise ValueError(
                f"{self.path} holds no {tensor.element.name} blob at byte {at}: it belongs to another package"
            )
        if start + size > len(self._data):
            raise ValueError(f"{self.path} is cut short ({len(self._data)} bytes): convert or copy the package again")
        return elements(self._data[start : start + size], tensor)


def elements(data: bytes, tensor: TensorType) -> Array:
    """Little-endian bytes as a tensor; elements of less than a byte are packed from the lowest bit up.

    Raises:
        ValueError: the bytes are too few for the shape, or the shape is open.
    """
    element, shape = tensor.element, tuple(n for n in tensor.shape if n is not None)
    count = math.prod(shape)
    if element.bits:
        packed = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        packed = packed[: packed.size - packed.size % element.bits].reshape(-1, element.bits)
        values: Array = packed @ (1 << np.arange(element.bits))
        if element.dtype is np.int8:
            values = np.where(values >> (element.bits - 1), values - (1 << element.bits), values)
    else:
        kind = np.dtype(element.dtype).newbyteorder("<")
        values = np.frombuffer(data[: len(data) - len(data) % kind.itemsize], kind)
    if len(values) < count or len(shape) != len(tensor.shape):
        raise ValueError(f"{len(values)} values do not fill {tensor}")
    return values[:count].astype(element.dtype).reshape(shape)


@lru_cache(maxsize=4096)  # a program repeats the same few types thousands of times
def tensor_type(data: bytes) -> TensorType:
    """The bytes of a ValueType message.

    Raises:
        ValueError: it is no tensor, or of an element type not known here.
    """
    value_type = Message(data)
    if 1 not in value_type:
        raise ValueError("a value is not a tensor: lists, dictionaries and state are not supported")
    message = value_type.message(1)
    code = message.integer(1)
    if code not in ELEMENTS:
        raise ValueError(f"element type {code} is not supported")
    # dimension: 1 constant {1 size} or 2 unknown
    shape = tuple(d.message(1).integer(1) if 1 in d else None for d in message.messages(3))
    return TensorType(ELEMENTS[code], shape)


def constant(message: Message, weights: "Weights") -> Value:
    """A Value message: a string, or a tensor from the message itself or from a weight file."""
    tensor = tensor_type(message.chunk(2))
    if 5 in message:  # blobFileValue
        blob = message.message(5)
        return weights.file(blob.text(1)).read(blob.integer(2), tensor)
    return _immediate(message.message(3).message(1), tensor)


def _immediate(message: Message, tensor: TensorType) -> Value:
    """A TensorValue message: one of seven kinds of list."""
    shape = tuple(n or 0 for n in tensor.shape)
    kind = min(message.numbers(), default=0)
    held = message.message(kind)
    if kind == 4:  # strings
        texts = held.texts(1)
        return texts[0] if not shape else np.array(texts).reshape(shape)
    if kind == 7:  # bytes
        return elements(held.chunk(1), tensor)
    floating = {1: np.float32, 6: np.float64}  # the others are ints, bools, longInts
    values = np.array(held.floats(1, floating[kind]) if kind in floating else held.integers(1))
    if values.size != math.prod(shape):
        raise ValueError(f"{values.size} values do not fill {tensor}")
    return values.astype(tensor.element.dtype).reshape(shape)


class Weights:
    """The weight files of a package, opened as constants ask for them."""

    ROOT = "@model_path/"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, WeightFile] = {}

    def file(self, name: str) -> WeightFile:
        """The file that the program calls `@model_path/weights/weight.bin` or the like.

        Raises:
            FileNotFoundError: the package does not have it.
            ValueError: the name points out of the package.
        """
        if name not in self._files:
            path = self._folder / name.removeprefix(self.ROOT)
            if not path.resolve().is_relative_to(self._folder.resolve()):
                raise ValueError(f"the program asks for weights outside its package: {name}")
            if not path.is_file():
                raise FileNotFoundError(f"{path} is missing: copy the whole package, weights included")
            self._files[name] = WeightFile(path)
        return self._files[name]
