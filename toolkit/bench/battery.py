"""The robustness battery of data.battery on networks that want different crops: all see the same spoilt picture."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from toolkit.bench.frame import Frame
from toolkit.core import metrics
from toolkit.core.geometry import Crop, Pose, crop_of_box, cut
from toolkit.core.progress import Progress, Steps
from toolkit.core.schemes import Scheme
from toolkit.data.battery import BATTERY, Condition
from toolkit.data.sample import Faces, Sample
from toolkit.runtime.landmarker import FloatArray, Landmarker

FACE_PX = 128
"""Side of the plain crop in the picture that is spoilt: twice what the smallest network sees."""
AROUND, WIDE = 1.5, 3.0
"""Side of that picture over the plain crop's: for networks with a wider crop, and for crops that turn and move."""
PLAIN = Condition(unit="", levels=(1.0,))

Runner = tuple[Landmarker, Frame]


def robustness(runners: Sequence[Runner], faces: Faces, seed: int = 0) -> Steps[list[dict[str, Any]]]:
    """For each landmarker its mean NME in percent on plain faces and at every level of every condition.

    Face i's draw depends on the seed and i alone. Raises ValueError where no face has both outer eye corners.
    """
    plain = yield from _errors(runners, faces, ("plain", 1.0), PLAIN, seed)
    found: list[dict[str, Any]] = [{"plain": value, "conditions": {}} for value in plain]
    for name, condition in BATTERY.items():
        if not condition.suits(faces.scheme):
            continue
        at_levels = []
        for level in condition.levels:
            at_levels.append((yield from _errors(runners, faces, (name, level), condition, seed)))
        for own, values in zip(found, zip(*at_levels, strict=True), strict=True):
            levels = list(condition.levels)
            own["conditions"][name] = {"unit": condition.unit, "levels": levels, "nme_mean": list(values)}
    return found


def _errors(
    runners: Sequence[Runner], faces: Faces, which: tuple[str, float], condition: Condition, seed: int
) -> Steps[list[float]]:
    name, level = which
    errors = np.empty((len(runners), len(faces)))
    for i in range(len(faces)):
        picture = Picture(faces[i], faces.scheme, condition, level, np.random.default_rng([seed, i]))
        for row, (landmarker, frame) in zip(errors, runners, strict=True):
            row[i] = picture.error(landmarker, frame)
        if i % 20 == 0 or i == len(faces) - 1:
            yield Progress(task=f"{name} {level:g}", done=i + 1, total=len(faces))
    return [metrics.scores(row).nme_mean for row in errors.round(6)]


class Picture:
    """One face under one condition."""

    def __init__(
        self, sample: Sample, scheme: Scheme, condition: Condition, level: float, rng: np.random.Generator
    ) -> None:
        self._scheme, self._box = scheme, sample.box_xyxy
        self._pose = condition.pose(level, rng)
        around = AROUND if self._pose == Pose() else WIDE
        self._view = crop_of_box(sample.box_xyxy, round(FACE_PX * around), Pose(scale=1 / around))
        self._points = self._view.to_crop(sample.points_xy)
        image = cut(sample.image, self._view)
        share = level / around if condition.relative else level
        self._image = condition.spoil(image, self._points, scheme, share, rng)

    def error(self, landmarker: Landmarker, frame: Frame) -> float:
        """A landmarker's NME on it, as a fraction; NaN where the truth lacks an eye corner."""
        crop = self._crop(frame)
        found = landmarker(cut(self._image, crop)).points_xy
        truth: FloatArray = crop.to_crop(self._points)
        return float(metrics.nme(found[None], truth[None], self._scheme)[0])

    def _crop(self, frame: Frame) -> Crop:
        corners = self._view.to_crop(self._box.reshape(2, 2))
        return frame.crop(corners.ravel(), self._pose)
