"""Runs in a process of its own (see tools.run_apart): many small ONNX models -> TFLite in the working folder.

Reads job.json, with a list of names and a precision, and NAME.onnx; writes NAME.tflite.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.export import channels_last
from toolkit.export.tflite_worker import float32

CALIBRATION = 4
"""Random maps that int8 takes its ranges from."""


def main() -> None:
    """Do the job in the working folder."""
    job = json.loads(Path("job.json").read_text(encoding="utf-8"))
    convert = int8 if job["precision"] == "int8" else float32
    for name in job["names"]:
        Path(f"{name}.tflite").write_bytes(convert(channels_last.function(Path(f"{name}.onnx"))))


def int8(function: Any) -> bytes:
    """Integers throughout, for timing: int8 in and out, ranges from random maps."""
    import tensorflow as tf

    rng = np.random.default_rng(0)

    def maps() -> Iterator[list[Any]]:
        for _ in range(CALIBRATION):
            yield [rng.standard_normal(tensor.shape).astype(np.float32) for tensor in function.inputs]

    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], None)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = maps
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


if __name__ == "__main__":
    main()
