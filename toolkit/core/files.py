"""Files that are whole or absent: everything is written under a temporary name, synced, then renamed."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PureWindowsPath
from typing import Any

from toolkit.core.validation import check, parse, shown

LARGEST_JSON = 64 << 20
"""Bytes of a JSON file but of a data set's; those that the toolkit writes have a hundredth of it."""


def check_file_name(name: str) -> None:
    """Whether a name from a data set, a pack or a record may name a file in a folder, on any system.

    Raises:
        ValueError: it is empty, is `.` or `..`, or has a slash, a backslash, a drive or NUL.
    """
    if name in ("", ".", "..") or "\0" in name or PureWindowsPath(name).name != name:
        raise ValueError(f"the name {shown(name)} may lead out of its folder: it must be one without slashes")


def check_regular(path: Path) -> None:
    """Raises ValueError for a pipe, a socket or a device, which may keep its reader waiting for ever."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ValueError(f"{path} is no regular file but a pipe, a socket or a device: name a file")


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """The system's errors within the block that name nothing, as of a full disk, or a temporary file, name `path`."""
    try:
        yield
    except OSError as error:
        ours = error.filename is None or Path(str(error.filename)).name.startswith(f".{path.stem}.")
        if error.errno is None or not ours:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def write_bytes(path: Path, data: bytes) -> None:
    """Replace a file in one step; a reader sees the old one or the new one, also after a crash or on a full disk."""
    with new_file(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file, indented, with a newline at its end.

    Raises:
        ValueError: the value holds NaN or infinity, which JSON cannot say.
    """
    write_bytes(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def read_json(path: Path, kind: Any = Any, *, data_set: bool = False) -> Any:
    """The value in a JSON file, as a type of validation.check.

    Args:
        path: the file.
        kind: the type.
        data_set: of any size, and what reads it checks the numbers, face by face.

    Raises:
        ValueError: the file is not JSON, is larger than any of its kind, or does not hold that type; the message names
            file and field.
    """
    check_regular(path)
    if path.stat().st_size > LARGEST_JSON and not data_set:
        raise ValueError(f"{path} has over {LARGEST_JSON >> 20} MB: no file of its kind is so large")
    return check(parse(path.read_bytes(), str(path), numbers=not data_set), kind, str(path))


def write_lines(path: Path, records: Iterable[Any]) -> None:
    """Replace a JSON-lines file."""
    write_bytes(path, "".join(json.dumps(r, allow_nan=False) + "\n" for r in records).encode())


def read_lines(path: Path, kind: Any = Any) -> list[Any]:
    """Every record of a JSON-lines file, as a type of validation.check; none where there is no file.

    Raises:
        ValueError: a line is not JSON, or not of that type; the message names file and line.
    """
    if not path.exists():
        return []
    check_regular(path)
    # not splitlines, which also splits at separators that JSON allows inside a string
    lines = ((f"{path}:{number}", line) for number, line in enumerate(path.read_bytes().split(b"\n"), start=1))
    return [check(parse(line, where), kind, where) for where, line in lines if line]


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A temporary file beside `path`, of the same suffix, that becomes `path` when the block ends well.

    Raises:
        OSError: it cannot be written; the error names `path`.
    """
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
        os.close(handle)
        with _replacing(Path(name), path) as temporary:
            yield temporary


@contextmanager
def _replacing(temporary: Path, path: Path) -> Iterator[Path]:
    try:
        yield temporary
        with temporary.open("r+b") as file:  # Windows syncs only what is open for writing
            os.fsync(file.fileno())
        make_readable(temporary, 0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` that becomes `path` when the block ends well, replacing what stood there.

    A link stays one: the folder that it leads to is replaced.
    """
    path = Path(os.path.realpath(path))
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _replacing_folder(Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.")), path) as temporary:
            yield temporary


@contextmanager
def _replacing_folder(temporary: Path, path: Path) -> Iterator[Path]:
    try:
        yield temporary
        make_readable(temporary, 0o755)
        if path.is_dir():
            old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.old.")) / path.name
            path.rename(old)
            try:
                temporary.rename(path)
            except BaseException:
                old.rename(path)
                old.parent.rmdir()
                raise
            shutil.rmtree(old.parent)
        else:
            temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _sync_folder(path.parent)


@contextmanager
def folder_for(path: Path) -> Iterator[None]:
    """A folder to put files in; where the block puts none there, those that had to be made are gone after it."""
    path = Path(os.path.realpath(path))
    fresh = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        for folder in fresh:
            if any(folder.iterdir()):
                break
            folder.rmdir()


def sha256(*paths: Path) -> str:
    """Digest of some files' bytes, one after the other; a folder counts as its files in name order, names included."""
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
            check_regular(file)
            if file != path:
                digest.update(file.relative_to(path).as_posix().encode() + b"\0")
            digest.update(file.read_bytes())
    return digest.hexdigest()


def size_bytes(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file()) if path.is_dir() else path.stat().st_size


def make_readable(path: Path, mode: int) -> None:
    """Give a temporary file or folder, which only its owner may read, a mode; FAT and network mounts have none."""
    with suppress(OSError):
        path.chmod(mode)


def _sync_folder(folder: Path) -> None:
    """Make a rename durable where folders can be opened (not on Windows) and synced (not on VirtualBox, SMB, FUSE)."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
