"""Pipelines on faces that are turned in the picture: each behind its own detector, at angles all around.

A face may be found well, or not at all, or told as unsure; what counts against a pipeline is a wrong face unsaid.
"""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from toolkit.benchmarking.end_to_end import Pipeline, face_at
from toolkit.core import metrics
from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.geometry import Pose, crop_of_box, cut
from toolkit.core.progress import Progress, Steps
from toolkit.data.sample import Faces, Sample, box_of_points

PICTURE_PX = 512
"""Side of the turned pictures; the face's crop takes half of it. Beyond the photo its edge is repeated."""
AROUND = 2.0


class AngleScores(TypedDict):
    """A pipeline's errors at one angle."""

    angle_deg: int
    """By how much the picture is turned, clockwise."""
    found: int
    """Faces that are found and not told as unsure."""
    nme_mean: float | None
    """Percent, of those; None where there is none."""
    wrong: int
    """Of those the faces with an NME above 10 %."""
    over_upright: float | None
    """Mean NME over that of the same faces upright; None without a face that is found both times."""


def at_angles(pipelines: Sequence[Pipeline], faces: Faces, angles_deg: Sequence[int]) -> Steps[list[list[AngleScores]]]:
    """For each pipeline its scores at every angle, the first of which is 0.

    Args:
        pipelines: give the faces that they are sure of.
        faces: labelled, one a picture.
        angles_deg: whole degrees, clockwise, beginning with 0.

    Raises:
        ValueError: the first angle is not 0.
    """
    if not angles_deg or angles_deg[0] != 0:
        raise ValueError(f"expected angles that begin with 0, to compare with, got {list(angles_deg)}")
    errors = np.full((len(pipelines), len(angles_deg), len(faces)), np.nan)
    for i in range(len(faces)):
        sample = faces[i]
        for j, angle_deg in enumerate(angles_deg):
            errors[:, j, i] = _errors(pipelines, sample, angle_deg, faces)
        yield Progress(task="turned pictures", done=i + 1, total=len(faces))
    return [[_scores(own[j], own[0], angle) for j, angle in enumerate(angles_deg)] for own in errors]


def _errors(pipelines: Sequence[Pipeline], sample: Sample, angle_deg: float, faces: Faces) -> list[float]:
    """NME of each pipeline on a turned picture, as a fraction: infinite where it finds no face, NaN without truth."""
    image, truth = turned(sample, angle_deg)
    box = box_of_points(truth)
    found = [face_at(pipeline(image), box) for pipeline in pipelines]
    return [
        float("inf") if points is None else float(metrics.nme(points[None], truth[None], faces.scheme)[0])
        for points in found
    ]


def turned(sample: Sample, angle_deg: float) -> tuple[ImageArray, FloatArray]:
    """A face's surroundings (PICTURE_PX, PICTURE_PX, 3) turned clockwise, and its points there."""
    view = crop_of_box(sample.box_xyxy, PICTURE_PX, Pose(scale=1 / AROUND, rotation_deg=angle_deg))
    return cut(sample.image, view), view.to_crop(sample.points_xy)


def _scores(errors: FloatArray, upright: FloatArray, angle_deg: int) -> AngleScores:
    """What errors (N,) at an angle come to, beside those (N,) of the same faces upright."""
    found = errors[np.isfinite(errors)]
    both = np.isfinite(errors) & np.isfinite(upright)
    return {
        "angle_deg": angle_deg,
        "found": len(found),
        "nme_mean": round(100 * float(found.mean()), 4) if len(found) else None,
        "wrong": int((found > metrics.LIMIT_10).sum()),
        "over_upright": round(float(errors[both].mean() / upright[both].mean()), 4) if both.any() else None,
    }
