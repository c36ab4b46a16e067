"""Loss terms against plain float64 references, written as the paper writes them."""

import numpy as np
import torch

from toolkit.core import heatmap
from toolkit.core.schemes import W300_68
from toolkit.data.augment import mirror as flip
from toolkit.train.losses import distillation, mirror, mse, targets

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
