"""Chapter 6: files with the field's commonest mistakes in them, and how a file is fed by the contract."""

from pathlib import Path
from typing import Any

import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray

BUGS = ("blue and red swapped", "values from 0 to 1", "rows and columns swapped", "half a pixel off", "x and y swapped")
"""What may be wrong with a file, in the words of chapter 6."""
ORDER = {"a": 2, "b": 4, "c": 0, "d": 3, "e": 1}
"""Which file has which."""


def break_files(model: Path, out: Path) -> list[Path]:
    """Five copies of an ONNX file, each with one of the field's commonest mistakes in it."""
    import onnx

    out.mkdir(parents=True, exist_ok=True)
    made = []
    for name, bug in ORDER.items():
        whole = onnx.load(str(model))
        _break(whole.graph, BUGS[bug])
        made.append(out / f"{name}.onnx")
        onnx.save(whole, str(made[-1]))
    return made


def _break(graph: Any, bug: str) -> None:
    """Put a node with one of BUGS in front of a graph's image, or behind its points."""
    from onnx import TensorProto, helper

    image, points = graph.input[0].name, graph.output[0].name
    side = graph.input[0].type.tensor_type.shape.dim[-1].dim_value
    graph.initializer.extend(
        [
            helper.make_tensor("bug_bgr", TensorProto.INT64, [3], [2, 1, 0]),
            helper.make_tensor("bug_yx", TensorProto.INT64, [2], [1, 0]),
            helper.make_tensor("bug_range", TensorProto.FLOAT, [], [1 / 255]),
            helper.make_tensor("bug_half", TensorProto.FLOAT, [], [2.0 / side]),
        ]
    )
    before = {
        BUGS[0]: helper.make_node("Gather", [image, "bug_bgr"], ["bug_in"], axis=1),
        BUGS[1]: helper.make_node("Mul", [image, "bug_range"], ["bug_in"]),
        BUGS[2]: helper.make_node("Transpose", [image], ["bug_in"], perm=[0, 1, 3, 2]),
    }
    behind = {
        BUGS[3]: helper.make_node("Add", ["bug_out", "bug_half"], [points]),
        BUGS[4]: helper.make_node("Gather", ["bug_out", "bug_yx"], [points], axis=2),
    }
    for node in graph.node:
        if bug in before:
            node.input[:] = ["bug_in" if each == image else each for each in node.input]
        else:
            node.output[:] = ["bug_out" if each == points else each for each in node.output]
    if bug in before:
        graph.node.insert(0, before[bug])
    else:
        graph.node.append(behind[bug])


def points_of(model: Path, crop: ImageArray) -> FloatArray:
    """Points (M, 2) in crop pixels of a converted ONNX file, fed by the contract: RGB, 0..255, channels first."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    image = np.ascontiguousarray(crop.transpose(2, 0, 1)[None], np.float32)
    points = session.run(None, {session.get_inputs()[0].name: image})[0][0]
    return np.asarray(points * crop.shape[0] - 0.5, np.float64)
