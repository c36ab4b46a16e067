"""Corruption robustness (data.corruptions) of models that want different crops: all see the same disturbed picture.

Twice: on the box of the labels, the same for all, and each behind its own pipeline, which has to find the face first.
"""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from toolkit.benchmarking.end_to_end import Pipeline, face_at
from toolkit.benchmarking.framing import Framing
from toolkit.core import metrics
from toolkit.core.arrays import FloatArray
from toolkit.core.geometry import Pose, crop_of_box, cut
from toolkit.core.progress import Progress, Steps
from toolkit.core.schemes import Scheme
from toolkit.data.corruptions import CORRUPTIONS, Corruption, FaceImage
from toolkit.data.sample import Faces, Sample
from toolkit.runtime.landmarker import Landmarker

FACE_PX = 256
"""Side of the plain crop in the picture that is disturbed: more than any of the networks sees."""
AROUND = 2.0
"""Side of that picture over the plain crop's: a head with its surroundings, for a detector to find."""
PLAIN = Corruption(unit="", levels=(1.0,))

Runner = tuple[Landmarker, Framing]


class LevelScores(TypedDict):
    """Mean NME in percent at every level of a corruption."""

    unit: str
    levels: list[float]
    nme_mean: list[float]


class PipelineScores(TypedDict):
    """What a pipeline's errors come to; no mean where it found no face."""

    n_faces: int
    found: int
    nme_mean: float | None
    failed_percent: float
    """Not found, or an NME above 10 %."""


class PipelineScoresAt(PipelineScores):
    """The same at one level of a corruption."""

    unit: str
    level: float


class OwnDetector(TypedDict):
    """A model behind its own pipeline, on plain faces and at each corruption's middle level."""

    plain: PipelineScores
    conditions: dict[str, PipelineScoresAt]


class RobustnessScores(TypedDict):
    """A model's mean NME in percent on plain faces, under each corruption, and behind its own detector."""

    plain: float
    conditions: dict[str, LevelScores]
    own_detector: OwnDetector | None


def robustness(
    runners: Sequence[Runner], faces: Faces, pipelines: Sequence[Pipeline] = (), seed: int = 0
) -> Steps[list[RobustnessScores]]:
    """For each model its scores on plain faces and at every level of every condition.

    `plain` and `conditions` hold the mean NME in percent on the boxes of the labels; `own_detector` holds, where there
    are pipelines, for the middle level of each condition how many of how many faces were found, the mean NME of those,
    and the share that is not found or above 10 %. Face i's draw depends on the seed and i alone.

    Args:
        runners: landmarkers with the crops that they want.
        faces: what to disturb.
        pipelines: one for each landmarker, or none.
        seed: of all draws.

    Raises:
        ValueError: no face has both outer eye corners.
    """
    plain = yield from _errors(runners, pipelines, faces, ("plain", 1.0), PLAIN, seed)
    found: list[RobustnessScores] = [
        {"plain": _mean(errors), "conditions": {}, "own_detector": None} for errors in plain[0]
    ]
    for own, errors in zip(found, plain[1], strict=False):
        own["own_detector"] = {"plain": behind(errors), "conditions": {}}
    for name, condition in CORRUPTIONS.items():
        if not condition.suits(faces.scheme):
            continue
        at_levels = []
        for number, level in enumerate(condition.levels):
            seen_by = pipelines if number == condition.middle and not condition.of_box else ()
            at_levels.append((yield from _errors(runners, seen_by, faces, (name, level), condition, seed)))
        for i, own in enumerate(found):
            means = [_mean(same[i]) for same, _ in at_levels]
            own["conditions"][name] = {"unit": condition.unit, "levels": list(condition.levels), "nme_mean": means}
            if own["own_detector"] and not condition.of_box:
                scores = behind(at_levels[condition.middle][1][i])
                level = condition.levels[condition.middle]
                own["own_detector"]["conditions"][name] = {"unit": condition.unit, "level": level, **scores}
    return found


def behind(errors: FloatArray) -> PipelineScores:
    """What a pipeline's errors (N,) come to: fractions, infinite where it found no face, NaN where there is no NME."""
    looked_at = errors[~np.isnan(errors)]
    found = looked_at[np.isfinite(looked_at)]
    return {
        "n_faces": len(looked_at),
        "found": len(found),
        "nme_mean": _mean(found) if len(found) else None,
        "failed_percent": round(100 * float((looked_at > metrics.LIMIT_10).mean()), 4),
    }


def _mean(errors: FloatArray) -> float:
    return round(metrics.scores(errors).nme_mean, 4)


def _errors(
    runners: Sequence[Runner],
    pipelines: Sequence[Pipeline],
    faces: Faces,
    which: tuple[str, float],
    condition: Corruption,
    seed: int,
) -> Steps[tuple[FloatArray, FloatArray]]:
    """(models, faces) NME on the boxes of the labels, and behind pipelines: infinite where no face is found.

    NaN where the truth lacks an eye corner.
    """
    name, level = which
    same, own = np.full((len(runners), len(faces)), np.nan), np.full((len(pipelines), len(faces)), np.nan)
    for i in range(len(faces)):
        picture = CorruptedFace(faces[i], faces.scheme, condition, level, np.random.default_rng([seed, i]))
        for row, (landmarker, framing) in zip(same, runners, strict=True):
            row[i] = picture.error(landmarker, framing)
        for row, pipeline in zip(own, pipelines, strict=True):
            row[i] = picture.error_behind(pipeline)
        if i % 20 == 0 or i == len(faces) - 1:
            yield Progress(task=f"{name} {level:g}", done=i + 1, total=len(faces))
    return same, own


class CorruptedFace:
    """One face under one condition."""

    def __init__(
        self, sample: Sample, scheme: Scheme, condition: Corruption, level: float, rng: np.random.Generator
    ) -> None:
        self._scheme = scheme
        pose = condition.pose(level, rng)
        self._pose = Pose(scale=pose.scale, shift=pose.shift)
        turned = Pose(scale=1 / AROUND, rotation_deg=pose.rotation_deg)
        canvas = crop_of_box(sample.box_xyxy, round(FACE_PX * AROUND), turned)
        self._points = canvas.to_crop(sample.points_xy)
        plain = FaceImage(image=cut(sample.image, canvas), points_xy=self._points, scheme=scheme, side_px=FACE_PX)
        half = (sample.box_xyxy[2:] - sample.box_xyxy[:2]) / 2 * canvas.scale
        self._box = np.concatenate([plain.middle_xy - half, plain.middle_xy + half])
        self._image = condition.paint(plain, level, rng)

    def error(self, landmarker: Landmarker, framing: Framing) -> float:
        """A landmarker's NME in its crop of the labels' box, as a fraction; NaN where the truth lacks an eye corner."""
        crop = framing.crop(self._box, self._pose)
        return self._nme(crop.to_image(landmarker(cut(self._image, crop)).points_xy))

    def error_behind(self, pipeline: Pipeline) -> float:
        """A pipeline's NME of the face that it finds there, as a fraction; infinite where it finds none."""
        found = face_at(pipeline(self._image), self._box)
        return float("inf") if found is None else self._nme(found)

    def _nme(self, points_xy: FloatArray) -> float:
        return float(metrics.nme(points_xy[None], self._points[None], self._scheme)[0])
