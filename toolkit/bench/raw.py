"""Anybody's .tflite or .onnx file as a function from one input tensor to its outputs by name."""

from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Outputs = dict[str, NDArray[Any]]


class RawModel(Protocol):
    """A file on an engine."""

    engine: str

    def __call__(self, tensor: NDArray[np.float32]) -> Outputs: ...


def open_raw(path: Path, threads: int) -> RawModel:
    """A file of one float input, ready to run.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: neither a .tflite nor an .onnx file, a damaged one, or one with several inputs.
        ModuleNotFoundError: its engine is not installed.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no model at {path}")
    if path.suffix not in (".tflite", ".onnx"):
        raise ValueError(f"{path} is neither a .tflite nor an .onnx file")
    return RawTFLite(path, threads) if path.suffix == ".tflite" else RawOnnx(path, threads)


class RawTFLite:
    """A .tflite file on ai-edge-litert."""

    def __init__(self, path: Path, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.engine = f"ai-edge-litert {version('ai-edge-litert')}"
        try:
            self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"ai-edge-litert cannot load {path}: {error}") from error
        self._input = _only(self._interpreter.get_input_details(), path)
        self._outputs = {str(d["name"]): int(d["index"]) for d in self._interpreter.get_output_details()}

    def __call__(self, tensor: NDArray[np.float32]) -> Outputs:
        if tensor.shape != tuple(self._input["shape"]):
            raise ValueError(f"the file takes {tuple(self._input['shape'])}, got {tensor.shape}: mend its description")
        self._interpreter.set_tensor(self._input["index"], tensor)
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(index) for name, index in self._outputs.items()}


class RawOnnx:
    """An .onnx file on onnxruntime's CPU provider."""

    def __init__(self, path: Path, threads: int) -> None:
        import onnxruntime

        self.engine = f"onnxruntime {onnxruntime.__version__}"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its own exceptions have no public base class
            raise ValueError(f"onnxruntime cannot load {path}: {error}") from error
        self._input = _only(self._session.get_inputs(), path).name
        self._outputs = [output.name for output in self._session.get_outputs()]

    def __call__(self, tensor: NDArray[np.float32]) -> Outputs:
        try:
            found = self._session.run(self._outputs, {self._input: tensor})
        except Exception as error:
            raise ValueError(
                f"the file does not take a {tensor.shape} tensor ({error}): mend its description"
            ) from error
        return dict(zip(self._outputs, found, strict=True))


def _only(inputs: Any, path: Path) -> Any:
    if len(inputs) != 1:
        raise ValueError(f"{path} has {len(inputs)} inputs; a landmark model to compare with has one, the crop")
    return inputs[0]
