"""Runs in a process of its own (see tools.run_apart): ONNX -> TFLite in the working folder.

Reads job.json, model.onnx (for onnx2tf network.onnx and decode.onnx) and, for static int8, calibration.npy; writes
PRECISION.tflite for each precision of the job, NAME.tflite for each other way of static int8 in it, and into mixed.json
what of static int8 had to stay in float. Or, for a job with names, each NAME.onnx -> NAME.tflite, to be timed.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.export import channels_last
from toolkit.export.mixed import within_budget
from toolkit.export.static_int8 import Way, decoding, int8, int8io, kind

RANDOM_MAPS = 4
"""What a small model in int8 takes its ranges from."""


def main() -> None:
    """Do the job in the working folder."""
    job = json.loads(Path("job.json").read_text(encoding="utf-8"))
    if "names" in job:
        pieces(job["names"], int8_throughout if job["precision"] == "int8" else float32)
        return
    whole = Path("model.onnx")
    function = channels_last.function(whole) if whole.exists() else by_onnx2tf(job["size_px"])
    plain = float32(function)
    told: dict[str, Any] = {}
    for precision in job["precisions"]:
        match precision:
            case "float32":
                data = plain
            case "float16":
                data = float16(function, plain)
            case "dynamic8":
                data = dynamic8(function, plain)
            case "int8" | "int8whole" | "int8io" if job["within_budget"]:
                data, mixed = within_budget(plain, np.load("calibration.npy"), precision, job["reach"])
                told |= {precision: asdict(mixed)} if mixed else {}
            case "int8":
                data = int8(plain, np.load("calibration.npy"))
            case "int8io":
                data = int8io(plain, np.load("calibration.npy"))
            case _:
                raise AssertionError(precision)
        Path(f"{precision}.tflite").write_bytes(named(data, job["outputs"]))
    Path("mixed.json").write_text(json.dumps(told), encoding="utf-8")
    for name, way in job["ways"].items():
        data = int8(plain, np.load("calibration.npy"), Way(**way))
        Path(f"{name}.tflite").write_bytes(named(data, job["outputs"]))


def pieces(names: list[str], convert: Callable[[Any], bytes]) -> None:
    """Many small models in one process."""
    for name in names:
        Path(f"{name}.tflite").write_bytes(convert(channels_last.function(Path(f"{name}.onnx"))))


def int8_throughout(function: Any) -> bytes:
    """Integers from end to end, for timing: int8 in and out, ranges from random maps."""
    import tensorflow as tf

    rng = np.random.default_rng(0)

    def maps() -> Iterator[list[Any]]:
        for _ in range(RANDOM_MAPS):
            yield [rng.standard_normal(tensor.shape).astype(np.float32) for tensor in function.inputs]

    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], None)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = maps
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def by_onnx2tf(size_px: int) -> Any:
    """network.onnx by onnx2tf, and decode.onnx after it where it is there, as one function with constant weights.

    onnx2tf writes no file here and downloads nothing.
    """
    import onnx2tf
    import tensorflow as tf
    from onnx2tf import onnx2tf as implementation
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    # asked for even where it is not used
    implementation.download_test_image_data = lambda: np.zeros((20, 128, 128, 3), np.float32)
    network = onnx2tf.convert(
        input_onnx_file_path="network.onnx",
        output_folder_path="saved_model",
        not_use_onnxsim=True,
        disable_model_save=True,
        verbosity="error",
    )
    decode = channels_last.function(Path("decode.onnx")) if Path("decode.onnx").exists() else lambda maps: maps
    image = tf.TensorSpec((1, size_px, size_px, 3), tf.float32, "image")
    function = tf.function(lambda pixels: decode(network(pixels)), input_signature=[image])
    return convert_variables_to_constants_v2(function.get_concrete_function())


def float32(function: Any) -> bytes:
    """Weights and arithmetic in float32."""
    import tensorflow as tf

    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([function], None).convert())


def float16(function: Any, plain: bytes) -> bytes:
    """Weights stored in float16; a CPU computes in float32, a GPU delegate in float16.

    What is gathered from stays in float32: a GPU delegate takes no gather from a constant of another type than its
    result, and left the decoding of such a file to the processor.
    """
    import tensorflow as tf
    from tensorflow.lite.tools import flatbuffer_utils

    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], None)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    model, before = (flatbuffer_utils.read_model_from_bytearray(bytearray(d)) for d in (converter.convert(), plain))
    graph, own = model.subgraphs[0], before.subgraphs[0]
    originals = {own.tensors[op.outputs[0]].name: op for op in own.operators}
    for op in [op for op in graph.operators if kind(model, op) == "GATHER"]:
        unpacking = [other for other in graph.operators if other.outputs[0] == op.inputs[0]]
        if unpacking and kind(model, unpacking[0]) == "DEQUANTIZE":
            source = own.tensors[originals[graph.tensors[op.outputs[0]].name].inputs[0]]
            tensor = graph.tensors[unpacking[0].inputs[0]]
            tensor.type, tensor.quantization = source.type, source.quantization
            model.buffers[tensor.buffer].data = before.buffers[source.buffer].data
            op.inputs[0] = unpacking[0].inputs[0]
            graph.operators.remove(unpacking[0])
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


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
