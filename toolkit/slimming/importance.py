"""How much each TA operation matters, and each residual body with a depth factor, by measures to choose from: a score
each, in the order of spec.gated."""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor

from toolkit.models.spec import Gated, SuperNetSpec
from toolkit.models.supernet import HRSuperNet, module_of

Weights = dict[str, Tensor]
Importance = Literal["alpha", "gamma", "taylor", "random"]


def factors(spec: SuperNetSpec, weights: Weights) -> Tensor:
    """(G,) importance factors as they were learned."""
    bodies = spec.bodies if spec.depth_factors else ()
    own = [weights[f"{module_of(body)}.factor"] for body in bodies]
    return torch.cat([weights["alpha"].detach(), *(factor.detach().view(1) for factor in own)])


def by_alpha(spec: SuperNetSpec, weights: Weights) -> Tensor:
    """|alpha| (section 3.1); alpha may have crossed zero in training."""
    return factors(spec, weights).abs()


def by_gamma(spec: SuperNetSpec, weights: Weights) -> Tensor:
    """|alpha| times the size of the map that it multiplies, which alpha alone does not know: alpha and the scale gamma
    of the norm before it trade off freely.

    The size is the root mean square over channels, so that wide branches gain nothing by their width. Behind a norm it
    is that of gamma, ||gamma|| / sqrt(C). An identity edge passes on its source block's map, which has no norm of its
    own; its size is followed from the norms before it, their terms taken as independent: a ReLU halves the mean square
    of a symmetric distribution, and every residual block adds that of its last norm, times its depth factor's.

    Raises:
        ValueError: the network has other units than MBConvs, of which this is not known.
    """
    if spec.unit != "mbconv" or spec.bottlenecks:
        raise ValueError("gamma is followed through MBConvs alone: give --importance alpha or taylor")
    factor: dict[Gated, float] = dict(zip(spec.gated, by_alpha(spec, weights).tolist(), strict=True))
    scores: dict[Gated, float] = {
        body: factor.get(body, 1.0) * _last_norm(weights, module_of(body)) ** 0.5 for body in spec.bodies
    }

    def residuals(stage: int, branch: int) -> float:
        return sum(scores[body] ** 2 for body in spec.bodies if (body.stage, body.branch) == (stage, branch))

    # mean squares of the maps of the stage before, by branch: the stem ends with a ReLU
    square = {0: _last_norm(weights, "stem") / 2 + residuals(1, 0)}
    for stage in range(2, spec.stages + 1):
        after = {}
        for target in spec.branches(stage):
            incoming = spec.into(stage, target)
            for edge in incoming:
                scale = square[edge.source] if edge.kind == "identity" else _last_norm(weights, module_of(edge))
                scores[edge] = factor[edge] * scale**0.5
            after[target] = sum(scores[edge] ** 2 for edge in incoming) / 2 + residuals(stage, target)
        square = after
    return torch.tensor([scores[one] for one in spec.gated])


def by_taylor(net: HRSuperNet, losses: Iterable[Tensor]) -> Tensor:
    """|alpha * dL / dalpha|, to first order the change of the loss when a factor becomes zero, summed over batches
    (Molchanov et al., 2019).

    Args:
        net: the supernet, in evaluation mode.
        losses: a scalar loss of this network for each batch; a generator keeps one graph at a time.

    Raises:
        ValueError: no losses.
    """
    learned = net.factors()
    total = torch.zeros(len(net.spec.gated))
    count = 0
    for loss in losses:
        gradients = torch.autograd.grad(loss, learned)
        terms = [(one.detach() * gradient).abs().view(-1) for one, gradient in zip(learned, gradients, strict=True)]
        total += torch.cat(terms).cpu()
        count += 1
    if not count:
        raise ValueError("the Taylor importance needs at least one batch of faces")
    return total


def at_random(spec: SuperNetSpec, seed: int) -> Tensor:
    """A control that knows nothing."""
    return torch.rand(len(spec.gated), generator=torch.Generator().manual_seed(seed))


def _last_norm(weights: Weights, prefix: str) -> float:
    """Mean square of the gammas of the last norm under a prefix; norms alone have a running variance."""
    norms = [name for name in weights if name.startswith(f"{prefix}.") and name.endswith(".running_var")]
    assert norms, prefix
    last = max(norms, key=lambda name: (len(name), name))
    gamma = weights[last.replace("running_var", "weight")]
    return float(gamma.detach().double().square().mean())
