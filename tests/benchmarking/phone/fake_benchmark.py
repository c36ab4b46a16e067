"""A stand-in for LiteRT's benchmark_model: replays a log for timings, and predicts in earnest."""

import os
import sys
from pathlib import Path

FLAGS = dict(word.removeprefix("--").split("=", 1) for word in sys.argv[1:])
LOGS = Path(os.environ["FAKE_LOGS"])


def predict() -> None:
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    name, path = FLAGS["input_layer_value_files"].split(":")
    shape = [int(n) for n in FLAGS["input_layer_shape"].split(",")]
    interpreter = Interpreter(model_path=FLAGS["graph"])
    interpreter.allocate_tensors()
    (wanted,) = interpreter.get_input_details()
    assert wanted["name"] == name and list(wanted["shape"]) == shape
    interpreter.set_tensor(wanted["index"], np.fromfile(path, np.float32).reshape(shape))
    interpreter.invoke()
    outputs = [interpreter.get_tensor(d["index"]).tobytes() for d in interpreter.get_output_details()]
    Path(FLAGS["output_filepath"]).write_bytes(b"".join(outputs))


if __name__ == "__main__":
    if "output_filepath" in FLAGS and not (LOGS / "old").exists():
        predict()
    else:
        delegate = "gpu" if "use_gpu" in FLAGS else "npu" if "use_nnapi" in FLAGS else "cpu"
        print((LOGS / delegate).read_text(), file=sys.stderr)
        sys.exit("ERROR: Benchmarking failed." in (LOGS / delegate).read_text())
