"""What is in a converted file: operations decide a phone's latency more than multiplications do."""

from collections import Counter
from pathlib import Path


def operations(path: Path) -> dict[str, int] | None:
    """How often each operation occurs, weights' own conversions left out; None for a format that is not looked into."""
    match path.suffix:
        case ".tflite":
            return _tflite(path)
        case ".onnx":
            return _onnx(path)
    return None


def _tflite(path: Path) -> dict[str, int]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES  # a delegate would hide what it takes over
    interpreter = Interpreter(model_path=str(path), experimental_op_resolver_type=plain)
    details = interpreter._get_ops_details()
    written = {int(i) for op in details for i in op["outputs"]} | {d["index"] for d in interpreter.get_input_details()}
    counts: Counter[str] = Counter()
    for op in details:
        unpacking = op["op_name"] == "DEQUANTIZE" and int(op["inputs"][0]) not in written
        if op["op_name"] != "DELEGATE" and not unpacking:
            counts[op["op_name"]] += 1
    return dict(counts.most_common())


def _onnx(path: Path) -> dict[str, int]:
    import onnx

    nodes = onnx.load(str(path)).graph.node
    return dict(Counter(n.op_type for n in nodes if n.op_type not in ("Constant", "Identity")).most_common())
