"""Measuring a landmarker: its points on a set of faces, its scores and their record, and what no pixel gives."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TypedDict

import numpy as np

from toolkit.core import metrics
from toolkit.core.arrays import FloatArray
from toolkit.core.geometry import moved_onto
from toolkit.core.progress import Progress, Steps
from toolkit.core.schemes import Scheme
from toolkit.data.crops import PlainCrops
from toolkit.data.labels import Label
from toolkit.data.sample import Sample
from toolkit.data.visibility import COVERED, SEEN
from toolkit.runtime.landmarker import Landmarker, Prediction


class ScoreFields(TypedDict):
    """The scores of a set of faces, in percent; null where none of them has an NME."""

    n: int
    n_unscored: int
    nme_mean: float | None
    nme_median: float | None
    fr8: float | None
    fr10: float | None
    auc10: float | None


class ScoredFields(ScoreFields):
    """Scores with the errors that they follow from."""

    errors_percent: list[float | None]


class AccuracyFields(ScoredFields):
    """All that a record says of accuracy."""

    nme_regions: dict[str, float | None]
    nme_box: float | None
    subsets: dict[str, ScoreFields]


class VisibilityFields(TypedDict):
    """How well confidences tell seen points from covered ones, where a set says which are which."""

    visibility_auc: float
    n_seen: int
    n_covered: int


NO_SCORE = MappingProxyType({"n": 0, **dict.fromkeys(("nme_mean", "nme_median", "fr8", "fr10", "auc10"))})
"""What a record says of accuracy that was not measured."""


def points_on(landmarker: Landmarker, crops: PlainCrops, task: str) -> Steps[FloatArray]:
    """The points (N, M, 2) that a landmarker finds, in crop pixels. Raises as predictions_on does."""
    return (yield from predictions_on(landmarker, crops, task)).points_xy


def predictions_on(landmarker: Landmarker, crops: PlainCrops, task: str) -> Steps[Prediction]:
    """What a landmarker finds on every crop: points (N, M, 2) in crop pixels, and confidences (N, M).

    Raises:
        ValueError: the landmarker's scheme is not the faces'.
    """
    scheme = crops.faces.scheme
    if landmarker.scheme != scheme:
        raise ValueError(f"the model predicts {landmarker.scheme.name}, the faces are labelled {scheme.name}")
    found = []
    for index, image in enumerate(crops.images):
        found.append(landmarker(image))
        if index % 10 == 0 or index == len(crops.images) - 1:
            yield Progress(task=task, done=index + 1, total=len(crops.images))
    return Prediction(
        points_xy=np.stack([one.points_xy for one in found]), confidence=np.stack([one.confidence for one in found])
    )


def visibility(confidence: FloatArray, crops: PlainCrops) -> VisibilityFields | None:
    """The fields of a record that confidences (N, M) give; None where the set does not say what is covered."""
    if crops.states is None:
        return None
    seen, covered = (confidence[crops.states == state] for state in (SEEN, COVERED))
    auc = metrics.visibility_auc(seen, covered)
    if auc is None:
        return None
    return {"visibility_auc": round(auc, 4), "n_seen": len(seen), "n_covered": len(covered)}


def accuracy(
    points_xy: FloatArray, truth_xy: FloatArray, scheme: Scheme, subsets: Mapping[str, Sequence[int]]
) -> AccuracyFields:
    """All accuracy fields of a record: those of `scored`, and means by region, by the box and by subset.

    Args:
        points_xy: (N, M, 2) as predicted.
        truth_xy: (N, M, 2) in the same pixels, NaN where a point is missing.
        scheme: of both.
        subsets: indices of faces by the subset's name.
    """
    errors = metrics.nme(points_xy, truth_xy, scheme)
    return {
        **scored(errors),
        "nme_regions": {k: _mean(v) for k, v in metrics.nme_regions(points_xy, truth_xy, scheme).items()},
        "nme_box": _mean(metrics.nme_box(points_xy, truth_xy, scheme)),
        "subsets": {name: _figures(errors[list(members)]) for name, members in subsets.items()},
    }


def scored(errors: FloatArray) -> ScoredFields:
    """The fields of a record that follow from per-face errors (N,), those included so that curves can be drawn."""
    percent = [None if np.isnan(e) else round(100 * e, 3) for e in errors.tolist()]
    return {**_rounded(metrics.scores(errors)), "errors_percent": percent}


def _figures(errors: FloatArray) -> ScoreFields:
    """A subset's scores; null where none of its faces has an NME."""
    if np.isfinite(errors).any():
        return _rounded(metrics.scores(errors))
    return {
        "n": 0, "n_unscored": len(errors),
        "nme_mean": None, "nme_median": None, "fr8": None, "fr10": None, "auc10": None,
    }  # fmt: skip


def _rounded(scores: metrics.Scores) -> ScoreFields:
    return {
        "n": scores.n,
        "n_unscored": scores.n_unscored,
        "nme_mean": round(scores.nme_mean, 4),
        "nme_median": round(scores.nme_median, 4),
        "fr8": round(scores.fr8, 4),
        "fr10": round(scores.fr10, 4),
        "auc10": round(scores.auc10, 4),
    }


def _mean(values: FloatArray) -> float | None:
    """In percent, of those faces that have a value."""
    there = values[np.isfinite(values)]
    return round(100 * float(there.mean()), 4) if len(there) else None


Marked = Label | Sample
"""A face with its points and its box."""


def mean_shape_points(train: Sequence[Marked], test: Sequence[Marked]) -> dict[str, FloatArray]:
    """Two baselines that look at no pixel, as points (N, M, 2) predicted for `test` in image pixels.

    `mean shape`: the mean of the training shapes in their boxes, placed in each test face's box.
    `oracle similarity`: that mean under the best similarity transform onto each test face's truth, a floor for any
    method that only places a rigid mean face.
    """
    shapes = np.stack([_in_box(face) for face in train])
    given = np.isfinite(shapes).sum(axis=0)  # none of a point that no face has, as some of one's own
    mean = np.where(given > 0, np.nansum(shapes, axis=0) / np.maximum(given, 1), np.nan)
    placed, fitted = [], []
    for face in test:
        centre, side = _square(face)
        placed.append(mean * side + centre)
        known = np.isfinite(face.points_xy + mean).all(axis=1)
        fitted.append(moved_onto(mean, mean[known], face.points_xy[known]))
    return {"mean shape": np.array(placed), "oracle similarity": np.array(fitted)}


def _square(face: Marked) -> tuple[FloatArray, float]:
    """Centre and side of the square around the box."""
    low, high = face.box_xyxy[:2], face.box_xyxy[2:]
    return (low + high) / 2, float((high - low).max())


def _in_box(face: Marked) -> FloatArray:
    centre, side = _square(face)
    return np.asarray((face.points_xy - centre) / side)
