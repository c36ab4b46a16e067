"""A folder of one's own labelled photos, as the `pts` format reads it, from photos that stay as they are."""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypedDict, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.files import read_json, write_bytes, write_json
from toolkit.core.images import ORIENTATION, SUFFIXES, read_image, write_image, write_png
from toolkit.core.schemes import Scheme, file_of
from toolkit.data.formats.gather import SCHEME, shown
from toolkit.data.formats.pts import COVERED, HIDDEN, LABELS, VISIBILITY, VISIBLE, write_pts
from toolkit.data.labels import Label, decoded

READ_SUFFIXES = (*SUFFIXES, ".gif", ".heic", ".heif", ".avif")
"""Pictures that are looked at; of a GIF the first frame, which is kept as PNG."""
SHEET = "contact_sheet.png"
"""Labelled faces, the least confident first."""
WRITTEN = (".pts", ".jpg", ".png")
"""Of each face in a folder of `data label` that does not list its files, as those of 0.1.0."""
COPIED = {"JPEG": ".jpg", "PNG": ".png"}
"""Kinds of files that every tool reads alike."""


def photos_in(folder: Path) -> list[Path]:
    """The pictures of a folder by name, without those of folders within it and the sheet of faces that we drew.

    Raises:
        FileNotFoundError: there is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder at {shown(folder)}")
    ours = {SHEET} if (folder / LABELS).is_file() else set()
    every = (p for p in folder.iterdir() if p.suffix.lower() in READ_SUFFIXES and p.is_file())
    found = sorted(p for p in every if p.name not in ours)
    if not found:
        raise FileNotFoundError(f"no picture in {shown(folder)}: looked for {', '.join(READ_SUFFIXES)}")
    return found


class _Face(TypedDict):
    name: str


class _Made(TypedDict, total=False):
    """What labels.json says of who made its folder, and of what."""

    kind: str
    files: list[str]
    faces: list[_Face]


def check_place(out: Path, photos: Path, kind: str, *, overwrite: bool) -> None:
    """Whether a folder may be made at `out`.

    Args:
        out: the new folder; if it exists it is replaced as a whole.
        photos: must not be lost by that.
        kind: of the folder, as its labels.json says.
        overwrite: allow `out` to be such a folder, with nothing in it but what write_labels knows of.

    Raises:
        ValueError: it may not; the message says what to do.
    """
    place, source = out.resolve(), photos.resolve()
    if place == source or place in source.parents:
        raise ValueError(f"--out {shown(out)} holds the photos themselves: choose another folder")
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {shown(out)} is a file: choose another place")
    if out.is_dir() and any(out.iterdir()):
        if not overwrite:
            raise ValueError(f"--out {shown(out)} is not empty: choose another folder, or replace it with --overwrite")
        _require_own(out, kind)


def _require_own(out: Path, kind: str) -> None:
    """Raises ValueError where a folder is not of a kind, or holds what was put there later."""
    if not (out / LABELS).is_file():
        raise ValueError(
            f"--out {shown(out)} is not empty and has no {LABELS}, so it was not made by this command and is not "
            "replaced: choose another folder"
        )
    made = cast(_Made, read_json(out / LABELS, _Made))
    if made.get("kind") != kind:
        raise ValueError(
            f"--out {shown(out)} was made otherwise ({LABELS} names the kind {made.get('kind')}, expected {kind}) and "
            "is not replaced: choose another folder"
        )
    files = made.get("files") or [SHEET, *(f"{face['name']}{end}" for face in made.get("faces", ()) for end in WRITTEN)]
    more = sorted(path.name for path in out.iterdir() if path.name not in {LABELS, ".DS_Store", *files})
    if more:
        what = shown(Path(more[0]))
        raise ValueError(f"--out {shown(out)} holds {what}, which was not made by this command: move it away first")


def write_labels(folder: Path, about: Mapping[str, Any]) -> None:
    """Write labels.json: what is said of a folder's faces, `kind` first, and the files that are there by now."""
    write_json(folder / LABELS, {**about, "files": sorted(path.name for path in folder.iterdir())})


class LabelledFolder:
    """A folder of pictures with .pts files that labels of faces with names are added to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._visibility: dict[str, Any] = {}

    def copy(self, label: Label, points_xy: FloatArray, same_points: bool) -> None:
        """A copy of a face's picture, with other points.

        Args:
            label: as it came.
            points_xy: (M, 2) in pixels of its upright picture, NaN where a point is missing.
            same_points: they are points of the same names, so that what is said to be covered is so still.
        """
        if isinstance(label.picture, Path):
            shutil.copyfile(label.picture, self.folder / f"{label.name}{label.picture.suffix.lower()}")
        else:
            write_png(self.folder / f"{label.name}.png", decoded(label)[0])
        pose = min(label.subsets, default="unknown")
        self._label(label.name, points_xy, label.covered if same_points else None, pose)

    def draw(self, name: str, image: ImageArray, points_xy: FloatArray, covered: NDArray[np.bool_]) -> None:
        """A new picture (H, W, 3), kept as JPEG, with its points (M, 2) and which of them are covered (M,)."""
        write_image(self.folder / f"{name}.jpg", image)
        self._label(name, points_xy, covered, "unknown")

    def _label(self, name: str, points_xy: FloatArray, covered: NDArray[np.bool_] | None, pose: str) -> None:
        write_bytes(self.folder / f"{name}.pts", write_pts(points_xy).encode())
        if covered is not None:
            placed = np.isfinite(points_xy).all(axis=1)
            state = np.where(placed, np.where(covered, COVERED, VISIBLE), HIDDEN)
            self._visibility[name] = {"pose": pose, "visible": state.tolist()}

    def close(self, about: Mapping[str, Any], scheme: Scheme) -> None:
        """Write what is said of all faces together, and which points of one's own they have."""
        own = file_of(scheme)
        if own is not None:
            write_json(self.folder / SCHEME, asdict(own))
        if self._visibility:
            write_json(self.folder / VISIBILITY, self._visibility)
        write_labels(self.folder, about)


@dataclass
class OwnFolder:
    """A folder that labelled faces are added to."""

    folder: Path
    taken: set[str] = field(default_factory=set)
    """Names of photos that are there, in lower case, since some file systems see no difference."""

    def add(self, photo: Path, faces: Sequence[FloatArray]) -> list[str]:
        """Write NAME_1.jpg + NAME_1.pts and so on for the faces of one photo.

        The number is there for a single face too: what is before it names the photo, and faces of one photo never
        part between training and validation (the photos beach_1 and beach_2 would be one otherwise).

        Args:
            photo: the source; copied byte by byte where it is an upright RGB JPEG or PNG, else kept as PNG.
            faces: (M, 2) each, in pixels of the upright photo.

        Returns:
            The faces' names.
        """
        stem = self._free(clean(photo.stem))
        names = [f"{stem}_{number}" for number in range(1, len(faces) + 1)]
        suffix = _copied_suffix(photo)
        image = None if suffix else read_image(photo)
        for name, points in zip(names, faces, strict=True):
            if image is None:
                shutil.copyfile(photo, self.folder / f"{name}{suffix}")
            else:
                write_png(self.folder / f"{name}.png", image)
            write_bytes(self.folder / f"{name}.pts", write_pts(points).encode())
        return names

    def _free(self, stem: str) -> str:
        """The stem, with a number where another photo has taken it (a.jpg and a.png)."""
        for candidate in _variants(stem):
            if candidate.lower() not in self.taken:
                self.taken.add(candidate.lower())
                return candidate
        raise AssertionError


def clean(name: str) -> str:
    """A name in UTF-8 without control characters, backslashes and colons, so that it can stand in records and in other
    tools' lists, and name a file on any system."""
    text = os.fsencode(name).decode("utf-8", "replace").replace("\ufffd", "-")
    return "".join(letter if letter.isprintable() and letter not in "\\:" else "-" for letter in text)


def _variants(stem: str) -> Iterable[str]:
    yield stem
    number = 2
    while True:
        yield f"{stem}-{number}"
        number += 1


def _copied_suffix(photo: Path) -> str | None:
    """What a copy of the file is called; None where its pixels must be turned or converted first."""
    with Image.open(photo) as image:
        plain = image.mode == "RGB" and image.getexif().get(ORIENTATION, 1) == 1
        return COPIED.get(image.format or "") if plain and not getattr(image, "is_animated", False) else None
