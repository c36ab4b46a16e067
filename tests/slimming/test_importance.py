"""Importances: what each measures, against references of its own."""

import pytest
import torch
from torch import nn

from tests.slimming.conftest import lively, small_supernet
from toolkit.models.supernet import HRSuperNet
from toolkit.slimming.importance import at_random, by_alpha, by_gamma, by_taylor

SPEC = small_supernet()


def state(net: HRSuperNet) -> dict[str, torch.Tensor]:
    return {k: v.detach() for k, v in net.state_dict().items()}


def test_alpha_counts_by_its_size_alone(supernet: HRSuperNet) -> None:
    """A factor that crossed zero is as important as it was on the other side."""
    weights = state(supernet) | {"alpha": torch.linspace(-1, 1, 132)}
    assert torch.equal(by_alpha(SPEC, weights), torch.linspace(-1, 1, 132).abs())


def test_gamma_is_the_root_mean_square_of_the_last_norm(supernet: HRSuperNet) -> None:
    """Behind a norm, |alpha| times ||gamma|| / sqrt(C), in any order of the weights; 1e-6 relative."""
    weights = state(supernet)
    shuffled = dict(sorted(weights.items(), reverse=True))
    scores = by_gamma(SPEC, shuffled)
    for edge, alpha, score in zip(SPEC.edges, weights["alpha"].tolist(), scores.tolist(), strict=True):
        if edge.kind != "identity":
            module = supernet.stages[str(edge.stage)][str(edge.target)].edges[str(edge.source)]  # type: ignore[index]
            last = [m for m in module.modules() if isinstance(m, nn.BatchNorm2d)][-1]
            expected = abs(alpha) * float(last.weight.detach().norm()) / last.num_features**0.5
            assert score == pytest.approx(expected, rel=1e-6)


def test_gamma_and_alpha_trade_off_without_a_difference(supernet: HRSuperNet) -> None:
    """Alpha ten times smaller and the norm ten times larger is the same function and the same importance."""
    weights = state(supernet)
    index, edge = next((i, e) for i, e in enumerate(SPEC.edges) if e.name == "5.2to0")
    moved = {k: v.clone() for k, v in weights.items()}
    moved["alpha"][index] /= 10
    for part in ("weight", "bias"):
        moved[f"stages.5.0.edges.2.1.{part}"] *= 10
    assert edge.kind == "up"
    assert torch.allclose(by_gamma(SPEC, moved), by_gamma(SPEC, weights), rtol=1e-5)
    assert not torch.allclose(by_alpha(SPEC, moved), by_alpha(SPEC, weights), rtol=1e-5)


def test_an_identity_edge_counts_by_the_map_that_it_passes_on() -> None:
    """The followed size is within a factor of two of the root mean square of the map itself."""
    net = lively(SPEC)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.zeros_(module.bias)
    net.train()
    found: dict[str, float] = {}
    for stage in range(2, 10):
        for branch in range(4):
            block = net.stages[str(stage)][str(branch)]  # type: ignore[index]

            def note(_m: nn.Module, _i: object, y: torch.Tensor, key: str = f"{stage}.{branch}") -> None:
                found[key] = float(y.square().mean().sqrt())

            block.register_forward_hook(note)
    with torch.no_grad():
        net(torch.randn(8, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    scores = by_gamma(SPEC, state(net)) / by_alpha(SPEC, state(net))
    for edge, size in zip(SPEC.edges, scores.tolist(), strict=True):
        if edge.kind == "identity":
            measured = found[f"{edge.stage - 1}.{edge.source}"]
            assert 0.5 < size / measured < 2, (edge.name, size, measured)


@pytest.mark.slow
def test_taylor_is_the_slope_times_the_factor(supernet: HRSuperNet) -> None:
    """Against a central difference in float64, summed over two batches; 1e-4 of the largest."""
    net = lively(SPEC).double()
    images = [torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(i)).double() for i in range(2)]
    losses = (net(image).square().mean() for image in images)
    scores = by_taylor(net, losses)
    chosen = [0, 5, 40, 77, 131]
    step = 1e-6
    for index in chosen:
        expected = 0.0
        for image in images:
            values = []
            for sign in (1, -1):
                with torch.no_grad():
                    net.alpha[index] += sign * step
                    values.append(float(net(image).square().mean()))
                    net.alpha[index] -= sign * step
            expected += abs(float(net.alpha[index].detach()) * (values[0] - values[1]) / (2 * step))
        assert abs(float(scores[index]) - expected) <= 1e-4 * float(scores.max())


def test_taylor_needs_faces(supernet: HRSuperNet) -> None:
    """No batch, no importance."""
    with pytest.raises(ValueError, match="at least one batch"):
        by_taylor(supernet, iter(()))


def test_chance_repeats_by_its_seed() -> None:
    """Equal seeds draw equal scores, others do not."""
    assert torch.equal(at_random(SPEC, 3), at_random(SPEC, 3))
    assert not torch.equal(at_random(SPEC, 3), at_random(SPEC, 4))
