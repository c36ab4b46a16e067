"""Annotated photos: labels that are read at once and held against their picture, which is decoded when asked for."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.files import check_file_name
from toolkit.core.images import Stored, read_image, stored
from toolkit.core.schemes import Scheme
from toolkit.core.words import counted
from toolkit.data.mean_shape import LEAST_POINTS, LIMIT, nearest
from toolkit.data.sample import Faces, Sample, Subset

VALIDATION_SHARE = 10
"""One photo in this many is held out of training."""


@dataclass(frozen=True, kw_only=True)
class Label:
    """One face's annotation.

    Raises:
        ValueError: the name is none for a file; see check_file_name.
    """

    name: str
    """Without folders: files are written by it."""
    source: str
    """Where it stands, for messages: a file, or a file and its line."""
    group: str
    """The photo or person; faces of one group never part between training and validation."""
    picture: Path | Callable[[], ImageArray]
    """The file, or what decodes a picture that lies within a larger file."""
    points_xy: FloatArray
    """(M, 2) in pixels of the picture, as in Sample; NaN where a point is missing."""
    box_xyxy: FloatArray
    """(4,) in the same pixels."""
    covered: NDArray[np.bool_] | None = None
    """(M,) True where something, or the head itself, hides the point: its place is estimated, or missing. None where
    the set does not say."""
    turned: bool = False
    """The file's points are of the stored pixels of a picture that EXIF turns, and were turned with it."""
    subsets: frozenset[str] = frozenset()
    """The published subsets that the face belongs to, such as `challenge` or `occlusion`."""

    def __post_init__(self) -> None:
        check_file_name(self.name)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """An annotation that cannot be used."""

    source: str
    """The file, or the file and its line."""
    text: str
    """What is wrong with it and what was expected."""

    def __str__(self) -> str:
        return f"{self.source}: {self.text}"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a folder holds for one split: faces, and what could not be read."""

    scheme: Scheme
    title: str
    """Which set and which part of it, for records; it says `subset` where the official set is not whole."""
    labels: Sequence[Label]
    problems: Sequence[Problem] = ()
    notes: Sequence[Problem] = ()
    """What was read in a way that is worth knowing."""


def decoded(label: Label) -> tuple[ImageArray, Stored]:
    """A face's upright picture, and how its file holds it.

    Raises:
        FileNotFoundError: the picture is not there.
        ValueError: the picture is damaged.
    """
    if isinstance(label.picture, Path):
        return read_image(label.picture), stored(label.picture)
    image = label.picture()
    return image, Stored(size_wh=(image.shape[1], image.shape[0]), orientation=1)


class Photos:
    """The faces of a reading."""

    def __init__(self, reading: Reading) -> None:
        self.scheme = reading.scheme
        self.title = reading.title
        self.labels = tuple(reading.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        """Decodes one picture.

        Raises:
            FileNotFoundError: the picture is not there.
            ValueError: the picture is damaged, or is not what the points were set on.
        """
        label = self.labels[index]
        image, how = decoded(label)
        wrong = misplaced(label.points_xy, image, how, self.scheme)
        if wrong:
            raise ValueError(f"{label.source}: {wrong}")
        return Sample(
            name=label.name,
            image=image,
            points_xy=label.points_xy,
            box_xyxy=label.box_xyxy,
            covered=label.covered,
        )

    @property
    def subsets(self) -> Mapping[str, Sequence[int]]:
        """Indices by the name of each published subset."""
        found: dict[str, list[int]] = {}
        for index, label in enumerate(self.labels):
            for name in sorted(label.subsets):
                found.setdefault(name, []).append(index)
        return MappingProxyType(found)


def hold_out(faces: Photos, part: Literal["train", "val"]) -> Faces:
    """One side of a fixed split by photo, for sets that name no validation faces.

    Raises:
        ValueError: too few faces to split.
    """

    def held_out(group: str) -> bool:
        return int(hashlib.sha256(group.encode()).hexdigest(), 16) % VALIDATION_SHARE == 0

    chosen = [i for i, label in enumerate(faces.labels) if held_out(label.group) == (part == "val")]
    if not chosen:
        few = f"{faces.title}: {counted(len(faces), 'face')} {'is' if len(faces) == 1 else 'are'} too few"
        raise ValueError(f"{few} to split off a {part} part{_one_photo(faces)}")
    share = "held-out tenth of" if part == "val" else "nine tenths of"
    return Subset(faces, chosen, f"{share} {faces.title} ({len(chosen)} faces)")


def _one_photo(faces: Photos) -> str:
    """Which faces are taken for those of one photo, where most of them are."""
    group, count = Counter(label.group for label in faces.labels).most_common(1)[0]
    if count < 2 or 2 * count < len(faces):
        return ""
    names = [label.name for label in faces.labels if label.group == group]
    return (
        f"; {count} of them, {names[0]} to {names[-1]}, count as faces of one photo or person, {group}, and stay "
        "together: where names NAME_1, NAME_2 are of different photos, number them NAME_01, NAME_02"
    )


FAR_OUT = 0.5
"""Where more than this share of a face's points is outside its picture, they belong to another one."""


def misplaced(points_xy: FloatArray, image: ImageArray, how: Stored, scheme: Scheme) -> str:
    """Why points (M, 2) are not of this upright picture; empty where they may be.

    Points are those of the upright picture. Where EXIF turns the stored pixels, points that make an upright face of
    those are not taken for a face lying on its side.
    """
    given = points_xy[np.isfinite(points_xy).all(axis=1)]
    if how.orientation != 1 and _nearer_stored(points_xy, how, scheme):
        return (
            f"EXIF orientation {how.orientation} turns its picture, and the points are those of the pixels as they are "
            "stored: remove that tag from the picture, or turn the points"
        )
    outside = int((~inside(given, image)).sum())
    if outside > FAR_OUT * len(given):
        return f"{outside} of {len(given)} points are outside the picture of {image.shape[1]} x {image.shape[0]} pixels"
    return ""


def inside(points_xy: FloatArray, image: ImageArray) -> NDArray[np.bool_]:
    """Which points (M, 2) lie on the picture, edges included."""
    return np.asarray(((points_xy >= -0.5) & (points_xy <= np.array(image.shape[1::-1]) - 0.5)).all(axis=1))


def _nearer_stored(points_xy: FloatArray, how: Stored, scheme: Scheme) -> bool:
    """Whether points make more of an upright face if they are those of the stored pixels."""
    few = np.isfinite(points_xy).all(axis=1).sum() < LEAST_POINTS
    found = None if few else nearest(np.stack([points_xy, how.upright(points_xy)]), scheme)
    if found is None:
        return False
    (as_upright, as_stored), (roll, roll_stored) = found.residual, np.abs(found.roll_deg)
    return bool(as_stored <= LIMIT and (as_upright > LIMIT or roll_stored < roll))
