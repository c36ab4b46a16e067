"""Whole numbers that would be others on an engine of half precision are told by types alone."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from toolkit.core.zoo import WEIGHTS
from toolkit.export import indices
from toolkit.export.indices import Step, faults
from toolkit.runtime import sidecar
from toolkit.runtime.mil import package

TYPES = {"maps": "float32", "peak": "int32", "wide": "int64", "flat": "float32", "row": "int32", "near": "float32"}


def peak(over: int, gives: str = "peak") -> Step:
    return Step("argmax", ("maps",), (gives,), over)


def test_indices_that_stay_whole_are_no_fault() -> None:
    """Also those along one side of a map, or found by whole-number arithmetic, that become a coordinate."""
    gather = Step("gather", ("maps", "peak"), ("near",))
    row = [Step("floordiv", ("peak", "side"), ("row",)), Step("cast", ("row",), ("near",))]
    assert faults([peak(4096), gather, *row], TYPES) == ()
    assert faults([peak(64), Step("cast", ("peak",), ("flat",))], TYPES) == ()


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([peak(4096, "wide")], r"64-bit whole numbers \(argmax 1\)"),
        ([Step("cast", ("near",), ("row",))], "1 casts from floats to whole numbers"),
        ([peak(4096), Step("cast", ("peak",), ("flat",))], "1 casts of an arg-max's index to floats"),
        ([peak(0), Step("reshape", ("peak",), ("row",)), Step("cast", ("row",), ("flat",))], "1 casts of an arg-max's"),
    ],
    ids=["int64", "computed in floats", "becomes a float", "by a detour"],
)
def test_each_fault_is_named(steps: list[Step], message: str) -> None:
    """With how often it occurs and why it matters."""
    (found,) = faults(steps, TYPES)
    assert message.replace("\\", "") in found


def decoding(folder: Path, *nodes: onnx.NodeProto) -> Path:
    """An ONNX file that picks values of (4096, 5) maps by an index computed from their peaks."""
    ends = [helper.make_tensor_value_info("maps", 1, (4096, 5)), helper.make_tensor_value_info("found", 1, (5, 5))]
    half = numpy_helper.from_array(np.float32(0.5), "half")
    peaks = helper.make_node("ArgMax", ["maps"], ["peak"], axis=0, keepdims=0)
    graph = helper.make_graph([peaks, *nodes], "g", ends[:1], ends[1:], [half])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), folder / "decoding.onnx")
    return folder / "decoding.onnx"


def test_onnx_may_have_the_arg_max_that_it_prescribes(tmp_path: Path) -> None:
    """int64 that is cast to int32 at once; used as it is, or by way of floats, it is a fault."""
    cast = helper.make_node("Cast", ["peak"], ["index"], to=TensorProto.INT32)
    pick = helper.make_node("Gather", ["maps", "index"], ["found"])
    assert indices.of_onnx(decoding(tmp_path, cast, pick)) == ()
    straight = helper.make_node("Gather", ["maps", "peak"], ["found"])
    assert "64-bit" in indices.of_onnx(decoding(tmp_path, straight))[0]
    floats = [
        helper.make_node("Cast", ["peak"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["float", "half"], ["sum"]),
        helper.make_node("Cast", ["sum"], ["index"], to=TensorProto.INT32),
    ]
    there, back = indices.of_onnx(decoding(tmp_path, *floats, pick))
    assert "casts from floats" in there and "casts of an arg-max's index" in back


@pytest.mark.slow
def test_released_files_keep_what_their_sidecars_promise() -> None:
    """Those from before the rule promise nothing, and break it; a file that promises int32 must have no fault."""
    from ai_edge_litert import schema_py_generated as schema

    files = [path for path in sorted(WEIGHTS.glob("*-float*.*")) if path.suffix != ".json"]
    assert {path.suffix for path in files} == {".tflite", ".mlpackage"}
    for path in files:
        if path.suffix == ".tflite":
            found = indices.of_tflite(schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0))
        else:
            found = indices.of_coreml(package.read(path))
        assert bool(found) is (sidecar.read(path).indices is None), path.name
