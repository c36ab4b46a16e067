"""Converted .tflite files on ai-edge-litert, or on tflite-runtime, which has the same interface."""

from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import ImageArray
from toolkit.core.quiet import no_chatter
from toolkit.core.schemes import scheme
from toolkit.runtime import tensors
from toolkit.runtime.landmarker import Prediction, known_floor
from toolkit.runtime.sidecar import Integers, Sidecar

ENGINES = {"ai-edge-litert": "ai_edge_litert.interpreter", "tflite-runtime": "tflite_runtime.interpreter"}
"""The first is the default: tflite-runtime's wheel runs int8 without XNNPACK, 11 times slower (results/benchmark)."""


POINT_STEP = 1 / 32767
"""One step of an int16 point in [0, 1]: a hundredth of a pixel of a 256 px crop. Eight bits would give a whole one."""


class TFLiteLandmarker:
    """A .tflite file on a CPU, through XNNPACK."""

    timed = True

    def __init__(self, path: Path, about: Sidecar, engine: str, threads: int) -> None:
        self._about = about
        self.scheme, self.size_px = scheme(about.scheme), about.size_px
        self.confidence_floor = known_floor(about.confidence_floor)
        self.engine = engine_name(engine)
        try:
            self._interpreter = _module(engine).Interpreter(model_path=str(path), num_threads=threads)
            allocate(self._interpreter)
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"{engine} cannot load {path} ({error}): convert it again") from error
        tensor = self._interpreter.get_input_details()[0]
        tensors.check_input(tensor["name"], tensor["shape"].tolist(), np.dtype(tensor["dtype"]).name, about)
        found = integers(self._interpreter)
        if found != about.integers:
            raise ValueError(f"{path} gives {found or 'no integers'}, its sidecar promises others: convert it again")
        self._input = tensor["index"]
        self._outputs = {d["name"]: (d["index"], *d["quantization"]) for d in self._interpreter.get_output_details()}

    def __call__(self, crop: ImageArray) -> Prediction:
        self._interpreter.set_tensor(self._input, tensors.to_tensor(crop, self._about))
        self._interpreter.invoke()
        outputs = {
            name: real(self._interpreter.get_tensor(index), scale, zero_point)
            for name, (index, scale, zero_point) in self._outputs.items()
        }
        return tensors.to_prediction(outputs, self._about)


def load_tflite(path: Path, about: Sidecar, engine: str | None, threads: int) -> TFLiteLandmarker:
    """A .tflite file, ready to run.

    Raises:
        ValueError: an unknown engine, or one that cannot load the file.
        ModuleNotFoundError: the engine is not installed.
    """
    engine = engine or next(iter(ENGINES))
    if engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r} for .tflite; known: {', '.join(ENGINES)}")
    return TFLiteLandmarker(path, about, engine, threads)


def invocation(path: Path, threads: int = 1) -> tuple[Callable[[], None], str]:
    """One call of a .tflite file of any inputs, which are random, for timing; and the engine that runs it."""
    engine = next(iter(ENGINES))
    interpreter = _module(engine).Interpreter(model_path=str(path), num_threads=threads)
    allocate(interpreter)
    rng = np.random.default_rng(0)
    for tensor in interpreter.get_input_details():
        values = rng.random(tensor["shape"], np.float32)
        whole = np.issubdtype(tensor["dtype"], np.integer)
        interpreter.set_tensor(tensor["index"], (255 * values).astype(tensor["dtype"]) if whole else values)
    return interpreter.invoke, engine_name(engine)


def allocate(interpreter: Any) -> None:
    """Make an opened .tflite file ready to run, without the engine's word that it has a delegate.

    Raises:
        RuntimeError: the engine lacks something that the file needs.
    """
    with no_chatter():
        interpreter.allocate_tensors()


def engine_name(engine: str = next(iter(ENGINES))) -> str:
    """An engine with its version after a space, as records have it.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    _module(engine)
    return f"{engine} {version(engine)}"


def all_tensors(path: Path, image: NDArray[Any]) -> list[NDArray[Any]]:
    """The value of every tensor in a .tflite file, constants included, for one input; no delegate computes."""
    module = _module(next(iter(ENGINES)))
    interpreter = module.Interpreter(
        model_path=str(path),
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    allocate(interpreter)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    found = []
    for tensor in interpreter.get_tensor_details():
        with suppress(ValueError):  # a scratch tensor that nothing was written to
            found.append(real(interpreter.get_tensor(tensor["index"]), *tensor["quantization"]))
    return found


def real(tensor: NDArray[Any], scale: float, zero_point: int) -> NDArray[Any]:
    """The values that a tensor stands for; a scale of 0 says that it holds them."""
    return np.float32(scale) * (tensor.astype(np.int32) - zero_point) if scale else tensor


def integer_outputs(path: Path) -> dict[str, Integers]:
    """The outputs of a .tflite file that are integers, as its sidecar tells them."""
    return integers(_module(next(iter(ENGINES))).Interpreter(model_path=str(path)))


def integers(interpreter: Any) -> dict[str, Integers]:
    """The outputs of an opened .tflite file that are integers."""
    found = {}
    for tensor in interpreter.get_output_details():
        scale, zero_point = tensor["quantization"]
        if scale:
            kind: Any = np.dtype(tensor["dtype"]).name
            found[tensor["name"]] = Integers(type=kind, scale=float(scale), zero_point=int(zero_point))
    return found


def output_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of a .tflite file's outputs by name, in the graph's order."""
    interpreter = _module(next(iter(ENGINES))).Interpreter(model_path=str(path))
    return {d["name"]: tuple(int(n) for n in d["shape"]) for d in interpreter.get_output_details()}


def _module(engine: str) -> ModuleType:
    try:
        return import_module(ENGINES[engine])
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{engine} is not installed: pip install {engine}", name=error.name) from error
