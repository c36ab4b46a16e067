"""Decoding in int8 by operations that every engine takes: static int8 without an arg-max, gathers and a float tail.

The centroid of core.heatmap needs the highest pixel of each map and the values around it. Engines leave arg-max and
gathers to the processor, so that a file falls into parts. Here the highest pixel is never looked up: a pixel belongs to
a peak where the maximum around it equals the maximum of the map. In int8 that equality is exact.

    peak   = max-pool(h, whole map)
    near   = relu(max-pool(h, window) - (peak - step))    step within reach of the peak, else 0; step: one of int8's
    mass   = near * h * h                                 the squared values around the peak, all others 0
    point  = sum(mass * place) / sum(mass)                of the sums along rows and columns, which are in float

All before the last line is in int8; the last line works on two sums of a side's length for each point. Highest pixels
that are equal in int8 all count: neighbours for a window that is a pixel wider, others for a point between them.

Runs where TensorFlow is: in tflite_worker's process.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.core import heatmap
from toolkit.export.static_int8 import decoding, kind

LOWEST, LEVELS = -128, 255
"""The smallest int8, and how many steps there are from it to the largest."""
SUM = 1.5
"""What int8 holds of the squared values along a line through the window, over the square of the highest value and the
window's reach: of a Gaussian whose sigma is half that reach they sum to 0.89 of it, of a broader peak to more."""


def with_whole_decoding(data: bytes, reach: int) -> bytes:
    """A file of static int8 with its decoding replaced by the one above; a shape layer stays behind it.

    Args:
        data: with points and confidences out, decoded by the centroid in float.
        reach: how far the pixels that count lie from the highest one, along each axis.

    Raises:
        ValueError: the heatmaps are not those of a convolution.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(data))
    graph = model.subgraphs[0]
    tail = decoding(model)
    (taken,) = {int(op.inputs[0]) for op in tail if kind(model, op) == "REDUCE_MAX"}
    (dequantize,) = [op for op in graph.operators if taken in op.outputs]
    maps = int(dequantize.inputs[0])
    by_rank = {len(graph.tensors[index].shape): int(index) for index in graph.outputs}
    out, confidence = by_rank[3], by_rank[2]
    decoded, after = _behind(tail, graph.tensors, taken, out, confidence)
    graph.operators = [op for op in graph.operators if op is not dequantize and op not in tail]
    _above_zero(model, maps)
    writer = Writer(model)
    xy, height = decode(writer, maps, reach)
    if any(kind(model, op) != "RESHAPE" for op in after):
        renamed = {decoded: writer.reshaped(xy, writer.shape(decoded)), confidence: height}
        for op in after:
            op.inputs = np.array([renamed.get(int(index), index) for index in op.inputs], np.int32)
        graph.operators.extend(after)
        xy = out
    graph.outputs = [xy if index == out else height for index in graph.outputs]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _behind(tail: list[Any], tensors: list[Any], maps: int, out: int, confidence: int) -> tuple[int, list[Any]]:
    """The tensor of the decoded points, and the operations behind it, which know of the heatmaps by it and the
    confidences alone: those of a shape layer, or one that gives the points another shape, or none.

    Args:
        tail: all operations that depend on the heatmaps, in order.
        tensors: the graph's.
        maps: the heatmaps that the tail begins with.
        out: the points that the file gives.
        confidence: the confidences that it gives.
    """
    made = [int(index) for op in tail for index in op.outputs]
    for decoded in (index for index in made if np.prod(tensors[index].shape) == np.prod(tensors[out].shape)):
        needed, behind = {out} - {decoded}, list[Any]()
        for op in reversed(tail):
            if needed.intersection(op.outputs.tolist()):
                behind.insert(0, op)
                needed.update(set(op.inputs.tolist()).intersection([maps, *made]) - {decoded, confidence})
        if maps not in needed:
            return decoded, behind
    raise AssertionError("the points that the file gives are such a tensor")


def _above_zero(model: Any, maps: int) -> None:
    """Let the last convolution end at 0, which is where squares begin, and give all of int8 to what is above it."""
    from tensorflow.lite.python import schema_py_generated as schema

    graph = model.subgraphs[0]
    (maker,) = [op for op in graph.operators if maps in op.outputs]
    if kind(model, maker) != "CONV_2D":
        raise ValueError(f"heatmaps come from a {kind(model, maker)}, not from a convolution, which could end at 0")
    maker.builtinOptions.fusedActivationFunction = schema.ActivationFunctionType.RELU
    parameters = graph.tensors[maps].quantization
    highest = float(parameters.scale[0] * (127 - parameters.zeroPoint[0]))
    parameters.scale, parameters.zeroPoint = [highest / LEVELS], [LOWEST]


def decode(w: "Writer", maps: int, reach: int) -> list[int]:
    """Add the decoding of int8 heatmaps (1, h, h, M); points (1, M, 2) and confidences (1, M), in floats."""
    _, side, _, points = w.shape(maps)
    step, window = w.scale(maps), 2 * reach + 1
    highest, everywhere = step * LEVELS, (1, side, side, points)

    peak = w.pooled(maps, side, "VALID")
    around = w.pooled(maps, window, "SAME")
    below = w.op("SUB", [peak, w.int8([1], step)], w.tensor((1, 1, 1, points), step))
    # whole steps of the heatmaps are so many of its own that only the highest pixel's neighbourhood is not 0
    near = w.op("SUB", [around, below], w.tensor(everywhere, step / LEVELS), relu=True)
    inside = w.op("MUL", [near, maps], w.tensor(everywhere, step * step))
    mass = w.op("MUL", [inside, maps], w.tensor(everywhere, step * step * highest))

    most = SUM * reach * step * highest * highest / LEVELS
    columns = w.op("SUM", [mass, w.int32([1])], w.tensor((1, 1, side, points), most))
    rows = w.op("SUM", [mass, w.int32([2])], w.tensor((1, side, 1, points), most))
    rows = w.reshaped(rows, (1, 1, side, points))
    along = w.op("CONCATENATION", [columns, rows], w.tensor((1, 1, side, 2 * points), most), axis=3)
    along = w.op("DEQUANTIZE", [along], w.tensor((1, 1, side, 2 * points)))
    along = w.op("MUL", [along, w.floats([1 / step])], w.tensor((1, 1, side, 2 * points)))

    place = (np.arange(side, dtype=np.float32) + 0.5) / side - 0.5
    across = (1, 1, 1, 2 * points)
    moment = w.op("MUL", [along, w.floats(place.reshape(1, 1, side, 1))], w.tensor((1, 1, side, 2 * points)))
    moment = w.op("SUM", [moment, w.int32([2])], w.tensor(across))
    total = w.op("SUM", [along, w.int32([2])], w.tensor(across))
    total = w.op("MAXIMUM", [total, w.floats([heatmap.CENTROID_FLOOR])], w.tensor(across))
    found = w.op("DIV", [moment, total], w.tensor(across))
    found = w.op("ADD", [found, w.floats([0.5])], w.tensor(across))
    halves = w.split(found, 2, (1, 1, 1, points))
    xy = w.op("CONCATENATION", [w.reshaped(half, (1, points, 1)) for half in halves], w.tensor((1, points, 2)), axis=2)

    height = w.op("DEQUANTIZE", [peak], w.tensor((1, 1, 1, points)))
    height = w.op("MINIMUM", [height, w.floats([1.0])], w.tensor((1, 1, 1, points)))
    return [xy, w.reshaped(height, (1, points))]


class Writer:
    """Adds operations to a .tflite model."""

    def __init__(self, model: Any) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self._model, self._graph, self._schema = model, model.subgraphs[0], schema

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Sides of a tensor."""
        return tuple(int(side) for side in self._graph.tensors[tensor].shape)

    def scale(self, tensor: int) -> float:
        """One step of an int8 tensor."""
        return float(self._graph.tensors[tensor].quantization.scale[0])

    def tensor(self, shape: tuple[int, ...], step: float | None = None) -> int:
        """A tensor to be computed: int8 of 0 and more in such steps, or float32."""
        return self._add(shape, "INT8" if step else "FLOAT32", step, None)

    def int8(self, values: list[int], step: float) -> int:
        """A constant of so many steps each."""
        return self._add((len(values),), "INT8", step, np.array(values, np.int16) + LOWEST)

    def int32(self, values: list[int]) -> int:
        """A constant of whole numbers."""
        return self._add((len(values),), "INT32", None, np.array(values, np.int32))

    def floats(self, values: Any) -> int:
        """A constant."""
        array = np.asarray(values, np.float32)
        return self._add(array.shape, "FLOAT32", None, array)

    def _add(self, shape: tuple[int, ...], type_: str, step: float | None, values: NDArray[Any] | None) -> int:
        tensor = self._schema.TensorT()
        tensor.name = f"decoding/{len(self._graph.tensors)}".encode()
        tensor.shape, tensor.type, tensor.buffer = list(shape), getattr(self._schema.TensorType, type_), 0
        if step is not None:
            tensor.quantization = self._schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [step], [LOWEST]
        if values is not None:
            buffer = self._schema.BufferT()
            kept = values.astype(np.int8) if type_ == "INT8" else values
            buffer.data = np.frombuffer(kept.tobytes(), np.uint8)
            self._model.buffers.append(buffer)
            tensor.buffer = len(self._model.buffers) - 1
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def op(self, name: str, inputs: list[int], out: int, *, relu: bool = False, axis: int | None = None) -> int:
        """Add an operation; its output."""
        options = self._options(name)
        if relu:
            options.fusedActivationFunction = self._schema.ActivationFunctionType.RELU
        if axis is not None:
            options.axis = axis
        return self._append(name, inputs, [out], options)[0]

    def pooled(self, x: int, side: int, padding: str) -> int:
        """The maximum of each square of such a side, of one alone that covers the map where nothing is padded."""
        options = self._options("MAX_POOL_2D")
        options.padding = getattr(self._schema.Padding, padding)
        options.strideW = options.strideH = 1
        options.filterWidth = options.filterHeight = side
        shape = self.shape(x) if padding == "SAME" else (1, 1, 1, self.shape(x)[3])
        return self._append("MAX_POOL_2D", [x], [self.tensor(shape, self.scale(x))], options)[0]

    def reshaped(self, x: int, shape: tuple[int, ...]) -> int:
        """The same values in another shape."""
        parameters = self._graph.tensors[x].quantization
        options = self._options("RESHAPE")
        options.newShape = list(shape)
        out = self.tensor(shape, self.scale(x) if parameters is not None else None)
        return self._append("RESHAPE", [x, self.int32(list(shape))], [out], options)[0]

    def split(self, x: int, count: int, shape: tuple[int, ...]) -> list[int]:
        """So many floats of one shape, from along the last axis."""
        options = self._options("SPLIT")
        options.numSplits = count
        return self._append("SPLIT", [self.int32([3]), x], [self.tensor(shape) for _ in range(count)], options)

    def _options(self, name: str) -> Any:
        made = getattr(self._schema, f"{OPTIONS[name]}T")()
        if name == "SUM":
            made.keepDims = True
        return made

    def _append(self, name: str, inputs: list[int], outputs: list[int], options: Any) -> list[int]:
        op = self._schema.OperatorT()
        op.opcodeIndex, op.inputs, op.outputs = self._code(name), inputs, outputs
        op.builtinOptionsType, op.builtinOptions = getattr(self._schema.BuiltinOptions, OPTIONS[name]), options
        self._graph.operators.append(op)
        return outputs

    def _code(self, name: str) -> int:
        number = getattr(self._schema.BuiltinOperator, name)
        for place, code in enumerate(self._model.operatorCodes):
            if code.builtinCode == number:
                code.version = max(code.version, VERSIONS.get(name, 1))
                return place
        code = self._schema.OperatorCodeT()
        code.builtinCode = number
        code.deprecatedBuiltinCode, code.version = min(number, 127), VERSIONS.get(name, 1)
        self._model.operatorCodes.append(code)
        return len(self._model.operatorCodes) - 1


OPTIONS = {
    "ADD": "AddOptions",
    "CONCATENATION": "ConcatenationOptions",
    "DEQUANTIZE": "DequantizeOptions",
    "DIV": "DivOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "MUL": "MulOptions",
    "RESHAPE": "ReshapeOptions",
    "SPLIT": "SplitOptions",
    "SUB": "SubOptions",
    "SUM": "ReducerOptions",
}
"""The schema's name of each operation's options."""
VERSIONS = {"ADD": 2, "CONCATENATION": 2, "DEQUANTIZE": 2, "MAX_POOL_2D": 2, "MUL": 2, "SUB": 2, "SUM": 2}
"""Of an operation, the first version that takes int8."""
