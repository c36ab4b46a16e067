"""Anybody's .tflite or .onnx file as a function from one input tensor to its outputs by name, in real numbers.

Unlike a converted file it has no sidecar: what it takes and gives is read out of the file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray
from toolkit.runtime.tflite import allocate, real

Outputs = dict[str, NDArray[Any]]
ONNX_TYPES = {"float": "float32", "double": "float64"}
"""onnxruntime's names of types, where NumPy has others."""
KINDS = ("float16", "float32", "float64", "uint8", "int8", "uint16", "int16", "int32", "int64")
"""What an input may hold."""


@dataclass(frozen=True, kw_only=True)
class Input:
    """The one input of a file."""

    name: str
    shape: tuple[int | None, ...]
    """None where any size will do."""
    kind: str
    """NumPy's name of what it holds."""
    scale: float = 0.0
    """Of value = scale * (integer - zero_point); 0 where the file says nothing, so that integers are values."""
    zero_point: int = 0

    def held(self, tensor: NDArray[np.float32]) -> NDArray[Any]:
        """Real values as the input holds them: rounded to its steps and cut off at its ends, if those are integers."""
        if self.kind.startswith("float"):
            return tensor.astype(self.kind)
        ends = np.iinfo(self.kind)
        return np.clip(np.rint(self.steps(tensor)), ends.min, ends.max).astype(self.kind)

    def steps(self, tensor: NDArray[np.float32]) -> FloatArray:
        """Real values in steps of an integer input, not yet rounded."""
        return tensor.astype(np.float64) / (self.scale or 1.0) + self.zero_point


class RawModel:
    """A file on an engine, ready to run."""

    def __init__(self, engine: str, taken: Input, run: Callable[[NDArray[Any]], Outputs]) -> None:
        self.engine, self.input, self._run = engine, taken, run

    def __call__(self, tensor: NDArray[np.float32]) -> Outputs:
        """Every output as real numbers, whatever the file holds them as."""
        return self._run(self.input.held(tensor.reshape(tensor.shape[-len(self.input.shape) :])))


def open_raw(path: Path, threads: int, shape: tuple[int, ...]) -> RawModel:
    """A file of one input, ready to run on tensors of a shape.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: neither a .tflite nor an .onnx file, a damaged one, one with several inputs or none, or one whose
            input has another shape or holds no numbers.
        ModuleNotFoundError: its engine is not installed.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no model at {path}")
    if path.suffix not in (".tflite", ".onnx"):
        raise ValueError(f"{path} is neither a .tflite nor an .onnx file")
    return (_tflite if path.suffix == ".tflite" else _onnx)(path, threads, shape)


def _tflite(path: Path, threads: int, shape: tuple[int, ...]) -> RawModel:
    """On ai-edge-litert."""
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(model_path=str(path), num_threads=threads)
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"ai-edge-litert cannot load {path}: {error}") from error
    details = _only(interpreter.get_input_details(), path)
    sizes = details["shape_signature"] if len(details["shape_signature"]) else details["shape"]
    taken = Input(
        name=str(details["name"]),
        shape=tuple(None if n < 0 else int(n) for n in sizes),
        kind=np.dtype(details["dtype"]).name,
        scale=float(details["quantization"][0]),
        zero_point=int(details["quantization"][1]),
    )
    _check(taken, shape, path)
    outputs = {str(d["name"]): (int(d["index"]), *d["quantization"]) for d in interpreter.get_output_details()}
    try:
        if None in taken.shape:
            interpreter.resize_tensor_input(details["index"], shape[-len(taken.shape) :])
        allocate(interpreter)
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"ai-edge-litert cannot load {path}: {error}") from error

    def run(tensor: NDArray[Any]) -> Outputs:
        interpreter.set_tensor(details["index"], tensor)
        try:
            interpreter.invoke()
        except RuntimeError as error:
            raise ValueError(f"ai-edge-litert cannot run {path}: {error}") from error
        return {name: real(interpreter.get_tensor(index), *steps) for name, (index, *steps) in outputs.items()}

    return RawModel(f"ai-edge-litert {version('ai-edge-litert')}", taken, run)


def _onnx(path: Path, threads: int, shape: tuple[int, ...]) -> RawModel:
    """On onnxruntime's CPU provider."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own exceptions have no public base class
        raise ValueError(f"onnxruntime cannot load {path}: {error}") from error
    details = _only(session.get_inputs(), path)
    kind = details.type.removeprefix("tensor(").removesuffix(")")
    sizes = tuple(n if isinstance(n, int) and n >= 0 else None for n in details.shape)
    taken = Input(name=details.name, shape=sizes, kind=ONNX_TYPES.get(kind, kind))
    _check(taken, shape, path)
    names = [output.name for output in session.get_outputs()]

    def run(tensor: NDArray[Any]) -> Outputs:
        try:
            return dict(zip(names, session.run(names, {taken.name: tensor}), strict=True))
        except Exception as error:
            raise ValueError(f"onnxruntime cannot run {path}: {error}") from error

    return RawModel(f"onnxruntime {onnxruntime.__version__}", taken, run)


def _only(inputs: Any, path: Path) -> Any:
    if len(inputs) != 1:
        raise ValueError(f"{path} has {len(inputs)} inputs; a landmark model to compare with has one, the crop")
    return inputs[0]


def _check(taken: Input, shape: tuple[int, ...], path: Path) -> None:
    """Raises ValueError unless the input can hold a tensor of that shape."""
    if taken.kind not in KINDS:
        raise ValueError(f"{path} takes {taken.kind}; a model to compare with takes one of {', '.join(KINDS)}")
    wanted = shape if len(taken.shape) == len(shape) else shape[1:]  # some have no batch
    if len(taken.shape) != len(wanted) or any(n not in (None, m) for n, m in zip(taken.shape, wanted, strict=True)):
        sizes = ", ".join("any" if n is None else str(n) for n in taken.shape)
        raise ValueError(
            f"{path} takes ({sizes}), its description makes {shape}: mend `layout` (NHWC or NCHW) or `size_px` there"
        )
