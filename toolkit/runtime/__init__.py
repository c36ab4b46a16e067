"""Converted models on their engines: load a path, call it with a crop. Needs neither torch nor TensorFlow."""

from pathlib import Path

from toolkit.core import zoo
from toolkit.core.validation import MOST_THREADS
from toolkit.runtime import sidecar
from toolkit.runtime.landmarker import Landmarker

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
    check_threads(threads)
    about = sidecar.read(path)
    check_runs(path, about)
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


def check_threads(threads: int) -> None:
    """Raises ValueError for a number of threads that no engine takes."""
    if not 1 <= threads <= MOST_THREADS:
        raise ValueError(f"threads must be at least 1 and at most {MOST_THREADS:,}, got {threads}")


def check_runs(path: Path, about: sidecar.Sidecar) -> None:
    """Raises ValueError for a file that no processor runs."""
    if about.compiled is not None:
        raise ValueError(
            f"{path.name} is compiled for {about.compiled.chip} and runs on nothing else: take the file that it was "
            f"made of, or `sdhrnet verify engine {path} --engine htp`"
        )


def models_in(place: Path) -> list[Path]:
    """Converted files, by name: those of a folder, one file, or all that this installation has of a released model.

    Args:
        place: the folder or file, or the released model's name.

    Raises:
        FileNotFoundError: there is no such folder or file, and no released model of that name.
    """
    if place.suffix in SUFFIXES and place.exists():
        return [place]
    if place.is_dir():
        return sorted(p for p in place.iterdir() if p.suffix in SUFFIXES and not p.name.startswith("."))
    if files := zoo.files(str(place)):
        return files
    if len(place.parts) == 1:
        raise FileNotFoundError(zoo.unknown(place.name, "a folder of models"))
    raise FileNotFoundError(f"no folder at {place}")
