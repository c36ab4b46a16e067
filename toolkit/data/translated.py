"""Faces of one landmark scheme as those of another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from toolkit.core.arrays import FloatArray
from toolkit.core.correspondence import translated
from toolkit.core.schemes import Scheme
from toolkit.data.sample import Faces, Sample


@dataclass(frozen=True)
class Translated:
    """Faces whose points are told in another scheme, those without a counterpart missing; boxes stay as they were."""

    faces: Faces
    scheme: Scheme
    marked: Scheme
    """The scheme that the faces' points are marked by."""
    own: bool = False
    """Fill nothing but the points of `marked` in a joint scheme, to score by."""

    @property
    def title(self) -> str:
        return self.faces.title

    @property
    def subsets(self) -> Mapping[str, Sequence[int]]:
        return self.faces.subsets

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, index: int) -> Sample:
        sample = self.faces[index]
        covered = sample.covered
        if covered is not None:
            covered = self.translate(np.repeat(covered.astype(np.float64)[:, None], 2, axis=1))[:, 0] > 0
        return replace(sample, points_xy=self.translate(sample.points_xy), covered=covered)

    def translate(self, points_xy: FloatArray) -> FloatArray:
        """Points (M, 2) as the faces are marked, in the scheme."""
        return translated(points_xy, self.marked, self.scheme, close=True, own=self.own)


def in_scheme(faces: Faces, scheme: Scheme, *, marked: Scheme | None = None, own: bool = False) -> Faces:
    """Faces with their points in a scheme; see Translated.

    Args:
        faces: any.
        scheme: what is wanted.
        marked: by which scheme they are marked, where it is not the one that the set names.
        own: fill the faces' own points alone.

    Raises:
        ValueError: they are said to be marked by a scheme of other points.
    """
    if marked is not None and (marked.layout or marked.name) != (faces.scheme.layout or faces.scheme.name):
        raise ValueError(f"{faces.title} has the points of {faces.scheme.title}, not of {marked.title}")
    marked = marked or faces.scheme
    return faces if faces.scheme == marked == scheme else Translated(faces, scheme, marked, own)
