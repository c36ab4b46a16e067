"""Slimming: the cut network computes what the masked supernet computes, for any set of edges."""

import time
from functools import cache

import pytest
import torch
from torch import Tensor, nn

from toolkit.models import HRSuperNet, blank, build
from toolkit.models.spec import SuperNetSpec, hrsupernet, s_hrnet
from toolkit.slimming.census import census
from toolkit.slimming.edges import at_threshold, cut, largest_threshold, within, without

SUPERNET = hrsupernet(5)


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """A supernet whose norms and factors are all different, so that every path shows in the output."""
    torch.manual_seed(0)
    net = build(SUPERNET)
    assert isinstance(net, HRSuperNet)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2)
    nn.init.normal_(net.head.out.weight, std=0.3)
    nn.init.uniform_(net.alpha.data, 0.1, 1)
    return {k: v.clone() for k, v in net.state_dict().items()}


@cache
def network(spec: SuperNetSpec) -> nn.Module:
    return blank(spec).eval()


def output(spec: SuperNetSpec, weights: dict[str, Tensor], image: Tensor) -> Tensor:
    net = network(spec)
    net.load_state_dict(weights, strict=True, assign=True)
    with torch.no_grad():
        return net.double()(image.double())


def masked(weights: dict[str, Tensor], smaller: SuperNetSpec) -> dict[str, Tensor]:
    """The supernet with the dropped edges' alpha, and the head's hidden channels of dropped branches, at zero."""
    kept = set(smaller.edges)
    result = {k: v.clone() for k, v in weights.items()}
    result["alpha"] *= torch.tensor([float(edge in kept) for edge in SUPERNET.edges])
    gone = [k for k in range(4) if k not in smaller.branches(10)]
    start = 0
    for branch, width in enumerate(SUPERNET.widths):
        if branch in gone:
            result["head.out.weight"][:, start : start + width] = 0
        start += width
    return result


@pytest.mark.parametrize("seed", range(24))
def test_the_cut_network_equals_the_masked_supernet(weights: dict[str, Tensor], seed: int) -> None:
    """Relative difference at most 1e-6 on random input, for random edge sets from nearly all to nearly none."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.rand(len(SUPERNET.edges), generator=generator)
    spec = at_threshold(SUPERNET, scores, min(seed / 27, largest_threshold(SUPERNET, scores)))
    image = torch.randn(1, 3, 64, 32, generator=generator)
    small = output(spec, cut(weights, SUPERNET, spec), image)
    large = output(SUPERNET, masked(weights, spec), image)
    assert (small - large).abs().max() <= 1e-6 * large.abs().max()
    assert large.abs().max() > 1e-3


def test_one_surviving_path_is_a_network(weights: dict[str, Tensor]) -> None:
    """A single edge a stage is enough."""
    path = [e for e in SUPERNET.edges if (e.source, e.target) == (0, 0)]
    spec = without(SUPERNET, set(SUPERNET.edges) - set(path))
    assert spec.edges == tuple(path) and len(path) == 9
    assert output(spec, cut(weights, SUPERNET, spec), torch.zeros(1, 3, 32, 32)).shape == (1, 5, 8, 8)


def test_no_dead_path_is_left() -> None:
    """Every block that stands is reached and read; the published nets are fixed points of the elimination."""
    for name in ("300w", "cofw", "wflw"):
        assert without(s_hrnet(name, 68), ()) == s_hrnet(name, 68)  # type: ignore[arg-type]
    scores = torch.rand(132, generator=torch.Generator().manual_seed(3))
    spec = at_threshold(SUPERNET, scores, 0.9 * largest_threshold(SUPERNET, scores))
    for stage in range(2, 10):
        read = {e.source for e in spec.edges if e.stage == stage + 1}
        assert set(spec.branches(stage)) == read


def test_a_whole_dead_branch_takes_its_part_of_the_head() -> None:
    """Without branch 3 in stage 10 the head is 144 channels narrower, in and out."""
    spec = without(SUPERNET, [e for e in SUPERNET.edges if e.stage == 10 and e.target == 3])
    assert spec.branches(10) == (0, 1, 2) and spec.head_input == spec.head_width == 126


def test_nothing_surviving_names_the_largest_threshold() -> None:
    """The error's threshold leaves a network, and any above it does not."""
    scores = torch.rand(132, generator=torch.Generator().manual_seed(4))
    limit = largest_threshold(SUPERNET, scores)
    assert at_threshold(SUPERNET, scores, limit).edges
    with pytest.raises(ValueError, match=f"{limit:.6g}"):
        at_threshold(SUPERNET, scores, limit + 1e-6)


def test_a_budget_is_met_and_used_up() -> None:
    """The network fits, and the next lower threshold does not."""
    scores = torch.rand(132, generator=torch.Generator().manual_seed(5))
    limit = 0.8 * census(SUPERNET, 64).macs_full
    spec, threshold = within(SUPERNET, scores, lambda s: census(s, 64).macs_full <= limit)
    assert census(spec, 64).macs_full <= limit
    lower = max(s for s in scores.tolist() if s < threshold)
    assert census(at_threshold(SUPERNET, scores, lower), 64).macs_full > limit


def test_a_budget_reaches_down_to_one_path() -> None:
    """Beyond the largest threshold the strongest path is kept, so that nine edges are always within reach."""
    scores = torch.rand(132, generator=torch.Generator().manual_seed(8))
    spec, threshold = within(SUPERNET, scores, lambda s: len(s.edges) <= 9)
    assert len(spec.edges) == 9 and threshold > largest_threshold(SUPERNET, scores)
    chosen = [score for edge, score in zip(SUPERNET.edges, scores.tolist(), strict=True) if edge in spec.edges]
    assert min(chosen) == pytest.approx(largest_threshold(SUPERNET, scores))


def test_an_impossible_budget_is_refused() -> None:
    """No network has fewer parameters than none."""
    scores = torch.rand(132, generator=torch.Generator().manual_seed(6))
    with pytest.raises(ValueError, match="budget"):
        within(SUPERNET, scores, lambda s: False)


def test_a_search_takes_seconds() -> None:
    """A budget search stays well under five seconds."""
    scores = torch.rand(132, generator=torch.Generator().manual_seed(7))
    started = time.perf_counter()
    within(SUPERNET, scores, lambda s: census(s, 64).params_full <= 1_000_000)
    assert time.perf_counter() - started < 15
