"""Palettes of weights, against k-means and by their own promises."""

import warnings

import numpy as np
import pytest

from toolkit.export.coreml_worker import palette

WEIGHTS = np.random.default_rng(0).standard_t(3, (24, 18, 3, 3)).astype(np.float32)
"""Many small weights and a few large ones."""


def error(weights: np.ndarray, bits: int) -> float:
    values, index = palette(weights, bits)
    return float(np.square(values[index] - weights.ravel()).mean())


@pytest.mark.parametrize("bits", [4, 6])
def test_no_index_could_be_better(bits: int) -> None:
    """Each weight has the nearest value, and the values are in order."""
    values, index = palette(WEIGHTS, bits)
    assert values.shape == (2**bits,) and values.dtype == np.float32 and (np.diff(values) >= 0).all()
    nearest = np.abs(WEIGHTS.reshape(-1, 1) - values).min(1)
    np.testing.assert_allclose(np.abs(WEIGHTS.ravel() - values[index]), nearest, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("bits", [4, 6])
def test_as_good_as_k_means_and_better_than_even_steps(bits: int) -> None:
    """Mean squared error at most a fiftieth above scikit-learn's best of five, and below half of even steps'."""
    cluster = pytest.importorskip("sklearn.cluster")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads
        best = cluster.KMeans(2**bits, n_init=5, random_state=0).fit(WEIGHTS.reshape(-1, 1)).inertia_ / WEIGHTS.size
    even = np.linspace(WEIGHTS.min(), WEIGHTS.max(), 2**bits)
    steps = np.square(even[np.abs(WEIGHTS.reshape(-1, 1) - even).argmin(1)] - WEIGHTS.ravel()).mean()
    assert error(WEIGHTS, bits) < 1.02 * best
    assert error(WEIGHTS, bits) < steps / 2


def test_few_different_weights_are_kept_exactly() -> None:
    """Also where a palette has more values than there are weights."""
    weights = np.array([[-1.0, 0.0, 0.0], [0.5, 0.5, 2.0]], np.float32)
    values, index = palette(weights, 4)
    np.testing.assert_allclose(values[index], weights.ravel(), atol=1e-6)
