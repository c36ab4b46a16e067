"""Fitting a shape layer: noise and a bias that it has to find, and what must not decide."""

import numpy as np
import pytest
import torch

from toolkit.core.progress import finish
from toolkit.core.schemes import W300_68
from toolkit.models.spec import ShapeSpec
from toolkit.train.shape import Fit, Found, fitted


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


@pytest.mark.parametrize("most", [0.0, 0.3], ids=["upright", "turned"])
def test_a_layer_finds_what_the_shape_tells(most: float) -> None:
    """Noise off the ways in which faces differ, and a bias, go: more than a quarter of the error, wherever a face lies,
    how large it is, and up to 17 degrees turned."""
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
    made = finish(fitted(train, W300_68, ShapeSpec(reach=1, bound=0.5, hidden=96), Fit(epochs=150), seed=0))
    assert test.errors(made, W300_68).mean() < 0.75 * test.errors(None, W300_68).mean()


def test_one_lost_face_does_not_decide() -> None:
    """Distances are not squared and corrections bounded: a face predicted elsewhere moves the others' by little."""
    rng = np.random.default_rng(3)
    truth = turned(shapes(200, rng), rng, 0.3)
    points = truth + 0.005 * rng.normal(size=truth.shape)
    lost = points.copy()
    lost[0] = rng.uniform(0, 1, (68, 2))
    sure = np.ones((200, 68))
    plain, odd = (
        finish(fitted(Found(points=p, confidence=sure, truth=truth), W300_68, ShapeSpec(hidden=32), Fit(), seed=0))
        for p in (points, lost)
    )
    seen = torch.from_numpy(points[1:2]).float(), torch.ones(1, 68)
    assert (plain(*seen) - odd(*seen)).abs().mean() < 0.001


def test_the_same_seed_gives_the_same_layer() -> None:
    """Of the first weights and of the order; nobody else's random numbers are used up."""
    rng = np.random.default_rng(4)
    truth = turned(shapes(70, rng), rng, 0.3)
    found = Found(points=truth + 0.01 * rng.normal(size=truth.shape), confidence=np.ones((70, 68)), truth=truth)
    state = torch.get_rng_state()
    one, same, other = (
        finish(fitted(found, W300_68, ShapeSpec(hidden=8), Fit(epochs=2), seed)).weight for seed in (0, 0, 1)
    )
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_faces_without_eye_corners_count_as_the_mean_one() -> None:
    """As in a profile; a point that no face knows is left where it is."""
    rng = np.random.default_rng(5)
    truth = turned(shapes(80, rng), rng, 0.1)
    points = truth + 0.01
    truth[:40, W300_68.eyes[0]], truth[:, 7] = np.nan, np.nan
    found = Found(points=points, confidence=np.ones((80, 68)), truth=truth)
    made = finish(fitted(found, W300_68, ShapeSpec(hidden=16), Fit(epochs=60), seed=0))
    moved = made(torch.from_numpy(points[:1]).float(), torch.ones(1, 68))[0].numpy() - points[0]
    assert np.abs(moved[8:] + 0.01).mean() < 0.002 and np.abs(moved[7]).max() < 1e-6


def test_found_parts_are_joined_in_order() -> None:
    """Batches one behind the other."""
    parts = [Found(points=np.full((n, 2, 2), n), confidence=np.ones((n, 2)), truth=np.zeros((n, 2, 2))) for n in (1, 2)]
    joined = Found.of(parts)
    np.testing.assert_array_equal(joined.points[:, 0, 0], [1, 2, 2])
    assert joined.confidence.shape == (3, 2) and joined.truth.shape == (3, 2, 2)
