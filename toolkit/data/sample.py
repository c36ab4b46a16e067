"""One labelled face as NumPy: what every data set yields and every consumer takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.schemes import Scheme


@dataclass(frozen=True, kw_only=True)
class Sample:
    """An image with the landmarks of one face in it."""

    name: str
    image: ImageArray
    """(H, W, 3) RGB."""
    points_xy: FloatArray
    """(M, 2) in pixels of `image`, pixel centres at whole numbers, origin top left; NaN where a point is missing."""
    box_xyxy: FloatArray
    """(4,) left, top, right, bottom of the face in the same coordinates."""
    covered: NDArray[np.bool_] | None = None
    """(M,) True where something, or the head itself, hides the point: its place is estimated, or missing. None where
    the set does not say."""


class Faces(Protocol):
    """A data set: its scheme, and samples by index, decoded when asked for."""

    @property
    def scheme(self) -> Scheme: ...

    @property
    def title(self) -> str:
        """What the set is, for records: which faces, how many."""
        ...

    @property
    def subsets(self) -> Mapping[str, Sequence[int]]:
        """Indices by the name of each published subset, such as `challenge`; empty where the set has none."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


@runtime_checkable
class Endless(Protocol):
    """A data set that can give other faces in each epoch."""

    fresh: bool
    """Whether it does."""

    def __len__(self) -> int: ...

    def drawn(self, epoch: int, index: int) -> Sample:
        """The face of that index in an epoch, both from 0."""
        ...


@dataclass(frozen=True)
class Subset:
    """Some samples of a data set, in the given order."""

    faces: Faces
    indices: Sequence[int]
    title: str

    @property
    def scheme(self) -> Scheme:
        return self.faces.scheme

    @property
    def subsets(self) -> Mapping[str, Sequence[int]]:
        """Those of the whole set, as far as their samples are in this one."""
        place = {index: i for i, index in enumerate(self.indices)}
        return {
            name: [place[i] for i in members if i in place]
            for name, members in self.faces.subsets.items()
            if not place.keys().isdisjoint(members)
        }

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Sample:
        return self.faces[self.indices[index]]


def one_in(every: int, faces: Faces) -> Faces:
    """One face in so many, from the first on; the title then says so."""
    if every == 1:
        return faces
    chosen = range(0, len(faces), every)
    return Subset(faces, chosen, f"one in {every} of {faces.title} ({len(chosen)} faces)")


def box_of_points(points_xy: FloatArray) -> FloatArray:
    """The tight (4,) box around the points that are present.

    Raises:
        ValueError: fewer than two points are present, or they span no area.
    """
    present = points_xy[np.isfinite(points_xy).all(axis=1)]
    if len(present) < 2 or not (np.ptp(present, axis=0).max() > 0):
        given = f"all {len(present)} are the same place" if len(present) > 1 else f"{len(present)} is given"
        raise ValueError(f"a face box needs at least two different points, and {given}")
    return np.concatenate([present.min(axis=0), present.max(axis=0)])
