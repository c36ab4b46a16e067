"""Small trainings that the tests of the loop share: a handful of 'faces', and a run on them."""

from typing import Any

import numpy as np

from toolkit.core.progress import finish
from toolkit.core.schemes import W300_68
from toolkit.data.augment import Augment
from toolkit.data.batches import training_faces
from toolkit.data.crops import plain_crops
from toolkit.data.sample import Sample, box_of_points
from toolkit.train.run import Run

SIZE = 32


class Spots:
    """Some 'faces' of noise; all but the first lack points where that is asked for."""

    scheme = W300_68
    title = "spots"
    subsets: dict[str, list[int]] = {}  # noqa: RUF012 (never written to)

    def __init__(self, count: int, lacking: bool = False) -> None:
        self.count, self.lacking = count, lacking

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng(index)
        points = rng.uniform(20, 60, (68, 2))
        box = box_of_points(points)
        image = self.drawn(points, rng)
        if self.lacking:
            points[: 6 * index] = np.nan
        return Sample(name=str(index), image=image, points_xy=points, box_xyxy=box)

    def drawn(self, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(80, 90, 3) of noise, whatever the points."""
        return rng.integers(0, 255, (80, 90, 3)).astype(np.uint8)


class Blobs(Spots):
    """A bright blob at each point, so that there is something to learn."""

    title = "blobs"

    def drawn(self, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Blobs on faint noise."""
        image = rng.integers(0, 60, (80, 90, 3)).astype(np.uint8)
        for x, y in points.round().astype(int):
            image[y - 1 : y + 2, x - 1 : x + 2] = 250
        return image


def a_run(faces: Spots, sizes: tuple[int, ...] = (SIZE,), **own: Any) -> Run:
    """A run on these faces with the usual augmentation; `own` are its networks, passes, optimiser and the like."""
    return Run(
        faces=finish(training_faces(faces, sizes[-1])),
        validation={side: finish(plain_crops(faces, side)) for side in sizes},
        sizes=sizes,
        augment=Augment(),
        seed=3,
        sigma_px=1.0,
        **{"identity": {}, **own},
    )
