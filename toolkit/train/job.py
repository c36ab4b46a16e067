"""What a run of the training loop is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from toolkit.data.augment import Augment
from toolkit.data.batches import PlainCrops, TrainingFaces
from toolkit.train.inputs import Draw, Inputs
from toolkit.train.optim import Optim
from toolkit.train.team import Team, alone


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One sweep over the data within an epoch: what it minimises, and by which optimiser."""

    name: str
    optimiser: torch.optim.Optimizer
    """Optim.factor scales the learning rate of its groups, but for those that say `"scheduled": False`."""
    step: Callable[[Inputs], dict[str, Tensor]]
    """Named losses, which are summed; each a mean over the batch's known points, or the same for every batch. It only
    computes on the device, the same for every batch of a shape, since a GPU records it once and replays it."""
    draw: Draw | None = None
    """What the step needs beside crops and points."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What a run shows of itself while it trains, beside its log."""

    samples: int = 0
    """Pictures of predictions every so many epochs and after the last one; 0 for none."""
    tensorboard: bool = False
    """Events for TensorBoard, an epoch at a time."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """All that one run of the loop needs."""

    nets: dict[str, nn.Module]
    passes: tuple[Pass, ...]
    optim: Optim
    faces: TrainingFaces
    validation: Mapping[int, PlainCrops]
    """The validation faces at every input size of the schedule."""
    sizes: tuple[int, ...]
    """Input sizes in pixels, each for an equal share of the epochs, the last one the network's own."""
    augment: Augment
    seed: int
    sigma_px: float
    identity: dict[str, Any]
    """The settings that a resumed run must share."""
    note: Callable[[], dict[str, Any]] = dict
    """Extra values for an epoch's record."""
    watch: Watch = field(default_factory=Watch)
    """What the run shows beside its log."""
    team: Team = field(default_factory=alone)
    """The processes that train together."""
    workers: int = 0
    """Processes that make batches ahead; the batches are the same for any number."""

    def size_at(self, epoch: int) -> int:
        """Input size of an epoch, from 0."""
        return self.sizes[epoch * len(self.sizes) // self.optim.epochs]
