"""What a network costs: parameters, multiply-accumulates and layers, in two conventions side by side.

`full` counts everything. `paper` is how the paper counts: parameters without stem, head and alpha; MACs without the
head (that is the only reading under which its tables follow from its released networks).
"""

from collections import Counter
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from toolkit.models import blank
from toolkit.models.spec import DIVISOR, Spec


@dataclass(frozen=True, kw_only=True)
class Census:
    """Counts of one network at one input size."""

    params_full: int
    """Without alpha, which folding removes."""
    params_paper: int
    alphas: int
    macs_full: int
    """Convolutions' multiply-accumulates and one per output for a bias, for one image."""
    macs_paper: int
    convolutions: int


def census(spec: Spec, size_px: int = 256) -> Census:
    """Counts for a spec at a square input, in milliseconds: every map's sides are a fixed share of the input's, so that
    the smallest input is run and its MACs are scaled by the area.

    Raises:
        ValueError: size_px is not a positive multiple of DIVISOR.
    """
    check_size(size_px)
    net = blank(spec).eval()
    smallest = _macs_by_part(net, torch.zeros(1, 3, DIVISOR, DIVISOR))
    macs = Counter({part: count * (size_px // DIVISOR) ** 2 for part, count in smallest.items()})
    params = Counter[str]()
    for name, parameter in net.named_parameters():
        params[name.split(".")[0]] += parameter.numel()
    alphas = params.pop("alpha", 0)
    return Census(
        params_full=params.total(),
        params_paper=params.total() - params["stem"] - params["head"],
        alphas=alphas,
        macs_full=macs.total(),
        macs_paper=macs.total() - macs["head"],
        convolutions=sum(isinstance(m, nn.Conv2d) for m in net.modules()),
    )


def check_size(size_px: int) -> None:
    """Raises ValueError where the networks cannot take a square input of this side."""
    if size_px <= 0 or size_px % DIVISOR:
        raise ValueError(f"the input size must be a positive multiple of {DIVISOR}, got {size_px}")


def _macs_by_part(net: nn.Module, image: Tensor) -> Counter[str]:
    macs = Counter[str]()

    def count(part: str, conv: nn.Module, _: object, output: Tensor) -> None:
        assert isinstance(conv, nn.Conv2d)
        per_output = conv.weight[0].numel() + (conv.bias is not None)
        macs[part] += per_output * output.numel()

    hooks = [
        module.register_forward_hook(partial(count, name.split(".")[0]))
        for name, module in net.named_modules()
        if isinstance(module, nn.Conv2d)
    ]
    with torch.no_grad():
        net(image)
    for hook in hooks:
        hook.remove()
    return macs
