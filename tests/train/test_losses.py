"""Loss terms against plain float64 references, written as the paper writes them."""

from math import ceil, pi, sqrt
from pathlib import Path

import numpy as np
import pytest
import torch

from toolkit.core import heatmap
from toolkit.core.schemes import W300_68
from toolkit.data.augment import mirror as flip
from toolkit.train.losses import coordinate, distillation, mirror, mse, soft_argmax, supervised, targets
from toolkit.train.options import Training

RNG = np.random.default_rng(0)
SHAPE = (3, 5, 6, 4)


def maps() -> np.ndarray:
    return RNG.random(SHAPE)


def known(*missing: tuple[int, int]) -> np.ndarray:
    weight = np.ones((3, 5, 1, 1))
    for sample, point in missing:
        weight[sample, point] = 0
    return weight


def test_mse_is_a_mean_over_samples_points_and_pixels() -> None:
    """Equation 2's first term."""
    p, g = maps(), maps()
    found = mse(torch.tensor(p), torch.tensor(g), torch.tensor(known()))
    assert abs(float(found) - ((p - g) ** 2).mean()) < 1e-12


def test_mse_leaves_missing_points_out() -> None:
    """The mean is over the points that are there; what stands in a missing one does not matter."""
    p, g = maps(), maps()
    weight = known((0, 1), (2, 4))
    present = weight[..., 0, 0] > 0
    expected = ((p - g) ** 2)[present].mean()
    g[0, 1] = 99
    assert abs(float(mse(torch.tensor(p), torch.tensor(g), torch.tensor(weight))) - expected) < 1e-12


def test_no_known_point_is_no_loss() -> None:
    """A batch without any point gives zero, not NaN."""
    nothing = torch.zeros(3, 5, 1, 1)
    assert float(mse(torch.tensor(maps()), torch.tensor(maps()), nothing)) == 0
    assert float(distillation(torch.tensor(maps()), torch.tensor(maps()), nothing, 1.0)) == 0


def reference_kl(target: np.ndarray, student: np.ndarray, temperature: float) -> np.ndarray:
    def softmax(x: np.ndarray) -> np.ndarray:
        e = np.exp(x / temperature)
        return e / e.sum(axis=(2, 3), keepdims=True)

    p, q = softmax(target), softmax(student)
    return (p * np.log(p / q)).sum(axis=(2, 3))


def test_distillation_is_equation_3() -> None:
    """KL(S(P2) || S(P1)) summed over pixels, mean over samples and points."""
    t, s = maps(), maps()
    for temperature in (1.0, 0.1):
        expected = temperature**2 * reference_kl(t, s, temperature).mean()
        found = distillation(torch.tensor(t), torch.tensor(s), torch.tensor(known()), temperature)
        assert abs(float(found) - expected) < 1e-12


def test_distillation_leaves_missing_points_out() -> None:
    """As the squared error does."""
    t, s = maps(), maps()
    weight = known((1, 0))
    expected = reference_kl(t, s, 1.0)[weight[..., 0, 0] > 0].mean()
    assert abs(float(distillation(torch.tensor(t), torch.tensor(s), torch.tensor(weight), 1.0)) - expected) < 1e-12


def test_mirrored_maps_come_back_to_their_own_side() -> None:
    """The targets of a mirrored crop, mirrored back, are those of the crop; 68 points on maps that are not square."""
    points = RNG.uniform(2, 30, (68, 2))
    image = np.zeros((32, 32, 3), np.uint8)
    _, flipped = flip(image, points, W300_68)
    here, there = (torch.from_numpy(heatmap.encode(p[None], 32, 1.0)) for p in (points, flipped))
    torch.testing.assert_close(mirror(there, W300_68), here, rtol=0, atol=1e-6)
    wide = torch.arange(68 * 2 * 3).reshape(1, 68, 2, 3)
    assert mirror(wide, W300_68)[0, 0].tolist() == wide[0, 16].flip(-1).tolist()


def test_no_gradient_flows_into_the_target() -> None:
    """The ensemble and the teacher teach; they are not taught."""
    t, s = torch.tensor(maps(), requires_grad=True), torch.tensor(maps(), requires_grad=True)
    distillation(t, s, torch.tensor(known()), 1.0).backward()
    assert t.grad is None and s.grad is not None and bool(s.grad.abs().sum() > 0)


def test_equal_maps_have_no_divergence() -> None:
    """KL of a distribution to itself is zero, and positive otherwise."""
    t = torch.tensor(maps())
    assert abs(float(distillation(t, t, torch.tensor(known()), 1.0))) < 1e-12
    assert float(distillation(t, torch.tensor(maps()), torch.tensor(known()), 1.0)) > 0


def test_targets_peak_at_the_points_and_skip_missing_ones() -> None:
    """A target's highest pixel is the one nearest to the point; NaN points weigh nothing."""
    points = np.array([[[13.5, 5.5], [np.nan, np.nan]]])
    truth, weight = targets(torch.from_numpy(points).float(), 32, 1.0)
    assert truth.shape == (1, 2, 8, 8)
    assert np.unravel_index(int(truth[0, 0].argmax()), (8, 8)) == (1, 3)  # (y, x): 5.5 and 13.5 are pixels 1 and 3
    assert float(truth[0, 0].max()) == 1.0
    assert weight[0, :, 0, 0].tolist() == [1.0, 0.0]


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


def test_coordinates_count_by_their_weight(tmp_path: Path) -> None:
    """By default the published loss alone; a negative weight is refused. Half precision comes out as float32."""
    truth, known = targets(torch.tensor([[[30.0, 33.0]]]), 64, 1.0)
    predicted = targets(torch.tensor([[[35.0, 33.0]]]), 64, 1.0)[0].bfloat16()
    plain, both = (supervised(predicted, truth, known, Training(out=tmp_path, coordinate_weight=w)) for w in (0.0, 0.5))
    assert plain.keys() == {"mse"} and both.keys() == {"mse", "coordinate"}
    assert torch.equal(plain["mse"], both["mse"]) and both["coordinate"].dtype == torch.float32
    assert float(both["coordinate"]) == pytest.approx(0.5 * float(coordinate(predicted, truth, known, 1.0)))
    with pytest.raises(ValueError, match="--coordinate-weight must not be negative"):
        Training(out=tmp_path, coordinate_weight=-1)
