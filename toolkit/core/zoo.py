"""The released models, inside the package: which there are, and what a name means wherever a model is asked for.

A name, such as sdhrnet-68pt-160, is one thing everywhere: where a model runs, its float16 TFLite file, which every
installation has; where a network is trained on, changed, counted or converted, its bundle.
"""

import os
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

WEIGHTS = Path(__file__).parents[1] / "weights"
"""The released models' bundles, NAME/, and converted files, NAME-PRECISION.SUFFIX."""
START = WEIGHTS / "start" / "hrsupernet-68pt-64"
"""A supernet that has seen 32,000 drawn faces and no L1 term: what minutes of training begin with, as no network learns
faces from nothing in them. No released model: a clone has it, a wheel does not."""
SPARED = WEIGHTS / "start" / "hrsupernet-68pt-64-spared"
"""The same after 24,000 more under the L1 term, by which it has learned what it can spare."""
MAIN = "sdhrnet-68pt-160"
"""The one that is taken where none is named."""
RUNS = "float16"
"""The precision of the file that a name stands for."""


@dataclass(frozen=True)
class Asked:
    """Marks an option that takes a released model's name, and says what the name stands for."""

    kind: Literal["file", "bundle"]


ModelPath = Annotated[Path, Asked("file")]
"""A bundle's folder, a converted file, or the name of a released model, which stands for its file."""
BundlePath = Annotated[Path, Asked("bundle")]
"""A bundle's folder, or the name of a released model, which stands for its bundle."""


def is_bundle(path: Path) -> bool:
    """Whether a path is a folder with a bundle in it."""
    return (path / "spec.json").is_file()


def folder_name(path: Path) -> str:
    """What a bundle's folder is called, also where it is given as `.`."""
    return Path(os.path.abspath(path)).name  # noqa: PTH100 - resolve would follow links


def names(weights: Path = WEIGHTS) -> tuple[str, ...]:
    """The released models of this installation, by name."""
    return tuple(sorted(folder.name for folder in weights.glob("*") if is_bundle(folder)))


def files(name: str, weights: Path = WEIGHTS) -> list[Path]:
    """The converted files of a released model that this installation has, by name; empty for what is none."""
    there = names(weights)
    if name not in there:
        return []
    longer = tuple(f"{other}-" for other in there if other.startswith(f"{name}-"))
    found = (path for path in weights.glob(f"{name}-*") if path.suffix != ".json" and path.name not in there)
    return sorted(path for path in found if not path.name.startswith(longer))


def released(precision: str, name: str = MAIN) -> Path:
    """A released model's TFLite file.

    Args:
        precision: float32, float16 or int8.
        name: of the model.

    Raises:
        FileNotFoundError: this installation has none.
    """
    path = WEIGHTS / f"{name}-{precision}.tflite"
    if not path.is_file():
        raise FileNotFoundError(f"no {path.name} comes with this installation, which has {', '.join(names())}")
    return path


def resolve(model: Path | str, kind: Literal["file", "bundle"] = "file") -> Path:
    """What a user means by a model: a path that is there, a released model's name, or the name of one of its files.

    Args:
        model: a bare word that is nothing in the current folder is a name; everything else is a path.
        kind: what a released model's name stands for, its float16 TFLite file or its bundle.

    Returns:
        The path. That of a file or folder is as it was given, whether or not anything is there.

    Raises:
        FileNotFoundError: a bare word that is no released model's name.
    """
    path = Path(model)
    if path.exists() or len(path.parts) != 1:
        return path
    if path.name in names():
        return WEIGHTS / path.name if kind == "bundle" else released(RUNS, path.name)
    if path.suffix:
        return WEIGHTS / path if (WEIGHTS / path).exists() else path
    raise FileNotFoundError(unknown(path.name))


def unknown(name: str, what: str = "a model") -> str:
    """What to tell of a bare word that names nothing."""
    near = get_close_matches(name, names(), n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"there is no {name} here, and no released model of that name: {hint}name {what} by its path or one of " + (
        ", ".join(names())
    )


def resolved(value: Any, hint: Any) -> Any:
    """An option's value, with each released name of a field whose annotation is marked by Asked as its path."""
    kind = _kind(hint)
    if kind is None or value is None:
        return value
    if isinstance(value, tuple):
        return tuple(resolve(each, kind) for each in value)
    return resolve(value, kind)


def _kind(hint: Any) -> Literal["file", "bundle"] | None:
    marks = [mark.kind for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, Asked)]
    return next((kind for kind in (*marks, *map(_kind, get_args(hint))) if kind), None)
