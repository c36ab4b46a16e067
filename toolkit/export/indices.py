"""Whether a converted file keeps its whole numbers whole: int32 throughout, from the arg-max to the last index.

Half precision holds whole numbers to 2048. An index computed in floats is another one on every engine that computes in
float16, and int64 keeps a file off GPUs and NPUs. Neither shows where the file is made, so its types are looked at.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.runtime.mil import package

FLOATS = ("float16", "float32", "float64")
WIDE = ("int64", "uint64")
LARGEST_SIDE = 256
"""Places that an arg-max along one side of a map chooses among, at most; over more, its result is an index."""
UNCHANGED = ("reshape", "squeeze", "expanddims", "unsqueeze", "identity", "transpose")


@dataclass(frozen=True)
class Step:
    """An operation of any format: its kind in lower case and without underscores, and its tensors by name."""

    kind: str
    reads: tuple[str, ...]
    makes: tuple[str, ...]
    over: int = 0
    """Of an arg-max, how many places it chooses among; 0 where that is not known."""


def faults(steps: Sequence[Step], types: dict[str, str]) -> tuple[str, ...]:
    """What is wrong with the whole numbers of a file, in words.

    Args:
        steps: in the order of computing.
        types: of every tensor that a step reads or makes, such as float32; constants may be left out.
    """
    wide = Counter(step.kind for step in steps if any(types.get(name) in WIDE for name in step.makes))
    casts = [step for step in steps if step.kind == "cast"]
    floats = [step for step in casts if types.get(step.reads[0]) in FLOATS and _whole(types.get(step.makes[0], ""))]
    found = []
    if wide:
        counts = ", ".join(f"{kind} {count}" for kind, count in wide.most_common())
        found.append(
            f"64-bit whole numbers ({counts}) where int32 is allowed: GPUs and NPUs leave them to the processor"
        )
    if floats:
        text = "casts from floats to whole numbers: an index computed in floats is wrong in half precision"
        found.append(f"{len(floats)} {text}, which holds whole numbers to 2048")
    if rounded := sum(types.get(step.makes[0]) in FLOATS for step in _casts_of_peaks(steps)):
        found.append(f"{rounded} casts of an arg-max's index to floats: half precision holds whole numbers to 2048")
    return tuple(found)


def _whole(kind: str) -> bool:
    return kind.startswith(("int", "uint"))


def _casts_of_peaks(steps: Iterable[Step]) -> Iterator[Step]:
    """Casts of what an arg-max over more than one side of a map gives, before any arithmetic."""
    peaks: set[str] = set()
    for step in steps:
        if step.kind == "argmax" and not 0 < step.over <= LARGEST_SIDE:
            peaks.update(step.makes)
        elif step.kind in (*UNCHANGED, "cast") and step.reads[0] in peaks:
            peaks.update(step.makes)
            if step.kind == "cast":
                yield step


def of_tflite(model: Any) -> tuple[str, ...]:
    """Faults of a .tflite file, read by ai_edge_litert's schema."""
    from ai_edge_litert import schema_py_generated as schema

    names = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    kinds = {number: name.lower() for name, number in vars(schema.TensorType).items() if isinstance(number, int)}
    graph = model.subgraphs[0]
    types = {str(place): kinds[tensor.type] for place, tensor in enumerate(graph.tensors)}
    steps = []
    for op in graph.operators:
        kind = names[model.operatorCodes[op.opcodeIndex].builtinCode].lower()
        over = 0
        if kind == "arg_max":
            values, axis = (graph.tensors[place] for place in op.inputs)
            data = bytes(model.buffers[axis.buffer].data)
            over = int(values.shape[int(np.frombuffer(data, np.int32 if len(data) == 4 else np.int64)[0])])
        steps.append(Step(_plain(kind), tuple(map(str, op.inputs)), tuple(map(str, op.outputs)), over))
    return faults(steps, types)


def of_onnx(path: Path) -> tuple[str, ...]:
    """Faults of an .onnx file. ONNX has no arg-max but one of int64: it counts as what it is cast to at once."""
    import onnx

    graph = onnx.shape_inference.infer_shapes(onnx.load(str(path))).graph
    entries = [*graph.value_info, *graph.input, *graph.output]
    tensors = {entry.name: entry.type.tensor_type for entry in entries}
    types = {name: _element(tensor.elem_type) for name, tensor in tensors.items()}
    nodes = [node for node in graph.node if node.op_type != "Constant"]
    steps = []
    for node in nodes:
        over = 0
        if node.op_type == "ArgMax":
            axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
            sides = tensors[node.input[0]].shape.dim if node.input[0] in tensors else []
            over = sides[axis].dim_value if sides else 0
            readers = [other for other in nodes if node.output[0] in other.input]
            if readers and all(other.op_type == "Cast" for other in readers):
                types[node.output[0]] = "int32"
        steps.append(Step(_plain(node.op_type), tuple(node.input), tuple(node.output), over))
    return faults(steps, types)


def _element(number: int) -> str:
    """ONNX's number of a type as NumPy calls it; nothing where it was not inferred."""
    import onnx

    return str(np.dtype(onnx.helper.tensor_dtype_to_np_dtype(number)).name) if number else ""


def of_coreml(program: package.Package) -> tuple[str, ...]:
    """Faults of an .mlpackage."""
    tensors = dict(program.inputs)
    constants: dict[str, Any] = {}
    steps = []
    for op in program.operations:
        tensors.update(op.outputs)
        if op.kind == "const":
            constants.update(dict.fromkeys(op.outputs, op.arguments["val"][0]))
            continue
        values = [
            item for _, items in sorted(op.arguments.items(), key=lambda entry: entry[0] != "x") for item in items
        ]
        reads = [item.name for item in values if isinstance(item, package.ValueName)]
        over = 0
        if op.kind == "reduce_argmax":
            (axis,) = op.arguments["axis"]
            place = int(np.asarray(constants[axis.name] if isinstance(axis, package.ValueName) else axis))
            over = tensors[reads[0]].shape[place] or 0
        steps.append(Step(_plain(op.kind), tuple(reads), tuple(op.outputs), over))
    return faults(steps, {name: tensor.element.name for name, tensor in tensors.items()})


def _plain(kind: str) -> str:
    return kind.lower().replace("_", "").replace("reduceargmax", "argmax")
