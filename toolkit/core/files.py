"""Files that are whole or absent: everything is written under a temporary name, synced, then renamed."""

import hashlib
import json
import os
import secrets
import shutil
import stat
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

    A link stays one: the file that it leads to is replaced. That keeps its mode; a new one has what the umask leaves.

    Raises:
        OSError: it cannot be written; the error names `path`.
    """
    with naming(path):
        target = Path(os.path.realpath(path)) if path.is_symlink() else path
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = _free_name(target.parent, f".{path.stem}.", path.suffix)
        mode = _mode(target)
        # not mkstemp, which leaves no mode that the umask would
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL, 0o666 if mode is None else 0o600))
        with _replacing(temporary, target, mode):
            yield temporary


@contextmanager
def _replacing(temporary: Path, path: Path, mode: int | None) -> Iterator[None]:
    try:
        yield
        with temporary.open("r+b") as file:  # Windows syncs only what is open for writing
            os.fsync(file.fileno())
        _set_mode(temporary, mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` that becomes `path` when the block ends well, replacing what stood there.

    A link stays one: the folder that it leads to is replaced. That keeps its mode; a new one has what the umask leaves.
    """
    path = Path(os.path.realpath(path))
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary, mode = _free_name(path.parent, f".{path.name}."), _mode(path)
        temporary.mkdir(0o777 if mode is None else 0o700)
        with _replacing_folder(temporary, path, mode):
            yield temporary


@contextmanager
def _replacing_folder(temporary: Path, path: Path, mode: int | None) -> Iterator[None]:
    try:
        yield
        _set_mode(temporary, mode)
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


def _free_name(folder: Path, prefix: str, suffix: str = "") -> Path:
    return folder / f"{prefix}{secrets.token_hex(4)}{suffix}"


def _mode(path: Path) -> int | None:
    """Who may read and write what stands there; None where nothing does."""
    return stat.S_IMODE(path.stat().st_mode) if path.exists() else None


def _set_mode(path: Path, mode: int | None) -> None:
    """Give it a mode, if there is one; FAT and network mounts have none."""
    if mode is not None:
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
