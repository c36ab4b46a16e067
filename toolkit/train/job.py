"""What a run of the training loop is given."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from toolkit.data.augment import Augment
from toolkit.data.batches import Batch, PlainCrops, TrainingFaces
from toolkit.train.optim import Optim


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One sweep over the data within an epoch: what it minimises, and by which optimiser."""

    name: str
    optimiser: torch.optim.Optimizer
    step: Callable[[Batch], dict[str, Tensor]]
    """Named losses, which are summed."""
    scheduled: bool = True
    """Whether Optim.factor scales the learning rate."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """All that one run of the loop needs."""

    nets: dict[str, nn.Module]
    passes: tuple[Pass, ...]
    optim: Optim
    faces: TrainingFaces
    validation: PlainCrops
    augment: Augment
    seed: int
    sigma_px: float
    identity: dict[str, Any]
    """The settings that a resumed run must share."""
    note: Callable[[], dict[str, Any]] = dict
    """Extra values for an epoch's record."""
