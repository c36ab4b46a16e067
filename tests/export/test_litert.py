"""What the second road to TFLite leaves behind is mended."""

from pathlib import Path

import numpy as np
import pytest

from toolkit.export import lint
from toolkit.export.litert_worker import with_int32_arg_max


@pytest.mark.slow  # TensorFlow is imported
@pytest.mark.filterwarnings("ignore")  # TensorFlow's own
def test_an_arg_max_of_int64_that_is_cast_gives_int32(tmp_path: Path) -> None:
    """With the same result, one operation less and no fault left."""
    tf = pytest.importorskip("tensorflow")
    from ai_edge_litert.interpreter import Interpreter

    @tf.function(input_signature=[tf.TensorSpec((4096, 3))])
    def picked(maps):
        return tf.gather(tf.reshape(maps, (-1,)), 3 * tf.cast(tf.argmax(maps, 0), tf.int32) + tf.range(3))

    before = tf.lite.TFLiteConverter.from_concrete_functions([picked.get_concrete_function()]).convert()
    found = {}
    maps = np.random.default_rng(0).random((4096, 3), np.float32)
    for name, data in (("before", bytes(before)), ("after", with_int32_arg_max(bytes(before)))):
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(data)
        interpreter = Interpreter(model_path=str(path))
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], maps)
        interpreter.invoke()
        np.testing.assert_array_equal(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), maps.max(0))
        found[name] = lint.inspect(path)
    assert "argmax 1" in found["before"].rounded[0] and found["after"].rounded == ()
    assert sum(found["before"].operations.values()) == sum(found["after"].operations.values()) + 1
