"""Runs in a process of its own (see tools.run_apart): many small ONNX models -> float32 TFLite in the working folder.

Reads job.json, a list of names, and NAME.onnx; writes NAME.tflite.
"""

import json
from pathlib import Path
from typing import Any

from toolkit.export.tflite_worker import float32, keras_model


def main() -> None:
    """Do the job in the working folder."""
    for name in json.loads(Path("job.json").read_text(encoding="utf-8")):
        Path(f"{name}.tflite").write_bytes(float32(frozen(keras_model(Path(f"{name}.onnx")))))


def frozen(model: Any) -> Any:
    """A Keras model of any inputs as one TensorFlow function whose weights are constants."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    signature = [tf.TensorSpec(tensor.shape, tf.float32) for tensor in model.inputs]
    function = tf.function(lambda *inputs: model(list(inputs)), input_signature=signature)
    return convert_variables_to_constants_v2(function.get_concrete_function())


if __name__ == "__main__":
    main()
