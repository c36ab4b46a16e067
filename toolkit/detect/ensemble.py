"""Several networks, or several views of a crop, as one prediction of a face: for labels, or to tremble less."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.schemes import Scheme
from toolkit.detect.landmarks import landmarks_of
from toolkit.runtime.landmarker import Landmarker, Prediction


class Twice(ABC):
    """A landmarker that looks at each crop and at another picture of it; the means of both."""

    def __init__(self, landmarker: Landmarker) -> None:
        self._landmarker = landmarker

    @property
    def scheme(self) -> Scheme:
        return self._landmarker.scheme

    @property
    def size_px(self) -> int:
        return self._landmarker.size_px

    @property
    def engine(self) -> str:
        return self._landmarker.engine

    @property
    def confidence_floor(self) -> float:
        return self._landmarker.confidence_floor

    @property
    def timed(self) -> bool:
        return self._landmarker.timed

    @abstractmethod
    def _other(self, crop: ImageArray) -> Prediction:
        """What is found in the other picture, in pixels of the crop (S, S, 3)."""

    def __call__(self, crop: ImageArray) -> Prediction:
        """The means of both."""
        plain, other = self._landmarker(crop), self._other(crop)
        return Prediction(
            points_xy=(plain.points_xy + other.points_xy) / 2,
            confidence=(plain.confidence + other.confidence) / 2,
        )


class Mirrored(Twice):
    """The other picture is the mirror image; what is found there is mirrored back."""

    def _other(self, crop: ImageArray) -> Prediction:
        order, turned = list(self.scheme.mirror), self._landmarker(np.ascontiguousarray(crop[:, ::-1]))
        return Prediction(
            points_xy=turned.points_xy[order] * [-1, 1] + [crop.shape[1] - 1, 0], confidence=turned.confidence[order]
        )


def consensus(
    image: ImageArray, box_xyxy: FloatArray, landmarkers: Sequence[Landmarker], passes: int
) -> tuple[FloatArray, FloatArray]:
    """The mean of what several networks of one scheme find in a box, each in crops of its own.

    Args:
        image: (H, W, 3) uint8 RGB.
        box_xyxy: (4,) in the sense of training.
        landmarkers: at least one.
        passes: crops of each, as for landmarks_of.

    Returns:
        Points (M, 2) in image pixels, and (M,) how far the networks are from their mean there, in pixels, on average.
    """
    found = np.stack([landmarks_of(image, box_xyxy, each, passes).seen.points_xy for each in landmarkers])
    mean = found.mean(axis=0)
    return mean, np.linalg.norm(found - mean, axis=2).mean(axis=0)
