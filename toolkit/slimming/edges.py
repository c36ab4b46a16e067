"""Slimming: which TA operations stay, what dies with the others, and the physically smaller network (section 3.1)."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Literal

from torch import Tensor

from toolkit.models.spec import STAGES, Edge, SuperNetSpec

Weights = dict[str, Tensor]


HeadCut = Literal["inputs", "published"]
"""What a final branch takes of the head when it goes: the inputs that held it, which is exact; or hidden channels of
the same number too, as in the published networks."""


def without(spec: SuperNetSpec, dropped: Iterable[Edge], head: HeadCut = "inputs") -> SuperNetSpec:
    """The spec that is left when some edges go, and with them every path that leads nowhere.

    A block that no edge reaches goes with its outgoing edges (one sweep forwards); a block that nothing reads goes with
    its incoming edges (one sweep backwards). Final branches that are gone take their inputs of the head with them.

    Raises:
        ValueError: nothing is left, or the published head has no meaning since this one has a width of its own.
    """
    gone = set(dropped)
    edges = [edge for edge in spec.edges if edge not in gone]
    for stage in range(2, STAGES):
        reached = {e.target for e in edges if e.stage == stage}
        edges = [e for e in edges if e.stage != stage + 1 or e.source in reached]
    for stage in range(STAGES - 1, 1, -1):
        read = {e.source for e in edges if e.stage == stage + 1}
        edges = [e for e in edges if e.stage != stage or e.target in read]
    left = {(e.stage, e.target) for e in edges}
    narrowed = tuple(block for block in spec.narrowed if block[:2] in left)
    return dataclasses.replace(spec, edges=tuple(edges), head=_head(spec, edges, head), narrowed=narrowed)


def _head(spec: SuperNetSpec, edges: list[Edge], head: HeadCut) -> int | None:
    """The width of the head's hidden layer, where it is not that of its inputs."""
    if {e.target for e in edges if e.stage == STAGES} == set(spec.branches(STAGES)):
        return spec.head
    if head == "inputs":
        return spec.head_width
    if spec.head is None:
        return None
    raise ValueError("this head has a width of its own, which no final branch has a published share of: cut its inputs")


def at_threshold(spec: SuperNetSpec, scores: Tensor, threshold: float, head: HeadCut = "inputs") -> SuperNetSpec:
    """The spec of all edges whose score reaches the threshold, dead paths removed.

    Raises:
        ValueError: nothing is left; the message names the largest threshold that leaves a network.
    """
    try:
        return without(spec, _below(spec, scores, threshold), head)
    except ValueError as error:
        raise ValueError(
            f"threshold {threshold:g} leaves no network; the largest that does is {largest_threshold(spec, scores):.6g}"
        ) from error


def largest_threshold(spec: SuperNetSpec, scores: Tensor) -> float:
    """The highest threshold at which some path from stem to head survives: the widest bottleneck of all paths."""
    backbone = _backbone(spec, scores)
    kept = [score for edge, score in zip(spec.edges, scores.tolist(), strict=True) if edge in backbone]
    return float(min(kept))


def _backbone(spec: SuperNetSpec, scores: Tensor) -> frozenset[Edge]:
    """The path from stem to head whose weakest edge is strongest."""
    best: dict[tuple[int, int], tuple[float, frozenset[Edge]]] = {(1, 0): (float("inf"), frozenset())}
    for edge, score in zip(spec.edges, scores.tolist(), strict=True):
        weakest, path = best[edge.stage - 1, edge.source]
        candidate = (min(score, weakest), path | {edge})
        key = (edge.stage, edge.target)
        if key not in best or candidate[0] > best[key][0]:
            best[key] = candidate
    return max((best[STAGES, branch] for branch in spec.branches(STAGES)), key=lambda found: found[0])[1]


def within(
    spec: SuperNetSpec, scores: Tensor, fits: Callable[[SuperNetSpec], bool], head: HeadCut = "inputs"
) -> tuple[SuperNetSpec, float]:
    """The largest network whose cost fits, and its threshold, by bisection over the sorted scores.

    The path whose weakest edge is strongest stays whatever its scores: budgets can be met down to that one path.

    Args:
        spec: the supernet.
        scores: (E,) importances.
        fits: whether a spec is within the budget; a network with fewer edges must not cost more.
        head: what a final branch takes of the head.

    Raises:
        ValueError: not even that one path fits.
    """
    backbone = _backbone(spec, scores)

    def remaining(threshold: float) -> SuperNetSpec:
        return without(spec, set(_below(spec, scores, threshold)) - backbone, head)

    candidates = sorted({0.0, *scores.tolist(), float(scores.max()) + 1.0})
    low, high = 0, len(candidates) - 1
    if not fits(remaining(candidates[high])):
        raise ValueError(
            "the budget is below the cost of a single path through the network: give a larger one, or remove channels"
        )
    while low < high:
        middle = (low + high) // 2
        if fits(remaining(candidates[middle])):
            high = middle
        else:
            low = middle + 1
    return remaining(candidates[high]), candidates[high]


def cut(weights: Weights, spec: SuperNetSpec, smaller: SuperNetSpec) -> Weights:
    """The weights of `smaller`, taken from those of `spec`.

    The result computes what the larger network computes with the dropped edges' alpha at zero. Where the smaller head
    is narrower, as in the published networks, that holds for the larger network with its further channels at zero.
    """
    kept = set(smaller.edges)
    position = [i for i, edge in enumerate(spec.edges) if edge in kept]
    names = set(smaller.branches(STAGES))
    present = spec.branches(STAGES)
    channels = [c for k in present if k in names for c in _span(spec, present, k)]
    standing = {f"{e.stage}.{e.target}.edges.{e.source}" for e in smaller.edges}
    standing |= {f"{e.stage}.{e.target}.encoder" for e in smaller.edges}
    result = {}
    for name, value in weights.items():
        if name == "alpha":
            result[name] = value[position]
        elif name.startswith("head."):
            result[name] = _head_slice(name, value, channels, smaller.head_width < spec.head_width)
        elif not name.startswith("stages.") or _part(name) in standing:
            result[name] = value
    return {name: value.clone() for name, value in result.items()}


def _span(spec: SuperNetSpec, present: tuple[int, ...], branch: int) -> range:
    """The head's input channels that come from a final branch."""
    start = sum(spec.width(STAGES, k) for k in present if k < branch)
    return range(start, start + spec.width(STAGES, branch))


def _head_slice(name: str, value: Tensor, channels: list[int], hidden_too: bool) -> Tensor:
    if name == "head.hidden.weight":
        return value[:, channels][channels] if hidden_too else value[:, channels]
    if name == "head.out.weight":
        return value[:, channels] if hidden_too else value
    if name.startswith(("head.hidden.", "head.norm.")) and value.ndim == 1:
        return value[channels] if hidden_too else value
    return value


def _part(name: str) -> str:
    """The part that a tensor `stages.STAGE.TARGET.(edges.SOURCE|encoder)...` belongs to."""
    _, stage, target, what, index, *_ = name.split(".")
    return f"{stage}.{target}.{what}.{index}" if what == "edges" else f"{stage}.{target}.{what}"


def _below(spec: SuperNetSpec, scores: Tensor, threshold: float) -> list[Edge]:
    return [edge for edge, score in zip(spec.edges, scores.tolist(), strict=True) if score < threshold]
