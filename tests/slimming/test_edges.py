"""Slimming: the cut network computes what the masked supernet computes, for any set of edges."""

import time
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import functional_call

from tests.slimming.conftest import WIDTHS, chain, lively, small_supernet
from toolkit.models import HRSuperNet, blank
from toolkit.models.spec import Edge, SuperNetSpec, hrsupernet, s_hrnet
from toolkit.slimming.census import Prices, census
from toolkit.slimming.edges import at_threshold, cut, largest_threshold, within, without

SUPERNET = hrsupernet(5)
SMALL = small_supernet()


@cache
def small() -> HRSuperNet:
    return lively(SMALL)


def difference(net: HRSuperNet, smaller: SuperNetSpec, seed: int = 0) -> float:
    """Of the cut network from the masked one, in float64, relative to the largest heatmap value.

    Masked: the dropped edges' alpha at zero; and, for a head as published, its hidden channels of dropped branches.
    """
    spec, weights = net.spec, {k: v.detach() for k, v in net.state_dict().items()}
    cut_net = blank(smaller).eval()
    cut_net.load_state_dict(cut(weights, spec, smaller), strict=True, assign=True)
    image = torch.randn(1, 3, 64, 32, generator=torch.Generator().manual_seed(seed)).double()
    kept = set(smaller.edges)
    alpha = weights["alpha"] * torch.tensor([float(edge in kept) for edge in spec.edges])
    out = weights["head.out.weight"].clone()
    start = 0
    for branch, width in enumerate(spec.widths):
        if smaller.head_width < spec.head_width:
            out[:, start : start + width] *= branch in smaller.branches(10)
        start += width
    with torch.no_grad():
        found = cut_net.double()(image)
        expected = functional_call(double(spec), {"alpha": alpha.double(), "head.out.weight": out.double()}, (image,))
    assert expected.abs().max() > 1e-4
    return float((found - expected).abs().max() / expected.abs().max())


@cache
def double(spec: SuperNetSpec) -> HRSuperNet:
    """The whole network in float64."""
    return lively(spec).double()


def leads_through(edges: set[Edge]) -> bool:
    """Whether some path leads from the stem to the head: a reference of its own, by walking."""
    reached = {0}
    for stage in range(2, 11):
        reached = {e.target for e in edges if e.stage == stage and e.source in reached}
    return bool(reached)


edge_sets = st.one_of(
    st.sets(st.sampled_from(SMALL.edges)),
    st.sets(st.sampled_from(SMALL.edges)).map(lambda gone: set(SMALL.edges) - gone),
    # whole blocks dead, and whole branches
    st.sets(st.tuples(st.integers(2, 10), st.integers(0, 3))).map(
        lambda dead: {e for e in SMALL.edges if (e.stage, e.target) not in dead}
    ),
    st.sets(st.integers(0, 3)).map(lambda dead: {e for e in SMALL.edges if e.target not in dead}),
    # one path, alone and with odd edges that lead nowhere
    st.tuples(
        st.lists(st.integers(0, 3), min_size=9, max_size=9), st.sets(st.sampled_from(SMALL.edges), max_size=5)
    ).map(lambda pair: {*chain(tuple(pair[0])), *pair[1]}),
)


@settings(max_examples=200, deadline=None)
@given(kept=edge_sets, seed=st.integers(0, 2**16))
def test_the_cut_network_equals_the_masked_supernet(kept: set[Edge], seed: int) -> None:
    """Relative difference at most 1e-6, for any set of edges, with nothing masked but the edges' factors; where no path
    is left, the set is refused."""
    dropped = set(SMALL.edges) - kept
    if not leads_through(kept):
        with pytest.raises(ValueError, match="nothing is left"):
            without(SMALL, dropped)
        return
    smaller = without(SMALL, dropped)
    assert set(smaller.edges) <= kept
    assert difference(small(), smaller, seed) <= 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_the_real_supernet_is_cut_exactly_too(seed: int) -> None:
    """At the published widths, from nearly all edges to nearly none; relative difference at most 1e-6."""
    scores = torch.rand(len(SUPERNET.edges), generator=torch.Generator().manual_seed(seed))
    smaller = at_threshold(SUPERNET, scores, min(0.1 + seed / 4, largest_threshold(SUPERNET, scores)))
    assert difference(lively(SUPERNET), smaller) <= 1e-6


@given(path=st.lists(st.integers(0, 3), min_size=9, max_size=9))
@settings(max_examples=30, deadline=None)
def test_one_surviving_path_is_a_network(path: list[int]) -> None:
    """A single edge a stage is enough, on whichever branches; the head reads its last branch alone."""
    edges = chain(tuple(path))
    spec = without(SMALL, set(SMALL.edges) - set(edges))
    assert spec.edges == edges and len(edges) == 9
    assert spec.head_input == WIDTHS[path[-1]] and spec.head_width == sum(WIDTHS)
    assert without(SMALL, set(SMALL.edges) - set(edges), "published").head_width == WIDTHS[path[-1]]


@given(kept=edge_sets)
@settings(max_examples=100, deadline=None)
def test_no_dead_path_is_left(kept: set[Edge]) -> None:
    """Every block that stands is reached and read, and cutting again changes nothing."""
    if leads_through(kept):
        spec = without(SMALL, set(SMALL.edges) - kept)
        for stage in range(2, 10):
            assert set(spec.branches(stage)) == {e.source for e in spec.edges if e.stage == stage + 1}
        assert without(spec, ()) == spec


def test_the_published_networks_have_no_dead_path() -> None:
    """They are fixed points of the elimination."""
    for name in ("300w", "cofw", "wflw"):
        assert without(s_hrnet(name, 68), ()) == s_hrnet(name, 68)  # type: ignore[arg-type]


BRANCH_3 = [e for e in SUPERNET.edges if e.stage == 10 and e.target == 3]


def test_a_whole_dead_branch_takes_its_inputs_of_the_head() -> None:
    """Without branch 3 in stage 10 the head reads 144 channels less, and its hidden layer stays; as published, 144 of
    that go too. A cut network can lose a further branch."""
    spec = without(SUPERNET, BRANCH_3)
    assert spec.branches(10) == (0, 1, 2) and (spec.head_input, spec.head_width) == (126, 270)
    published = without(SUPERNET, BRANCH_3, "published")
    assert published.edges == spec.edges and published.head_input == published.head_width == 126
    fewer = without(spec, [e for e in spec.edges if e.stage == 10 and e.target == 2])
    assert (fewer.head_input, fewer.head_width) == (54, 270)
    with pytest.raises(ValueError, match="a width of its own"):
        without(spec, [e for e in spec.edges if e.stage == 10 and e.target == 2], "published")


def test_the_published_head_is_the_supernet_s_with_hidden_channels_at_zero() -> None:
    """Relative difference at most 1e-6; so it is not what the supernet computes without the branch."""
    gone = [e for e in SMALL.edges if e.stage == 10 and e.target == 3]
    published, exact = without(SMALL, gone, "published"), without(SMALL, gone)
    assert difference(small(), published) <= 1e-6 and difference(small(), exact) <= 1e-6
    image = torch.randn(1, 3, 64, 32, generator=torch.Generator().manual_seed(0))
    weights = small().state_dict()
    maps = []
    for spec in (published, exact):
        net = blank(spec).eval()
        net.load_state_dict(cut(weights, SMALL, spec))
        with torch.no_grad():
            maps.append(net(image))
    assert (maps[0] - maps[1]).abs().max() > 0.01 * maps[1].abs().max()


def test_nothing_surviving_names_the_largest_threshold() -> None:
    """The error's threshold leaves a network, and any above it does not."""
    scores = torch.rand(132, generator=torch.Generator().manual_seed(4))
    limit = largest_threshold(SUPERNET, scores)
    assert at_threshold(SUPERNET, scores, limit).edges
    with pytest.raises(ValueError, match=f"{limit:.6g}"):
        at_threshold(SUPERNET, scores, limit + 1e-6)


@given(seed=st.integers(0, 2**16), share=st.floats(0.4, 1))
@settings(max_examples=30, deadline=None)
def test_a_budget_is_met_and_used_up(seed: int, share: float) -> None:
    """The network fits, and the next lower threshold that changes anything does not."""
    scores = torch.rand(132, generator=torch.Generator().manual_seed(seed))
    prices = Prices(SMALL, 64)
    limit = share * prices.census(SMALL).macs_full
    try:
        spec, threshold = within(SMALL, scores, lambda s: prices.census(s).macs_full <= limit)
    except ValueError:
        cheapest, _ = within(SMALL, scores, lambda s: len(s.edges) <= 9)
        assert prices.census(cheapest).macs_full > limit
        return
    assert prices.census(spec).macs_full <= limit
    lower = [s for s in scores.tolist() if s < threshold]
    if lower and max(lower) <= largest_threshold(SMALL, scores):
        assert prices.census(at_threshold(SMALL, scores, max(lower))).macs_full > limit


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


def test_forty_budgets_and_a_cut_take_seconds() -> None:
    """The graph is counted once: forty searches and forty cuts stay under five seconds of the processor."""
    net = lively(SUPERNET)
    weights = {k: v.detach() for k, v in net.state_dict().items()}
    scores = torch.rand(132, generator=torch.Generator().manual_seed(7))
    started = time.process_time()
    prices = Prices(SUPERNET, 64)
    whole = prices.census(SUPERNET).macs_full
    for step in range(1, 41):
        limit = whole * (0.5 + 0.5 * step / 40)
        smaller, _ = within(SUPERNET, scores, lambda s, limit=limit: prices.census(s).macs_full <= limit)
        cut(weights, SUPERNET, smaller)
    assert time.process_time() - started < 5


def test_prices_are_the_counts_of_the_built_network() -> None:
    """For cuts of every size, by whatever final branches are left: equal in every field."""
    prices = Prices(SUPERNET, 96)
    for seed in range(4):
        scores = torch.rand(132, generator=torch.Generator().manual_seed(seed))
        smaller = at_threshold(SUPERNET, scores, 0.9 * largest_threshold(SUPERNET, scores))
        assert prices.census(smaller) == census(smaller, 96)
