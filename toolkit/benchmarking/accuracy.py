"""Measuring a landmarker: its points on a set of faces, its scores, and the record that keeps them."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from toolkit.core import metrics
from toolkit.core.arrays import FloatArray
from toolkit.core.progress import Progress, Steps
from toolkit.core.schemes import Scheme
from toolkit.data.crops import PlainCrops
from toolkit.runtime.landmarker import Landmarker


def points_on(landmarker: Landmarker, crops: PlainCrops, task: str) -> Steps[FloatArray]:
    """The points (N, M, 2) that a landmarker finds, in crop pixels.

    Raises:
        ValueError: the landmarker's scheme is not the faces'.
    """
    scheme = crops.faces.scheme
    if landmarker.scheme != scheme:
        raise ValueError(f"the model predicts {landmarker.scheme.name}, the faces are labelled {scheme.name}")
    points = []
    for index, image in enumerate(crops.images):
        points.append(landmarker(image).points_xy)
        if index % 10 == 0 or index == len(crops.images) - 1:
            yield Progress(task=task, done=index + 1, total=len(crops.images))
    return np.stack(points)


def accuracy(
    points_xy: FloatArray, truth_xy: FloatArray, scheme: Scheme, subsets: Mapping[str, Sequence[int]]
) -> dict[str, Any]:
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


def scored(errors: FloatArray) -> dict[str, Any]:
    """The fields of a record that follow from per-face errors (N,), those included so that curves can be drawn."""
    percent = [None if np.isnan(e) else round(100 * e, 3) for e in errors.tolist()]
    return _rounded(metrics.scores(errors)) | {"errors_percent": percent}


def _figures(errors: FloatArray) -> dict[str, Any]:
    """A subset's scores; null where none of its faces has an NME."""
    if np.isfinite(errors).any():
        return _rounded(metrics.scores(errors))
    nothing: dict[str, Any] = dict.fromkeys(f.name for f in dataclasses.fields(metrics.Scores))
    return nothing | {"n": 0, "n_unscored": len(errors)}


def _rounded(scores: metrics.Scores) -> dict[str, Any]:
    return {name: round(value, 4) for name, value in dataclasses.asdict(scores).items()}


def _mean(values: FloatArray) -> float | None:
    """In percent, of those faces that have a value."""
    there = values[np.isfinite(values)]
    return round(100 * float(there.mean()), 4) if len(there) else None
