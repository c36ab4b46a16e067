"""Converted models on their engines: load a path, call it with a crop. Needs neither torch nor TensorFlow."""

from pathlib import Path

from toolkit.runtime import sidecar
from toolkit.runtime.landmarker import Landmarker, Prediction

SUFFIXES = (".tflite", ".onnx", ".mlpackage")


def load(path: Path | str, *, engine: str | None = None, threads: int = 1) -> Landmarker:
    """A converted file, ready to run.

    Args:
        path: a .tflite or .onnx file or an .mlpackage folder, with its sidecar beside it.
        engine: for .tflite `ai-edge-litert` (the default) or `tflite-runtime`; None takes the suffix's default.
        threads: CPU threads.

    Raises:
        FileNotFoundError: the file or its sidecar is not there.
        ValueError: not a converted model, a damaged one, or an unknown engine.
        ModuleNotFoundError: the engine is not installed.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{path} is not a converted model: expected a name ending in {', '.join(SUFFIXES)}")
    if threads < 1:
        raise ValueError(f"threads must be at least 1, got {threads}")
    about = sidecar.read(path)
    if path.suffix == ".tflite":
        from toolkit.runtime.tflite import load_tflite

        return load_tflite(path, about, engine, threads)
    if path.suffix == ".onnx":
        from toolkit.runtime.onnx import load_onnx

        return load_onnx(path, about, engine, threads)
    if engine is not None:
        raise ValueError("an .mlpackage runs on CoreML or its reference interpreter; it takes no engine")
    from toolkit.runtime.coreml import load_coreml

    return load_coreml(path, about)


def models_in(folder: Path) -> list[Path]:
    """The converted files of a folder, by name.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder at {folder}")
    return sorted(p for p in folder.iterdir() if p.suffix in SUFFIXES and not p.name.startswith("."))


__all__ = ["Landmarker", "Prediction", "load", "models_in"]
