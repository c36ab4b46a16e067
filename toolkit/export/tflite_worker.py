"""Runs in a process of its own (see tools.run_apart): ONNX -> TFLite in the working folder.

Reads job.json, model.onnx and, for static int8, calibration.npy; writes PRECISION.tflite for each precision of the job,
and NAME.tflite for each other way of static int8 in it.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.export import channels_last
from toolkit.export.static_int8 import Way, decoding, int8, int8io, kind


def main() -> None:
    """Do the job in the working folder."""
    job = json.loads(Path("job.json").read_text(encoding="utf-8"))
    function = channels_last.function(Path("model.onnx"))
    plain = float32(function)
    for precision in job["precisions"]:
        match precision:
            case "float32":
                data = plain
            case "float16":
                data = float16(function)
            case "dynamic8":
                data = dynamic8(function, plain)
            case "int8":
                data = int8(plain, np.load("calibration.npy"))
            case "int8io":
                data = int8io(plain, np.load("calibration.npy"))
            case _:
                raise AssertionError(precision)
        Path(f"{precision}.tflite").write_bytes(named(data, job["outputs"]))
    for name, way in job["ways"].items():
        data = int8(plain, np.load("calibration.npy"), Way(**way))
        Path(f"{name}.tflite").write_bytes(named(data, job["outputs"]))


def float32(function: Any) -> bytes:
    """Weights and arithmetic in float32."""
    import tensorflow as tf

    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([function], None).convert())


def float16(function: Any) -> bytes:
    """Weights stored in float16; a CPU computes in float32, a GPU delegate in float16."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], None)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    return bytes(converter.convert())


def dynamic8(function: Any, plain: bytes) -> bytes:
    """Weights in int8, per channel, whose convolutions quantise what they read; everything between them is float32.

    The decoding keeps its float weights, and so do depthwise convolutions: XNNPACK has no such kernel for them, and
    where 12 of 98 were in int8 it took the network in 17 parts and not in 5.
    """
    import tensorflow as tf
    from tensorflow.lite.tools import flatbuffer_utils

    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], None)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    model, before = (flatbuffer_utils.read_model_from_bytearray(bytearray(d)) for d in (converter.convert(), plain))
    graph, own = model.subgraphs[0], before.subgraphs[0]
    originals = {own.tensors[op.outputs[0]].name: op for op in own.operators}
    after = decoding(model)
    for op in graph.operators:
        if op not in after and kind(model, op) != "DEPTHWISE_CONV_2D":
            continue
        original = originals[graph.tensors[op.outputs[0]].name]
        for index, at in zip(op.inputs, original.inputs, strict=True):
            tensor, source = graph.tensors[index], own.tensors[at]
            if index >= 0 and tensor.type != source.type:  # -1 stands for no bias
                tensor.type, tensor.quantization = source.type, source.quantization
                model.buffers[tensor.buffer].data = before.buffers[source.buffer].data
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def named(data: bytes, outputs: list[str]) -> bytes:
    """The same file with its input called `image`, its outputs named in the job's order, and a signature saying so."""
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(data))
    graph = model.subgraphs[0]
    ranks = {"points": 3, "confidence": 2, "heatmaps": 4}
    by_rank = {len(graph.tensors[i].shape): int(i) for i in graph.outputs}
    graph.outputs = [by_rank[ranks[name]] for name in outputs]
    maps: list[list[Any]] = [[], []]
    names = [(0, "image", int(graph.inputs[0]))]
    names += [(1, name, index) for name, index in zip(outputs, graph.outputs, strict=True)]
    for side, name, index in names:
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = name, index
        graph.tensors[index].name = name
        maps[side].append(entry)
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = "serving_default", 0
    signature.inputs, signature.outputs = maps
    model.signatureDefs = [signature]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


if __name__ == "__main__":
    main()
