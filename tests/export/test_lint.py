"""What is found in converted files, and what is complained of."""

import json
from pathlib import Path

import pytest

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
