"""How weights are learned: the optimiser, its schedule, and the running mean of the weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Optim:
    """How weights are learned."""

    epochs: int = 30
    """Passes over the training faces."""
    batch: int = 16
    """Faces a step (section 4.3)."""
    lr: float = 2e-3
    """Highest learning rate; the published 1e-4 suits weights that start from ImageNet."""
    weight_decay: float = 0.01
    """Decoupled (adamw) or added to the gradient (adam)."""
    rule: Literal["adamw", "adam"] = "adamw"
    """The optimiser."""
    decay: Literal["cosine", "steps"] = "cosine"
    """Learning rate: down a cosine to 0, or x 0.1 after 2/3 and 5/6 of the epochs (section 4.3)."""
    warmup: float = 0.04
    """Share of the steps over which the learning rate rises from 0."""
    ema: float = 0.999
    """Decay of the running mean of the weights, which is what is kept; 0 keeps the last weights."""
    patience: int = 0
    """Epochs without a lower validation error after which training stops; the best weights are kept. 0: never."""

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1 or not self.lr > 0:
            raise ValueError("epochs and batch must be at least 1, and the learning rate above 0")
        if self.patience < 0:
            raise ValueError(f"patience must not be negative, got {self.patience}")
        if not (0 <= self.ema < 1 and 0 <= self.warmup < 1 and self.weight_decay >= 0):
            raise ValueError("ema and warmup must lie in [0, 1), and weight_decay must not be negative")

    def factor(self, done: float) -> float:
        """Share of the highest learning rate after a share `done` of all steps."""
        rise = min(1.0, done / self.warmup) if self.warmup else 1.0
        if self.decay == "steps":
            return rise * 0.1 ** ((done >= 2 / 3) + (done >= 5 / 6))
        return rise * 0.5 * (1 + float(np.cos(np.pi * done)))

    def mean_lr(self, epoch: int) -> float:
        """Learning rate in the middle of an epoch, from 0."""
        return self.lr * self.factor((epoch + 0.5) / self.epochs)

    def optimiser(self, parameters: Sequence[nn.Parameter], lr: float | None = None) -> torch.optim.Optimizer:
        """Adam with beta1 0.9 (section 4.3), or AdamW."""
        kind = torch.optim.AdamW if self.rule == "adamw" else torch.optim.Adam
        return kind(parameters, lr=lr or self.lr, betas=(0.9, 0.999), weight_decay=self.weight_decay, fused=True)


PAPER = Optim(epochs=60, lr=1e-4, weight_decay=4e-5, rule="adam", decay="steps", warmup=0, ema=0)
"""Section 4.3."""


class Mean:
    """Exponential running mean of a network's parameters and buffers."""

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.values = {k: v.detach().clone() for k, v in net.state_dict().items()}

    @torch.no_grad()
    def update(self, net: nn.Module) -> None:
        """Take in the present weights; early on the mean is short, so that the start is soon forgotten."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps)) if self.decay else 0.0
        ours, theirs = [], []
        for name, value in net.state_dict().items():
            if value.is_floating_point():
                ours.append(self.values[name])
                theirs.append(value)
            else:
                self.values[name].copy_(value)
        torch._foreach_lerp_(ours, theirs, 1 - decay)


class Worn:
    """Lend a network other weights for the length of a block."""

    def __init__(self, net: nn.Module, values: dict[str, Tensor]) -> None:
        self.net, self.values = net, values

    def __enter__(self) -> None:
        self.own = {k: v.detach().clone() for k, v in self.net.state_dict().items()}
        self.net.load_state_dict(self.values)

    def __exit__(self, *_: object) -> None:
        self.net.load_state_dict(self.own)
