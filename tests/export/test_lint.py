"""What is found in converted files, and what is complained of."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.small import PRECISIONS
from toolkit.export import lint
from toolkit.runtime import sidecar

pytestmark = pytest.mark.slow  # the files are converted first


def test_operations_are_counted_without_constants(converted) -> None:
    """The float16 file has as many as the float32 one; unpacking weights costs nothing at run time."""
    plain, half = (lint.operations(converted.file(f"{p}.tflite")) for p in ("float32", "float16"))
    assert plain == half
    nodes = lint.operations(converted.file("float32.onnx"))
    assert "Constant" not in nodes
    assert nodes["Conv"] == plain["CONV_2D"] + plain["DEPTHWISE_CONV_2D"]
    json.dumps(plain)


def test_a_package_counts_the_same_with_smaller_weights(converted) -> None:
    """Expanding them is no operation of the program's."""
    whole, small = (lint.operations(converted.file(f"{p}.mlpackage")) for p in ("float16", "palette4"))
    assert whole == small
    assert whole["conv"] == lint.operations(converted.file("float32.onnx"))["Conv"]


def test_what_ships_has_no_breach(converted) -> None:
    """Nothing transposed, aligned by corners or open, and every whole number int32, in every format and precision."""
    assert {record["precision"] for record in converted.outcome.records} == set(PRECISIONS)
    for record in converted.outcome.records:
        found = lint.inspect(converted.models / record["model"])
        assert (found.breaches, found.rounded) == ((), ()), record["model"]
        assert sidecar.read(converted.models / record["model"]).indices == "int32"


def test_what_xnnpack_leaves_is_named(converted) -> None:
    """It takes all convolutions and, of the decoding, not the arg-max and the gather."""
    found = lint.inspect(converted.file("float32.tflite"))
    assert found.outside is not None and found.parts is not None and found.parts > 1
    assert found.warnings == ()
    assert {"ARG_MAX", "GATHER"} <= found.outside.keys()
    assert not {"CONV_2D", "DEPTHWISE_CONV_2D", "RESIZE_BILINEAR"} & found.outside.keys()


@pytest.mark.parametrize(
    ("precision", "gpu", "npu"),
    [
        ("float32", {}, {}),
        ("float16", {}, {}),
        ("int8", {}, {}),
        ("int8io", {"QUANTIZE": 1}, {}),
        ("dynamic8", {}, {"CONV_2D": 6}),
    ],
)
def test_what_gpus_and_npus_leave_is_told_by_rule(
    converted, precision: str, gpu: dict[str, int], npu: dict[str, int]
) -> None:
    """As LiteRT's GPU engine and Qualcomm's compiler decided of these files; test_npu asks them where they are."""
    assert lint.inspect(converted.file(f"{precision}.tflite")).left == {"gpu": gpu, "npu": npu}


def test_64_bits_and_the_unknown_are_left() -> None:
    """An arg-max of int64, its cast, and an operation that no engine here was seen to take."""
    from ai_edge_litert import schema_py_generated as schema

    model, graph = schema.ModelT(), schema.SubGraphT()
    model.subgraphs, model.operatorCodes, graph.tensors, graph.operators = [graph], [], [], []
    for type_ in ("FLOAT32", "INT64", "INT32", "FLOAT32"):
        tensor = schema.TensorT()
        tensor.type = getattr(schema.TensorType, type_)
        graph.tensors.append(tensor)
    for kind, reads, makes in (("ARG_MAX", 0, 1), ("CAST", 1, 2), ("COS", 0, 3), ("RELU", 0, 3)):
        code, op = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = getattr(schema.BuiltinOperator, kind)
        op.opcodeIndex, op.inputs, op.outputs = len(model.operatorCodes), [reads], [makes]
        model.operatorCodes.append(code)
        graph.operators.append(op)
    graph.inputs, graph.outputs = [0], [2, 3]
    assert lint.left_by(model, "gpu") == lint.left_by(model, "npu") == {"ARG_MAX": 1, "CAST": 1, "COS": 1}


@pytest.mark.parametrize(
    ("values", "constant", "wrong"),
    [
        ((8, 2), (8, 2), True),
        ((8, 2), (1, 8, 2), True),
        ((1, 8, 2), (1, 8, 2), False),
        ((1, 16), (1, 16), False),
        ((8, 2), (8, 1), False),
        ((8, 2), (), False),
        ((1, 4, 4, 2), (1, 4, 4, 2), False),
    ],
)
def test_constants_that_a_gpu_gets_wrong_are_a_breach(
    tmp_path: Path, values: tuple[int, ...], constant: tuple[int, ...], wrong: bool
) -> None:
    """As LiteRT's GPU engine was seen to compute them."""
    tf = pytest.importorskip("tensorflow")
    held = np.arange(1, 1 + np.prod(constant, dtype=int), dtype=np.float32).reshape(constant)
    function = tf.function(lambda x: x - held, input_signature=[tf.TensorSpec(values, tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    path = tmp_path / "difference.tflite"
    path.write_bytes(converter.convert())
    assert any("several rows" in breach for breach in lint.inspect(path).breaches) is wrong


def test_xnnpack_takes_as_much_of_an_int8_file(converted) -> None:
    """The network has blocks with one identity edge, whose ReLU must not stand alone."""
    whole, quantised = (lint.inspect(converted.file(f"{precision}.tflite")) for precision in ("float32", "int8"))
    assert (quantised.parts, quantised.outside) == (whole.parts, whole.outside)


@pytest.fixture
def careless(tmp_path: Path) -> Path:
    """A network with an open batch that TensorFlow resized by corners, transposed and quantised to int16."""
    tf = pytest.importorskip("tensorflow")
    image = tf.keras.Input((8, 8, 3))
    maps = tf.keras.layers.Conv2D(4, 3)(image)

    class Careless(tf.keras.layers.Layer):
        def call(self, x):
            return tf.transpose(tf.compat.v1.image.resize_bilinear(x, (12, 12), align_corners=True), (0, 3, 1, 2))

    converter = tf.lite.TFLiteConverter.from_keras_model(tf.keras.Model(image, Careless()(maps)))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([tf.random.uniform((1, 8, 8, 3))] for _ in range(2))
    kinds = tf.lite.OpsSet
    converter.target_spec.supported_ops = [
        kinds.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8, kinds.TFLITE_BUILTINS
    ]  # fmt: skip
    path = tmp_path / "careless.tflite"
    path.write_bytes(converter.convert())
    return path


@pytest.mark.filterwarnings("ignore")  # TensorFlow's own
def test_a_careless_conversion_is_told_all_its_faults(careless: Path) -> None:
    """In words."""
    found = lint.inspect(careless)
    said = " ".join(found.breaches)
    assert "1 TRANSPOSE where 0 are allowed" in said
    assert "1 of 1 resizes do not sample at half-pixel centres" in said
    assert "an input has open dimensions (-1, 8, 8, 3)" in said
    assert "int16 activations in 1 convolutions" in " ".join(found.warnings)


def test_other_files_are_refused(tmp_path: Path) -> None:
    """And damaged ones, by name."""
    with pytest.raises(ValueError, match="is not a converted model"):
        lint.inspect(tmp_path / "weights.bin")
    (tmp_path / "net.tflite").write_bytes(b"no model")
    with pytest.raises(ValueError, match=r"net\.tflite cannot be looked into"):
        lint.inspect(tmp_path / "net.tflite")
