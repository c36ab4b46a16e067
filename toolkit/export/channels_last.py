"""ONNX -> one TensorFlow function with channels last, for the few operations that networks and decoding here have.

Whether a value is held as ONNX has it or with its channels last follows from the graph alone: inputs of four axes are,
and so is whatever convolutions, resizes and element-wise operations make of them, until a Transpose says otherwise. A
general converter guesses layouts from sizes, and is wrong where a map has as many channels as rows and columns.

Runs where TensorFlow is: in tflite_worker's process.
"""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

HELD = (0, 2, 3, 1)
"""Axes of ONNX in the order in which a map is held."""


@dataclass(frozen=True)
class Value:
    """A tensor, or a constant as an array."""

    tensor: Any
    is_map: bool = False
    """Held as (B, H, W, C) where ONNX has (B, C, H, W)."""

    def axis(self, axis: int) -> int:
        """Where one of ONNX's axes is held."""
        return HELD.index(axis % 4) if self.is_map else axis

    def plain(self) -> Any:
        """As ONNX has it; of a map that is a transposition."""
        import tensorflow as tf

        return tf.transpose(self.tensor, np.argsort(HELD)) if self.is_map else self.tensor


@dataclass(frozen=True)
class Node:
    """An operation with its inputs; those that it leaves out are None."""

    kind: str
    inputs: list[Value | None]
    attributes: dict[str, Any]

    def __getitem__(self, place: int) -> Value:
        value = self.inputs[place]
        assert value is not None
        return value

    def constant(self, place: int) -> Any:
        """An input that must be a constant, as an array; None where it is left out."""
        value = self.inputs[place] if place < len(self.inputs) else None
        if value is None:
            return None
        if not isinstance(value.tensor, np.ndarray):
            raise ValueError(f"{self.kind} with a computed input {place}")
        return value.tensor

    def demand(self, **expected: Any) -> None:
        """Raises ValueError for an attribute that is there and has another value than the one understood here."""
        for name, value in expected.items():
            if self.attributes.get(name, value) != value:
                raise ValueError(f"{self.kind} with {name} {self.attributes[name]}, not {value}")


def function(path: Path) -> Any:
    """The ONNX file as a concrete function; its inputs and outputs of four axes have their channels last.

    Raises:
        ValueError: it has an operation, or a way of one, that is not known here; the message names it.
    """
    import onnx
    import tensorflow as tf

    graph = onnx.load(str(path)).graph
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    signature = []
    for entry in graph.input:
        sides = [side.dim_value for side in entry.type.tensor_type.shape.dim]
        held = [sides[axis] for axis in HELD] if len(sides) == 4 else sides
        signature.append(tf.TensorSpec(held, tf.float32, entry.name))

    def run(*inputs: Any) -> list[Any]:
        values = {name: Value(array) for name, array in constants.items()}
        for entry, tensor in zip(graph.input, inputs, strict=True):
            values[entry.name] = Value(tensor, is_map=len(tensor.shape) == 4)
        for node in graph.node:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            if node.op_type not in OPERATORS:
                raise ValueError(f"{node.name} is a {node.op_type}, which is not among {', '.join(sorted(OPERATORS))}")
            given = [values[name] if name else None for name in node.input]
            made = OPERATORS[node.op_type](Node(node.op_type, given, attributes))
            values.update(zip(node.output, made if isinstance(made, list) else [made], strict=True))
        return [values[entry.name].tensor for entry in graph.output]

    return tf.function(run, input_signature=signature, autograph=False).get_concrete_function()


def _conv(node: Node) -> Value:
    import tensorflow as tf

    x, weight = node[0], node.constant(1)  # weight: (C_out, C_in / groups, kh, kw)
    if not x.is_map or weight.ndim != 4:
        raise ValueError("Conv of something else than maps")
    node.demand(dilations=[1, 1], auto_pad=b"NOTSET")
    groups, strides = node.attributes.get("group", 1), node.attributes.get("strides", [1, 1])
    channels = x.tensor.shape[3]
    tensor, padding = _padded(x.tensor, node.attributes.get("pads", [0] * 4), weight.shape[2:], strides)
    if groups == 1:
        out = tf.nn.conv2d(tensor, weight.transpose(2, 3, 1, 0), strides, padding)
    elif groups == channels:
        filters = weight.reshape(channels, -1, *weight.shape[2:]).transpose(2, 3, 0, 1)
        out = tf.nn.depthwise_conv2d(tensor, filters, [1, *strides, 1], padding)
    else:
        raise ValueError(f"Conv of {channels} channels in {groups} groups")
    bias = node.constant(2)
    return Value(out if bias is None else tf.nn.bias_add(out, bias), is_map=True)


def _padded(x: Any, pads: list[int], kernel: tuple[int, ...], strides: list[int]) -> tuple[Any, str]:
    """A map with zeros around it, and what TensorFlow calls the padding that is left to do."""
    import tensorflow as tf

    top, left, bottom, right = pads
    if not any(pads):
        return x, "VALID"
    if strides == [1, 1] and [2 * top + 1, 2 * left + 1] == list(kernel) and (top, left) == (bottom, right):
        return x, "SAME"
    return tf.pad(x, [[0, 0], [top, bottom], [left, right], [0, 0]]), "VALID"


def _resize(node: Node) -> Value:
    import tensorflow as tf

    x, scales = node[0], node.constant(2)
    node.demand(mode=b"linear", coordinate_transformation_mode=b"half_pixel")
    if not x.is_map or scales is None or len(scales) != 4 or tuple(scales[:2]) != (1, 1):
        raise ValueError("Resize of something else than a map's sides by constant factors")
    sides = [round(side * factor) for side, factor in zip(x.tensor.shape[1:3], scales[2:].tolist(), strict=True)]
    return Value(tf.image.resize(x.tensor, sides, "bilinear"), is_map=True)


def _elementwise(name: str) -> Callable[[Node], Value]:
    """TensorFlow's function of that name, broadcast as in ONNX."""

    def operator(node: Node) -> Value:
        import tensorflow as tf

        values = [value for value in node.inputs if value is not None]
        is_map = any(value.is_map for value in values)
        made = attrgetter(name)(tf)(*(_as_map(value) if is_map else value.tensor for value in values))
        return Value(made, is_map)

    return operator


def _as_map(value: Value) -> Any:
    """What meets a map element by element, with its axes in the same places."""
    if value.is_map or not value.tensor.shape:
        return value.tensor
    if not isinstance(value.tensor, np.ndarray):
        raise ValueError("a map meets a computed value that is none")
    shape = value.tensor.shape
    return value.tensor.reshape(*(1,) * (4 - len(shape)), *shape).transpose(HELD)


def _clip(node: Node) -> Value:
    import tensorflow as tf

    x, low, high = node[0], node.constant(1), node.constant(2)
    if (low, high) == (0, 6):
        return Value(tf.nn.relu6(x.tensor), x.is_map)
    tensor = x.tensor if low is None else tf.maximum(x.tensor, low)
    return Value(tensor if high is None else tf.minimum(tensor, high), x.is_map)


def _reduce_max(node: Node) -> Value:
    import tensorflow as tf

    x, axes, keep = node[0], node.attributes["axes"], bool(node.attributes.get("keepdims", 1))
    if x.is_map and not keep and sorted(axis % 4 for axis in axes) != [2, 3]:
        x = Value(x.plain())
    return Value(tf.reduce_max(x.tensor, [x.axis(axis) for axis in axes], keep), x.is_map and keep)


def _arg_max(node: Node) -> Value:
    """int32: int64, which ONNX prescribes, keeps a file off GPUs and NPUs."""
    import tensorflow as tf

    node.demand(keepdims=0, select_last_index=0)
    return Value(tf.argmax(node[0].plain(), node.attributes.get("axis", 0), tf.int32))


def _cast(node: Node) -> Value:
    import onnx
    import tensorflow as tf

    kind = onnx.helper.tensor_dtype_to_np_dtype(node.attributes["to"])
    return Value(tf.cast(node[0].tensor, np.int32 if kind == np.int64 else kind), node[0].is_map)


def _transpose(node: Node) -> Value:
    import tensorflow as tf

    x, wanted = node[0], node.attributes["perm"]
    held = [x.axis(axis) for axis in wanted]
    return Value(x.tensor if held == sorted(held) else tf.transpose(x.tensor, held))


def _concat(node: Node) -> Value:
    import tensorflow as tf

    values = [value for value in node.inputs if value is not None]
    axis = node.attributes["axis"]
    if all(value.is_map for value in values):
        return Value(tf.concat([value.tensor for value in values], values[0].axis(axis)), is_map=True)
    return Value(tf.concat([value.plain() for value in values], axis))


def _reshape(node: Node) -> Value:
    import tensorflow as tf

    node.demand(allowzero=0)
    return Value(tf.reshape(node[0].plain(), node.constant(1).astype(np.int32)))


def _gather(node: Node) -> Value:
    import tensorflow as tf

    return Value(tf.gather(node[0].plain(), node[1].plain(), axis=node.attributes.get("axis", 0)))


def _split(node: Node) -> list[Value]:
    """Of a constant, such as a vector of factors."""
    ends = np.cumsum(node.constant(1))[:-1]
    return [Value(part) for part in np.split(node.constant(0), ends, node.attributes.get("axis", 0))]


def _squeeze(node: Node) -> Value:
    """Of a constant."""
    return Value(np.squeeze(node.constant(0), tuple(node.constant(1))))


def _constant(node: Node) -> Value:
    import onnx

    return Value(onnx.numpy_helper.to_array(node.attributes["value"]))


ELEMENTWISE = {
    **{"Add": "add", "Sub": "subtract", "Mul": "multiply", "Div": "divide", "Max": "maximum", "Min": "minimum"},
    **{"Relu": "nn.relu", "Log": "math.log", "Sign": "sign", "Sqrt": "sqrt"},
    **{"Greater": "greater", "Less": "less", "And": "logical_and", "Where": "where", "MatMul": "matmul"},
}

OPERATORS: dict[str, Callable[[Node], Value | list[Value]]] = {
    **{kind: _elementwise(name) for kind, name in ELEMENTWISE.items()},
    "ArgMax": _arg_max,
    "Cast": _cast,
    "Clip": _clip,
    "Concat": _concat,
    "Constant": _constant,
    "Conv": _conv,
    "Gather": _gather,
    "Identity": lambda node: node[0],
    "ReduceMax": _reduce_max,
    "Reshape": _reshape,
    "Resize": _resize,
    "Split": _split,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
}
