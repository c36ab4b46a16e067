"""Converted .tflite files on ai-edge-litert, or on tflite-runtime, which has the same interface."""

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import numpy as np

from toolkit.core.schemes import Scheme, scheme
from toolkit.runtime import tensors
from toolkit.runtime.landmarker import ImageArray, Prediction
from toolkit.runtime.sidecar import Sidecar

ENGINES = {"ai-edge-litert": "ai_edge_litert.interpreter", "tflite-runtime": "tflite_runtime.interpreter"}
"""The first is the default: tflite-runtime's wheel runs int8 without XNNPACK, 12 times slower."""


class TFLiteLandmarker:
    """A .tflite file on a CPU, through XNNPACK."""

    timed = True

    def __init__(self, path: Path, about: Sidecar, engine: str, threads: int) -> None:
        self._about = about
        self.engine = f"{engine} {version(engine)}"
        try:
            self._interpreter = _module(engine).Interpreter(model_path=str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"{engine} cannot load {path} ({error}): convert it again") from error
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = {d["name"]: d["index"] for d in self._interpreter.get_output_details()}

    @property
    def scheme(self) -> Scheme:
        return scheme(self._about.scheme)

    @property
    def size_px(self) -> int:
        return self._about.size_px

    def __call__(self, crop: ImageArray) -> Prediction:
        self._interpreter.set_tensor(self._input, tensors.to_tensor(crop, self._about))
        self._interpreter.invoke()
        outputs = {name: self._interpreter.get_tensor(index) for name, index in self._outputs.items()}
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
    """One call of a .tflite file of any float inputs, which are random, for timing; and the engine that runs it."""
    engine = next(iter(ENGINES))
    interpreter = _module(engine).Interpreter(model_path=str(path), num_threads=threads)
    interpreter.allocate_tensors()
    rng = np.random.default_rng(0)
    for tensor in interpreter.get_input_details():
        interpreter.set_tensor(tensor["index"], rng.random(tensor["shape"], np.float32))
    return interpreter.invoke, f"{engine} {version(engine)}"


def output_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of a .tflite file's outputs by name, in the graph's order."""
    interpreter = _module(next(iter(ENGINES))).Interpreter(model_path=str(path))
    return {d["name"]: tuple(int(n) for n in d["shape"]) for d in interpreter.get_output_details()}


def _module(engine: str) -> ModuleType:
    try:
        return import_module(ENGINES[engine])
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{engine} is not installed: pip install {engine}", name=error.name) from error
