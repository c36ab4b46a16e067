"""NME, by region and by the box, FR, AUC@10 and CED against plain Python and numeric integration."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.integrate import trapezoid

from toolkit.core.metrics import auc, ced, failure_rate, flicker, nme, nme_box, nme_regions, scores, visibility_auc
from toolkit.core.schemes import SCHEMES, W300_68, Scheme

ERRORS = arrays.arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 0.3))


def gaps_by_hand(guess: list[list[float]], real: list[list[float]]) -> dict[int, float]:
    """Distance in pixels of every point that the truth has, by index."""
    return {i: math.dist(g, r) for i, (g, r) in enumerate(zip(guess, real, strict=True)) if not any(map(math.isnan, r))}


def mean_by_hand(values: list[float], unit: float) -> float:
    return math.fsum(values) / len(values) / unit if values else math.nan


def by_hand(predicted: np.ndarray, truth: np.ndarray, scheme: Scheme) -> dict[str, list[float]]:
    """Every per-face error of the module in plain Python: equation 5 over a face's present points."""
    inner = [i for name, members in scheme.regions.items() if name != "contour" for i in members]
    groups = {"whole": range(scheme.points), **scheme.regions, "inner": inner}
    out: dict[str, list[float]] = {name: [] for name in [*groups, "box"]}
    for guess, real in zip(predicted.tolist(), truth.tolist(), strict=True):
        gaps = gaps_by_hand(guess, real)
        unit = math.dist(real[scheme.eyes[0]], real[scheme.eyes[1]])
        for name, members in groups.items():
            out[name].append(mean_by_hand([gaps[i] for i in members if i in gaps], unit))
        xs, ys = zip(*[real[i] for i in gaps], strict=True)
        out["box"].append(mean_by_hand(list(gaps.values()), math.sqrt((max(xs) - min(xs)) * (max(ys) - min(ys)))))
    return out


@st.composite
def faces(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, Scheme]:
    """Predictions and truth (N, M, 2) of any scheme, some points missing, of which two are always there."""
    scheme = draw(st.sampled_from(list(SCHEMES.values())))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, share = draw(st.integers(1, 4)), draw(st.sampled_from([0.0, 0.1, 0.9]))
    truth = rng.uniform(0, 200, (count, scheme.points, 2))
    predicted = truth + rng.normal(0, 3, truth.shape)
    hidden = rng.uniform(size=truth.shape[:2]) < share
    hidden[:, [scheme.regions["nose"][0], scheme.regions["mouth"][0]]] = False
    truth[hidden] = np.nan
    return predicted, truth, scheme


@given(faces())
def test_errors_agree_with_plain_python(found: tuple[np.ndarray, np.ndarray, Scheme]) -> None:
    """Whole, by region, inner and by the box, to 1e-12, for every scheme and with points or eye corners missing."""
    expected = by_hand(*found)
    regions = nme_regions(*found)
    assert set(regions) == {"contour", "brows", "eyes", "nose", "mouth", "inner"}
    for name, errors in {"whole": nme(*found), "box": nme_box(*found), **regions}.items():
        assert errors == pytest.approx(expected[name], abs=1e-12, nan_ok=True), name


def test_nme_of_a_known_face():
    """Every point off by (3, 4) px with eyes 50 px apart is 10 %."""
    truth = np.random.default_rng(1).uniform(0, 100, (1, 68, 2))
    truth[0, [36, 45]] = [[20, 30], [70, 30]]
    assert nme(truth + np.array([3, 4]), truth, W300_68) == pytest.approx([0.10])


def test_a_missing_eye_corner_is_nan():
    """Without an outer eye corner there is no normaliser: NaN for that face, a number for the other."""
    truth = np.random.default_rng(2).uniform(0, 100, (2, 68, 2))
    predicted = truth + 1
    truth[0, 45] = np.nan
    assert np.isnan(nme(predicted, truth, W300_68)).tolist() == [True, False]
    assert np.isnan(nme_regions(predicted, truth, W300_68)["mouth"]).tolist() == [True, False]
    assert np.isfinite(nme_box(predicted, truth, W300_68)).all()


def test_eyes_in_one_place_and_a_face_without_points_have_no_nme():
    """Nothing to divide by, nothing to average: NaN, and no warning."""
    truth = np.random.default_rng(4).uniform(0, 100, (2, 68, 2))
    truth[0, 45] = truth[0, 36]
    truth[1] = np.nan
    assert np.isnan(nme(np.zeros((2, 68, 2)), truth, W300_68)).all()
    assert np.isnan(nme_box(np.zeros((2, 68, 2)), truth, W300_68)).tolist() == [False, True]


def test_the_box_of_a_known_face():
    """Every point off by (3, 4) px in a box of 40 x 90 px is 5 / 60."""
    truth = np.random.default_rng(5).uniform([10, 20], [50, 110], (1, 68, 2))
    truth[0, :2] = [[10, 20], [50, 110]]
    assert nme_box(truth + np.array([3, 4]), truth, W300_68) == pytest.approx([5 / 60])


def test_a_prediction_that_is_not_finite_is_refused():
    """NaN or infinity in a prediction raises ValueError; where the truth is missing too it does not matter."""
    truth = np.random.default_rng(3).uniform(0, 100, (1, 68, 2))
    predicted = truth.copy()
    predicted[0, 5, 1] = np.inf
    with pytest.raises(ValueError, match="prediction is not finite"):
        nme(predicted, truth, W300_68)
    truth[0, 5] = np.nan
    assert nme(predicted, truth, W300_68) == pytest.approx([0.0])


@pytest.mark.parametrize("shape", [(2, 29, 2), (2, 68, 3), (68, 2)])
def test_wrong_shapes_are_refused(shape):
    """Anything but (N, 68, 2) raises ValueError that says so."""
    with pytest.raises(ValueError, match=r"300w-68 takes two arrays \(N, 68, 2\)"):
        nme(np.zeros(shape), np.zeros(shape), W300_68)


def test_shapes_that_differ_are_refused():
    """One face against two raises ValueError with both shapes."""
    with pytest.raises(ValueError, match=r"\(1, 68, 2\) and \(2, 68, 2\)"):
        nme(np.zeros((1, 68, 2)), np.zeros((2, 68, 2)), W300_68)


@given(ERRORS)
def test_auc_is_the_area_under_the_curve(errors):
    """The closed form equals SciPy's trapezoids under the returned CED curve to 1e-12."""
    x, share = ced(errors)
    assert auc(errors) == pytest.approx(trapezoid(share, x) / 0.1, abs=1e-12)


@given(ERRORS, st.floats(0, 0.3))
def test_the_failure_rate_is_a_count(errors, limit):
    """The share of faces above the limit, not at it, by counting."""
    assert failure_rate(errors, limit) == sum(e > limit for e in errors.tolist()) / len(errors)


@given(ERRORS)
def test_auc_agrees_with_numeric_integration_of_the_definition(errors):
    """The mean share of faces at or below 20,000 thresholds agrees to 1e-4."""
    thresholds = (np.arange(20_000) + 0.5) / 20_000 * 0.1
    share = (errors[None, :] <= thresholds[:, None]).mean()
    assert auc(errors) == pytest.approx(share, abs=1e-4)


@given(ERRORS)
def test_ced_is_a_rising_step_curve_up_to_the_limit(errors):
    """It starts at (0, 0), ends at the limit with the share of faces that do not fail, and never falls."""
    x, share = ced(errors)
    assert (x[0], share[0], x[-1]) == (0, 0, 0.1)
    assert share[-1] == pytest.approx((errors <= 0.1).mean())
    assert (np.diff(x) >= 0).all()
    assert (np.diff(share) >= 0).all()


def test_scores_of_known_errors():
    """Percent, by hand: the failures are the faces above 8 % or 10 %, a face at exactly 10 % does not fail at 10 %."""
    found = scores(np.array([0.02, 0.04, 0.10, 0.30]))
    assert (found.n, found.n_unscored) == (4, 0)
    assert found.nme_mean == pytest.approx(11.5)
    assert found.nme_median == pytest.approx(7.0)
    assert (found.fr8, found.fr10) == pytest.approx((50.0, 25.0))
    assert found.auc10 == pytest.approx(100 * (0.8 + 0.6) / 4)


def test_faces_without_an_nme_are_counted_and_left_out():
    """The figures are those of the others."""
    some = scores(np.array([np.nan, 0.02, 0.04, np.nan, 0.09]))
    assert (some.n, some.n_unscored) == (3, 2)
    rest = scores(np.array([0.02, 0.04, 0.09]))
    assert (some.nme_mean, some.nme_median, some.fr8, some.fr10, some.auc10) == (
        rest.nme_mean, rest.nme_median, rest.fr8, rest.fr10, rest.auc10,
    )  # fmt: skip


@pytest.mark.parametrize("errors", [[], [np.nan], [np.nan, np.nan]])
def test_scores_of_nothing_are_refused(errors):
    """No face with an NME raises ValueError that says why."""
    with pytest.raises(ValueError, match=f"none of {len(errors)} faces has both outer eye corners"):
        scores(np.array(errors))


def test_scores_of_an_infinite_error_are_refused():
    """It is a fault, not a figure."""
    with pytest.raises(ValueError, match="infinite"):
        scores(np.array([0.1, np.inf]))


def test_flicker_is_the_change_of_the_error():
    """A constant offset, however large, is 0; points that jump by a tenth of the eyes' distance and back are 10 %."""
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 100, (68, 2)) + np.arange(5)[:, None, None] * [3.0, -1.0]
    left, right = W300_68.eyes
    unit = np.linalg.norm(truth[0, left] - truth[0, right])
    assert flicker(truth + np.array([40.0, 7.0]), truth, W300_68) == pytest.approx(np.zeros(4), abs=1e-12)
    jumping = truth + (np.arange(5) % 2)[:, None, None] * [0.0, unit / 10]
    assert flicker(jumping, truth, W300_68) == pytest.approx(np.full(4, 0.1))


def test_the_visibility_auc_counts_pairs():
    """Of two seen and three covered points, four pairs of six are in order and one is a tie, by hand; also by brute
    force; a constant has a half, and one kind alone none."""
    seen, covered = np.array([0.9, 0.5]), np.array([0.5, 0.2, 0.7])
    assert visibility_auc(seen, covered) == pytest.approx(4.5 / 6)
    rng = np.random.default_rng(0)
    seen, covered = rng.integers(0, 20, 50) / 20, rng.integers(0, 15, 33) / 20
    pairs = [(a > b) + 0.5 * (a == b) for a in seen for b in covered]
    assert visibility_auc(seen, covered) == pytest.approx(np.mean(pairs))
    assert visibility_auc(np.ones(4), np.ones(3)) == 0.5
    assert visibility_auc(seen, covered[:0]) is None and visibility_auc(seen[:0], covered) is None
