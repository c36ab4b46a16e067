"""What every engine offers: one crop in, one face's landmarks out."""

from dataclasses import dataclass
from typing import Protocol

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.schemes import Scheme

CONFIDENCE_FLOOR = 0.45
"""Mean confidence of a face's points from which on they are taken for one, of a network whose own was not fitted."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The landmarks of one crop."""

    points_xy: FloatArray
    """(M, 2) in crop pixels, pixel centres at whole numbers."""
    confidence: FloatArray
    """(M,) in [0, 1]: the height of each heatmap's peak."""


class Landmarker(Protocol):
    """A network on an engine, ready to run."""

    @property
    def scheme(self) -> Scheme: ...

    @property
    def size_px(self) -> int:
        """Side of the square crop it takes."""
        ...

    @property
    def engine(self) -> str:
        """Name of what runs it, such as ai-edge-litert, with its version after a space."""
        ...

    @property
    def confidence_floor(self) -> float:
        """Mean confidence in [0, 1] below which the points may be nonsense; see benchmarking.false_faces."""
        ...

    @property
    def timed(self) -> bool:
        """Whether its speed says anything about a device; a reference interpreter's does not."""
        ...

    def __call__(self, crop: ImageArray) -> Prediction:
        """Landmarks of one (size_px, size_px, 3) uint8 RGB crop."""
        ...


def known_floor(fitted: float | None) -> float:
    """The floor of confidence that a card or a sidecar names, or CONFIDENCE_FLOOR."""
    return CONFIDENCE_FLOOR if fitted is None else fitted
