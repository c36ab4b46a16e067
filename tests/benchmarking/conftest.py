"""Models that need no weights, and records that no one could mistake for measurements."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit.core.schemes import W300_68, Scheme
from toolkit.runtime.landmarker import CONFIDENCE_FLOOR, Prediction


class Steady:
    """A Landmarker that says the same of every crop, so many pixels beside a shape."""

    scheme: Scheme = W300_68
    engine = "steady 1"
    timed = True
    confidence_floor = CONFIDENCE_FLOOR

    def __init__(self, shape: np.ndarray, size_px: int, off_px: float = 0.0) -> None:
        self.size_px = size_px
        self._points = shape + np.array([off_px, 0.0])

    def __call__(self, crop: np.ndarray) -> Prediction:
        assert crop.shape == (self.size_px, self.size_px, 3)
        return Prediction(points_xy=self._points, confidence=np.ones(68))


@pytest.fixture
def steady() -> type[Steady]:
    """To make some."""
    return Steady


def onnx_points(path: Path, points: np.ndarray, *, planes: bool = True, kind: str = "FLOAT", size: Any = 32) -> None:
    """An .onnx file that gives `points` whatever it sees, plus the crop's mean so that the input matters.

    Its input and output hold `kind`; `size` is its input's side, a name where any will do.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    shape = [1, 3, size, size] if planes else [1, size, size, 3]
    flat = points.astype(np.float32).reshape(1, -1)
    nodes = [
        helper.make_node("Cast", ["crop"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["real"], ["mean"], keepdims=0),
        helper.make_node("Add", ["points", "mean"], ["sum"]),
        helper.make_node("Cast", ["sum"], ["out"], to=TensorProto.DataType.Value(kind)),
    ]
    graph = helper.make_graph(
        nodes, "constant",
        [helper.make_tensor_value_info("crop", TensorProto.DataType.Value(kind), shape)],
        [helper.make_tensor_value_info("out", TensorProto.DataType.Value(kind), list(flat.shape))],
        [numpy_helper.from_array(flat, "points")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, str(path))


def write_description(folder: Path, **fields: Any) -> Path:
    """A description beside model.onnx."""
    path = folder / "model.json"
    path.write_text(json.dumps({"file": "model.onnx", "size_px": 32, "layout": "NCHW", **fields}))
    return path
