"""The proof that a converted file still computes its bundle's points: displacement in crop pixels, and NME.

Correlations and tensor differences are no proof: heatmaps that correlate by 0.9999 can have other peaks.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.core import metrics
from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.data.crops import SpreadCrops
from toolkit.runtime.landmarker import Landmarker, Prediction
from toolkit.runtime.sidecar import Precision

_Figures = dict[str, Any]
SIDE_PX = 128
"""Side of the largest crops whose budget is in their own pixels."""


@dataclass(frozen=True, kw_only=True)
class ParityBudget:
    """What a conversion may change."""

    mean_px: float
    """Mean displacement of a point, in pixels of crops of up to SIDE_PX; see allowed_px."""
    confidence: float
    """Mean change of a confidence."""
    nme_points: float = 0.0
    """Growth of the mean NME in percentage points."""
    nme_relative: float = 0.0
    """The same as a share of the reference's NME; the larger of both limits counts.

    With few faces the growth is uncertain: it breaks the limit where it does so by two standard errors.
    """

    def allowed_px(self, size_px: int) -> float:
        """The mean displacement that crops of a side may have, in their pixels: in larger ones a pixel is less of a
        face, and they may have as much more."""
        return round(self.mean_px * max(1.0, size_px / SIDE_PX), 4)


EIGHT_BITS = ParityBudget(mean_px=0.35, confidence=0.1, nme_relative=0.01)
BUDGETS: dict[Precision, ParityBudget] = {
    "float32": ParityBudget(mean_px=0.01, confidence=0.001, nme_points=0.05),
    "float16": ParityBudget(mean_px=0.05, confidence=0.01, nme_points=0.05),
    "int8": EIGHT_BITS,
    "int8whole": EIGHT_BITS,
    "int8io": EIGHT_BITS,
    "dynamic8": EIGHT_BITS,
    "weights8": EIGHT_BITS,
    "palette6": EIGHT_BITS,
    "palette4": EIGHT_BITS,
}
"""Weights in fewer bits get no larger budget: a file that cannot keep it is not a smaller file but a worse one."""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """Agreement of a landmarker with its reference."""

    data: str
    n: int
    mean_px: float
    worst_px: float
    moved_over_1px: float
    """Share of points that moved by more than a crop pixel."""
    confidence_mean: float
    """Mean absolute difference of confidences."""
    nme_mean: float | None
    """Percent, as in a measurement record."""
    nme_reference: float | None
    nme_delta: float | None
    """Percentage points; positive is worse than the reference."""
    nme_delta_error: float | None
    """Standard error of the mean nme_delta over the faces."""
    reasons: tuple[str, ...]
    """Budgets that were exceeded, in words."""

    @property
    def ok(self) -> bool:
        """Whether every budget was kept."""
        return not self.reasons

    def record(self) -> dict[str, Any]:
        """As plain JSON values, `ok` included."""
        return {**dataclasses.asdict(self), "reasons": list(self.reasons), "ok": self.ok}


def predictions(landmarker: Landmarker, crops: Sequence[ImageArray]) -> list[Prediction]:
    """A landmarker's predictions for every crop."""
    return [landmarker(crop) for crop in crops]


def compare(model: Landmarker, reference: Sequence[Prediction], crops: SpreadCrops, precision: Precision) -> Parity:
    """Measure a landmarker against predictions of its reference for the same crops.

    Raises:
        ValueError: there are no crops, or the two differ in their number of points.
    """
    if not crops.crops or len(reference) != len(crops.crops):
        raise ValueError(f"need a reference prediction for each crop, got {len(reference)} for {len(crops.crops)}")
    found = predictions(model, crops.crops)
    points, expected = (np.stack([p.points_xy for p in side]) for side in (found, reference))
    if points.shape != expected.shape:
        raise ValueError(f"the model gives {points.shape[1]} points, its reference {expected.shape[1]}")
    moved = np.linalg.norm(points - expected, axis=2)
    confidence = np.mean([np.abs(a.confidence - b.confidence) for a, b in zip(found, reference, strict=True)])
    nme = _nme(points, expected, crops.truth_xy, model)
    figures = {"mean_px": float(moved.mean()), "confidence_mean": float(confidence), **nme}
    return Parity(
        data=crops.title,
        n=len(crops.crops),
        worst_px=float(moved.max()),
        moved_over_1px=float((moved > 1).mean()),
        reasons=_breaches(figures, precision, model.size_px),
        **figures,
    )


def _nme(points_xy: FloatArray, expected_xy: FloatArray, truth_xy: FloatArray | None, model: Landmarker) -> _Figures:
    """NME of both in percent, and the growth with its standard error; None without labels."""
    names = ("nme_mean", "nme_reference", "nme_delta", "nme_delta_error")
    if truth_xy is None:
        return dict.fromkeys(names)
    after, before = (100 * metrics.nme(xy, truth_xy, model.scheme) for xy in (points_xy, expected_xy))
    labelled = np.isfinite(before)  # faces with both eye corners
    if not labelled.any():
        return dict.fromkeys(names)
    growth = (after - before)[labelled]
    error = growth.std(ddof=1) / np.sqrt(len(growth)) if len(growth) > 1 else 0.0
    means = (after[labelled].mean(), before[labelled].mean(), growth.mean(), error)
    return {name: float(value) for name, value in zip(names, means, strict=True)}


def _breaches(figures: _Figures, precision: Precision, size_px: int) -> tuple[str, ...]:
    budget = BUDGETS[precision]
    reasons = []
    for name, what, allowed, unit in (
        ("mean_px", "points move by", budget.allowed_px(size_px), " px"),
        ("confidence_mean", "confidences change by", budget.confidence, ""),
    ):
        value = figures[name]
        if not value <= allowed:
            reasons.append(f"{what} {value:.4g}{unit} on average; the budget of {precision} is {allowed}{unit}")
    delta, before, error = (figures[name] for name in ("nme_delta", "nme_reference", "nme_delta_error"))
    if delta is not None and before is not None and error is not None:
        limit = max(budget.nme_points, budget.nme_relative * before)
        if not delta - 2 * error <= limit:
            text = f"NME grows by {delta:.3f} +- {error:.3f} percentage points from {before:.2f} %"
            reasons.append(f"{text}; the budget of {precision} is {limit:.3f}")
    return tuple(reasons)
