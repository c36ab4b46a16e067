"""What every engine offers: one crop in, one face's landmarks out."""

from dataclasses import dataclass
from typing import Protocol

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.schemes import Scheme


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
    def timed(self) -> bool:
        """Whether its speed says anything about a device; a reference interpreter's does not."""
        ...

    def __call__(self, crop: ImageArray) -> Prediction:
        """Landmarks of one (size_px, size_px, 3) uint8 RGB crop."""
        ...
