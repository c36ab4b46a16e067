"""Static int8 of a float32 TFLite file: integer arithmetic from the normalised image to the heatmaps, float after them.

Decoding needs more than 8 bits: a peak's 3 x 3 neighbourhood and its logarithm, and whole-number indices. With
everything in int8 the points of the 64 px network move by 1.97 crop pixels on average, by 0.085 with decoding in float,
which is what is done (results/convert). A decoding that does with 8 bits is in whole_int8.

Runs where TensorFlow is: in tflite_worker's process.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import ImageArray
from toolkit.runtime.tflite import POINT_STEP

BEYOND = 5e-5
"""Share of a tensor's values that int8 cuts off at either end."""
SAMPLE = 1024
"""Values of a tensor that are looked at for each crop."""

CONFIDENCE_STEP = 1 / 255


@dataclass(frozen=True, kw_only=True)
class Way:
    """How static int8 is made; the defaults ship, the others are there to measure what each of them gives."""

    decoding_in_float: bool = True
    weights_per_channel: bool = True
    beyond: float = BEYOND
    """0 for ranges from the smallest to the largest value seen."""
    front: float = 0.0
    """Share of the network's operations, from the image on, that stay in float (see mixed)."""
    image_in_float: bool = True
    """Whether the subtraction of the mean is in float, as everything before it."""


def int8(plain: bytes, crops: ImageArray, way: Way = Way()) -> bytes:
    """With float input and outputs: the image stays float until the mean is subtracted."""
    return quantised(with_ranges(plain, crops, way.beyond), way)


def quantised(calibrated: bytes, way: Way) -> bytes:
    """A file that has ranges, in int8 between float ends."""
    from tensorflow.lite.python.convert import mlir_quantize

    first, *decoding = float_nodes(calibrated)
    names = network(calibrated)
    kept = [first] if way.image_in_float else []
    kept += [*names[: front(names, way.front)], *(decoding if way.decoding_in_float else [])]
    return bytes(
        mlir_quantize(calibrated, disable_per_channel=not way.weights_per_channel, denylisted_nodes=kept)
    )  # fmt: skip


def front(names: list[str], share: float) -> int:
    """How many operations a share of the network's is."""
    return round(share * len(names))


def int8io(plain: bytes, crops: ImageArray) -> bytes:
    """With uint8 pixels in and integers out: the subtraction of the mean is in int8 too. Without decoding in the file
    (the heatmap variant) no float is left at all."""
    return integer_ends(quantised(with_ranges(plain, crops, BEYOND), Way(image_in_float=False)))


def with_ranges(plain: bytes, crops: ImageArray, beyond: float) -> bytes:
    """The file with a range for every tensor that int8 needs one of; the image's is that of pixels."""
    from tensorflow.lite.python.optimize.calibrator import Calibrator
    from tensorflow.lite.tools import flatbuffer_utils

    def one_batch() -> Iterator[list[NDArray[np.float32]]]:
        yield [crops[:1].astype(np.float32)]

    # one crop marks the tensors that need a range; the ranges are then our own
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(Calibrator(plain).calibrate(one_batch)))
    graph = model.subgraphs[0]
    marked = [i for i, t in enumerate(graph.tensors) if t.quantization is not None and t.quantization.min is not None]
    found = ranges(plain, crops, marked, beyond) | {int(graph.inputs[0]): (0.0, 255.0)}
    for index, (low, high) in found.items():
        graph.tensors[index].quantization.min, graph.tensors[index].quantization.max = [low], [high]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def ranges(plain: bytes, crops: ImageArray, tensors: list[int], beyond: float) -> dict[int, tuple[float, float]]:
    """The range, around 0, that each of these tensors keeps to but for a share of its values at either end."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=plain,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    image = interpreter.get_input_details()[0]["index"]
    rng = np.random.default_rng(0)
    seen: dict[int, list[NDArray[np.float32]]] = {index: [] for index in tensors}
    for crop in crops:
        interpreter.set_tensor(image, crop[None].astype(np.float32))
        interpreter.invoke()
        for index, kept in seen.items():
            values = interpreter.get_tensor(index).ravel()
            kept.append(values if len(values) <= SAMPLE else values[rng.integers(0, len(values), SAMPLE)])
    out = {}
    for index, kept in seen.items():
        low, high = np.quantile(np.concatenate(kept), (beyond, 1 - beyond))
        out[index] = min(float(low), 0.0), max(float(high), 0.0)
    return out


def float_nodes(data: bytes) -> list[str]:
    """Names of the operations that int8 leaves alone: the first, and all that depend on the heatmaps."""
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(data))
    graph = model.subgraphs[0]
    chosen = [graph.operators[0], *decoding(model)]
    return [graph.tensors[i].name.decode() for op in chosen for i in op.outputs]


def network(data: bytes) -> list[str]:
    """Names of what the other operations give, in their order: all from the image's mean to the heatmaps."""
    from tensorflow.lite.tools import flatbuffer_utils

    graph = flatbuffer_utils.read_model_from_bytearray(bytearray(data)).subgraphs[0]
    kept = set(float_nodes(data))
    names = [graph.tensors[i].name.decode() for op in graph.operators for i in op.outputs]
    return [name for name in names if name not in kept]


def decoding(model: Any) -> list[Any]:
    """The operations that depend on the heatmaps, whose height, the one REDUCE_MAX, is the confidence."""
    operators = model.subgraphs[0].operators
    after = {op.inputs[0] for op in operators if kind(model, op) == "REDUCE_MAX"}
    chosen = []
    for op in operators:
        if after.intersection(op.inputs.tolist()):
            after.update(op.outputs.tolist())
            chosen.append(op)
    return chosen


def kind(model: Any, op: Any) -> str:
    """The name of an operation's kind."""
    from tensorflow.lite.tools import flatbuffer_utils

    return str(flatbuffer_utils.opcode_to_name(model, op.opcodeIndex))


def integer_ends(data: bytes) -> bytes:
    """The file with uint8 pixels in, and int8 heatmaps, or int16 points and uint8 confidences, out."""
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(data))
    graph, types = model.subgraphs[0], schema.TensorType
    image = graph.tensors[graph.inputs[0]]
    image.type, image.quantization = types.UINT8, _steps(1.0)
    quantize = next(op for op in graph.operators if kind(model, op) == "QUANTIZE")
    assert quantize.inputs[0] == graph.inputs[0]
    model.operatorCodes[quantize.opcodeIndex].version = 2  # which may give int16
    for place, index in enumerate(graph.outputs):
        maker = next(op for op in graph.operators if index in op.outputs)
        if kind(model, maker) == "DEQUANTIZE":
            graph.outputs[place] = maker.inputs[0]
            graph.operators.remove(maker)
            continue
        points = len(graph.tensors[index].shape) == 3
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.buffer = b"integer", graph.tensors[index].shape, 0
        tensor.type = types.INT16 if points else types.UINT8
        tensor.quantization = _steps(POINT_STEP if points else CONFIDENCE_STEP)
        graph.tensors.append(tensor)
        op = schema.OperatorT()
        op.opcodeIndex, op.inputs, op.outputs = quantize.opcodeIndex, [index], [len(graph.tensors) - 1]
        graph.operators.append(op)
        graph.outputs[place] = len(graph.tensors) - 1
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _steps(scale: float) -> Any:
    """Quantisation parameters without a zero point."""
    from tensorflow.lite.python import schema_py_generated as schema

    parameters = schema.QuantizationParametersT()
    parameters.scale, parameters.zeroPoint = [scale], [0]
    return parameters
