"""Protobuf and weight files, against the libraries that write them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit.runtime.mil.values import ELEMENTS, TensorType, WeightFile, elements
from toolkit.runtime.mil.wire import Message

RNG = np.random.default_rng(0)


def test_wire_reads_what_protobuf_writes() -> None:
    """Varints of every length and sign, doubles, floats, text, maps, nesting, packed and single values."""
    struct_pb2 = pytest.importorskip("google.protobuf.struct_pb2")
    wrappers = pytest.importorskip("google.protobuf.wrappers_pb2")
    for number in (0, 1, 127, 128, 300, 2**31, 2**63 - 1, -1, -(2**63)):
        assert Message(wrappers.Int64Value(value=number).SerializeToString()).integer(1) == number
    assert Message(wrappers.FloatValue(value=1.5).SerializeToString()).floats(1, np.float32).tolist() == [1.5]
    struct = struct_pb2.Struct()
    struct.update({"a": {"b": [1.25, "text"]}, "c": True})
    entries = Message(struct.SerializeToString()).mapping(1)
    assert entries["c"].integer(4) == 1
    first, second = entries["a"].message(5).mapping(1)["b"].message(6).messages(1)
    assert first.floats(2, np.float64).tolist() == [1.25]
    assert second.text(3) == "text"
    assert Message(b"").text(1) == "" and Message(b"").message(2).integer(3) == 0


@pytest.mark.parametrize("data", [b"\x0a\x05abc", b"\x08\x80", b"\x08", b"\x0b\x00", b"\xff" * 12])
def test_wire_refuses_bytes_that_are_no_message(data: bytes) -> None:
    """Cut text, cut numbers, groups, endless varints."""
    with pytest.raises(ValueError, match=r"ends early|wire type"):
        Message(data)


BLOBS = {
    "float32": ("write_float_data", np.float32), "float16": ("write_fp16_data", np.float16),
    "int8": ("write_int8_data", np.int8), "uint8": ("write_uint8_data", np.uint8),
    "int16": ("write_int16_data", np.int16), "uint16": ("write_uint16_data", np.uint16),
    "int32": ("write_int32_data", np.int32), "uint32": ("write_uint32_data", np.uint32),
    "int4": ("write_int4_data", np.int8), "uint4": ("write_uint4_data", np.uint8),
    "uint1": ("write_uint1_data", np.uint8), "uint2": ("write_uint2_data", np.uint8),
    "uint3": ("write_uint3_data", np.uint8), "uint6": ("write_uint6_data", np.uint8),
}  # fmt: skip


@pytest.mark.parametrize("name", BLOBS)
def test_weight_file_reads_what_coremltools_writes(ct: Any, tmp_path: Path, name: str) -> None:
    """Every element type, two blobs in a file, an odd number of elements."""
    write, dtype = BLOBS[name]
    element = next(e for e in ELEMENTS.values() if e.name == name)
    bits = element.bits or 8 * np.dtype(dtype).itemsize
    low, high = (-(1 << bits - 1), 1 << bits - 1) if name.startswith("int") else (0, 1 << bits)
    values = RNG.integers(low, high, 35, np.int64).astype(dtype)
    if "float" in name:
        values = RNG.normal(size=35).astype(dtype)
    writer = ct.libmilstoragepython._BlobStorageWriter(str(tmp_path / "weight.bin"), True)
    writer.write_float_data(np.ones(3, np.float32))
    at = getattr(writer, write)(values.view(np.uint16) if name == "float16" else values)
    del writer
    found = WeightFile(tmp_path / "weight.bin").read(at, TensorType(element, (7, 5)))
    np.testing.assert_array_equal(found, values.reshape(7, 5))
    assert found.dtype == dtype


def test_too_few_bytes_for_a_shape_are_an_error() -> None:
    """Also where elements take less than a byte."""
    for code in (11, 35):
        with pytest.raises(ValueError, match="do not fill"):
            elements(b"\x00" * 4, TensorType(ELEMENTS[code], (3, 3)))
