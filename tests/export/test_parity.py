"""Parity catches what conversions break; the fakes here are broken on purpose."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit.core.schemes import W300_68, Scheme
from toolkit.data.crops import SpreadCrops
from toolkit.export.parity import BUDGETS, Parity, compare, predictions
from toolkit.runtime.landmarker import CONFIDENCE_FLOOR, Prediction
from toolkit.runtime.sidecar import Precision

Change = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass
class Fake:
    """Points that depend on the crop, changed in a given way."""

    change: Change = lambda points: points
    doubt: float = 0.0
    scheme: Scheme = W300_68
    size_px: int = 32
    engine: str = "fake 1"
    timed: bool = False
    confidence_floor: float = CONFIDENCE_FLOOR

    def __call__(self, crop: NDArray[np.uint8]) -> Prediction:
        rng = np.random.default_rng(int(crop.sum()))
        points = self.change(rng.uniform(0, 31, (68, 2)))
        return Prediction(points_xy=points, confidence=np.full(68, 0.9 - self.doubt))


def golden(count: int, *, labelled: bool = True) -> SpreadCrops:
    crops = list(np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8))
    truth = np.stack([Fake()(crop).points_xy + np.array([0.6, 0.8]) for crop in crops])  # the reference is 1 px off
    return SpreadCrops(crops=crops, truth_xy=truth if labelled else None, title="fake")


def measured(model: Fake, precision: Precision = "float32", *, labelled: bool = True) -> Parity:
    faces = golden(40, labelled=labelled)
    return compare(model, predictions(Fake(), faces.crops), faces, precision)


def test_the_same_points_pass() -> None:
    """Nothing moved, nothing to say."""
    parity = measured(Fake())
    assert parity.ok
    assert (parity.mean_px, parity.worst_px, parity.moved_over_1px, parity.nme_delta) == (0, 0, 0, 0)


def test_displacement_is_measured_in_crop_pixels() -> None:
    """A shift by (3, 4) moves every point by 5."""
    parity = measured(Fake(lambda p: p + np.array([3, 4])))
    assert parity.mean_px == pytest.approx(5)
    assert parity.moved_over_1px == 1
    assert "5 px on average" in parity.reasons[0]


@pytest.mark.parametrize(
    ("precision", "shift_px", "ok"),
    [
        *[("float32", 0.009, True), ("float32", 0.011, False)],
        *[("float16", 0.049, True), ("float16", 0.051, False)],
        *[("int8", 0.34, True), ("int8", 0.36, False)],
    ],
)
def test_each_precision_has_its_budget(precision: Precision, shift_px: float, ok: bool) -> None:
    """0.01, 0.05 and 0.35 crop pixels on average."""
    assert measured(Fake(lambda p: p - np.array([shift_px, 0])), precision, labelled=False).ok is ok


def test_swapped_axes_fail() -> None:
    """y before x."""
    assert not measured(Fake(lambda p: p[:, ::-1]), "int8").ok


def test_a_shift_by_half_a_heatmap_pixel_fails() -> None:
    """What a resize with the wrong pixel centres does."""
    assert not measured(Fake(lambda p: p + 2), "int8").ok


def test_points_in_another_order_fail() -> None:
    """Mirrored landmarks."""
    order = list(W300_68.mirror)
    assert not measured(Fake(lambda p: p[order]), "int8").ok


def test_a_wrong_confidence_fails() -> None:
    """Trackers decide by it."""
    parity = measured(Fake(doubt=0.2), "int8")
    assert parity.reasons == ("confidences change by 0.2 on average; the budget of int8 is 0.1",)


def test_growing_nme_fails_though_points_move_little() -> None:
    """Away from the labels by 0.3 px each: within the displacement of int8, not within its NME."""
    parity = measured(Fake(lambda p: p - np.array([0.18, 0.24])), "int8")
    assert parity.mean_px == pytest.approx(0.3)
    assert parity.nme_delta is not None
    assert parity.nme_reference is not None
    assert parity.nme_delta == pytest.approx(0.3 * parity.nme_reference)
    assert parity.reasons[0].startswith("NME grows by")


def test_a_better_nme_passes() -> None:
    """Towards the labels is no breach."""
    assert measured(Fake(lambda p: p + np.array([0.18, 0.24])), "int8").ok


def test_points_that_are_not_numbers_fail() -> None:
    """NaN compares false with every budget."""
    assert not measured(Fake(lambda p: p * np.nan), "int8", labelled=False).ok


def test_without_labels_no_nme_is_told() -> None:
    """It is None, not 0."""
    assert measured(Fake(), labelled=False).nme_delta is None


def test_another_number_of_points_is_an_error() -> None:
    """Two different schemes cannot be compared."""
    with pytest.raises(ValueError, match="gives 29 points, its reference 68"):
        measured(Fake(lambda p: p[:29]))


def test_no_crops_is_an_error() -> None:
    """A proof on nothing proves nothing."""
    with pytest.raises(ValueError, match="reference prediction for each crop"):
        compare(Fake(), [], SpreadCrops(crops=[], truth_xy=None, title="none"), "float32")


def test_larger_crops_may_move_by_as_much_more() -> None:
    """In their own pixels, of which a face has more; smaller crops by no less."""
    budget = BUDGETS["int8"]
    assert [budget.allowed_px(size) for size in (64, 128, 160, 224)] == [0.35, 0.35, 0.4375, 0.6125]
