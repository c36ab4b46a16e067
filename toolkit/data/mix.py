"""Several sets as one, each with its share of an epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.core.schemes import Scheme
from toolkit.data.sample import Faces, Sample


@dataclass(frozen=True, kw_only=True)
class Part:
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


class Mix:
    """The faces of all parts, one part after the other."""

    def __init__(self, parts: Sequence[Part]) -> None:
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
        return " + ".join(part.faces.title + (f" x {part.share:g}" if part.share != 1 else "") for part in self.parts)

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
