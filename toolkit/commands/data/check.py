"""Stage: whether a folder of labelled faces is whole and sound, before hours are spent on it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from tyro.conf import Positional

from toolkit.core.options import Options
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.words import counted
from toolkit.data import pack
from toolkit.data.audit import Inspection, doubtful, inspect, same_pictures
from toolkit.data.formats import Format, by_name, detect, masked300w, private300w, w300
from toolkit.data.formats.gather import NoFaces, shown
from toolkit.data.labels import Photos, Problem, Reading

LISTED = 20
"""Problems of a kind that are written out for a person; --json has all."""

PARTS = MappingProxyType(
    {
        w300.FORMAT.name: {"train": w300.TRAIN, "test": w300.TEST},
        private300w.FORMAT.name: {"test": private300w.PARTS},
        masked300w.FORMAT.name: {"test": w300.TEST},
    }
)
"""The folders that a format's splits are made of."""


@dataclass(frozen=True, kw_only=True)
class Check(Options):
    """Count the faces of a data set, look for bad annotations, points that form no face or are of another picture,
    damaged pictures and pictures that are there twice.

    Exit status 1 says that the official set is incomplete or that something is wrong with it.
    """

    data: Positional[Path]
    """The folder (or file) of labelled faces, or a pack of them."""
    format: str | None = None
    """w300, private300w, masked300w, wflw, cofw, ytf, coco or pts (default: what the folder looks like)."""
    quick: bool = False
    """Read the annotations only, decode no picture."""


@dataclass(frozen=True, kw_only=True)
class CountRow:
    """A line of the table."""

    split: str
    part: str
    """Empty for the whole split."""
    found: int
    published: int | None

    @property
    def missing(self) -> int:
        return 0 if self.published is None else max(0, self.published - self.found)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What was found, by kind."""

    rows: Sequence[CountRow]
    problems: Sequence[Problem]
    """What makes a face useless, or a score wrong."""
    notes: Sequence[Problem]
    """What is worth knowing."""
    copies: Sequence[Problem]
    """Faces that are there twice."""
    outside: Sequence[Problem]
    """Faces with points beyond their picture, the worst first."""
    points_outside: int
    points: int
    points_missing: int


def run(options: Check) -> Steps[Outcome]:
    """Read, count and look; see Check."""
    known = pack.FORMAT if pack.FORMAT.recognises(options.data) else None
    format_ = by_name(options.format) if options.format else known or detect(options.data)
    readings, problems = yield from _readings(format_, options.data)
    looks: list[Inspection] = []
    if not options.quick:
        looks, damaged = yield from _looks(readings)
        problems += damaged
    findings = _findings(format_, readings, problems, looks)
    complete = not any(row.missing for row in findings.rows)
    record = _record(options, format_, readings, findings, complete)
    lines = _lines(options, format_, readings, findings, complete)
    return Outcome(text="\n".join(lines), records=(record,), ok=complete and not findings.problems)


def _readings(format_: Format, root: Path) -> Steps[tuple[dict[str, Reading], list[Problem]]]:
    """Every split that is there; `all` where the splits are the same faces, as in a plain folder.

    Raises:
        FileNotFoundError: no split is there.
    """
    found: dict[str, Reading] = {}
    problems: list[Problem] = []
    absent: list[FileNotFoundError] = []
    for number, split in enumerate(format_.splits):
        yield Progress(task="reading annotations", done=number, total=len(format_.splits), note=split)
        try:
            found[split] = format_.read(root, split)
        except FileNotFoundError as error:
            absent.append(error)
        except ValueError as error:  # the split's file as a whole
            problem = Problem(source=shown(root), text=str(error).removeprefix(f"{shown(root)} "))
            problems += [problem] if problem not in problems else []
    if not found and not problems:
        raise next((error for error in absent if isinstance(error, NoFaces)), absent[0])
    sources = [tuple(label.source for label in reading.labels) for reading in found.values()]
    if len(found) > 1 and len(set(sources)) == 1:
        found = {"all": next(iter(found.values()))}
    told = {(p.source, p.text) for p in problems}
    for reading in found.values():  # a line that names no split is told of by each
        fresh = [p for p in reading.problems if (p.source, p.text) not in told]
        problems += fresh
        told |= {(p.source, p.text) for p in fresh}
    return found, problems


def _looks(readings: Mapping[str, Reading]) -> Steps[tuple[list[Inspection], list[Problem]]]:
    """A look at every face's picture, and those that cannot be read."""
    faces = [(split, label) for split, reading in readings.items() for label in reading.labels]
    looks, problems = [], []
    for number, (split, label) in enumerate(faces):
        try:
            looks.append(inspect(label, split, readings[split].scheme))
        except (ValueError, OSError) as error:
            problems.append(Problem(source=label.source, text=str(error)))
        if number % 10 == 0 or number == len(faces) - 1:
            yield Progress(task="looking at pictures", done=number + 1, total=len(faces))
    return looks, problems


def _findings(
    format_: Format, readings: Mapping[str, Reading], problems: Sequence[Problem], looks: Sequence[Inspection]
) -> Findings:
    problems, copies, outside = list(problems), [], []
    problems += [problem for reading in readings.values() for problem in doubtful(Photos(reading))]
    problems += [Problem(source=each.label.source, text=each.wrong) for each in looks if each.wrong]
    for first, second, exact in same_pictures(looks):
        how = "the same picture as" if exact else "nearly the same picture as"
        problem = Problem(source=first.label.source, text=f"{how} {second.label.source}")
        if first.split == second.split:
            copies.append(problem)
        else:
            text = f"{problem.text}: a {first.split} face leaks into {second.split}"
            problems.append(Problem(source=problem.source, text=text))
    for each in sorted(looks, key=lambda one: -one.outside):
        if each.outside:
            text = f"{each.outside} of {each.points} points are outside the picture"
            outside.append(Problem(source=each.label.source, text=text))
    return Findings(
        rows=[row for split, reading in readings.items() for row in _rows(format_, split, reading)]
        + [
            CountRow(split=split, part="", found=0, published=format_.published[split])
            for split in format_.splits
            if split not in readings and split in format_.published
        ],
        problems=problems,
        notes=[note for reading in readings.values() for note in _notes(reading)],
        copies=copies,
        outside=outside,
        points_outside=sum(each.outside for each in looks),
        points=sum(each.points for each in looks),
        points_missing=sum(int(np.isnan(label.points_xy[:, 0]).sum()) for r in readings.values() for label in r.labels),
    )


def _notes(reading: Reading) -> Iterator[Problem]:
    """What is worth knowing of a split's annotations."""
    yield from reading.notes
    text = "its picture's EXIF orientation turns the points too: width and height are those of the stored pixels"
    yield from (Problem(source=label.source, text=text) for label in reading.labels if label.turned)


def _rows(format_: Format, split: str, reading: Reading) -> Iterator[CountRow]:
    """The split, the folders it is made of, and its published subsets."""
    yield CountRow(split=split, part="", found=len(reading.labels), published=format_.published.get(split))
    folders = [label.picture.parent.as_posix() for label in reading.labels if isinstance(label.picture, Path)]
    for folder, part in PARTS.get(format_.name, {}).get(split, {}).items():
        found = sum(name.endswith((f"/{folder}", f"/{folder.partition('/')[0]}")) for name in folders)
        yield CountRow(split=split, part=part.title, found=found, published=part.faces)
    if split in ("test", "all"):
        named = {name for label in reading.labels for name in label.subsets}
        published = [name for name in format_.published if name not in format_.splits]
        for name in [*published, *sorted(named.difference(published))]:
            found = sum(name in label.subsets for label in reading.labels)
            yield CountRow(split=split, part=name, found=found, published=format_.published.get(name))


def _record(
    options: Check, format_: Format, readings: Mapping[str, Reading], findings: Findings, complete: bool
) -> dict[str, Any]:
    return {
        "kind": "check",
        "format": format_.name,
        "data": [reading.title for reading in readings.values()],
        "complete": complete,
        "rows": [
            {"split": r.split, "part": r.part, "found": r.found, "published": r.published, "missing": r.missing}
            for r in findings.rows
        ],
        "problems": [str(p) for p in findings.problems],
        "notes": [str(p) for p in (*findings.notes, *findings.copies)],
        "pictures_read": not options.quick,
        "points": findings.points,
        "points_missing": findings.points_missing,
        "points_outside": findings.points_outside,
        "faces_with_points_outside": [str(p) for p in findings.outside],
    }


def _lines(
    options: Check, format_: Format, readings: Mapping[str, Reading], findings: Findings, complete: bool
) -> Iterator[str]:
    yield f"{format_.title} in {shown(options.data)}"
    yield f"  {'':<16}{'faces':>8}{'published':>11}{'missing':>9}"
    for row in findings.rows:
        name = f"  {row.part}" if row.part else row.split
        published, missing = ("-", "-") if row.published is None else (str(row.published), str(row.missing))
        yield f"  {name:<16}{row.found:>8}{published:>11}{missing:>9}"
    if not complete:
        yield f"This is not the whole set. It is asked for at {format_.obtain}." if format_.obtain else "Incomplete."
    yield from _list("problems", findings.problems)
    yield from _list("worth knowing", findings.notes)
    yield from _list("faces that are there twice", findings.copies)
    if findings.points_missing:
        yield f"{findings.points_missing} points are missing (nan, -1 -1, 0 0, or hidden) and count for nothing"
    if options.quick:
        yield "no picture was decoded (--quick)"
        return
    if findings.points_outside:
        share = 100 * findings.points_outside / findings.points
        yield f"{findings.points_outside} points ({share:.2f} %) are outside their picture, as happens at its edges"
        yield from _list("faces with such points", findings.outside)
    faces = sum(len(reading.labels) for reading in readings.values())
    if not findings.problems:
        there = f"{counted(faces, 'face')} that {'is' if faces == 1 else 'are'}"
        yield f"nothing wrong with the {there} there; look at some with `sdhrnet data preview`"


def _list(title: str, problems: Sequence[Problem]) -> Iterator[str]:
    if problems:
        yield f"{title}: {len(problems)}"
        yield from (f"  {problem}" for problem in problems[:LISTED])
        if len(problems) > LISTED:
            yield f"  and {len(problems) - LISTED} more; --json lists all"
