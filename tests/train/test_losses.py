"""Loss terms against plain float64 references, written as the paper writes them."""

from math import log
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from toolkit.core import heatmap
from toolkit.core.schemes import W300_68
from toolkit.data.augment import mirror as flip
from toolkit.train.coordinate_losses import coordinate
from toolkit.train.losses import awing, behind, distillation, mirror, mse, supervised, targets
from toolkit.train.options import CoordinateLoss, HeatmapLoss, Training

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


def reference_awing(predicted: float, truth: float) -> float:
    """Equation 5 of Wang et al. for one pixel."""
    alpha, omega, epsilon, theta = 2.1, 14.0, 1.0, 0.5
    slope = omega / (1 + (theta / epsilon) ** (alpha - truth)) * (alpha - truth)
    slope *= (theta / epsilon) ** (alpha - truth - 1) / epsilon
    error = abs(truth - predicted)
    if error < theta:
        return omega * log(1 + (error / epsilon) ** (alpha - truth))
    return slope * error - (theta * slope - omega * log(1 + (theta / epsilon) ** (alpha - truth)))


def reference_awing_map(predicted: np.ndarray, truth: np.ndarray) -> float:
    """A mean over one map, those pixels eleven times as heavy that have one of at least 0.2 within one pixel."""
    whole = 0.0
    for (row, column), value in np.ndenumerate(truth):
        near = truth[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2].max() >= 0.2
        whole += (11 if near else 1) * reference_awing(predicted[row, column], value)
    return whole / truth.size


def test_adaptive_wing_has_the_published_values() -> None:
    """By hand: 14 ln(1 + 0.2^1.1) next to a peak of 1, the line beyond half, on a map that is not square; 1e-6."""
    assert reference_awing(0.8, 1.0) == pytest.approx(14 * log(1 + 0.2**1.1)) == pytest.approx(2.20126, abs=1e-5)
    truth, predicted = np.zeros((1, 1, 3, 5)), np.zeros((1, 1, 3, 5))
    truth[0, 0, 1, 0], predicted[0, 0, 1, 0], predicted[0, 0, 1, 4] = 1.0, 0.8, 0.9
    whole = torch.ones(1, 1, 1, 1)
    found = float(awing(torch.from_numpy(predicted), torch.from_numpy(truth), whole))
    assert found == pytest.approx((11 * reference_awing(0.8, 1.0) + reference_awing(0.9, 0.0)) / 15, rel=1e-6)
    p, g = RNG.uniform(-0.3, 1.3, (7, 4)), RNG.uniform(0, 1, (7, 4)) ** 4
    found = float(awing(torch.from_numpy(p)[None, None], torch.from_numpy(g)[None, None], whole))
    assert found == pytest.approx(reference_awing_map(p, g), rel=1e-6)


def test_adaptive_wing_bends_into_its_line_smoothly() -> None:
    """At half, value and slope of both branches are one, for a background pixel, a flank and a peak; 1e-4."""
    for truth in (0.0, 0.4, 1.0):
        below, at, above = (reference_awing(truth - 0.5 + step, truth) for step in (1e-5, 0.0, -1e-5))
        assert above - at == pytest.approx(at - below, rel=1e-3) and above > at > below


def test_the_gradient_of_adaptive_wing_is_that_of_its_formula() -> None:
    """Against differences of the reference, pixel by pixel, within a thousandth of the largest."""
    p, g = RNG.uniform(-0.2, 1.2, (4, 5)), RNG.uniform(0, 1, (4, 5)) ** 2
    predicted = torch.from_numpy(p)[None, None].requires_grad_()
    awing(predicted, torch.from_numpy(g)[None, None], torch.ones(1, 1, 1, 1)).backward()
    expected = np.zeros_like(p)
    for place in np.ndindex(p.shape):
        step = np.zeros_like(p)
        step[place] = 1e-6
        expected[place] = (reference_awing_map(p + step, g) - reference_awing_map(p - step, g)) / 2e-6
    assert predicted.grad is not None
    np.testing.assert_allclose(predicted.grad[0, 0], expected, rtol=0, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("start", ["the truth", "nothing", "far too high", "negative"])
def test_adaptive_wing_has_finite_gradients_and_leaves_missing_points_out(start: str) -> None:
    """A perfect map costs nothing; what stands in a missing point's map gets no gradient."""
    truth, known = targets(torch.tensor([[[30.0, 33.0], [torch.nan, torch.nan]]] * 2), 64, 1.0)
    maps = {"the truth": truth, "nothing": 0 * truth, "far too high": truth + 50, "negative": truth - 9}[start].clone()
    maps[:, 1] = torch.from_numpy(RNG.random((2, 16, 16)))
    loss = awing(maps.requires_grad_(), truth, known)
    loss.backward()
    assert maps.grad is not None and bool(maps.grad.isfinite().all()) and not bool(maps.grad[:, 1].any())
    assert (float(loss.detach()) == 0) == (start == "the truth")
    assert float(awing(maps.detach(), truth, 0 * known)) == 0


@pytest.mark.parametrize("coordinates", get_args(CoordinateLoss))
@pytest.mark.parametrize("heatmaps", get_args(HeatmapLoss))
def test_every_pair_of_losses_trains(heatmaps: HeatmapLoss, coordinates: CoordinateLoss, tmp_path: Path) -> None:
    """Terms by their names, in float32 under autocast to bf16 for a batch of one and of three; a step down helps."""
    options = Training(out=tmp_path, heatmap_loss=heatmaps, coordinate_weight=0.5, coordinate_loss=coordinates)
    for batch in (1, 3):
        truth, known = targets(torch.tensor([[[30.0, 33.0], [9.0, 50.0]]] * batch), 64, 1.0)
        maps = targets(torch.tensor([[[35.0, 36.0], [12.0, 46.0]]] * batch), 64, 1.5)[0].bfloat16().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            terms = supervised(maps, truth, known, options)
        assert terms.keys() == {heatmaps, "coordinate"} and {t.dtype for t in terms.values()} == {torch.float32}
        loss = torch.stack(list(terms.values())).sum()
        loss.backward()
        assert maps.grad is not None and bool(maps.grad.isfinite().all())
        better = (maps.float() - 0.002 * maps.grad.float() / maps.grad.float().abs().max()).detach()
        assert float(sum(supervised(better, truth, known, options).values())) < float(loss.detach())


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


def test_a_covered_point_is_to_have_a_lower_peak(tmp_path: Path) -> None:
    """Its target is scaled, in place; a point whose place nobody knows may rise to that height anywhere. By hand."""
    truth, known = targets(torch.tensor([[[30.0, 33.0], [9.5, 13.5], [torch.nan, torch.nan]]]), 64, 1.0)
    covered = torch.tensor([[False, True, True]])
    options = Training(out=tmp_path, visibility=0.25)
    right = truth.clone()
    right[0, 1] *= 0.25
    right[0, 2, 4, 9] = 0.25
    terms = supervised(right, truth, known, options, covered)
    assert terms.keys() == {"mse", "hidden"} and not any(map(float, terms.values()))
    wrong = right.clone()
    wrong[0, 1, 3, 2] += 0.5
    wrong[0, 2, 4, 9] += 0.5
    found = supervised(wrong, truth, known, options, covered)
    assert float(found["mse"]) == pytest.approx(0.25 / (2 * 256)) == float(found["hidden"])
    plain = supervised(wrong, truth, known, Training(out=tmp_path), covered)
    assert plain.keys() == {"mse"} and torch.equal(plain["mse"], mse(wrong, truth, known))
    for height in (0.1, 1.5):
        with pytest.raises(ValueError, match=r"--visibility must be 0\.2 to 1"):
            Training(out=tmp_path, visibility=height)


def test_a_students_mask_covers_the_points_behind_it() -> None:
    """Those on its pixels, whose last row and column are exclusive, and no missing one."""
    masks = torch.tensor([[10, 20, 30, 50, 0, 0, 0], [0, 0, 0, 0, 9, 9, 9]])
    point = [[20.0, 10.0], [49.4, 29.4], [49.6, 20.0], [25.0, 29.6], [19.4, 15.0], [torch.nan, torch.nan]]
    found = behind(masks, torch.tensor([point, point]))
    assert found[0].tolist() == [True, True, False, False, False, False] and not found[1].any()
