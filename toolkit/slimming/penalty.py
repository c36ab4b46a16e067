"""Weights of the sparsity term (equation 2), so that what is dear is pressed harder than what is cheap."""

from typing import Literal

import torch
from torch import Tensor

from toolkit.models.spec import SuperNetSpec
from toolkit.slimming.census import parts
from toolkit.slimming.latency import LatencyTable, edge_key

Penalty = Literal["uniform", "macs", "latency"]


def penalty_weights(spec: SuperNetSpec, size_px: int, penalty: Penalty, table: LatencyTable | None = None) -> Tensor:
    """A weight for every edge's |alpha|, in the spec's order and 1 on average, so that lambda keeps its meaning.

    Args:
        spec: the supernet.
        size_px: side of the input.
        penalty: `uniform`, as published; `macs`, in proportion to an edge's multiply-accumulates, that of alpha and the
            sum included, which is all that an identity edge has; `latency`, to its measured time.
        table: measured times, for `latency`.

    Raises:
        ValueError: `latency` without a table, or with one that lacks an edge.
    """
    match penalty:
        case "uniform":
            return torch.ones(len(spec.edges))
        case "macs":
            own: dict[str, float] = {part.name: part.macs for part in parts(spec, size_px)}
            costs = [own.get(edge.name, 0.0) + _outputs(spec, edge.stage, edge.target, size_px) for edge in spec.edges]
        case "latency":
            if table is None:
                raise ValueError("a latency penalty needs a table: make one with `sdhrnet latency-table`")
            costs = [table.milliseconds(edge_key(spec, edge)) for edge in spec.edges]
    weights = torch.tensor(costs, dtype=torch.float64)
    return (weights / weights.mean()).float()


def _outputs(spec: SuperNetSpec, stage: int, branch: int, size_px: int) -> int:
    """Values of a block's map."""
    side = (size_px // 4) >> branch
    return spec.width(stage, branch) * side * side
