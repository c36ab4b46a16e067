"""Slimming: which operations and layers stay, and the physically smaller network (section 3.1)."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from toolkit.models.building import blank
from toolkit.models.spec import DIVISOR, Edge, Gated, SuperNetSpec
from toolkit.models.supernet import HRSuperNet, gate_of
from toolkit.slimming.graph import GateGraph

HeadCut = Literal["inputs", "published"]
"""What a final branch takes of the head when it goes: the inputs that held it, which is exact; or hidden channels of
the same number too, as in the published networks."""
Off = frozenset[Gated]
"""Edges and residual bodies that are switched off."""


class SuperNetGraph:
    """A network with its dependency graph, traced once, from which any number of smaller ones can be cut."""

    def __init__(self, net: HRSuperNet) -> None:
        self.net = net
        self.spec = net.spec
        image = torch.randn(1, 3, DIVISOR, DIVISOR, generator=torch.Generator().manual_seed(0))
        self.graph = GateGraph(net, image.to(net.alpha.dtype))

    def left(self, off: Iterable[Gated], head: HeadCut = "inputs") -> SuperNetSpec:
        """The spec that is left when some factors become 0, and every path that leads nowhere goes, in milliseconds.

        Raises:
            ValueError: nothing is left, or the published head has no meaning since this one has a width of its own.
        """
        dead = self.graph.dead(map(gate_of, off))
        spec = self.spec
        edges = tuple(edge for edge in spec.edges if gate_of(edge) not in dead)
        blocks = {(1, 0), *((edge.stage, edge.target) for edge in edges)}
        gone = [body for body in spec.bodies if spec.depth_factors and gate_of(body) in dead]
        counts = Counter({block: spec.depth_of(*block) for block in blocks})
        counts.subtract((body.stage, body.branch) for body in gone if (body.stage, body.branch) in blocks)
        depths = ((*block, n) for block, n in sorted(counts.items()) if block[0] < spec.stages and n != spec.depth)
        return replace(
            spec,
            edges=edges,
            head=self._head({branch for stage, branch in blocks if stage == spec.stages}, head),
            narrowed=tuple(block for block in spec.narrowed if block[:2] in blocks),
            depths=tuple(depths),
        )

    def without(self, off: Iterable[Gated], head: HeadCut = "inputs") -> HRSuperNet:
        """The network of the spec that is left, with what is left of the weights.

        It computes what the larger one does with the factors that are gone at 0. Where its head is narrower, as in the
        published networks, that holds for the larger one with its further hidden channels at 0.

        Raises:
            ValueError: as `left` does.
        """
        off = frozenset(off)  # an iterator gives its members once
        gates = [gate_of(one) for one in off]
        spec = self.left(off, head)
        smaller = self.graph.view(gates)
        if spec.head_width < self.spec.head_width:
            self.graph.narrow(smaller, "head.hidden", self.graph.slices(gates)["head.hidden"])
        weights = smaller.state_dict()
        kept = set(spec.edges)
        weights["alpha"] = weights["alpha"][[edge in kept for edge in self.spec.edges]]
        net = blank(spec).to(weights["alpha"].dtype)
        net.load_state_dict(weights, strict=True)
        assert isinstance(net, HRSuperNet)
        return net.eval()

    def removed(self, off: Iterable[Gated]) -> list[str]:
        """The modules that go, by name: operations, layers, blocks, and inputs of the head."""
        gates = [gate_of(one) for one in off]
        slices = self.graph.slices(gates).items()
        inputs = [f"{name}, {len(channels)} inputs" for name, channels in slices]
        return [*(name for name in self.graph.removed(gates) if ".gates." not in name or _identity(name)), *inputs]

    def _head(self, branches: set[int], head: HeadCut) -> int | None:
        """The width of the head's hidden layer, where it is not that of its inputs."""
        if branches == set(self.spec.branches(self.spec.stages)):
            return self.spec.head
        if head == "inputs":
            return self.spec.head_width
        if self.spec.head is None:
            return None
        raise ValueError(
            "this head has a width of its own, which no final branch has a published share of: cut its inputs"
        )


def at_threshold(graph: SuperNetGraph, scores: Tensor, threshold: float) -> Off:
    """What goes because its score is below a threshold.

    Args:
        graph: of the supernet.
        scores: (G,) importances, in the order of spec.gated.
        threshold: the least that stays.

    Raises:
        ValueError: nothing is left; the message names a threshold that leaves a network.
    """
    off = _below(graph.spec, scores, threshold)
    try:
        graph.left(off)
    except ValueError as error:
        largest = largest_threshold(graph.spec, scores)
        raise ValueError(f"threshold {threshold:g} leaves no network; the largest that does is {largest!r}") from error
    return off


def largest_threshold(spec: SuperNetSpec, scores: Tensor) -> float:
    """The highest threshold at which some path from stem to head survives: the widest bottleneck of all paths."""
    backbone = _backbone(spec, scores)
    kept = [score for edge, score in zip(spec.gated, scores.tolist(), strict=True) if edge in backbone]
    return float(min(kept))


def _backbone(spec: SuperNetSpec, scores: Tensor) -> frozenset[Edge]:
    """The path from stem to head whose weakest edge is strongest."""
    best: dict[tuple[int, int], tuple[float, frozenset[Edge]]] = {(1, 0): (float("inf"), frozenset())}
    for edge, score in zip(spec.edges, scores.tolist(), strict=False):  # the edges come first
        weakest, path = best[edge.stage - 1, edge.source]
        candidate = (min(score, weakest), path | {edge})
        key = (edge.stage, edge.target)
        if key not in best or candidate[0] > best[key][0]:
            best[key] = candidate
    return max((best[spec.stages, branch] for branch in spec.branches(spec.stages)), key=lambda found: found[0])[1]


def within(
    graph: SuperNetGraph, scores: Tensor, fits: Callable[[SuperNetSpec], bool], head: HeadCut = "inputs"
) -> tuple[Off, float]:
    """What has to go so that the network's cost fits, and the threshold, by bisection over the sorted scores.

    The path whose weakest edge is strongest stays whatever its scores: budgets can be met down to that one path. A
    threshold takes whole paths at once, so what is below it then comes back where it fits: edges, then residual bodies,
    the most important first.

    Args:
        graph: of the supernet.
        scores: (G,) importances, in the order of spec.gated.
        fits: whether a spec is within the budget; a network with less in it must not cost more.
        head: what a final branch takes of the head.

    Raises:
        ValueError: not even that one path fits.
    """
    spec = graph.spec
    backbone = _backbone(spec, scores)

    def off(threshold: float) -> Off:
        return _below(spec, scores, threshold) - backbone

    candidates = sorted({0.0, *scores.tolist(), float(scores.max()) + 1.0})
    low, high = 0, len(candidates) - 1
    if not fits(graph.left(off(candidates[high]), head)):
        raise ValueError(
            "the budget is below the cost of a single path through the network: give a larger one, or remove channels"
        )
    while low < high:
        middle = (low + high) // 2
        if fits(graph.left(off(candidates[middle]), head)):
            high = middle
        else:
            low = middle + 1
    gone = off(candidates[high])
    importance = dict(zip(spec.gated, scores.tolist(), strict=True))
    for one in sorted(gone, key=lambda g: (isinstance(g, Edge), importance[g]), reverse=True):
        if fits(graph.left(gone - {one}, head)):
            gone -= {one}
    return gone, candidates[high]


def _below(spec: SuperNetSpec, scores: Tensor, threshold: float) -> Off:
    return frozenset(one for one, score in zip(spec.gated, scores.tolist(), strict=True) if score < threshold)


def _identity(name: str) -> bool:
    """Whether a gate is an identity edge's, which has no layer of its own: `stages.3.1.gates.1`."""
    _, _, target, _, source = name.split(".")
    return source == target
