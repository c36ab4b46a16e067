"""Channel pruning: after whole operations, single channels go, wherever torch-pruning's dependency graph (Fang et al.,
2023) says that they hang together.

It cannot remove a whole layer; that is what edges.py does with its graph, before this.
"""

from collections.abc import Callable, Mapping
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
    scores: Tensor
    """(C,) importance of each, 1 on average."""


def dependencies(still: nn.Module) -> DependencyGraph:
    """torch-pruning's graph of a traceable network."""
    return DependencyGraph().build_dependency(still, torch.zeros(1, 3, DIVISOR, DIVISOR), verbose=False)


def narrow(net: HRSuperNet, fits: Callable[[SuperNetSpec], bool], round_to: int = 8) -> HRSuperNet:
    """The network without its least important channels: those of the lowest group magnitude, ranked over all groups.

    One level is sought for all channels of the network; a group keeps those above it, rounded up.

    Args:
        net: any HRSuperNet; it is left alone.
        fits: whether a spec is within the budget.
        round_to: a group keeps a multiple of this many channels, or all that it has.

    Raises:
        ValueError: not even `round_to` channels in every group fit.
    """
    still = traceable(net)
    graph = dependencies(still)
    groups = channel_groups(still, graph)
    widths = _widths(still)

    def kept_at(level: float) -> dict[str, int]:
        return {group.root: _kept(group.scores, level, round_to) for group in groups}

    def spec_at(level: float) -> SuperNetSpec:
        return spec_of(net.spec, widths | _writers(groups, kept_at(level)))

    levels = sorted({0.0, *torch.cat([group.scores for group in groups]).tolist(), float("inf")})
    low, high = 0, len(levels) - 1
    if not fits(spec_at(levels[high])):
        raise ValueError(f"the budget is below the cost of {round_to} channels everywhere: remove operations first")
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(spec_at(levels[middle])) else (middle + 1, high)
    return _rebuilt(still, graph, groups, kept_at(levels[high]), net.spec)


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
    """What can be pruned: every group of channels but the heatmaps."""
    measure = GroupMagnitudeImportance(p=2, group_reduction="mean", normalizer="mean")
    names = {module: name for name, module in still.named_modules()}
    found = []
    for group in graph.get_all_groups(ignored_layers=[still.head.out], root_module_types=[nn.Conv2d]):
        writers = [
            names[dep.target.module]
            for dep, _ in group
            if isinstance(dep.target.module, nn.Conv2d) and graph.is_out_channel_pruning_fn(dep.handler)
        ]
        root = names[group[0].dep.target.module]
        found.append(Group(root=root, writers=tuple(dict.fromkeys(writers)), scores=measure(group)))
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
