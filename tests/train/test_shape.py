"""Fitting a shape layer: the ridge against an independent one, and a bias that it has to find."""

import numpy as np
import pytest
import torch

from toolkit.core.schemes import W300_68
from toolkit.models.spec import ShapeSpec
from toolkit.train.shape import Found, layers, ridge


def turned(shapes: np.ndarray, rng: np.random.Generator, most: float) -> np.ndarray:
    """Each of (N, M, 2) turned by up to `most` radians, scaled and moved, somewhere in the crop."""
    turn = rng.uniform(0.15, 0.25, len(shapes)) * np.exp(1j * rng.uniform(-most, most, len(shapes)))
    z = (shapes @ [1, 1j]) * turn[:, None] + (rng.uniform(0.4, 0.6, (len(shapes), 2)) @ [1, 1j])[:, None]
    return np.stack([z.real, z.imag], axis=-1)


def shapes(count: int, rng: np.random.Generator) -> np.ndarray:
    """Faces of 68 points that differ along three ways."""
    mean = rng.normal(size=(68, 2))
    ways = rng.normal(size=(3, 68, 2))
    return mean - mean.mean(axis=0) + np.einsum("nk,kmd->nmd", 0.1 * rng.normal(size=(count, 3)), ways)


def test_ridge_is_the_closed_form_on_standardised_values() -> None:
    """Against NumPy's solution of the normal equations, for each strength."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(2, [1, 5, 0.1], (50, 3)), rng.normal(size=(50, 4))
    weights, biases = ridge(torch.from_numpy(x), torch.from_numpy(y), (0.01, 10.0))
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    for place, strength in enumerate((0.01, 10.0)):
        solved = np.linalg.solve(z.T @ z + 50 * strength * np.eye(3), z.T @ (y - y.mean(axis=0)))
        found = x @ weights[place].numpy().T + biases[place].numpy()
        np.testing.assert_allclose(found, z @ solved + y.mean(axis=0), atol=1e-10)


def test_ridge_fits_each_output_to_the_rows_that_know_it() -> None:
    """Rows without a value change nothing of that output; an output that no row knows is 0."""
    rng = np.random.default_rng(1)
    x, y = torch.from_numpy(rng.normal(size=(40, 3))), torch.from_numpy(rng.normal(size=(40, 3)))
    y[:15, 1], y[:, 2] = torch.nan, torch.nan
    weights, biases = ridge(x, y, (0.1,))
    alone, bias = ridge(x[15:], y[15:, 1:2], (0.1,))
    torch.testing.assert_close(weights[0, 1], alone[0, 0])
    torch.testing.assert_close(biases[0, 1], bias[0, 0])
    assert not weights[0, 2].any() and not biases[0, 2].any()


@pytest.mark.parametrize("most", [0.0, 0.3], ids=["upright", "turned"])
def test_a_layer_finds_what_the_shape_tells(most: float) -> None:
    """Noise off the ways in which faces differ, and a bias, go: more than half of the error, wherever a face lies, how
    large it is, and up to 17 degrees turned."""
    rng = np.random.default_rng(2)
    truth = shapes(900, rng)
    bias = 0.05 * rng.normal(size=(68, 2))
    seen = truth + bias + 0.05 * rng.normal(size=truth.shape)
    both = turned(np.concatenate([truth, seen], axis=1), rng, most)  # the same turn for a face and its prediction
    found = Found(points=both[:, 68:], confidence=rng.uniform(0.9, 1, (900, 68)), truth=both[:, :68])
    train, test = (
        Found(points=found.points[part], confidence=found.confidence[part], truth=found.truth[part])
        for part in (slice(700), slice(700, None))
    )
    train.truth[::7, 5] = np.nan
    made = layers(train, ShapeSpec(reach=1, bound=0.5), (0.003, 1e6))
    before = test.errors(None, W300_68).mean()
    assert made[0.003](torch.full((68, 2), 0.5), torch.ones(1, 68)).isfinite().all()
    assert test.errors(made[0.003], W300_68).mean() < 0.5 * before
    assert test.errors(made[0.003], W300_68).mean() < test.errors(made[1e6], W300_68).mean()


def test_one_lost_face_does_not_decide() -> None:
    """No correction beyond the bound is asked for, so that a face predicted elsewhere moves the layer by little."""
    rng = np.random.default_rng(3)
    truth = turned(shapes(200, rng), rng, 0.3)
    points = truth + 0.005 * rng.normal(size=truth.shape)
    lost = points.copy()
    lost[0] = rng.uniform(0, 1, (68, 2))
    sure = np.ones((200, 68))
    plain, odd = (
        layers(Found(points=p, confidence=sure, truth=truth), ShapeSpec(), (0.1,))[0.1] for p in (points, lost)
    )
    assert (plain.bias - odd.bias).abs().max() < 2 * ShapeSpec().bound / 200 + 0.02


def test_found_parts_are_joined_in_order() -> None:
    """Batches one behind the other."""
    parts = [Found(points=np.full((n, 2, 2), n), confidence=np.ones((n, 2)), truth=np.zeros((n, 2, 2))) for n in (1, 2)]
    joined = Found.of(parts)
    np.testing.assert_array_equal(joined.points[:, 0, 0], [1, 2, 2])
    assert joined.confidence.shape == (3, 2) and joined.truth.shape == (3, 2, 2)
