"""What is in a TFLite or ONNX file, and how much of it a delegate takes: operations decide a phone's time."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.export.lint import operations


def facts(path: Path) -> dict[str, Any]:
    """Operations, multiply-accumulates and the share of operations that XNNPACK runs; null for what is not known.

    A delegate's own kernels are fused and fast; an operation that it leaves to the interpreter ends a partition, and
    costs a walk to memory at both ends.
    """
    nothing = {"operations": None, "macs": None, "delegated_share": None}
    try:
        counts = operations(path)
    except ModuleNotFoundError:  # onnx comes with the extra `convert`
        return nothing
    more = _tflite(path) if path.suffix == ".tflite" else {}
    return {**nothing, "operations": sum(counts.values()), **more}


def _tflite(path: Path) -> dict[str, Any]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    for tensor in interpreter.get_input_details():
        interpreter.set_tensor(tensor["index"], np.zeros(tensor["shape"], tensor["dtype"]))
    interpreter.invoke()
    nodes = interpreter._get_ops_details()
    shapes = {int(d["index"]): np.array(d["shape"]) for d in interpreter.get_tensor_details()}
    own = [node for node in nodes if node["op_name"] != "DELEGATE"]
    taken = {int(i) for node in nodes if node["op_name"] == "DELEGATE" for i in node["outputs"]}
    # inside a delegate's partition no tensor has memory of the interpreter's
    left = [n for n in own if all(int(i) not in taken and _in_memory(interpreter, int(i)) for i in n["outputs"])]
    macs = Counter({str(n["op_name"]): 0 for n in own})
    for node in own:
        macs[str(node["op_name"])] += _macs(node, shapes)
    return {"macs": sum(macs.values()), "delegated_share": round(1 - len(left) / len(own), 4) if own else None}


def _in_memory(interpreter: Any, index: int) -> bool:
    try:
        interpreter.get_tensor(index)
    except ValueError:
        return False
    return True


def _macs(node: Any, shapes: dict[int, Any]) -> int:
    """Multiply-accumulates of one operation; those of additions, activations and resizing are not counted."""
    kind = node["op_name"]
    if kind not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"):
        return 0
    weights, out = shapes[int(node["inputs"][1])], shapes[int(node["outputs"][0])]
    if kind == "CONV_2D":
        return int(out.prod() * weights[1:].prod())
    if kind == "DEPTHWISE_CONV_2D":
        return int(out.prod() * weights[1:3].prod())
    if kind == "FULLY_CONNECTED":
        return int(out.prod() * weights[-1])
    return int(shapes[int(node["inputs"][2])].prod() * weights[:3].prod())
