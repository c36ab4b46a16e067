"""Folders of NAME.jpg (or .png) + NAME.pts, the format of 300W: one face a picture, its points in a small text file.

A `visibility.json` beside them, name -> {pose, visible}, says of each point whether it is seen (2), covered with its
place estimated (1), or hidden by the head itself, its place unknown (0). A `scheme.json` there or in the folder above
says what points of one's own are; without it they are those of the known scheme of as many points.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray
from toolkit.core.files import read_json
from toolkit.core.images import SUFFIXES
from toolkit.core.schemes import W300_68, Scheme
from toolkit.data.formats.gather import (
    BYTE_ORDER_MARK,
    SCHEME,
    Format,
    Split,
    check_name,
    gather,
    points_of,
    quoted,
    require_faces,
    scheme_in,
    scheme_of,
    shown,
)
from toolkit.data.labels import Label, Problem, Reading
from toolkit.data.sample import box_of_points

PIXELS_FROM = 1
VISIBILITY = "visibility.json"
LABELS = "labels.json"
"""What the toolkit says of labels that it made; `origin` in it goes on in the set's title, and so to every card."""
COUNT = re.compile(r"n_points\s*:?\s*([0-9]+)\b")
NUMBERED = re.compile("(.+)_([0-9]+)")
ZEROS = {f"{number:02}" for number in range(10)}
STATES = HIDDEN, COVERED, VISIBLE = 0, 1, 2


def write_pts(points_xy: FloatArray) -> str:
    """The text of a .pts file for 0-based points (M, 2)."""
    lines = "\n".join(f"{x + 1:.4f} {y + 1:.4f}" for x, y in points_xy)
    return f"version: 1\nn_points: {len(points_xy)}\n{{\n{lines}\n}}\n"


def photos_of(stems: Collection[str]) -> dict[str, str]:
    """The photo that each face of a set is from, by its name: `NAME_1` and `NAME_2` are faces of one, as in 300W.

    Numbers of a NAME of which one has a leading zero or three digits count photos, such as `img_01` and `img_10`, or
    LFPW's `image_0001`: then each is a photo of its own.
    """
    numbered = {stem: found.groups() for stem in stems if (found := NUMBERED.fullmatch(stem))}
    counters = {name for name, number in numbered.values() if len(number) > 2 or number in ZEROS}
    faces = {stem: name for stem, (name, _) in numbered.items() if name not in counters}
    return {stem: faces.get(stem, stem) for stem in stems}


def labels_in(
    folder: Path,
    scheme: Scheme,
    *,
    pictures: Path | None = None,
    subsets: frozenset[str] = frozenset(),
    visibility: Mapping[str, Any] | None = None,
) -> tuple[list[Label], list[Problem]]:
    """Every labelled picture of a folder.

    Args:
        folder: holds the .pts files.
        scheme: what their points are.
        pictures: where the pictures are, if not beside the points; points without a picture there are then passed over.
        subsets: the published subsets of all these faces.
        visibility: the content of a visibility.json.
    """
    beside = _pictures(pictures or folder)
    files = [f for f in sorted(folder.glob("*.pts")) if pictures is None or f.stem in beside]
    photos = photos_of([f.stem for f in files])

    def label(file: Path) -> Label:
        check_name(file.name)
        points, covered, pose = read_pts(file, scheme.points), None, subsets
        if visibility is not None:
            points, covered, pose = _seen(points, visibility, file.stem)
        return Label(
            name=file.stem,
            source=shown(file),
            group=photos[file.stem],
            picture=_one(file.stem, beside.get(file.stem, ())),
            points_xy=points,
            box_xyxy=box_of_points(points),
            covered=covered,
            subsets=pose,
        )

    return gather(files, shown, label)


def read_pts(path: Path, points: int) -> FloatArray:
    """The (points, 2) array of a .pts file, moved to 0-based pixel centres; `nan nan`, `-1 -1` or `0 0` is a missing
    point.

    Raises:
        ValueError: not the .pts format, another number of points, or values that are no coordinates; the file is not
            named.
    """
    head, brace, body = _text(path).partition("{")
    if not brace or "n_points" not in head or "}" not in body:
        raise ValueError("not a .pts file: expected `version`, `n_points` and points between braces")
    rows = [line.split() for line in body.partition("}")[0].splitlines() if line.strip()]
    if len(rows) != points:
        raise ValueError(f"has {len(rows)} points, expected {points}")
    said = COUNT.search(head)
    if said and said[1].lstrip("0") != str(len(rows)):
        raise ValueError(f"has {len(rows)} points, its n_points says {quoted(said[1])}: it is cut off or was changed")
    return points_of(np.array([_pair(row) for row in rows]), PIXELS_FROM)


def _pair(row: Sequence[str]) -> tuple[float, float]:
    try:
        x, y = map(float, row)
    except ValueError as error:
        raise ValueError(f"every line between the braces must be two numbers, found {quoted(' '.join(row))}") from error
    return x, y


def _text(path: Path) -> str:
    try:
        return path.read_bytes().removeprefix(BYTE_ORDER_MARK).decode("ascii")
    except UnicodeDecodeError as error:
        raise ValueError("not a .pts file: it is not plain text") from error


def _declared(path: Path) -> int:
    """The number after `n_points`, 0 where there is none."""
    head = path.read_bytes()[:200].decode("ascii", "replace")
    found = COUNT.search(head)
    return int(found[1]) if found and len(found[1]) <= 6 else 0


def _pictures(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES:
            found.setdefault(path.stem, []).append(path)
    return found


def _one(stem: str, pictures: Sequence[Path]) -> Path:
    if not pictures:
        raise ValueError(f"has no picture beside it: expected {stem}.jpg or .png")
    if len(pictures) > 1:
        raise ValueError(f"has {len(pictures)} pictures, {', '.join(p.name for p in pictures)}: leave the right one")
    return pictures[0]


def _seen(
    points_xy: FloatArray, visibility: Mapping[str, Any], name: str
) -> tuple[FloatArray, NDArray[np.bool_], frozenset[str]]:
    """The points without the hidden ones, which of them are hidden or covered, and the pose as a subset."""
    entry = visibility.get(name)
    if not isinstance(entry, dict) or not isinstance(entry.get("pose"), str):
        raise ValueError(f"{VISIBILITY} has no pose for {name}")
    seen = entry.get("visible")
    if not isinstance(seen, list) or len(seen) != len(points_xy) or any(s not in STATES for s in seen):
        raise ValueError(f"{VISIBILITY} must give {name} a list of {len(points_xy)} values 0, 1 or 2 as `visible`")
    state = np.array(seen)
    points = np.where((state == HIDDEN)[:, None], np.nan, points_xy)
    return points, state != VISIBLE, frozenset({entry["pose"]})


def _folder(root: Path, split: Split) -> Path:
    return root if _has_pts(root) or not _has_pts(root / split) else root / split


def _has_pts(folder: Path) -> bool:
    return next(folder.glob("*.pts"), None) is not None if folder.is_dir() else False


def recognises(root: Path) -> bool:
    """Whether there are .pts files, in the folder or in its `train` or `test`."""
    return any(map(_has_pts, (root, root / "train", root / "test")))


def read(root: Path, split: Split) -> Reading:
    """All faces of a folder, which serves as any split, or of its subfolder named as the split.

    Raises:
        FileNotFoundError: no face can be read.
        ValueError: visibility.json or scheme.json is damaged.
    """
    folder = _folder(root, split)
    scheme = scheme_in(folder, root) or scheme_of(map(_declared, sorted(folder.glob("*.pts")))) or W300_68
    said = read_json(folder / VISIBILITY) if (folder / VISIBILITY).is_file() else None
    if said is not None and not isinstance(said, dict):
        raise ValueError(f"{shown(folder / VISIBILITY)} must map names to a pose and a list `visible`")
    labels, problems = labels_in(folder, scheme, visibility=said) if folder.is_dir() else ([], [])
    name = shown(folder.relative_to(root.parent) if root.name else Path(folder.resolve().name))
    title = f"folder {name}: {len(labels)} faces{_origin(folder)}"
    found = Reading(scheme=scheme, title=title, labels=labels, problems=problems)
    return require_faces(
        found,
        f"no .pts file that can be used in {shown(folder)}: expected NAME.jpg with NAME.pts beside it, of 29, 68 or 98 "
        f"points, or {SCHEME} to say what other points are",
    )


def _origin(folder: Path) -> str:
    """Where the labels of a folder are from, in words, if it says so."""
    about = read_json(folder / LABELS) if (folder / LABELS).is_file() else None
    origin = about.get("origin") if isinstance(about, dict) else None
    return f", {origin}" if isinstance(origin, str) else ""


FORMAT = Format(
    name="pts",
    title="a folder of pictures with .pts files",
    scheme=W300_68,
    recognises=recognises,
    read=read,
    layout="NAME.jpg or .png with NAME.pts beside it; scheme.json for points of your own",
)
