"""Converted .onnx files on onnxruntime's CPU provider."""

from pathlib import Path

from toolkit.core.arrays import ImageArray
from toolkit.core.provenance import install
from toolkit.core.schemes import scheme
from toolkit.runtime import tensors
from toolkit.runtime.landmarker import Prediction, known_floor
from toolkit.runtime.sidecar import Sidecar

ENGINES = ("onnxruntime",)
TYPES = {"tensor(float)": "float32", "tensor(uint8)": "uint8"}
"""onnxruntime's names of what an input may hold."""


class OnnxLandmarker:
    """An .onnx file on a CPU."""

    timed = True

    def __init__(self, path: Path, about: Sidecar, threads: int) -> None:
        try:
            import onnxruntime
        except ModuleNotFoundError as error:
            message = f"onnxruntime is not installed: {install('convert')}"
            raise ModuleNotFoundError(message, name=error.name) from error
        self._about = about
        self.scheme, self.size_px = scheme(about.scheme), about.size_px
        self.confidence_floor = known_floor(about.confidence_floor)
        self.engine = f"onnxruntime {onnxruntime.__version__}"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its own exceptions have no public base class
            raise ValueError(f"onnxruntime cannot load {path} ({error}): convert it again") from error
        (tensor,) = self._session.get_inputs()
        tensors.check_input(tensor.name, tensor.shape, TYPES.get(tensor.type, tensor.type), about)
        self._input = tensor.name
        self._outputs = [output.name for output in self._session.get_outputs()]

    def __call__(self, crop: ImageArray) -> Prediction:
        outputs = self._session.run(self._outputs, {self._input: tensors.to_tensor(crop, self._about)})
        return tensors.to_prediction(dict(zip(self._outputs, outputs, strict=True)), self._about)


def load_onnx(path: Path, about: Sidecar, engine: str | None, threads: int) -> OnnxLandmarker:
    """An .onnx file, ready to run.

    Raises:
        ValueError: an unknown engine, or the file cannot be loaded.
        ModuleNotFoundError: onnxruntime is not installed.
    """
    if engine not in (None, *ENGINES):
        raise ValueError(f"unknown engine {engine!r} for .onnx; known: {', '.join(ENGINES)}")
    return OnnxLandmarker(path, about, threads)
