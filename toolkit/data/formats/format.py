"""What the module of a data set tells the rest of the toolkit about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from toolkit.core.schemes import Scheme
from toolkit.data.labels import Reading

Split = Literal["train", "val", "test"]


@dataclass(frozen=True, kw_only=True)
class Format:
    """One way in which labelled faces lie on disk."""

    name: str
    """What --format takes."""
    title: str
    """The set's name for people."""
    scheme: Scheme
    recognises: Callable[[Path], bool]
    """Whether a folder (or file) looks like this format; cheap, reads no annotation."""
    read: Callable[[Path, Split], Reading]
    """All annotations of a split. FileNotFoundError where nothing of the split is there; a single bad annotation
    becomes a Problem, never an exception."""
    splits: tuple[Split, ...] = ("train", "test")
    """The splits the set names itself; `val` is held out of `train` where it is not among them."""
    published: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Faces of the official set by split or subset, as published: train, test, common, pose, ..."""
    obtain: str = ""
    """In words, where the official set is asked for."""
    layout: str = ""
    """In words, what lies in the folder, for the message where no format fits."""
