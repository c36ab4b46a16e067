"""Slimming: the cut network computes what the masked supernet computes, for any set of edges and residual bodies."""

import time
from dataclasses import replace
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call

from tests.slimming import sweeps
from tests.slimming.conftest import WIDTHS, chain, lively, small_supernet
from toolkit.models.spec import Body, Edge, Gated, SuperNetSpec, from_json, hrsupernet, s_hrnet, to_json
from toolkit.models.supernet import HRSuperNet
from toolkit.slimming.complexity import ComplexityTable, complexity
from toolkit.slimming.edges import SuperNetGraph, at_threshold, largest_threshold, within

SUPERNET = hrsupernet(5)
SMALL = small_supernet()
DEEP = replace(SMALL, depth_factors=True)
"""With a factor for each of 33 residual bodies."""


@cache
def graph_of(spec: SuperNetSpec) -> SuperNetGraph:
    """In float64, in which the graph's own check is at 1e-6."""
    net = lively(spec)
    with torch.no_grad():
        for i, factor in enumerate(net.factors()[1:]):
            factor.fill_(0.3 + 0.01 * i)
    return SuperNetGraph(net.double())


def masked(net: HRSuperNet, smaller: SuperNetSpec, off: set[Gated], image: Tensor) -> Tensor:
    """The heatmaps of the whole network with the factors of what is gone at zero, those of dead paths too; and, where
    the smaller head is narrower, with its hidden channels of gone branches at zero."""
    weights = {name: value.detach().clone() for name, value in net.state_dict().items()}
    kept = set(smaller.edges)
    weights["alpha"] *= torch.tensor([float(edge in kept) for edge in net.spec.edges])
    for body in (one for one in off if isinstance(one, Body)):
        prefix = "stage1" if body.stage == 1 else f"stages.{body.stage}.{body.branch}.encoder"
        weights[f"{prefix}.{body.index}.factor"] *= 0
    if smaller.head_width < net.spec.head_width:
        start = 0
        for branch, width in enumerate(net.spec.widths):
            weights["head.out.weight"][:, start : start + width] *= branch in smaller.branches(10)
            start += width
    with torch.no_grad():
        return functional_call(net, weights, (image,))  # type: ignore[no-any-return]


def difference(found: nn.Module, expected: Tensor, image: Tensor) -> float:
    """Relative to the largest heatmap value."""
    assert expected.abs().max() > 1e-4
    with torch.no_grad():
        return float((found(image) - expected).abs().max() / expected.abs().max())


def picture(seed: int = 0) -> Tensor:
    return torch.randn(1, 3, 64, 32, generator=torch.Generator().manual_seed(seed)).double()


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
body_sets = st.one_of(
    st.sets(st.sampled_from(DEEP.bodies)),
    st.sets(st.sampled_from(DEEP.bodies)).map(lambda kept: set(DEEP.bodies) - kept),
)


@pytest.mark.slow
@settings(max_examples=300)
@given(kept=edge_sets, bodies=body_sets, seed=st.integers(0, 2**16))
def test_the_graph_and_two_sweeps_agree_on_what_is_left(kept: set[Edge], bodies: set[Body], seed: int) -> None:
    """For any set of edges and bodies: the same spec by torch-pruning's graph and by a reference that knows nothing of
    it; where no path is left, both refuse."""
    off: set[Gated] = {*(set(DEEP.edges) - kept), *bodies}
    graph = graph_of(DEEP)
    thinner, _ = sweeps.thinner(DEEP, {}, bodies)
    if not leads_through(kept):
        for cut in (lambda: graph.left(off), lambda: sweeps.without(thinner, set(DEEP.edges) - kept)):
            with pytest.raises(ValueError, match="nothing is left"):
                cut()
        return
    spec = graph.left(off)
    assert spec == sweeps.without(thinner, set(DEEP.edges) - kept) and set(spec.edges) <= kept
    assert from_json(to_json(spec)) == spec
    for stage in range(2, 10):  # every block that stands is reached and read
        assert set(spec.branches(stage)) == {e.source for e in spec.edges if e.stage == stage + 1}


@pytest.mark.slow
@settings(max_examples=100)
@given(kept=edge_sets.filter(leads_through), bodies=body_sets, seed=st.integers(0, 2**16))
def test_the_cut_network_equals_the_masked_supernet(kept: set[Edge], bodies: set[Body], seed: int) -> None:
    """Relative difference at most 1e-6, with nothing masked but the factors; the weights are those that the two sweeps
    leave, to the last bit."""
    off: set[Gated] = {*(set(DEEP.edges) - kept), *bodies}
    graph = graph_of(DEEP)
    net = graph.without(off)
    image = picture(seed)
    assert difference(net, masked(graph.net, net.spec, off, image), image) <= 1e-6
    thinner, weights = sweeps.thinner(DEEP, graph.net.state_dict(), bodies)
    expected = sweeps.cut(weights, thinner, net.spec)
    found = net.state_dict()
    assert found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in found)


@pytest.mark.slow
@pytest.mark.parametrize("depth_factors", [False, True])
def test_the_real_supernet_is_cut_exactly_too(depth_factors: bool) -> None:
    """At the published widths, with and without depth factors, most of it gone; relative difference at most 1e-6."""
    whole = hrsupernet(5, depth_factors=depth_factors)
    graph = graph_of(whole)
    scores = torch.rand(len(whole.gated), generator=torch.Generator().manual_seed(1))
    off = at_threshold(graph, scores, min(0.4, largest_threshold(whole, scores)))
    net, image = graph.without(off), picture()
    assert difference(net, masked(graph.net, net.spec, set(off), image), image) <= 1e-6
    assert len(net.spec.depths) > 10 if depth_factors else not net.spec.depths


@given(path=st.lists(st.integers(0, 3), min_size=9, max_size=9))
@settings(max_examples=30)
def test_one_surviving_path_is_a_network(path: list[int]) -> None:
    """A single edge a stage is enough, on whichever branches; the head reads its last branch alone."""
    edges = chain(tuple(path))
    off = set(SMALL.edges) - set(edges)
    spec = graph_of(SMALL).left(off)
    assert spec.edges == edges and len(edges) == 9
    assert spec.head_input == WIDTHS[path[-1]] and spec.head_width == sum(WIDTHS)
    assert graph_of(SMALL).left(off, "published").head_width == WIDTHS[path[-1]]


@pytest.mark.slow
def test_the_published_networks_have_no_dead_path() -> None:
    """They are fixed points of the elimination."""
    for name in ("300w", "cofw", "wflw"):
        spec = s_hrnet(name, 5)  # type: ignore[arg-type]
        assert graph_of(spec).left(()) == spec


def test_a_whole_dead_branch_takes_its_inputs_of_the_head() -> None:
    """Without branch 3 in stage 10 the head reads 6 channels less, and its hidden layer stays; as published, 6 of that
    go too. A cut network can lose a further branch."""
    graph = graph_of(SMALL)
    gone = [e for e in SMALL.edges if e.stage == 10 and e.target == 3]
    net = graph.without(gone)
    assert net.spec.branches(10) == (0, 1, 2) and (net.spec.head_input, net.spec.head_width) == (12, 18)
    assert graph.removed(gone) == ["stages.10.3", "head.hidden, 6 inputs"]
    published = graph.left(gone, "published")
    assert published.edges == net.spec.edges and published.head_input == published.head_width == 12
    again = SuperNetGraph(net)
    fewer = [e for e in net.spec.edges if e.stage == 10 and e.target == 2]
    assert (again.left(fewer).head_input, again.left(fewer).head_width) == (7, 18)
    with pytest.raises(ValueError, match="a width of its own"):
        again.left(fewer, "published")


@pytest.mark.slow
def test_the_published_head_is_the_supernet_s_with_hidden_channels_at_zero() -> None:
    """Relative difference at most 1e-6 from that; so it is not what the supernet computes without the branch."""
    graph, image = graph_of(SMALL), picture()
    gone = {e for e in SMALL.edges if e.stage == 10 and e.target == 3}
    published, exact = graph.without(gone, "published"), graph.without(gone)
    for net in (published, exact):
        assert difference(net, masked(graph.net, net.spec, set(gone), image), image) <= 1e-6
    assert difference(published, masked(graph.net, exact.spec, set(gone), image), image) > 0.01


def test_the_parts_that_go_are_named() -> None:
    """Operations by their module, identities by their gate, blocks as a whole, residual bodies, and what died of it."""
    graph = graph_of(DEEP)
    off: list[Gated] = [e for e in DEEP.edges if e.name in ("5.0to0", "5.1to0") or (e.stage, e.target) == (3, 2)]
    off.append(Body(stage=7, branch=1, index=0))
    named = ["stages.3.2", "stages.4.0.edges.2", "stages.4.1.edges.2", "stages.4.2.gates.2", "stages.4.3.edges.2"]
    named += ["stages.5.0.edges.1", "stages.5.0.gates.0", "stages.7.1.encoder"]
    assert sorted(graph.removed(off)) == named


def test_nothing_surviving_names_the_largest_threshold() -> None:
    """The error's own threshold leaves a network, and any above it does not."""
    graph = graph_of(SMALL)
    scores = torch.rand(132, generator=torch.Generator().manual_seed(4))
    limit = largest_threshold(SMALL, scores)
    with pytest.raises(ValueError, match="leaves no network") as error:
        at_threshold(graph, scores, limit + 1e-6)
    named = float(str(error.value).rpartition(" ")[2])
    assert named == limit and at_threshold(graph, scores, named)


@pytest.mark.slow
@given(seed=st.integers(0, 2**16), share=st.floats(0.4, 1))
@settings(max_examples=10)
def test_a_budget_is_met_and_used_up(seed: int, share: float) -> None:
    """The network fits, all above the threshold is in it, and nothing else could be; bodies count as edges do."""
    graph = graph_of(DEEP)
    scores = torch.rand(len(DEEP.gated), generator=torch.Generator().manual_seed(seed))
    prices = ComplexityTable(DEEP, 64)
    limit = share * prices.complexity(DEEP).macs_full
    try:
        off, threshold = within(graph, scores, lambda s: prices.complexity(s).macs_full <= limit)
    except ValueError:
        cheapest, _ = within(graph, scores, lambda s: len(s.edges) <= 9 and not any(n for _, _, n in s.depths))
        assert prices.complexity(graph.left(cheapest)).macs_full > limit
        return
    assert prices.complexity(graph.left(off)).macs_full <= limit
    importance = dict(zip(DEEP.gated, scores.tolist(), strict=True))
    assert all(importance[one] < threshold for one in off)
    assert all(prices.complexity(graph.left(off - {one})).macs_full > limit for one in off)


def test_a_budget_reaches_down_to_one_path() -> None:
    """Beyond the largest threshold the strongest path is kept, so that nine edges are always within reach."""
    graph = graph_of(SMALL)
    scores = torch.rand(132, generator=torch.Generator().manual_seed(8))
    off, threshold = within(graph, scores, lambda s: len(s.edges) <= 9)
    spec = graph.left(off)
    assert len(spec.edges) == 9 and threshold > largest_threshold(SMALL, scores)
    chosen = [score for edge, score in zip(SMALL.edges, scores.tolist(), strict=True) if edge in spec.edges]
    assert min(chosen) == pytest.approx(largest_threshold(SMALL, scores))


def test_an_impossible_budget_is_refused() -> None:
    """No network has fewer parameters than none."""
    scores = torch.rand(132, generator=torch.Generator().manual_seed(6))
    with pytest.raises(ValueError, match="budget"):
        within(graph_of(SMALL), scores, lambda s: False)


@pytest.mark.slow
def test_a_search_and_a_cut_take_seconds() -> None:
    """Once the supernet of depth factors is traced: under five seconds of the processor, at the published widths."""
    whole = hrsupernet(5, depth_factors=True)
    graph = graph_of(whole)
    scores = torch.rand(len(whole.gated), generator=torch.Generator().manual_seed(7))
    started = time.process_time()
    prices = ComplexityTable(whole, 64)
    limit = 0.6 * prices.complexity(whole).macs_full
    off, _ = within(graph, scores, lambda s: prices.complexity(s).macs_full <= limit)
    graph.without(off)
    assert time.process_time() - started < 5


@pytest.mark.slow
@pytest.mark.parametrize("depth_factors", [False, True])
def test_prices_are_the_counts_of_the_built_network(depth_factors: bool) -> None:
    """For cuts of every size, by whatever final branches and residual bodies are left: equal in every field."""
    whole = hrsupernet(5, depth_factors=depth_factors)
    prices, graph = ComplexityTable(whole, 96), graph_of(whole)
    for seed in range(3):
        scores = torch.rand(len(whole.gated), generator=torch.Generator().manual_seed(seed))
        smaller = graph.left(at_threshold(graph, scores, 0.9 * largest_threshold(whole, scores)))
        assert prices.complexity(smaller) == complexity(smaller, 96)
