"""What is in a converted file, and what of it is slow or dangerous: operations decide a phone's latency more than
multiplications do."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from toolkit.export import indices
from toolkit.runtime.mil import package
from toolkit.runtime.tflite import allocate

MANY_PARTS = 10
"""XNNPACK's parts from which on their borders are worth a word; float32 has 5, four of them in the decoding."""

ELEMENTWISE = ("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM")


@dataclass(frozen=True, kw_only=True)
class Lint:
    """Counts of a file's operations, and its faults."""

    operations: dict[str, int]
    """How often each occurs; constants and the unpacking of weights are left out."""
    parts: int | None = None
    """Pieces of a .tflite file that XNNPACK takes over."""
    outside: dict[str, int] | None = None
    """The operations that it does not."""
    left: dict[str, dict[str, int]] | None = None
    """Those of a .tflite file that a GPU and an NPU leave to the processor, by the rules of `left_by`."""
    breaches: tuple[str, ...] = ()
    """What must not be in a file that ships."""
    rounded: tuple[str, ...] = ()
    """How whole numbers go wrong in half precision: a breach where the sidecar promises int32, see export.indices."""
    warnings: tuple[str, ...] = ()
    """What will be slow."""


def inspect(path: Path) -> Lint:
    """Look into a .tflite, .onnx or .mlpackage.

    Raises:
        ValueError: it is none of these, or damaged.
    """
    match path.suffix:
        case ".tflite":
            return _tflite(path)
        case ".onnx":
            return _onnx(path)
        case ".mlpackage":
            return _coreml(path)
    raise ValueError(f"{path} is not a converted model: expected a .tflite, .onnx or .mlpackage")


def operations(path: Path) -> dict[str, int]:
    """How often each operation occurs in a converted file."""
    return inspect(path).operations


def _tflite(path: Path) -> Lint:
    details, inputs = _nodes(path, delegates=False)
    written = {int(i) for op in details for i in op["outputs"]} | {tensor["index"] for tensor in inputs}
    unpacking = [op["op_name"] == "DEQUANTIZE" and int(op["inputs"][0]) not in written for op in details]
    counts = _counted(op["op_name"] for op, no in zip(details, unpacking, strict=True) if not no)
    parts, outside = _delegated(path)
    model = _model(path)
    left = {"gpu": left_by(model, "gpu"), "npu": left_by(model, "npu")}
    breaches = [*_corners(model), *_rows(model), *_open(t["shape_signature"].tolist() for t in inputs)]
    if transposes := counts.get("TRANSPOSE", 0):
        breaches.append(f"{transposes} TRANSPOSE where 0 are allowed: a layout was not converted, each copies a map")
    warnings = []
    if parts > MANY_PARTS:
        warnings.append(f"XNNPACK takes it in {parts} parts: every border costs time; measure it against float32")
    wide = [op["op_name"] for op in details if "CONV" in op["op_name"] and np.int16 in op["result_types"]]
    if wide:
        warnings.append(f"int16 activations in {len(wide)} convolutions: XNNPACK leaves them to slow reference kernels")
    return Lint(
        operations=counts,
        parts=parts,
        outside=outside,
        left=left,
        breaches=tuple(breaches),
        rounded=indices.of_tflite(model),
        warnings=tuple(warnings),
    )


def _nodes(path: Path, *, delegates: bool) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The operations and the inputs of a .tflite file, with or without what XNNPACK made of them."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kind = OpResolverType.AUTO if delegates else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    try:
        interpreter = Interpreter(model_path=str(path), experimental_op_resolver_type=kind)
        if delegates:
            allocate(interpreter)
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{path} cannot be looked into ({error}): convert it again") from error
    return interpreter._get_ops_details(), interpreter.get_input_details()


def _delegated(path: Path) -> tuple[int, dict[str, int]]:
    """How many parts XNNPACK takes over, and the operations that are left: all that no part's outputs depend on."""
    details, _ = _nodes(path, delegates=True)
    parts = [op for op in details if op["op_name"] == "DELEGATE"]
    nodes = [op for op in details if op["op_name"] != "DELEGATE"]
    maker = {int(i): at for at, op in enumerate(nodes) for i in op["outputs"]}
    inside: set[int] = set()
    for part in parts:
        given, waiting = {int(i) for i in part["inputs"]}, [int(i) for i in part["outputs"]]
        while waiting:
            at = maker.get(waiting.pop())
            if at is not None and at not in inside:
                inside.add(at)
                waiting += [int(i) for i in nodes[at]["inputs"] if int(i) not in given]
    return len(parts), _counted(op["op_name"] for at, op in enumerate(nodes) if at not in inside)


def _model(path: Path) -> Any:
    """A .tflite file as its schema has it."""
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)


SEEN = {
    "ADD", "ARG_MAX", "CAST", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DEQUANTIZE", "DIV", "FLOOR",
    "FULLY_CONNECTED", "GATHER", "GREATER", "LESS", "LOG", "LOGICAL_AND", "MAXIMUM", "MAX_POOL_2D", "MINIMUM",
    "MUL", "PAD", "QUANTIZE", "REDUCE_MAX", "RELU", "RESHAPE", "RESIZE_BILINEAR", "SELECT_V2", "SPLIT", "SUB",
    "SUM",
}  # fmt: skip
"""Operations that LiteRT's GPU engine and Qualcomm's compiler were both seen to take; of others nothing is known."""
WIDE = ("INT64", "UINT64", "FLOAT64")


def left_by(model: Any, engine: Literal["gpu", "npu"]) -> dict[str, int]:
    """Operations of a .tflite file that an engine leaves to the processor; what lies after them it may leave as well.

    Rules, as LiteRT's GPU engine 2.3 and its compiler for Qualcomm's NPUs were seen to decide: both leave 64-bit whole
    numbers; a GPU 16-bit ones, and a gather from a constant that is stored in float16; an NPU convolutions of floats
    whose weights are int8.
    """
    from ai_edge_litert import schema_py_generated as schema

    graph = model.subgraphs[0]
    kinds = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    types = {number: name for name, number in vars(schema.TensorType).items() if isinstance(number, int)}
    computed = {int(i) for i in graph.inputs} | {int(i) for op in graph.operators for i in op.outputs}
    unpacked: set[int] = set()
    counts: Counter[str] = Counter()
    for op in graph.operators:
        kind = kinds[model.operatorCodes[op.opcodeIndex].builtinCode]
        inputs, outputs = ([int(i) for i in ends if i >= 0] for ends in (op.inputs, op.outputs))
        if kind == "DEQUANTIZE" and inputs[0] not in computed:
            unpacked.update(outputs)
            continue
        held = [types[graph.tensors[i].type] for i in (*inputs, *outputs)]
        if engine == "gpu":
            own = "INT16" in held or (kind == "GATHER" and inputs[0] in unpacked)
        else:
            own = kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED") and held[:2] == ["FLOAT32", "INT8"]
        counts[kind] += own or kind not in SEEN or any(each in WIDE for each in held)
    return {kind: count for kind, count in counts.items() if count}


def _rows(model: Any) -> list[str]:
    """Sums, products and the like of a table of values and a constant table, in a .tflite file: LiteRT's GPU engine 2.3
    takes them and gives wrong values, without a word. It was right with a row (1, N), a column (N, 1) and one value."""
    from ai_edge_litert import schema_py_generated as schema

    graph = model.subgraphs[0]
    kinds = {getattr(schema.BuiltinOperator, name) for name in ELEMENTWISE}
    computed = {int(i) for i in graph.inputs}
    found = 0
    for op in graph.operators:
        kind, inputs = model.operatorCodes[op.opcodeIndex].builtinCode, [int(i) for i in op.inputs if i >= 0]
        unpacked = kind == schema.BuiltinOperator.DEQUANTIZE and inputs[0] not in computed  # weights, still constant
        if not unpacked:
            computed.update(int(i) for i in op.outputs)
        constants = [list(graph.tensors[i].shape) for i in inputs if i not in computed]
        out = list(graph.tensors[op.outputs[0]].shape)
        table = len(out) < 4 and any(len(shape) > 1 and shape[-1] > 1 and shape[-2] > 1 for shape in constants)
        rows = any(len(shape) == 2 and shape[0] > 1 for shape in (list(graph.tensors[i].shape) for i in inputs))
        found += kind in kinds and table and rows
    said = f"{found} sums or products with a constant of several rows: LiteRT's GPU engine gets them wrong"
    return [said] if found else []


def _corners(model: Any) -> list[str]:
    """Bilinear resizes of a .tflite file that sample elsewhere than torch's with align_corners=False."""
    from ai_edge_litert import schema_py_generated as schema

    resizes = [
        op.builtinOptions
        for op in model.subgraphs[0].operators
        if model.operatorCodes[op.opcodeIndex].builtinCode == schema.BuiltinOperator.RESIZE_BILINEAR
    ]
    wrong = sum(1 for options in resizes if options.alignCorners or not options.halfPixelCenters)
    return _misplaced(wrong, len(resizes))


def _misplaced(wrong: int, count: int) -> list[str]:
    text = "of {count} resizes do not sample at half-pixel centres without align_corners, as the network does"
    return [f"{wrong} {text.format(count=count)}: points shift"] if wrong else []


def _open(shapes: Iterable[Iterable[int]]) -> list[str]:
    """Complaints about input shapes with a side that is not a positive number."""
    return [
        f"an input has open dimensions ({', '.join(map(str, shape))}): delegates refuse it or plan anew at every call"
        for shape in map(tuple, shapes)
        if min(shape, default=1) < 1
    ]


def _onnx(path: Path) -> Lint:
    import onnx

    graph = onnx.load(str(path)).graph
    counts = _counted(n.op_type for n in graph.node if n.op_type not in ("Constant", "Identity"))
    resizes = [n for n in graph.node if n.op_type == "Resize"]
    modes = [a.s.decode() for n in resizes for a in n.attribute if a.name == "coordinate_transformation_mode"]
    wrong = sum(1 for mode in modes if mode not in ("half_pixel", "pytorch_half_pixel"))
    weights = {tensor.name for tensor in graph.initializer}  # up to IR 3 they are inputs too
    inputs = (i for i in graph.input if i.name not in weights)
    shapes = ([side.dim_value for side in i.type.tensor_type.shape.dim] for i in inputs)
    breaches = (*_misplaced(wrong, len(resizes)), *_open(shapes))
    return Lint(operations=counts, breaches=breaches, rounded=indices.of_onnx(path))


def _coreml(path: Path) -> Lint:
    program = package.read(path)
    steps = [op for op in program.operations if op.kind != "const" and not op.kind.startswith("constexpr_")]
    resizes = [op for op in steps if op.kind == "upsample_bilinear"]
    constants = {name: op.arguments["val"] for op in program.operations if op.kind == "const" for name in op.outputs}

    def aligned(op: package.Operation) -> bool:
        (corners,) = op.arguments["align_corners"]
        return bool(constants[corners.name][0] if isinstance(corners, package.ValueName) else corners)

    wrong = sum(aligned(op) for op in resizes)
    shapes = ([side or 0 for side in tensor.shape] for tensor in program.inputs.values())
    breaches = (*_misplaced(wrong, len(resizes)), *_open(shapes))
    counts = _counted(op.kind for op in steps)
    return Lint(operations=counts, breaches=breaches, rounded=indices.of_coreml(program))


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())
