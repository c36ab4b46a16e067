"""Losses of coordinates against plain float64 references, pixel by pixel, and against numerical gradients."""

from math import ceil, log, pi, sqrt
from typing import get_args

import numpy as np
import pytest
import torch

from toolkit.core import heatmap
from toolkit.train.coordinate_losses import coordinate, soft_argmax, wing
from toolkit.train.losses import targets
from toolkit.train.options import CoordinateLoss

RNG = np.random.default_rng(0)
LOSSES = get_args(CoordinateLoss)


def reference_soft_argmax(heatmap_: np.ndarray, sigma: float) -> tuple[float, float]:
    """Of one map, pixel by pixel: the offset from the highest pixel, as a mean weighted by squared positive values."""
    height, width = heatmap_.shape
    top, left = divmod(int(np.argmax(heatmap_)), width)
    radius = ceil(3 * sigma / sqrt(2))
    mass = x = y = 0.0
    for row in range(max(0, top - radius), min(height, top + radius + 1)):
        for column in range(max(0, left - radius), min(width, left + radius + 1)):
            weight = max(0.0, float(heatmap_[row, column])) ** 2
            mass, x, y = mass + weight, x + weight * (column - left), y + weight * (row - top)
    mass = max(mass, 0.01 * pi * sigma**2)
    return (left + x / mass + 0.5) / width, (top + y / mass + 0.5) / height


@pytest.mark.parametrize("height", [1.0, 0.001])
def test_the_soft_argmax_is_the_weighted_mean_around_the_peak(height: float) -> None:
    """Of noise around and below 0, on maps that are not square, and of next to nothing (1e-6 of the crop)."""
    noise = height * RNG.normal(0.3, 0.4, (2, 3, 9, 12))
    found = soft_argmax(torch.tensor(noise), 1.0)
    expected = [[reference_soft_argmax(m, 1.0) for m in face] for face in noise]
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("sigma", "size"), [(1.0, 64), (1.0, 128), (1.5, 96), (2.0, 128)])
def test_the_soft_argmax_of_a_gaussian_is_its_point(sigma: float, size: int) -> None:
    """Within 0.05 pixels of the crop wherever the border cuts nothing off, and decoding agrees."""
    margin = 4 * (ceil(3 * sigma / sqrt(2)) + 0.5)
    points = RNG.uniform(margin, size - 1 - margin, (200, 2))
    maps = heatmap.encode(points, size, sigma)
    found = soft_argmax(torch.from_numpy(maps)[None], sigma)[0].numpy() * size - 0.5
    assert np.abs(found - points).max() < 0.05
    assert np.abs(found - heatmap.decode(maps, "dark", sigma)[0]).max() < 0.06


def test_the_loss_of_coordinates_is_smooth_l1_in_shares_of_the_crop() -> None:
    """Shifted Gaussians against the shift itself, quadratic below a hundredth of the crop and linear above (1e-4)."""
    size, points = 128, np.array([[[50.0, 60.0], [70.3, 44.9], [64.0, 30.0]]])
    shift = np.array([[[0.5, -0.3], [3.0, -8.0], [np.nan, np.nan]]])
    truth, known = targets(torch.from_numpy(points + 0 * shift).float(), size, 1.0)
    predicted, _ = targets(torch.from_numpy(points + shift).float(), size, 1.0)
    share = np.abs(shift[0, :2]) / size
    expected = np.where(share < 0.01, share**2 / 0.02, share - 0.005).mean()
    assert float(coordinate(predicted, truth, known, 1.0)) == pytest.approx(expected, abs=1e-4 * expected + 2e-6)


def test_a_perfect_heatmap_has_no_loss_of_coordinates() -> None:
    """At the border, beyond it, and where a point is missing, whatever stands there; with no point at all it is 0."""
    points = torch.tensor([[[0.0, 1.0], [63.4, 30.0], [-3.0, 70.0], [-400.0, 20.0], [torch.nan, torch.nan]]])
    truth, known = targets(points, 64, 1.0)
    predicted = truth.clone()
    predicted[0, 3:] = torch.from_numpy(RNG.random((2, 16, 16)))
    assert float(coordinate(predicted, truth, known, 1.0)) == 0
    assert float(coordinate(predicted, truth, torch.zeros_like(known), 1.0)) == 0


@pytest.mark.parametrize("start", ["nothing", "negative", "noise", "far"])
def test_the_gradient_of_coordinates_is_finite_and_leads_to_the_point(start: str) -> None:
    """From maps of zeros, of negative values, of noise, and from a peak elsewhere; missing points get none."""
    points = torch.tensor([[[30.0, 33.0], [torch.nan, torch.nan]]])
    truth, known = targets(points, 64, 1.0)
    maps = {
        "nothing": torch.zeros_like(truth),
        "negative": -torch.ones_like(truth),
        "noise": torch.from_numpy(RNG.normal(0, 0.01, truth.shape)).float(),
        "far": targets(torch.tensor([[[44.6, 20.2], [9.0, 9.0]]]), 64, 1.0)[0],
    }[start].requires_grad_()
    loss = coordinate(maps, truth, known, 1.0)
    loss.backward()
    assert maps.grad is not None and bool(maps.grad.isfinite().all()) and not bool(maps.grad[0, 1].any())
    if start == "far":
        step = (maps - 1e-1 * maps.grad / maps.grad.abs().max()).detach()
        assert float(coordinate(step, truth, known, 1.0)) < float(loss.detach())


def test_wing_has_the_published_values() -> None:
    """w ln(1 + |x| / epsilon) below w, |x| - C from there on, for w = 10 and epsilon = 2 pixels of 256; 1e-6."""
    pixels = torch.tensor([0.0, 1.0, -4.0, 9.999, 10.0, -25.0], dtype=torch.float64)
    constant = 10 - 10 * log(1 + 10 / 2)
    expected = [0, 10 * log(1.5), 10 * log(3), 10 * log(1 + 9.999 / 2), 10 - constant, 25 - constant]
    np.testing.assert_allclose(256 * wing(pixels / 256), expected, rtol=0, atol=1e-6)
    assert expected[3] == pytest.approx(expected[4], abs=0.01)  # no jump


def reference_star(
    predicted: np.ndarray, truth: np.ndarray, sigma: float, axes: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
    """Of one map, and its axes: moments pixel by pixel, in coordinates in which the crop goes from -1 to 1."""
    height, width = predicted.shape
    top, left = divmod(int(np.argmax(predicted)), width)
    radius = ceil(3 * sigma / sqrt(2))
    weights, places = [], []
    for row in range(max(0, top - radius), min(height, top + radius + 1)):
        for column in range(max(0, left - radius), min(width, left + radius + 1)):
            weights.append(max(0.0, float(predicted[row, column])) ** 2)
            places.append((2 * (column - left) / width, 2 * (row - top) / height))
    weight, place = np.array(weights) / max(sum(weights), 0.01 * pi * sigma**2), np.array(places)
    mean = weight @ place
    covariance = np.einsum("p,pi,pj->ij", weight, place, place) - np.outer(mean, mean)
    if axes is None:
        axes = np.linalg.eigh(covariance)[1].T
    error = 2 * (np.array(reference_soft_argmax(predicted, sigma)) - reference_soft_argmax(truth, sigma))
    whole = 0.0
    for axis in axes:
        along, variance = abs(float(axis @ error)), float(axis @ covariance @ axis)
        smooth = along**2 / 0.04 if along < 0.02 else along - 0.01
        whole += smooth / sqrt(variance + 1e-5) + variance
    usual = sqrt(4 * sigma**2 / (2 * height * width))
    return usual / 4 * whole, axes


def blob(centre: tuple[float, float], deviations: tuple[float, float], turn_deg: float) -> np.ndarray:
    """(20, 24) a Gaussian whose longer axis is turned."""
    y, x = np.mgrid[:20, :24].astype(float)
    dx, dy, turn = x - centre[0], y - centre[1], np.radians(turn_deg)
    along, across = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
    return np.asarray(np.exp(-((along / deviations[0]) ** 2 + (across / deviations[1]) ** 2) / 2))


def as_maps(plane: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(plane)[None, None]


@pytest.mark.parametrize("turn_deg", [0, 30, 90, 135])
def test_star_measures_errors_by_the_heatmaps_own_deviations(turn_deg: float) -> None:
    """Against eigenvectors from LAPACK, for round and drawn-out maps at any angle; 1e-5 of it."""
    truth = blob((12, 9), (1, 1), 0)
    for deviations in ((1.0, 1.0), (1.6, 0.8), (0.7, 1.4)):
        predicted = blob((12.8, 9.9), deviations, turn_deg)
        found = float(coordinate(as_maps(predicted), as_maps(truth), torch.ones(1, 1, 1, 1), 1.0, "star"))
        assert found == pytest.approx(reference_star(predicted, truth, 1.0)[0], rel=1e-5)


def test_for_star_an_error_along_a_drawn_out_map_is_cheaper_than_across() -> None:
    """The same error of a pixel; on a round map it is close to smooth L1, a share of its own variance aside (10 %)."""
    known, truth = torch.ones(1, 1, 1, 1), as_maps(blob((12, 10), (1, 1), 0))
    along, across = (
        float(coordinate(as_maps(blob(at, (1.6, 0.8), 0)), truth, known, 1.0, "star")) for at in ((13, 10), (12, 11))
    )
    assert along < 0.7 * across
    y, x = np.mgrid[:32, :32]
    wide, at = (as_maps(np.exp(-((x - c) ** 2 + (y - 15.0) ** 2) / 2)) for c in (18.0, 15.0))
    both = [float(coordinate(wide, at, known, 1.0, loss)) for loss in ("star", "smooth-l1")]
    assert both[0] == pytest.approx(both[1], rel=0.1)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_gradients_are_those_of_the_formulas(loss: CoordinateLoss) -> None:
    """Against differences of the references around a turned map; of STAR with its axes held. 2 % of the largest."""
    truth, plane = blob((12, 9), (1, 1), 0), blob((12.7, 9.6), (1.5, 0.8), 25)

    def reference(predicted: np.ndarray) -> float:
        if loss == "star":
            return reference_star(predicted, truth, 1.0, axes)[0]
        errors = np.array(reference_soft_argmax(predicted, 1.0)) - reference_soft_argmax(truth, 1.0)
        size = np.abs(errors)
        if loss == "wing":
            return float((10 / 256 * np.log1p(size / (2 / 256))).mean())
        return float(np.where(size < 0.01, size**2 / 0.02, size - 0.005).mean())

    axes = reference_star(plane, truth, 1.0)[1]
    maps = as_maps(plane).requires_grad_()
    coordinate(maps, as_maps(truth), torch.ones(1, 1, 1, 1), 1.0, loss).backward()
    assert maps.grad is not None
    expected = np.zeros_like(plane)
    for place in np.ndindex(plane.shape):
        step = np.zeros_like(plane)
        step[place] = 1e-5
        expected[place] = (reference(plane + step) - reference(plane - step)) / 2e-5
    np.testing.assert_allclose(maps.grad[0, 0], expected, rtol=0, atol=0.02 * np.abs(expected).max())


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("start", ["flat", "nothing", "saturated", "one pixel", "next to nothing"])
def test_flat_and_saturated_maps_have_finite_gradients(loss: CoordinateLoss, start: str) -> None:
    """So has a batch of one face and of three; a missing point has none."""
    for batch in (1, 3):
        truth, known = targets(torch.tensor([[[30.0, 33.0], [torch.nan, torch.nan]]] * batch), 64, 1.0)
        spike = torch.zeros_like(truth)
        spike[..., 3, 4] = 1
        maps = {
            "flat": torch.full_like(truth, 0.5), "nothing": torch.zeros_like(truth), "saturated": 1e4 * truth + 1e4,
            "one pixel": spike, "next to nothing": 1e-20 * spike + 1e-22,
        }[start].requires_grad_()  # fmt: skip
        value = coordinate(maps, truth, known, 1.0, loss)
        value.backward()
        assert bool(value.isfinite()) and maps.grad is not None and bool(maps.grad.isfinite().all())
        assert not bool(maps.grad[:, 1].any())
