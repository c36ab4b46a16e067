"""What the readers share: what each says of its format, and how a bad annotation is told of while others are read.

A face's box is always the tight box of its points, which the crop then enlarges (`BOX_SCALE`). HRNet does the same on
every set: the scale and centre of its CSVs for 300W and WFLW are those of the points' box rounded outwards to whole
pixels, and its COFW code computes them so. Sets that bring boxes (WFLW, COFW, COCO files) fill them in differently, and
one rule keeps their scores comparable.
"""

import csv
import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeVar

import numpy as np

from toolkit.core.arrays import FloatArray
from toolkit.core.schemes import SCHEMES, Scheme, own_scheme
from toolkit.data.labels import Problem, Reading

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


T = TypeVar("T")
U = TypeVar("U")
NumberedLine = tuple[int, str]
"""A line of a file and its number, from 1."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SCHEME = "scheme.json"
"""In a folder: the scheme of one's own that its points are marked by."""
FARTHEST_PX = 1_000_000
"""A coordinate beyond this is no place in a picture: the longest side that a JPEG can have is 65,535 pixels."""
LONGEST = 24
"""Letters of a file's own text that an error repeats."""
MISSING = (-1.0, 0.0)
"""A point written as `-1 -1` or `0 0` is missing, as tools of the field write it. In files that count pixels from 1
both are beyond the corner of the picture; in the others the corner's own pixel is lost, where no face has a point."""


def gather(rows: Iterable[T], source: Callable[[T], str], make: Callable[[T], U]) -> tuple[list[U], list[Problem]]:
    """What is made of all rows but the bad ones, for which `make` raises ValueError: those become problems."""
    made, problems = [], []
    for row in rows:
        try:
            made.append(make(row))
        except ValueError as error:
            problems.append(Problem(source=source(row), text=str(error)))
    return made, problems


class NoFaces(FileNotFoundError):  # noqa: N818 - callers know it as the error that it is
    """Of annotations that are there, none can be used."""


def require_faces(reading: Reading, expected: str) -> Reading:
    """The reading itself, unless it is empty.

    Raises:
        NoFaces: it has no face; the message says what was expected and names the first problem.
    """
    if reading.labels:
        return reading
    bad = len(reading.problems)
    why = f"; all {bad} annotations are bad, first {reading.problems[0]}" if bad else ""
    raise NoFaces(f"{expected}{why}")


def scheme_in(*folders: Path) -> Scheme | None:
    """The scheme of one's own in the first folder that has one as `scheme.json`; None where none has.

    Raises:
        ValueError: the file does not fit.
    """
    return next((own_scheme(folder / SCHEME) for folder in folders if (folder / SCHEME).is_file()), None)


def scheme_of(counts: Iterable[int]) -> Scheme | None:
    """The scheme of the most frequent known number of points; None where no number is a scheme's."""
    by_points = {scheme.points: scheme for scheme in SCHEMES.values()}
    frequent = Counter(n for n in counts if n in by_points).most_common(1)
    return by_points[frequent[0][0]] if frequent else None


def coordinates(fields: Sequence[str], scheme: Scheme, first_px: float) -> FloatArray:
    """(M, 2) from x and y in turn as text; `first_px` as in points_of.

    Raises:
        ValueError: another number of fields, or one that is no finite number or no place.
    """
    if len(fields) != 2 * scheme.points:
        raise ValueError(f"{len(fields)} coordinates, expected {2 * scheme.points} for {scheme.title}")
    return points_of(numbers(fields).reshape(-1, 2), first_px)


def points_of(written: FloatArray, first_px: float) -> FloatArray:
    """Points (M, 2) in 0-based pixel centres from the numbers of a file, NaN where a point is missing (see MISSING).

    Args:
        written: (M, 2) as they stand in the file; `nan nan` is a missing point too.
        first_px: what the file calls the first pixel's centre, 0 or 1.

    Raises:
        ValueError: a number is no place in a picture, or only one of a pair is missing.
    """
    unknown = np.isnan(written)
    for index in np.flatnonzero((~unknown & ~(np.abs(written) <= FARTHEST_PX)).any(axis=1)):
        x, y = written[index]
        raise ValueError(f"point {index} is at {x:g}, {y:g}: no place in a picture (limit {FARTHEST_PX:,} pixels)")
    for index in np.flatnonzero(unknown[:, 0] != unknown[:, 1]):
        raise ValueError(f"point {index} has one coordinate that is not a number; write `nan nan` for a missing point")
    missing = np.logical_or.reduce([(written == value).all(axis=1) for value in MISSING])
    return np.where(missing[:, None], np.nan, written - first_px)


def numbers(fields: Sequence[str]) -> FloatArray:
    """Finite numbers from text.

    Raises:
        ValueError: one is none; the message shows it.
    """
    try:
        values = np.array([float(text) for text in fields])
        if np.isfinite(values).all():
            return values
    except ValueError:
        pass
    raise ValueError(
        f"{quoted(next(text for text in fields if not _is_finite(text)))} is not a number that can be used"
    )


def quoted(text: str) -> str:
    """What a file says, quoted and short enough for a line."""
    return repr(text.strip()[:LONGEST] + ("..." if len(text.strip()) > LONGEST else ""))


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def picture_in(name: str, folders: Iterable[Path]) -> Path:
    """The picture of that relative name in the first folder that has it.

    Raises:
        ValueError: none has it, or its name is not UTF-8.
    """
    check_name(name)
    folders = list(dict.fromkeys(folders))
    for folder in folders:
        if name and (folder / name).is_file():
            return folder / name
    raise ValueError(f"no picture {name!r} in {', '.join(map(shown, folders))}")


def check_name(name: str) -> None:
    """Whether a name from disk can be written into records.

    Raises:
        ValueError: it holds bytes that are not UTF-8.
    """
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"the file name {shown(Path(name))} is not UTF-8: rename the file") from error


def shown(path: Path) -> str:
    """A path as text that can always be printed; bytes that are not UTF-8 are written out."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def text_lines(path: Path) -> list[NumberedLine]:
    """A file's lines that are not blank, whatever the platform that wrote it; a byte order mark is dropped.

    Bytes that are not UTF-8 come through as they do in file names, for the line's own reader to judge.
    """
    text = path.read_bytes().removeprefix(BYTE_ORDER_MARK).decode("utf-8", "surrogateescape")
    return [(number, line.strip()) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]


def csv_rows(path: Path, columns: Sequence[str]) -> list[NumberedLine]:
    """The lines of a CSV below its header, each for the reader of its own set to take apart.

    Raises:
        FileNotFoundError: there is no file.
        ValueError: it has other columns.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{shown(path.parent)} has no {path.name}")
    lines = text_lines(path)
    found = csv_fields(lines[0][1]) if lines else []
    if found != list(columns):
        few = ", ".join((*columns[:4], "...", columns[-1]))
        raise ValueError(f"{shown(path)}: expected the {len(columns)} columns {few}, found {len(found)}")
    return lines[1:]


def csv_fields(line: str) -> list[str]:
    """The fields of one CSV line.

    Raises:
        ValueError: it is no CSV.
    """
    try:
        return [field.strip() for field in next(csv.reader([line]), [])]
    except csv.Error as error:
        raise ValueError(f"not a CSV line ({error})") from error
