"""Weights of the sparsity term (equation 2), so that what is dear is pressed harder than what is cheap."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from toolkit.models.spec import Edge, Gated, SuperNetSpec
from toolkit.slimming.complexity import components
from toolkit.slimming.latency import LatencyTable, body_key, edge_key
from toolkit.slimming.operations import of_gated

Penalty = Literal["uniform", "macs", "operations", "latency"]


def penalty_weights(spec: SuperNetSpec, size_px: int, penalty: Penalty, table: LatencyTable | None = None) -> Tensor:
    """A weight for every factor's size, in the order of spec.gated and 1 on average, so that lambda keeps its meaning.

    Args:
        spec: the supernet.
        size_px: side of the input.
        penalty: `uniform`, as published; `macs`, in proportion to the multiply-accumulates of an edge or residual body,
            that of the factor and the sum included, which is all that an identity edge has; `operations`, to those of
            the exported file; `latency`, to its measured time.
        table: measured times, for `latency`.

    Raises:
        ValueError: `latency` without a table, or with one that lacks a piece.
    """
    match penalty:
        case "uniform":
            return torch.ones(len(spec.gated))
        case "macs":
            own = {part.name: part.macs for part in components(spec, size_px)}
            costs: list[float] = [_macs(spec, one, own, size_px) for one in spec.gated]
        case "operations":
            costs = [of_gated(one) for one in spec.gated]
        case "latency":
            if table is None:
                raise ValueError("a latency penalty needs a table: make one with `sdhrnet latency-table`")
            costs = [_milliseconds(spec, one, table) for one in spec.gated]
    weights = torch.tensor(costs, dtype=torch.float64)
    return (weights / weights.mean()).float()


def _macs(spec: SuperNetSpec, one: Gated, own: Mapping[str, int], size_px: int) -> float:
    if isinstance(one, Edge):
        return own.get(one.name, 0) + _outputs(spec, one.stage, one.target, size_px)
    block = own[f"{one.stage}.{one.branch}"] / spec.depth_of(one.stage, one.branch)
    return block + _outputs(spec, one.stage, one.branch, size_px)


def _milliseconds(spec: SuperNetSpec, one: Gated, table: LatencyTable) -> float:
    key = edge_key(spec, one) if isinstance(one, Edge) else body_key(spec, one.stage, one.branch)
    return table.milliseconds(key)


def _outputs(spec: SuperNetSpec, stage: int, branch: int, size_px: int) -> int:
    """Values of a block's map."""
    side = (size_px // 4) >> branch
    return spec.width(stage, branch) * side * side
