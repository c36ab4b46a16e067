"""Channel pruning: after whole operations, single channels go, wherever torch-pruning's dependency graph (Fang et al.,
2023) says that they hang together.

It cannot remove a whole layer; that is what edges.py does with its graph, before this.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch_pruning import DependencyGraph
from torch_pruning.pruner.importance import GroupMagnitudeImportance

from toolkit.models.building import blank
from toolkit.models.spec import DIVISOR, SuperNetSpec
from toolkit.models.supernet import HRSuperNet, module_of
from toolkit.slimming.graph import traceable


@dataclass(frozen=True, kw_only=True)
class Group:
    """Channels that can only go together: the same index of every layer that is named."""

    root: str
    """A convolution whose outputs they are."""
    writers: tuple[str, ...]
    """All convolutions whose outputs they are."""
    norms: tuple[str, ...]
    """All norms that they pass."""
    scores: Tensor
    """(C,) importance of each."""


def dependencies(still: nn.Module) -> DependencyGraph:
    """torch-pruning's graph of a traceable network."""
    return DependencyGraph().build_dependency(still, torch.zeros(1, 3, DIVISOR, DIVISOR), verbose=False)


def narrow(
    net: HRSuperNet,
    cost: Callable[[SuperNetSpec], float],
    most: float,
    round_to: int = 8,
    losses: Iterable[Tensor] | None = None,
) -> HRSuperNet:
    """The network without its least important channels, ranked over all groups.

    One level is sought for all channels of the network; a group keeps those above it, rounded up. Without losses a
    channel counts by its group magnitude, 1 on average in each group. With them it counts by what its removal does to
    the loss, over what it costs: one of the stem costs as much as many of a small map.

    Args:
        net: any HRSuperNet; it is left alone. With losses it is in evaluation mode.
        cost: of a spec, in any unit.
        most: the budget, in that unit.
        round_to: a group keeps a multiple of this many channels, or all that it has.
        losses: a scalar loss of this network for each batch of faces.

    Raises:
        ValueError: not even `round_to` channels in every group fit, or there are no losses.
    """
    still = traceable(net)
    graph = dependencies(still)
    groups = channel_groups(still, graph)
    widths = _widths(still)
    if losses is not None:
        groups = _by_cost(by_taylor(net, groups, losses), net.spec, widths, cost, round_to)

    def kept_at(level: float) -> dict[str, int]:
        return {group.root: _kept(group.scores, level, round_to) for group in groups}

    def fits(level: float) -> bool:
        return cost(spec_of(net.spec, widths | _writers(groups, kept_at(level)))) <= most

    levels = sorted({0.0, *torch.cat([group.scores for group in groups]).tolist(), float("inf")})
    low, high = 0, len(levels) - 1
    if not fits(levels[high]):
        raise ValueError(f"the budget is below the cost of {round_to} channels everywhere: remove operations first")
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(levels[middle]) else (middle + 1, high)
    return _rebuilt(still, graph, groups, kept_at(levels[high]), net.spec)


def by_taylor(net: HRSuperNet, groups: Sequence[Group], losses: Iterable[Tensor]) -> list[Group]:
    """The groups, scored by the change of the loss, to first order, when a channel falls silent (Molchanov et al.,
    2019): |sum over its norms of gamma dL / dgamma + beta dL / dbeta|, summed over batches.

    A norm behind another one of the same channel, as around a depthwise convolution, counts once more.

    Args:
        net: the network of the groups, in evaluation mode.
        groups: its channels; their own scores do not matter.
        losses: a scalar loss of this network for each batch; a generator keeps one graph at a time.

    Raises:
        ValueError: no losses.
    """
    modules = dict(net.named_modules())
    learned: dict[tuple[str, str], Tensor] = {
        (name, which): getattr(modules[name], which)
        for group in groups
        for name in group.norms
        for which in ("weight", "bias")
    }
    totals = [torch.zeros(len(group.scores)) for group in groups]
    count = 0
    for loss in losses:
        slopes = torch.autograd.grad(loss, list(learned.values()))
        terms = {
            key: (value.detach() * slope).cpu() for (key, value), slope in zip(learned.items(), slopes, strict=True)
        }
        for i, group in enumerate(groups):
            slope = torch.stack([terms[name, "weight"] + terms[name, "bias"] for name in group.norms]).sum(0)
            totals[i] += slope.abs()
        count += 1
    if not count:
        raise ValueError("the Taylor importance needs at least one batch of faces")
    return [replace(group, scores=total) for group, total in zip(groups, totals, strict=True)]


def _by_cost(
    groups: Sequence[Group],
    spec: SuperNetSpec,
    widths: Mapping[str, int],
    cost: Callable[[SuperNetSpec], float],
    round_to: int,
) -> list[Group]:
    """The groups, their scores over what each of the first channels to go costs; where that is nothing, they stay."""
    whole, found = cost(spec), []
    for group in groups:
        gone = min(round_to, len(group.scores) - 1)
        less = spec_of(spec, {**widths, **dict.fromkeys(group.writers, len(group.scores) - gone)})
        saved = whole - cost(less)
        scores = group.scores * gone / saved if saved > 0 else torch.full_like(group.scores, torch.inf)
        found.append(replace(group, scores=scores))
    return found


def even(net: HRSuperNet, most: int) -> HRSuperNet:
    """The network with every group of channels cut to the power of two at or below its width, and to at most `most`.

    Kernels work on whole vectors of channels: 18 cost them as much as 32 do, and 16 half of it.

    Args:
        net: any HRSuperNet; it is left alone.
        most: the widest group that is left, itself cut to a power of two.
    """
    still = traceable(net)
    graph = dependencies(still)
    groups = channel_groups(still, graph)
    kept = {group.root: 1 << (min(len(group.scores), most).bit_length() - 1) for group in groups}
    return _rebuilt(still, graph, groups, kept, net.spec)


def channel_groups(still: HRSuperNet, graph: DependencyGraph) -> list[Group]:
    """What can be pruned: every group of channels but the heatmaps, with their group magnitudes, 1 on average."""
    measure = GroupMagnitudeImportance(p=2, group_reduction="mean", normalizer="mean")
    names = {module: name for name, module in still.named_modules()}
    found = []
    for group in graph.get_all_groups(ignored_layers=[still.head.out], root_module_types=[nn.Conv2d]):
        writers = [
            names[dep.target.module]
            for dep, _ in group
            if isinstance(dep.target.module, nn.Conv2d) and graph.is_out_channel_pruning_fn(dep.handler)
        ]
        norms = [names[dep.target.module] for dep, _ in group if isinstance(dep.target.module, nn.BatchNorm2d)]
        found.append(
            Group(
                root=names[group[0].dep.target.module],
                writers=tuple(dict.fromkeys(writers)),
                norms=tuple(dict.fromkeys(norms)),
                scores=measure(group),
            )
        )
    return found


def spec_of(spec: SuperNetSpec, widths: Mapping[str, int]) -> SuperNetSpec:
    """The spec of the same edges with other widths, given each convolution's outputs by name."""
    stem = (widths["stem.0"], widths["stem.3"])
    edges, blocks = [], {(1, 0): stem[1]}
    for edge in spec.edges:
        convolutions = [widths[f"{module_of(edge)}.{3 * i}"] for i in range(len(edge.inner))]
        edges.append(replace(edge, inner=tuple(convolutions)))
        last = f"{module_of(edge)}.{3 * len(edge.inner)}"
        known = blocks[edge.stage - 1, edge.source] if edge.kind == "identity" else widths[last]
        blocks[edge.stage, edge.target] = known
    own = tuple((s, k, width) for (s, k), width in sorted(blocks.items()) if s > 1 and width != spec.widths[k])
    final = sum(width for (stage, _), width in blocks.items() if stage == spec.stages)
    hidden = widths["head.hidden"]
    return replace(spec, edges=tuple(edges), stem=stem, narrowed=own, head=None if hidden == final else hidden)


def _kept(scores: Tensor, level: float, round_to: int) -> int:
    """How many channels of a group stay at a level."""
    above = max(1, int((scores >= level).sum()))
    return min(len(scores), -(-above // round_to) * round_to)


def _widths(still: HRSuperNet) -> dict[str, int]:
    """How many channels each convolution gives."""
    return {name: module.out_channels for name, module in still.named_modules() if isinstance(module, nn.Conv2d)}


def _writers(groups: list[Group], kept: Mapping[str, int]) -> dict[str, int]:
    """The channels left to each convolution of the groups, given those left to each group by its root."""
    return {name: kept[group.root] for group in groups for name in group.writers}


def _rebuilt(
    still: HRSuperNet, graph: DependencyGraph, groups: list[Group], kept: Mapping[str, int], spec: SuperNetSpec
) -> HRSuperNet:
    """A network of the same edges whose groups have only their most important channels; `still` is used up."""
    narrower = blank(spec_of(spec, _widths(still) | _writers(groups, kept)))
    _prune(still, graph, groups, kept)
    narrower.load_state_dict(still.state_dict(), strict=True)
    assert isinstance(narrower, HRSuperNet)
    return narrower.eval()


def _prune(still: HRSuperNet, graph: DependencyGraph, groups: list[Group], kept: Mapping[str, int]) -> None:
    modules = dict(still.named_modules())
    for group in groups:
        excess = len(group.scores) - kept[group.root]
        if excess:
            root = modules[group.root]
            gone = torch.argsort(group.scores)[:excess].tolist()
            graph.get_pruning_group(root, graph.get_pruner_of_module(root).prune_out_channels, gone).prune()
