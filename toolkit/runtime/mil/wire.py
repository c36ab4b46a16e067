"""Protobuf's wire format, read without a schema: a message is numbered fields, each with its values in order.

A CoreML package keeps its program in this form. Reading it takes a page of Python, so that a device or a server needs
neither coremltools nor a protobuf library. Source: the encoding section of the protobuf documentation.
"""

import struct

import numpy as np
from numpy.typing import DTypeLike, NDArray

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
LONGEST_VARINT = 10


class Message:
    """One message. Fields that are absent read as empty, as protobuf defines it."""

    def __init__(self, data: bytes) -> None:
        self._fields = _read(data)

    def __contains__(self, number: int) -> bool:
        return number in self._fields

    def numbers(self) -> set[int]:
        """The fields that are present."""
        return set(self._fields)

    def chunks(self, number: int) -> list[bytes]:
        """The bytes of every value of a field.

        Raises:
            ValueError: the field holds numbers, so the bytes are no such message.
        """
        values = self._fields.get(number, ())
        chunks = [v for v in values if isinstance(v, bytes)]
        if len(chunks) != len(values):
            raise ValueError(f"field {number} is not text or a message")
        return chunks

    def chunk(self, number: int) -> bytes:
        """A field's bytes, none where it is absent."""
        return (self.chunks(number) or [b""])[-1]

    def messages(self, number: int) -> list["Message"]:
        """A repeated message."""
        return [Message(chunk) for chunk in self.chunks(number)]

    def message(self, number: int) -> "Message":
        """A single message, empty where it is absent."""
        return Message(self.chunk(number))

    def texts(self, number: int) -> list[str]:
        """A repeated string."""
        return [chunk.decode() for chunk in self.chunks(number)]

    def text(self, number: int) -> str:
        """A string, empty where it is absent."""
        return self.chunk(number).decode()

    def mapping(self, number: int) -> dict[str, "Message"]:
        """A map from strings to messages."""
        return {entry.text(1): entry.message(2) for entry in self.messages(number)}

    def integer(self, number: int) -> int:
        """A varint, 0 where it is absent."""
        return (self.integers(number) or [0])[-1]

    def integers(self, number: int) -> list[int]:
        """A repeated varint, packed or not, as signed 64-bit numbers."""
        values: list[int] = []
        for value in self._fields.get(number, []):
            values += _varints(value) if isinstance(value, bytes) else [value]
        return [v - (1 << 64) if v >> 63 else v for v in values]

    def floats(self, number: int, dtype: DTypeLike) -> NDArray[np.float64 | np.float32]:
        """A repeated fixed-width number, packed or not: `dtype` is float32 or float64."""
        kind = np.dtype(dtype).newbyteorder("<")
        width = f"<{'I' if kind.itemsize == 4 else 'Q'}"
        values = self._fields.get(number, [])
        data = b"".join(v if isinstance(v, bytes) else struct.pack(width, v) for v in values)
        return np.frombuffer(data, kind)


def _read(data: bytes) -> dict[int, list[int | bytes]]:
    """Every field of a message: its number, and its values as numbers or bytes.

    Raises:
        ValueError: the bytes end early or are no message.
    """
    fields: dict[int, list[int | bytes]] = {}
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        values, kind = fields.setdefault(key >> 3, []), key & 7
        if kind == VARINT:
            value, at = _varint(data, at)
            values.append(value)
            continue
        if kind == BYTES:
            size, at = _varint(data, at)
        elif kind in (FIXED32, FIXED64):
            size = 4 if kind == FIXED32 else 8
        else:
            raise ValueError(f"field {key >> 3} has wire type {kind}")
        chunk, at = data[at : at + size], at + size
        values.append(chunk if kind == BYTES else int.from_bytes(chunk, "little"))
    if at > end:
        raise ValueError("the data ends early")
    return fields


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at a position, and the position after it."""
    if at < len(data) and data[at] < 0x80:  # by far the most
        return data[at], at + 1
    value = 0
    for shift, byte in enumerate(data[at : at + LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at + shift + 1
    raise ValueError("the data ends early")


def _varints(data: bytes) -> list[int]:
    values, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        values.append(value)
    return values
