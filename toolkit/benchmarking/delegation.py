"""What is in a converted file, and who runs it: the share of a TFLite file's operations that a delegate takes, and the
device that CoreML prefers for each of a package's.
"""

from collections import Counter
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np

from toolkit.export.lint import operations
from toolkit.runtime.tflite import allocate


class GraphFields(TypedDict):
    """What a record says of a file's graph; null for what is not known."""

    operations: int | None
    macs: int | None
    delegated_share: float | None
    residency: NotRequired[dict[str, int] | None]


NOT_KNOWN: GraphFields = {"operations": None, "macs": None, "delegated_share": None}


def facts(path: Path) -> GraphFields:
    """Operations, multiply-accumulates and the share of operations that XNNPACK runs; null for what is not known.

    A delegate's own kernels are fused and fast; an operation that it leaves to the interpreter ends a partition, and
    costs a walk to memory at both ends.
    """
    try:
        counts = operations(path)
        macs, share = _tflite(path) if path.suffix == ".tflite" else (None, None)
    except (ModuleNotFoundError, ValueError, RuntimeError):  # onnx comes with the extra `convert`; a foreign file
        return NOT_KNOWN
    return {"operations": sum(counts.values()), "macs": macs, "delegated_share": share}


def _tflite(path: Path) -> tuple[int, float | None]:
    """Multiply-accumulates, and the share of operations that XNNPACK takes."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    allocate(interpreter)
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
    return sum(macs.values()), round(1 - len(left) / len(own), 4) if own else None


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


DEVICES = {
    "MLCPUComputeDevice": "cpu",
    "MLGPUComputeDevice": "gpu",
    "MLNeuralEngineComputeDevice": "neural_engine",
}


def residency(path: Path, units: str) -> dict[str, int] | None:
    """Operations by the device that CoreML prefers for each, constants left out; None where it does not tell.

    A package that falls back to the CPU does so without a word: this is where it shows.

    Args:
        path: the .mlpackage.
        units: what CoreML may use, in the words of runtime.coreml.

    Raises:
        ModuleNotFoundError: coremltools is not installed.
    """
    import coremltools as ct
    from coremltools.models.compute_plan import MLComputePlan

    allowed = ct.ComputeUnit[units.upper()]
    try:
        compiled = ct.models.MLModel(str(path), compute_units=allowed).get_compiled_model_path()
        plan = MLComputePlan.load_from_path(path=compiled, compute_units=allowed)
    except Exception:  # coremltools raises bare exceptions where the system is too old
        return None
    program = plan.model_structure.program
    if program is None:
        return None
    counts: Counter[str] = Counter()
    for operation in program.functions["main"].block.operations:
        usage: Any = plan.get_compute_device_usage_for_mlprogram_operation(operation)
        if usage is not None:
            name = type(usage.preferred_compute_device).__name__
            counts[DEVICES.get(name, name)] += 1
    return dict(counts)


def off_cpu(counts: dict[str, int] | None) -> float | None:
    """The share of operations that GPU or neural engine run."""
    total = sum(counts.values()) if counts else 0
    return None if counts is None or total == 0 else round(1 - counts.get("cpu", 0) / total, 4)
