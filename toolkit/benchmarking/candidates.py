"""What a benchmark compares: a model on an engine with a number of threads, or why it cannot run here."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from toolkit import runtime
from toolkit.benchmarking import competitors
from toolkit.benchmarking.competitors import CompetitorName
from toolkit.benchmarking.described import DescribedLandmarker, read_description
from toolkit.benchmarking.framing import Framing
from toolkit.core.files import sha256, size_bytes
from toolkit.core.heatmap import Decoder
from toolkit.core.zoo import is_bundle
from toolkit.landmarkers import identify, open_model
from toolkit.runtime import sidecar
from toolkit.runtime.coreml import InterpretedLandmarker, load_coreml
from toolkit.runtime.landmarker import Landmarker
from toolkit.runtime.sidecar import Sidecar

if TYPE_CHECKING:
    from toolkit.bundle import Card

EngineName = Literal[
    "ai-edge-litert", "tflite-runtime", "onnxruntime", "torch",
    "coreml", "coreml-cpu_only", "coreml-cpu_and_gpu", "coreml-cpu_and_ne", "mil-interpreter",
]  # fmt: skip

SUITS: dict[str, tuple[EngineName, ...]] = {
    ".tflite": ("ai-edge-litert", "tflite-runtime"),
    ".onnx": ("onnxruntime",),
    ".mlpackage": ("coreml", "coreml-cpu_only", "coreml-cpu_and_gpu", "coreml-cpu_and_ne", "mil-interpreter"),
    "": ("torch",),
}
"""The engines of each kind of file; a bundle has no suffix."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """What to open; plain words, so that another process can open it too."""

    what: str
    """A path, or the name of a competitor."""
    engine: EngineName | None = None
    threads: int = 1


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """How points are read from heatmaps."""

    decoder: Decoder
    sigma_px: float
    """The targets' standard deviation in heatmap pixels."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One row of a comparison."""

    source: Source
    identity: dict[str, Any]
    """The fields of a record that say which model it is."""
    framing: Framing
    engine: str
    landmarker: Landmarker | None = None
    reason: str = ""
    """Why it could not be opened."""
    decoding: Decoding | None = None
    """How points are read from heatmaps outside the network; None where the file does that."""

    @property
    def name(self) -> str:
        """Model and engine, which decide where the points are."""
        return f"{self.source.what} on {self.engine}"


def sources(
    models: Sequence[Path], names: Sequence[CompetitorName], engines: Sequence[EngineName], threads: Sequence[int]
) -> list[Source]:
    """Every model on every engine that suits it, with every number of threads, in a fixed order.

    Raises:
        FileNotFoundError: a path is not there, or a folder has no converted file.
    """
    found = []
    for path in [file for model in models for file in _files(model)]:
        suits = SUITS.get("" if is_bundle(path) else path.suffix, ())
        chosen = [None] if not suits else [e for e in engines if e in suits] if engines else [_usual(path)]
        found += [Source(what=str(path), engine=e, threads=n) for e in chosen for n in _counts(e, threads)]
    found += [Source(what=name, threads=n) for name in names for n in (threads if name != "dlib" else (1,))]
    return found


def _files(path: Path) -> list[Path]:
    """What a path stands for: itself, or the converted files of a folder."""
    if not path.exists():
        raise FileNotFoundError(f"no model, bundle or folder of models at {path}")
    if path.suffix in (*runtime.SUFFIXES, ".json") or is_bundle(path):
        return [path]
    if not path.is_dir():
        raise ValueError(f"{path} is neither a model, a bundle, a folder of models nor a description in JSON")
    files = runtime.models_in(path)
    if not files:
        raise FileNotFoundError(f"no .tflite, .onnx or .mlpackage in {path}: run `sdhrnet convert` first")
    return files


def _usual(path: Path) -> EngineName:
    if path.suffix == ".mlpackage":
        return "coreml" if platform.system() == "Darwin" else "mil-interpreter"
    return SUITS["" if is_bundle(path) else path.suffix][0]


def _counts(engine: EngineName | None, threads: Sequence[int]) -> Sequence[int]:
    """CoreML chooses its threads itself, and the interpreter is not timed."""
    return (1,) if compute_units(engine) is not None or engine == "mil-interpreter" else threads


def open_candidate(source: Source) -> Candidate:
    """Open what a source names; an engine that is not here becomes a reason, a broken model an error.

    Raises:
        FileNotFoundError, ValueError: the model is not there or damaged.
    """
    described = source.what.endswith(".json")
    peer = source.what in get_args(CompetitorName)
    identity: dict[str, Any] = {"model": source.what, "peer": True} if peer else _identity(source)
    engine = source.engine or source.what
    try:
        landmarker, framing, file = open_source(source)
    except ModuleNotFoundError as error:
        framing = Framing(size_px=identity.get("size_px", 64))
        return Candidate(source=source, identity=_blank(identity), framing=framing, engine=engine, reason=str(error))
    if peer or described:
        known = {"file_sha256": sha256(file), "size_bytes": size_bytes(file), "precision": None, "seed": None}
        identity = {**identity, **known}
    return Candidate(
        source=source, identity=identity, framing=framing, engine=landmarker.engine, landmarker=landmarker,
        decoding=None if peer or described else _decoding(Path(source.what)),
    )  # fmt: skip


def open_source(source: Source) -> tuple[Landmarker, Framing, Path]:
    """The landmarker of a source, the crop it wants, and the file that holds its weights.

    Raises:
        FileNotFoundError, ValueError: the model is not there or damaged.
        ModuleNotFoundError: its engine is not installed, or not on this system.
    """
    name = next((n for n in get_args(CompetitorName) if n == source.what), None)
    if name is not None:
        return competitors.open_competitor(name, source.threads)
    path = Path(source.what)
    if path.suffix == ".json":
        described = DescribedLandmarker(path, source.threads)
        return described, read_description(path).framing, described.file
    landmarker = _opened(path, source.engine, source.threads)
    return landmarker, Framing(size_px=landmarker.size_px), path


def compute_units(engine: EngineName | None) -> str | None:
    """What CoreML may use under an engine's name; None for other engines."""
    if engine is None or not engine.startswith("coreml"):
        return None
    return engine.removeprefix("coreml").removeprefix("-") or "all"


def _opened(path: Path, engine: EngineName | None, threads: int) -> Landmarker:
    if engine == "torch":
        return open_model(path, threads)
    if engine == "mil-interpreter":
        return InterpretedLandmarker(path, sidecar.read(path))
    if (units := compute_units(engine)) is not None:
        if platform.system() != "Darwin":
            raise ModuleNotFoundError("CoreML runs on macOS only", name="coreml")
        return load_coreml(path, sidecar.read(path), units)  # type: ignore[arg-type]  # its own words
    return runtime.load(path, engine=engine, threads=threads)


def _identity(source: Source) -> dict[str, Any]:
    path = Path(source.what)
    if path.suffix == ".json":
        about = read_description(path)
        return {"model": about.name or Path(about.file).name, "peer": True, "size_px": about.size_px}
    return {**identify(path), "peer": False, "size_px": _about(path).size_px}


def _about(path: Path) -> "Card | Sidecar":
    if is_bundle(path):
        from toolkit import bundle

        return bundle.read(path).card
    return sidecar.read(path)


def _decoding(path: Path) -> Decoding | None:
    about = _about(path)
    if isinstance(about, Sidecar) and about.output != "heatmaps":
        return None
    return Decoding(decoder=about.decoder, sigma_px=about.sigma_px)


def _blank(identity: dict[str, Any]) -> dict[str, Any]:
    return {"file_sha256": None, "size_bytes": None, "precision": None, "seed": None, **identity}
