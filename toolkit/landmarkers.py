"""Any model by its path: a bundle on torch, a converted file on its engine. Torch is imported for bundles alone."""

from pathlib import Path
from typing import Any

from toolkit import runtime
from toolkit.core.files import sha256, size_bytes
from toolkit.core.schemes import Scheme
from toolkit.runtime import sidecar
from toolkit.runtime.landmarker import Landmarker

WEIGHTS = Path(__file__).parent / "weights"
"""The released models, inside the package."""


MAIN = "sdhrnet-68pt-128"
"""The one that is taken where none is named."""


def released(precision: str, name: str = MAIN) -> Path:
    """A released model's TFLite file.

    Args:
        precision: float32, float16 or int8.
        name: of the model, which is that of its bundle's folder in WEIGHTS.

    Raises:
        FileNotFoundError: this installation has none.
    """
    path = WEIGHTS / f"{name}-{precision}.tflite"
    if not path.is_file():
        known = ", ".join(sorted(folder.name for folder in WEIGHTS.glob("*") if is_bundle(folder)))
        raise FileNotFoundError(f"no {path.name} comes with this installation, which has {known}: give --model a path")
    return path


def chosen(model: Path | None) -> Path:
    """The model that a user asks for: a path, the name of a released model, or the main one where nothing is said.

    Of a released model it is the float16 file, or the int8 one of those that come in int8 alone.

    Raises:
        FileNotFoundError: a bare name that is neither a path nor a released model's.
    """
    if model is None or model.exists() or len(model.parts) > 1 or model.suffix:
        return model or released("float16")
    int8 = WEIGHTS / f"{model.name}-int8.tflite"
    whole = (WEIGHTS / f"{model.name}-float16.tflite").is_file()
    return int8 if int8.is_file() and not whole else released("float16", model.name)


def is_bundle(path: Path) -> bool:
    """Whether a path is a folder with a bundle in it."""
    return (path / "spec.json").is_file()


def open_model(path: Path, threads: int = 1, engine: str | None = None, head: Scheme | None = None) -> Landmarker:
    """The landmarker of a bundle's folder or of a converted file.

    Args:
        path: the folder or file.
        threads: CPU threads of a converted file's engine.
        engine: of a converted file, where there are several.
        head: of a bundle with heads for several schemes, the one wanted; None for all of its points.

    Raises:
        FileNotFoundError: there is nothing at the path.
        ValueError: it is no model, or a damaged one, or has no such head.
    """
    if is_bundle(path):
        from toolkit import bundle
        from toolkit.export.torch_landmarker import TorchLandmarker

        loaded = bundle.read(path)
        return TorchLandmarker(loaded if head is None else bundle.part(loaded, head))
    return runtime.load(path, engine=engine, threads=threads)


def identify(path: Path) -> dict[str, Any]:
    """The fields of a record that say which model it is about."""
    if not is_bundle(path):
        about = {"precision": sidecar.read(path).precision, "size_bytes": size_bytes(path), "seed": None}
        return {"model": path.name, "file_sha256": sha256(path), **about}
    from toolkit import bundle
    from toolkit.slimming.complexity import complexity

    loaded = bundle.read(path)
    cost = complexity(loaded.spec, loaded.card.size_px)
    return {
        "model": loaded.card.stage,
        "name": loaded.card.name,
        "input_px": loaded.card.size_px,
        "trained_on": loaded.card.data.get("train"),
        "taught_by": None if loaded.card.taught_by is None else list(loaded.card.taught_by),
        "file_sha256": bundle.digest(path),
        "precision": "float32",
        "size_bytes": size_bytes(path / "weights.safetensors"),
        "params_full": cost.params_full,
        "params_paper": cost.params_paper,
        "macs_full": cost.macs_full,
        "macs_paper": cost.macs_paper,
        "seed": loaded.card.config.get("seed"),
    }
