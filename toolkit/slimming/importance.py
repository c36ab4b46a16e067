"""How much each TA operation matters, by measures to choose from: a score an edge, in the spec's order."""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor

from toolkit.models import HRSuperNet
from toolkit.models.spec import STAGES, Edge, SuperNetSpec
from toolkit.slimming.edges import Weights

Importance = Literal["alpha", "gamma", "taylor", "random"]


def by_alpha(weights: Weights) -> Tensor:
    """|alpha| (section 3.1); alpha may have crossed zero in training."""
    return weights["alpha"].detach().abs()


def by_gamma(spec: SuperNetSpec, weights: Weights) -> Tensor:
    """|alpha| times the size of the map that it multiplies, which alpha alone does not know: alpha and the scale gamma
    of the norm before it trade off freely.

    The size is the root mean square over channels, so that wide branches gain nothing by their width. Behind a norm it
    is that of gamma, ||gamma|| / sqrt(C). An identity edge passes on its source block's map, which has no norm of its
    own; its size is followed from the norms before it, their terms taken as independent: a ReLU halves the mean square
    of a symmetric distribution, and every residual block adds that of its last norm.
    """
    alphas = by_alpha(weights).tolist()
    square = {0: _stem_square(spec, weights)}  # mean squares of the maps of the stage before, by branch
    scores: dict[Edge, float] = {}
    factor = dict(zip(spec.edges, alphas, strict=True))
    for stage in range(2, STAGES + 1):
        after = {}
        for target in spec.branches(stage):
            incoming = spec.into(stage, target)
            for edge in incoming:
                scale = square[edge.source] if edge.kind == "identity" else _last_norm(weights, _prefix(edge))
                scores[edge] = factor[edge] * scale**0.5
            encoder = f"stages.{stage}.{target}.encoder"
            after[target] = sum(scores[edge] ** 2 for edge in incoming) / 2 + _residuals(weights, encoder)
        square = after
    return torch.tensor([scores[edge] for edge in spec.edges])


def by_taylor(net: HRSuperNet, losses: Iterable[Tensor]) -> Tensor:
    """|alpha * dL / dalpha|, to first order the change of the loss when alpha becomes zero, summed over batches
    (Molchanov et al., 2019).

    Args:
        net: the supernet, in evaluation mode.
        losses: a scalar loss of this network for each batch; a generator keeps one graph at a time.

    Raises:
        ValueError: no losses.
    """
    total = torch.zeros(len(net.alpha))
    count = 0
    for loss in losses:
        (gradient,) = torch.autograd.grad(loss, net.alpha)
        total += (net.alpha.detach() * gradient).abs().cpu()
        count += 1
    if not count:
        raise ValueError("the Taylor importance needs at least one batch of faces")
    return total


def at_random(spec: SuperNetSpec, seed: int) -> Tensor:
    """A control that knows nothing."""
    return torch.rand(len(spec.edges), generator=torch.Generator().manual_seed(seed))


def _stem_square(spec: SuperNetSpec, weights: Weights) -> float:
    """Mean square of stage 1's map: the stem ends with a ReLU, stage 1 adds its residual blocks."""
    return _last_norm(weights, "stem") / 2 + _residuals(weights, "stage1")


def _prefix(edge: Edge) -> str:
    return f"stages.{edge.stage}.{edge.target}.edges.{edge.source}"


def _last_norm(weights: Weights, prefix: str) -> float:
    """Mean square of the gammas of the last norm under a prefix; norms alone have a running variance."""
    norms = [name for name in weights if name.startswith(f"{prefix}.") and name.endswith(".running_var")]
    assert norms, prefix
    last = max(norms, key=lambda name: (len(name), name))
    gamma = weights[last.replace("running_var", "weight")]
    return float(gamma.detach().double().square().mean())


def _residuals(weights: Weights, prefix: str) -> float:
    """Mean squares that a chain of residual blocks adds."""
    blocks = {name.removeprefix(f"{prefix}.").split(".")[0] for name in weights if name.startswith(f"{prefix}.")}
    return sum(_last_norm(weights, f"{prefix}.{block}") for block in sorted(blocks))
