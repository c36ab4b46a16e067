"""Where a command may write: where it can, and over nothing that it reads or writes besides or is not to replace."""

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

from toolkit.core import records
from toolkit.core.options import Options, flag


@dataclass(frozen=True)
class Written:
    """Marks an option as a place that is written to."""

    kind: Literal["file", "folder", "replaced", "records", "edited"]


@dataclass(frozen=True, kw_only=True)
class WritesFiles(Options):
    """The base of options with an OutFile."""

    overwrite: bool = False
    """Replace files that are there already."""


OutFile = Annotated[Path, Written("file")]
OutFolder = Annotated[Path, Written("folder")]
NewFolder = Annotated[Path, Written("replaced")]
"""A folder that is replaced as a whole."""
OutRecords = Annotated[Path, Written("records")]
"""A .jsonl file that records are added to."""
EditedFile = Annotated[Path, Written("edited")]
"""A file of which a marked part is replaced."""
FOLDERS = ("folder", "replaced")
HEAD_BYTES = 1024
"""Of a file, in which what made it is looked for."""


def check_outputs(
    options: Options,
    *,
    within: Collection[str] = (),
    reads: dict[str, Path] | None = None,
    marks: Mapping[str, bytes] | None = None,
    **places: Path | None,
) -> None:
    """Refuse outputs that would be lost or would cost something else; before anything is read.

    Args:
        options: those whose type is one of those above are outputs, all other paths are read; with a true `overwrite`,
            files are replaced.
        within: options that name a folder to read whose files the outputs may replace.
        reads: what is read besides, by the option's name.
        marks: by the option's name, what the files have that the command itself makes; those are replaced.
        **places: outputs by the name of their option, where that leaves the place to the command; None is no output.

    Raises:
        ValueError: two outputs are one file, an output is what is read or a file of a folder that is read, a folder
            that is replaced holds what is read or another output, or an output cannot be written to.
        FileExistsError: a file is there already.
    """
    written = dict(kinds(type(options)))
    outputs = {name: getattr(options, name) for name in written} | places
    written |= {name: "file" for name in places if name not in written}
    outputs = {name: path for name, path in outputs.items() if path is not None}
    inputs = {name: value for name, value in (vars(options) | (reads or {})).items() if name not in written}
    _check_apart(outputs, {name for name, kind in written.items() if kind == "replaced"})
    for name, path in outputs.items():
        for source, read in ((source, read) for source, value in inputs.items() for read in _paths(value)):
            if source in within and (written[name] in FOLDERS or not same(path, read)):
                continue
            if same(path, read):
                raise ValueError(f"{flag(name)} {path} is the {source} that is read: choose another place")
            if written[name] == "replaced" and _within(path, read):
                raise ValueError(f"{flag(name)} {path} holds the {source} that is read: choose another place")
            if written[name] == "file" and path.exists() and _holds(read, path):
                raise ValueError(f"{flag(name)} {path} is a file of the {source} that is read: choose another place")
        check_place(flag(name), path, written[name])
        if written[name] == "file" and not getattr(options, "overwrite", False):
            check_new(flag(name), path, (marks or {}).get(name))


def _check_apart(outputs: Mapping[str, Path], replaced: Collection[str]) -> None:
    """Raises ValueError where two outputs are one, or one is in another that is replaced as a whole."""
    for (name, path), (other, twin) in permutations(outputs.items(), 2):
        if same(path, twin) or _folded(path) == _folded(twin):
            raise ValueError(f"{flag(name)} and {flag(other)} are both {path}: give each a name of its own")
        if name in replaced and _within(path, twin):
            raise ValueError(f"{flag(other)} {twin} is in {flag(name)}, which is replaced: choose another place")


def check_new(what: str, path: Path, mark: bytes | None = None) -> None:
    """Refuse to replace a file but one that has, near its beginning, the mark of what the command makes.

    Raises:
        FileExistsError: it is there; the message begins with `what`.
    """
    if path.exists() and (mark is None or mark not in _head(path)):
        raise FileExistsError(f"{what} {path} is there already: choose another place, or replace it with --overwrite")


def check_place(what: str, path: Path, kind: str = "file") -> None:
    """Whether a file or folder can be made or replaced there.

    Raises:
        ValueError: it cannot; the message begins with `what`.
    """
    if kind in FOLDERS and path.exists() and not path.is_dir():
        raise ValueError(f"{what} {path} is a file: name a folder")
    if kind not in FOLDERS and path.is_dir():
        raise ValueError(f"{what} {path} is a folder: name a file")
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ValueError(f"{what} {path} is a device, not a file: name a file")
    folder = _real(path) if kind in FOLDERS else _real(path).parent
    while not os.path.lexists(folder):
        folder = folder.parent
    if not folder.is_dir():
        raise ValueError(f"cannot write to {path}: {folder} is a file, not a folder; choose another place")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f"cannot write to {path}: {folder} is read-only; choose another place")
    if kind == "records":
        records.read(path)  # raises where it holds something else


def require_empty(folder: Path, otherwise: str) -> None:
    """Refuse a folder that holds anything; hidden files do not count.

    Raises:
        FileExistsError: it does; `otherwise` goes on about what it is not.
    """
    found = sorted(path.name for path in folder.iterdir() if path.name[0] != ".") if folder.is_dir() else []
    if found:
        raise FileExistsError(f"{folder} is not empty ({found[0]}) and {otherwise}: choose another --out")


def same(one: Path, other: Path) -> bool:
    """Whether two paths are one file: by links of any kind, or by a file system that sees no case."""
    try:
        return _real(one) == _real(other) or one.samefile(other)
    except OSError:
        return False


def kinds(options: type[Options]) -> Iterator[tuple[str, str]]:
    """The outputs among some options, and their kinds."""
    for name, hint in get_type_hints(options, include_extras=True).items():
        for each in (hint, *get_args(hint)):
            yield from ((name, mark.kind) for mark in getattr(each, "__metadata__", ()) if isinstance(mark, Written))


def _paths(value: Any) -> Iterator[Path]:
    for each in value if isinstance(value, tuple | list) else (value,):
        if isinstance(each, Path):
            yield each


def _holds(folder: Path, path: Path) -> bool:
    return folder.is_dir() and _real(folder) in _real(path).parents


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _within(folder: Path, path: Path) -> bool:
    """Also where the folder is not there yet."""
    return any(same(folder, parent) for parent in _real(path).parents)


def _folded(path: Path) -> str:
    """Equal for two names that some file systems take for one."""
    return str(_real(path)).casefold()


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
