"""Slimming by two sweeps over the spec, without a traced graph: what the dependency graph is compared with."""

import dataclasses
from collections import Counter
from collections.abc import Iterable

from torch import Tensor

from toolkit.models.spec import STAGES, Body, Edge, SuperNetSpec
from toolkit.slimming.edges import HeadCut

Weights = dict[str, Tensor]


def thinner(spec: SuperNetSpec, weights: Weights, gone: set[Body]) -> tuple[SuperNetSpec, Weights]:
    """A network without some residual bodies; those behind them in their block move up."""
    left = [body for body in spec.bodies if body not in gone]
    counts = Counter((body.stage, body.branch) for body in left)
    blocks = dict.fromkeys((body.stage, body.branch) for body in spec.bodies)
    depths = tuple((*block, counts[block]) for block in blocks if counts[block] != spec.depth)
    result = {name: value for name, value in weights.items() if "encoder." not in name and "stage1." not in name}
    moved: Counter[tuple[int, int]] = Counter()
    for body in left:
        block = (body.stage, body.branch)
        prefix = "stage1" if body.stage == 1 else f"stages.{body.stage}.{body.branch}.encoder"
        old, new = f"{prefix}.{body.index}.", f"{prefix}.{moved[block]}."
        moved[block] += 1
        result |= {new + name.removeprefix(old): v for name, v in weights.items() if name.startswith(old)}
    return dataclasses.replace(spec, depths=depths), result


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
    depths = tuple(block for block in spec.depths if block[0] == 1 or block[:2] in left)
    return dataclasses.replace(
        spec, edges=tuple(edges), head=_head(spec, edges, head), narrowed=narrowed, depths=depths
    )


def _head(spec: SuperNetSpec, edges: list[Edge], head: HeadCut) -> int | None:
    """The width of the head's hidden layer, where it is not that of its inputs."""
    if {e.target for e in edges if e.stage == STAGES} == set(spec.branches(STAGES)):
        return spec.head
    if head == "inputs":
        return spec.head_width
    if spec.head is None:
        return None
    raise ValueError("this head has a width of its own, which no final branch has a published share of: cut its inputs")


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
