"""How far points are from the truth: NME whole and by region, FR@8, FR@10, AUC@10 and the CED curve (section 4.2).

Points that are NaN in the truth are missing, and are left out of every mean.
"""

from dataclasses import dataclass

import numpy as np

from toolkit.core.arrays import FloatArray
from toolkit.core.schemes import Scheme

LIMIT_8 = 0.08
"""A face with a larger NME counts in FR@8."""
LIMIT_10 = 0.10
"""A face with a larger NME counts in FR@10; AUC@10 is the area up to here (paper section 4.2)."""

OUTER = "contour"
"""The region that `inner` leaves out: along the jaw, where a point may lie is least certain."""


def nme(predicted_xy: FloatArray, truth_xy: FloatArray, scheme: Scheme) -> FloatArray:
    """Normalised mean error of each face (equation 5): mean point distance over the inter-ocular distance.

    Args:
        predicted_xy: (N, M, 2).
        truth_xy: (N, M, 2) in the same pixels, NaN where a point is missing.
        scheme: says which points are the outer eye corners.

    Returns:
        (N,) fractions (0.05 is 5 %); NaN for a face whose truth lacks an eye corner, as a profile's does.

    Raises:
        ValueError: the shapes differ, or do not have the scheme's number of points; a prediction is not finite.
    """
    return _mean(_distances(predicted_xy, truth_xy, scheme)) / _interocular(truth_xy, scheme)


def flicker(predicted_xy: FloatArray, truth_xy: FloatArray, scheme: Scheme) -> FloatArray:
    """Frame-to-frame change of each point's error over that frame's inter-ocular distance: what is seen as trembling.

    A constant error does not tremble and counts as 0, however large it is.

    Args:
        predicted_xy: (T, M, 2), the same face in T frames in order.
        truth_xy: (T, M, 2) in the same pixels.
        scheme: says which points are the outer eye corners.

    Returns:
        (T - 1,) mean over the points of each frame but the first, as fractions.

    Raises:
        ValueError: as nme.
    """
    _distances(predicted_xy, truth_xy, scheme)
    change = np.linalg.norm(np.diff(predicted_xy - truth_xy, axis=0), axis=2)
    return _mean(change) / _interocular(truth_xy, scheme)[1:]


def nme_regions(predicted_xy: FloatArray, truth_xy: FloatArray, scheme: Scheme) -> dict[str, FloatArray]:
    """The NME (N,) of each of the scheme's regions, and of `inner`, all points but the contour's.

    Arguments and errors as for nme. A face without a point in a region has NaN there.
    """
    distances, unit = _distances(predicted_xy, truth_xy, scheme), _interocular(truth_xy, scheme)
    inner = [i for name, members in scheme.regions.items() if name != OUTER for i in members]
    return {
        name: _mean(distances[:, list(members)]) / unit for name, members in {**scheme.regions, "inner": inner}.items()
    }


def nme_box(predicted_xy: FloatArray, truth_xy: FloatArray, scheme: Scheme) -> FloatArray:
    """Mean point distance over the root of the area of the true points' tight box, (N,): defined in profile too.

    Arguments and errors as for nme. NaN for a face whose points span no area.
    """
    distances = _distances(predicted_xy, truth_xy, scheme)
    present = np.isfinite(truth_xy).all(axis=2, keepdims=True)
    high = np.where(present, truth_xy, -np.inf).max(axis=1)
    low = np.where(present, truth_xy, np.inf).min(axis=1)
    sides = np.where(present.any(axis=1), high - low, 0.0)
    return _mean(distances) / _positive(np.sqrt(sides.prod(axis=1)))


def _distances(predicted_xy: FloatArray, truth_xy: FloatArray, scheme: Scheme) -> FloatArray:
    """(N, M); NaN where a point is missing from the truth."""
    if predicted_xy.shape != truth_xy.shape or truth_xy.shape[1:] != (scheme.points, 2):
        raise ValueError(
            f"{scheme.name} takes two arrays (N, {scheme.points}, 2), got {predicted_xy.shape} and {truth_xy.shape}"
        )
    present = np.isfinite(truth_xy).all(axis=2)
    if not np.isfinite(predicted_xy[present]).all():
        raise ValueError("a prediction is not finite")
    offsets = np.where(present[..., None], predicted_xy, np.nan) - truth_xy
    return np.asarray(np.linalg.norm(offsets, axis=2))


def _interocular(truth_xy: FloatArray, scheme: Scheme) -> FloatArray:
    """(N,); NaN where a corner is missing or both are one point."""
    left, right = scheme.eyes
    return _positive(np.linalg.norm(truth_xy[:, left] - truth_xy[:, right], axis=1))


def _positive(values: FloatArray) -> FloatArray:
    return np.where(values > 0, values, np.nan)


def _mean(values: FloatArray) -> FloatArray:
    """(N, K) -> (N,): the mean of what is not NaN, NaN where there is nothing."""
    count = np.isfinite(values).sum(axis=1)
    return np.where(count > 0, np.nansum(values, axis=1) / np.maximum(count, 1), np.nan)


def ced(errors: FloatArray, limit: float = LIMIT_10) -> tuple[FloatArray, FloatArray]:
    """The cumulative error distribution as a step curve: thresholds and the share of faces at or below each."""
    ordered = np.sort(errors)
    inside = ordered[ordered <= limit]
    x = np.concatenate([[0.0], np.repeat(inside, 2), [limit]])
    share = np.arange(len(inside) + 1) / len(errors)
    return x, np.repeat(share, 2)


def auc(errors: FloatArray, limit: float = LIMIT_10) -> float:
    """Area under the CED curve up to `limit`, as a fraction of the whole."""
    return float(np.clip(limit - errors, 0, None).mean() / limit)


def failure_rate(errors: FloatArray, limit: float) -> float:
    """The share of faces above `limit`."""
    return float((errors > limit).mean())


def visibility_auc(seen: FloatArray, covered: FloatArray) -> float | None:
    """The area under the ROC curve of a confidence: how often a seen point has more of it than a covered one.

    Args:
        seen: (K,) confidences of points that are seen.
        covered: (L,) of points that something, or the head itself, hides.

    Returns:
        0 to 1; equal confidences count half, so that a constant one has 0.5. None where there are none of either.
    """
    if not (len(seen) and len(covered)):
        return None
    ordered = np.sort(covered)
    below, upto = (np.searchsorted(ordered, seen, side) for side in ("left", "right"))
    return float((below + upto).mean() / (2 * len(covered)))


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The figures of one model on one set, in percent; the names are those of a measurement record."""

    n: int
    """Faces that the figures are about."""
    n_unscored: int
    """Faces left out, since their truth lacks an outer eye corner."""
    nme_mean: float
    nme_median: float
    fr8: float
    fr10: float
    auc10: float


def scores(errors: FloatArray) -> Scores:
    """Summary of per-face errors (N,) as fractions; NaN is a face without an NME.

    Raises:
        ValueError: no face has an NME, or one is infinite.
    """
    scored = errors[~np.isnan(errors)]
    if len(scored) == 0:
        raise ValueError(
            f"none of {len(errors)} faces has both outer eye corners labelled, which the NME is divided by"
        )
    if not np.isfinite(scored).all():
        raise ValueError("an error is infinite")
    return Scores(
        n=len(scored),
        n_unscored=len(errors) - len(scored),
        nme_mean=100 * float(scored.mean()),
        nme_median=100 * float(np.median(scored)),
        fr8=100 * failure_rate(scored, LIMIT_8),
        fr10=100 * failure_rate(scored, LIMIT_10),
        auc10=100 * auc(scored),
    )
