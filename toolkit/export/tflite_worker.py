"""Runs in a process of its own (see tools.run_apart): ONNX -> TFLite in the working folder.

Reads job.json, model.onnx and, for int8, calibration.npy; writes PRECISION.tflite for each precision of the job.

int8: the image stays float until the mean is subtracted, and everything after the network's last convolution stays
float too. Decoding needs more than 8 bits: a peak's 3 x 3 neighbourhood and its logarithm, and whole-number indices.
Measured on the slimmed 300W network, real faces, mean displacement in crop pixels (and NME):

                                     64 px                   128 px
    everything in int8               2.07 (5.68 -> 9.08 %)   5.90 (6.35 -> 12.0 %)
    decoding in float: what is done  0.107 (5.68 -> 5.68)    0.251 (6.35 -> 6.37)
    the last convolution in float    0.106                   0.251
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BEYOND = 5e-5
"""Share of a tensor's values that int8 cuts off at either end."""
SAMPLE = 1024
"""Values of a tensor that are looked at for each crop."""


def main() -> None:
    """Do the job in the working folder."""
    job = json.loads(Path("job.json").read_text(encoding="utf-8"))
    function = frozen(keras_model(Path("model.onnx")), job["size_px"])
    plain = float32(function)
    for precision in job["precisions"]:
        match precision:
            case "float32":
                data = plain
            case "float16":
                data = float16(function)
            case "int8":
                data = int8(plain, np.load("calibration.npy"))
            case _:
                raise AssertionError(precision)
        Path(f"{precision}.tflite").write_bytes(named(data, job["outputs"]))


def keras_model(path: Path) -> Any:
    """onnx2tf's Keras model; NHWC input, no file written, nothing downloaded."""
    import onnx2tf
    from onnx2tf import onnx2tf as implementation

    # asked for even where it is not used
    implementation.download_test_image_data = lambda: np.zeros((20, 128, 128, 3), np.float32)
    return onnx2tf.convert(
        input_onnx_file_path=str(path),
        output_folder_path="saved_model",
        not_use_onnxsim=True,
        disable_model_save=True,
        verbosity="error",
    )


def frozen(model: Any, size_px: int) -> Any:
    """A Keras model as one TensorFlow function whose weights are constants; that is most of a conversion's time."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    image = tf.TensorSpec((1, size_px, size_px, 3), tf.float32, "image")
    return convert_variables_to_constants_v2(tf.function(model, input_signature=[image]).get_concrete_function())


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


def int8(plain: bytes, crops: NDArray[np.uint8]) -> bytes:
    """Static int8 between the subtraction of the mean and the heatmaps; weights per channel."""
    from tensorflow.lite.python.convert import mlir_quantize
    from tensorflow.lite.python.optimize.calibrator import Calibrator
    from tensorflow.lite.tools import flatbuffer_utils

    def one_batch() -> Iterator[list[NDArray[np.float32]]]:
        yield [crops[:1].astype(np.float32)]

    # one crop marks the tensors that need a range; the ranges are then our own
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(Calibrator(plain).calibrate(one_batch)))
    tensors = model.subgraphs[0].tensors
    marked = [i for i, t in enumerate(tensors) if t.quantization is not None and t.quantization.min is not None]
    for index, (low, high) in ranges(plain, crops, marked).items():
        tensors[index].quantization.min, tensors[index].quantization.max = [low], [high]
    calibrated = bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    return bytes(mlir_quantize(calibrated, denylisted_nodes=float_nodes(calibrated)))


def ranges(plain: bytes, crops: NDArray[np.uint8], tensors: list[int]) -> dict[int, tuple[float, float]]:
    """The range, around 0, that each of these tensors keeps to but for BEYOND of its values at either end."""
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
        low, high = np.quantile(np.concatenate(kept), (BEYOND, 1 - BEYOND))
        out[index] = min(float(low), 0.0), max(float(high), 0.0)
    return out


def float_nodes(data: bytes) -> list[str]:
    """Names of the operations that int8 leaves alone: the first, and all that depend on the heatmaps."""
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(data))
    graph = model.subgraphs[0]
    kinds = [flatbuffer_utils.opcode_to_name(model, op.opcodeIndex) for op in graph.operators]
    peaks = [op for op, kind in zip(graph.operators, kinds, strict=True) if kind == "REDUCE_MAX"]
    after = {op.inputs[0] for op in peaks}  # the heatmaps, whose height is the confidence
    chosen = [graph.operators[0]]
    for op in graph.operators:
        if after.intersection(op.inputs.tolist()):
            after.update(op.outputs.tolist())
            chosen.append(op)
    return [graph.tensors[i].name.decode() for op in chosen for i in op.outputs]


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
