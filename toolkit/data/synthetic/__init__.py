"""Faces drawn from a parametric 3D face of our own: unlimited, licence-free, labelled exactly.

`head` holds the mean surface and curves, `modes` how heads and expressions differ, `pose` how they are seen, and
`scheme_points` the points of every scheme; `look`, `light`, `splat`, `features`, `hair`, `objects` and `imaging` make
the picture on a `canvas`, by `chance`, and `portrait` puts them together.

Most of the time goes into many small steps, so that colours are tuples, sides are drawn together, and what depends on
no random number is made once. `sdhrnet data throughput` says how many faces a second that gives.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from toolkit.core.schemes import W300_68, Scheme
from toolkit.data.sample import Sample, box_of_points
from toolkit.data.synthetic.portrait import draw_face, read_points

VERSION = 4


class SyntheticFaces:
    """`count` synthetic faces; picture i depends on the seed, i and the size only, whichever scheme is read from it.

    Fresh ones are others in each epoch of a training: those that `drawn` gives.
    """

    def __init__(
        self, count: int, *, seed: int = 0, size_px: int = 160, scheme: Scheme = W300_68, fresh: bool = False
    ) -> None:
        if count < 1 or seed < 0 or size_px < 32:
            raise ValueError(f"need count >= 1, seed >= 0, size_px >= 32; got {count}, {seed}, {size_px}")
        self._count, self._seed, self._size_px = count, seed, size_px
        self.scheme, self.fresh = scheme, fresh

    @property
    def title(self) -> str:
        points = "" if self.scheme.name == W300_68.name else f", {self.scheme.name}"
        fresh = " fresh ones an epoch" if self.fresh else ""
        return f"synthetic faces v{VERSION}, seed {self._seed}, {self._count}{fresh}{points}"

    @property
    def subsets(self) -> Mapping[str, Sequence[int]]:
        """None: synthetic faces belong to no published subset."""
        return {}

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Sample:
        """The face of that index, from 0; a negative index counts from the end.

        Raises:
            IndexError: the index is out of range.
        """
        if not -self._count <= index < self._count:
            raise IndexError(f"face {index} of {self._count} synthetic faces")
        return self.drawn(0, index % self._count)

    def drawn(self, epoch: int, index: int) -> Sample:
        """The face of that index, from 0, in an epoch, from 0: no face of one epoch is one of another."""
        index += epoch * self._count
        face = draw_face(np.random.default_rng([self._seed, index]), self._size_px)
        points_xy, covered = read_points(face, self.scheme)
        return Sample(
            name=f"synthetic-{self._seed}-{index:06d}",
            image=face.image,
            points_xy=points_xy,
            box_xyxy=box_of_points(points_xy),
            covered=covered,
        )
