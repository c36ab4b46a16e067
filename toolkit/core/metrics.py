"""How far points are from the truth: NME, FR@10, AUC@10 and the CED curve (paper section 4.2)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.core.schemes import Scheme

FloatArray = NDArray[np.float64]

FAILURE = 0.10
"""A face fails above this NME (paper section 4.2)."""


def nme(predicted_xy: FloatArray, truth_xy: FloatArray, scheme: Scheme) -> FloatArray:
    """Normalised mean error of each face (equation 5): mean point distance over the inter-ocular distance.

    Args:
        predicted_xy: (N, M, 2).
        truth_xy: (N, M, 2) in the same pixels; points that are NaN are left out of a face's mean.
        scheme: says which points are the outer eye corners.

    Returns:
        (N,) fractions (0.05 is 5 %); NaN for a face whose truth lacks an eye corner.

    Raises:
        ValueError: the shapes differ, or do not have the scheme's number of points.
    """
    if predicted_xy.shape != truth_xy.shape or truth_xy.shape[1:] != (scheme.points, 2):
        raise ValueError(
            f"{scheme.name} takes two arrays (N, {scheme.points}, 2), got {predicted_xy.shape} and {truth_xy.shape}"
        )
    left, right = scheme.eyes
    interocular = np.linalg.norm(truth_xy[:, left] - truth_xy[:, right], axis=1)
    distance = np.linalg.norm(predicted_xy - truth_xy, axis=2)
    present = np.isfinite(truth_xy).all(axis=2)
    if not np.isfinite(predicted_xy[present]).all():
        raise ValueError("a prediction is not finite")
    total = np.where(present, distance, 0.0).sum(axis=1)
    return np.asarray(total / present.sum(axis=1) / interocular)


def ced(errors: FloatArray, limit: float = FAILURE) -> tuple[FloatArray, FloatArray]:
    """The cumulative error distribution as a step curve: thresholds and the share of faces at or below each."""
    ordered = np.sort(errors)
    inside = ordered[ordered <= limit]
    x = np.concatenate([[0.0], np.repeat(inside, 2), [limit]])
    share = np.arange(len(inside) + 1) / len(errors)
    return x, np.repeat(share, 2)


def auc(errors: FloatArray, limit: float = FAILURE) -> float:
    """Area under the CED curve up to `limit`, as a fraction of the whole."""
    return float(np.clip(limit - errors, 0, None).mean() / limit)


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The figures of one model on one set, in percent; the names are those of a measurement record."""

    n: int
    nme_mean: float
    nme_median: float
    fr10: float
    auc10: float


def scores(errors: FloatArray) -> Scores:
    """Summary of per-face errors (N,) as fractions.

    Raises:
        ValueError: no face, or an error that is not finite.
    """
    if len(errors) == 0 or not np.isfinite(errors).all():
        raise ValueError(f"scores need finite errors of at least one face, got {len(errors)}")
    return Scores(
        n=len(errors),
        nme_mean=100 * float(errors.mean()),
        nme_median=100 * float(np.median(errors)),
        fr10=100 * float((errors > FAILURE).mean()),
        auc10=100 * auc(errors),
    )
