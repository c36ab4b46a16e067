"""NME, FR@10, AUC@10 and CED against plain Python and numeric integration."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from toolkit.core.metrics import auc, ced, nme, scores
from toolkit.core.schemes import SCHEMES, W300_68

ERRORS = arrays.arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 0.3))


def nme_by_hand(predicted: np.ndarray, truth: np.ndarray, eyes: tuple[int, int]) -> list[float]:
    """Equation 5 in plain Python, points with NaN left out."""
    out = []
    for guess, real in zip(predicted.tolist(), truth.tolist(), strict=True):
        distances = [math.dist(g, r) for g, r in zip(guess, real, strict=True) if not any(map(math.isnan, r))]
        out.append(sum(distances) / len(distances) / math.dist(real[eyes[0]], real[eyes[1]]))
    return out


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=list(SCHEMES))
def test_nme_agrees_with_plain_python(scheme):
    """NME equals equation 5 by hand to 1e-12 for every scheme, with missing points in the truth."""
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 200, (5, scheme.points, 2))
    predicted = truth + rng.normal(0, 3, truth.shape)
    hidden = next(i for i in range(scheme.points) if i not in scheme.eyes)
    truth[1, hidden, 0] = np.nan
    truth[3, hidden] = np.nan
    assert nme(predicted, truth, scheme) == pytest.approx(nme_by_hand(predicted, truth, scheme.eyes), abs=1e-12)


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
    """The closed form equals trapezoids under the returned CED curve to 1e-12."""
    x, share = ced(errors)
    area = float(((share[1:] + share[:-1]) / 2 * np.diff(x)).sum())
    assert auc(errors) == pytest.approx(area / 0.1, abs=1e-12)


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
    """Percent, by hand: the failure is the one face above 10 %, a face at exactly 10 % does not fail."""
    found = scores(np.array([0.02, 0.04, 0.10, 0.30]))
    assert found.n == 4
    assert found.nme_mean == pytest.approx(11.5)
    assert found.nme_median == pytest.approx(7.0)
    assert found.fr10 == pytest.approx(25.0)
    assert found.auc10 == pytest.approx(100 * (0.8 + 0.6) / 4)


@pytest.mark.parametrize("errors", [[], [0.1, np.nan], [np.inf]])
def test_scores_of_nothing_or_of_nan_are_refused(errors):
    """No face, NaN or infinity raises ValueError instead of becoming a figure."""
    with pytest.raises(ValueError, match="finite errors of at least one face"):
        scores(np.array(errors))
