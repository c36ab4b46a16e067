"""Sets made of other sets: several as one, each with its share of an epoch; and one in another landmark scheme."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray
from toolkit.core.correspondence import correspondence, translated
from toolkit.core.schemes import Scheme
from toolkit.data.augment import Patch
from toolkit.data.labels import Label
from toolkit.data.sample import Faces, Sample, box_of_points

F = TypeVar("F", Sample, Label, Patch)
"""A face with its points, box and covers."""


@dataclass(frozen=True, kw_only=True)
class Portion:
    """One set within a mixture."""

    faces: Faces
    share: float = 1.0
    """How often an epoch shows each of its faces: 0.25 shows a quarter of them, 2 each twice."""

    def __post_init__(self) -> None:
        if not self.share > 0:
            raise ValueError(f"the share of {self.faces.title} must be above 0, got {self.share}")

    @property
    def an_epoch(self) -> int:
        """Faces of it in an epoch, at least one."""
        return max(1, round(self.share * len(self.faces)))

    def named(self, title: str) -> str:
        """A title of its faces, with the share that is not 1."""
        return title + (f" x {self.share:g}" if self.share != 1 else "")


class Mix:
    """The faces of all parts, one part after the other."""

    def __init__(self, parts: Sequence[Portion]) -> None:
        """Raises ValueError where the parts are labelled by different schemes."""
        schemes = {part.faces.scheme.name for part in parts}
        if len(schemes) != 1:
            raise ValueError(f"sets that train together need one landmark scheme, got {', '.join(sorted(schemes))}")
        self.parts = tuple(parts)
        self._starts = np.cumsum([0, *(len(part.faces) for part in parts)])

    @property
    def scheme(self) -> Scheme:
        return self.parts[0].faces.scheme

    @property
    def title(self) -> str:
        """All titles, with the shares that are not 1."""
        return " + ".join(part.named(part.faces.title) for part in self.parts)

    @property
    def subsets(self) -> Mapping[str, Sequence[int]]:
        """None: a mixture is for training."""
        return {}

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, index: int) -> Sample:
        number, place = self.locate(index)
        return self.parts[number].faces[place]

    def locate(self, index: int) -> tuple[int, int]:
        """Which part a face belongs to, and its place there."""
        number = int(np.searchsorted(self._starts, index, side="right")) - 1
        return number, index - int(self._starts[number])

    def draw(self, rng: np.random.Generator) -> NDArray[np.intp]:
        """The faces of one epoch in random order."""
        chosen = []
        for start, part in zip(self._starts, self.parts, strict=False):
            whole, rest = divmod(part.an_epoch, len(part.faces))
            chosen += [start + np.arange(len(part.faces))] * whole
            chosen.append(start + rng.choice(len(part.faces), rest, replace=False))
        return rng.permutation(np.concatenate(chosen))

    @property
    def an_epoch(self) -> int:
        """Faces in an epoch."""
        return sum(part.an_epoch for part in self.parts)


@dataclass(frozen=True)
class Translated:
    """Faces whose points are told in another scheme, those without a counterpart missing.

    Boxes stay as they were, but for points of one's own: crops are made around those, as everywhere.
    """

    faces: Faces
    scheme: Scheme
    marked: Scheme
    """The scheme that the faces' points are marked by."""
    own: bool = False
    """Fill nothing but the points of `marked` in a joint scheme, to score by."""

    @property
    def title(self) -> str:
        """That of the faces, and the scheme where it is one's own: records of both are told apart."""
        return self.faces.title + (f", {self.scheme.name}" if self.scheme.own else "")

    @property
    def subsets(self) -> Mapping[str, Sequence[int]]:
        return self.faces.subsets

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, index: int) -> Sample:
        return self.told(self.faces[index])

    def told(self, face: F) -> F:
        """One of the faces, as a sample, a label or a patch, in the scheme."""
        points = self.translate(face.points_xy)
        box = self._box(points, face.box_xyxy)
        return replace(face, points_xy=points, box_xyxy=box, covered=self.covers(face.covered))

    def translate(self, points_xy: FloatArray) -> FloatArray:
        """Points (M, 2) as the faces are marked, in the scheme."""
        return translated(points_xy, self.marked, self.scheme, close=True, own=self.own)

    def _box(self, points_xy: FloatArray, box_xyxy: FloatArray) -> FloatArray:
        """The box (4,) of a face with these points (M, 2) in the scheme, which had that box."""
        there = np.isfinite(points_xy).all(axis=1).sum() >= 2
        return box_of_points(points_xy) if self.scheme.own and there else box_xyxy

    def covers(self, covered: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
        """Which points are covered (M,), likewise: the mean of several is where one of them is."""
        if covered is None:
            return None
        return np.asarray(self.translate(np.repeat(covered.astype(np.float64)[:, None], 2, axis=1))[:, 0] > 0)


def in_scheme(faces: Faces, scheme: Scheme, *, marked: Scheme | None = None, own: bool = False) -> Faces:
    """Faces with their points in a scheme; see Translated.

    Args:
        faces: any.
        scheme: what is wanted.
        marked: by which scheme they are marked, where it is not the one that the set names.
        own: fill the faces' own points alone.

    Raises:
        ValueError: they are said to be marked by a scheme of other points, or have no point of the wanted one.
    """
    if marked is not None and (marked.layout or marked.name) != (faces.scheme.layout or faces.scheme.name):
        raise ValueError(f"{faces.title} has the points of {faces.scheme.title}, not of {marked.title}")
    marked = marked or faces.scheme
    if faces.scheme == marked == scheme:
        return faces
    if not any(correspondence(marked, part) for part in scheme.parts or (scheme,)):
        raise ValueError(
            f"{faces.title} is labelled by {marked.name}, which has no point of {scheme.name}: a scheme of your own "
            "says by `of` and `points` which points of another one are its own"
        )
    return Translated(faces, scheme, marked, own)


def picked(marked: Scheme, own: Scheme) -> Scheme:
    """A scheme of one's own where it picks points of the one that faces are marked by; else the latter."""
    return own if own.own and correspondence(marked, own) else marked


def in_own_scheme(faces: Faces, own: Scheme) -> Faces:
    """Faces with the points of a scheme of one's own that picks some of theirs; for any other scheme as they are."""
    return in_scheme(faces, picked(faces.scheme, own))
