"""Predictors that look at no pixel, to measure networks against."""

import numpy as np

from toolkit.core.arrays import FloatArray
from toolkit.data.labels import Label, Photos


def mean_shape_points(train: Photos, test: Photos) -> dict[str, FloatArray]:
    """Two baselines that look at no pixel, as points (N, M, 2) predicted for `test` in image pixels.

    `mean shape`: the mean of the training shapes in their boxes, placed in each test face's box.
    `oracle similarity`: that mean under the best similarity transform onto each test face's truth, a floor for any
    method that only places a rigid mean face.
    """
    mean = np.nanmean([_in_box(label) for label in train.labels], axis=0)
    placed, fitted = [], []
    for label in test.labels:
        centre, side = _square(label)
        placed.append(mean * side + centre)
        fitted.append(_similarity(mean, label.points_xy))
    return {"mean shape": np.array(placed), "oracle similarity": np.array(fitted)}


def _square(label: Label) -> tuple[FloatArray, float]:
    """Centre and side of the square around the box."""
    low, high = label.box_xyxy[:2], label.box_xyxy[2:]
    return (low + high) / 2, float((high - low).max())


def _in_box(label: Label) -> FloatArray:
    centre, side = _square(label)
    return np.asarray((label.points_xy - centre) / side)


def _similarity(source: FloatArray, target: FloatArray) -> FloatArray:
    """`source` under the least-squares rotation, scale and shift onto `target`, as complex numbers."""
    s, t = source @ [1, 1j], target @ [1, 1j]
    ok = ~np.isnan(t)
    factor = np.vdot(s[ok] - s[ok].mean(), t[ok] - t[ok].mean()) / np.vdot(s[ok] - s[ok].mean(), s[ok] - s[ok].mean())
    moved = (s - s[ok].mean()) * factor + t[ok].mean()
    return np.column_stack([moved.real, moved.imag])
