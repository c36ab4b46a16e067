"""A training run as the loop takes it: its networks, its passes over the data, and the data loader of a pass."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from toolkit.core.heatmap import Decoder
from toolkit.core.metrics import Scores
from toolkit.core.provenance import cores
from toolkit.data.augment import Augment
from toolkit.data.batches import Epoch, TrainingFaces
from toolkit.data.crops import PlainCrops
from toolkit.train.distributed import ProcessGroup, single_process
from toolkit.train.inference import Draw, Inputs, inputs
from toolkit.train.optim import Optim

MOST_WORKERS = 14
"""Processes that make batches; more have not been seen to help."""
Settings = dict[str, Any]
"""What a bundle was made with, by name, as JSON: options, and the hashes of files that they name."""


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One sweep over the data within an epoch: what it minimises, and by which optimiser."""

    name: str
    optimiser: torch.optim.Optimizer
    """Optim.factor scales the learning rate of its groups, but for those that say `"scheduled": False`."""
    step: Callable[[Inputs], dict[str, Tensor]]
    """Named losses, which are summed; each a mean over the batch's known points, or the same for every batch. It only
    computes on the device, the same for every batch of a shape, since a CUDA graph captures it once."""
    draw: Draw | None = None
    """What the step needs beside crops and points."""


@dataclass(frozen=True, kw_only=True)
class Logging:
    """What a run shows of itself while it trains, beside its log."""

    samples: int = 0
    """Pictures of predictions every so many epochs and after the last one; 0 for none."""
    tensorboard: bool = False
    """Events for TensorBoard, an epoch at a time."""
    settings: bool = False
    """Every setting, before the first step."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """All that the loop needs."""

    nets: dict[str, nn.Module]
    passes: tuple[Pass, ...]
    optim: Optim
    faces: TrainingFaces
    validation: Mapping[int, PlainCrops]
    """The validation faces at every input size of the schedule; none where nothing is validated."""
    sizes: tuple[int, ...]
    """Input sizes in pixels, each for an equal share of the epochs, the last one the network's own."""
    augment: Augment
    seed: int
    sigma_px: float
    decoder: Decoder = "dark"
    """How validation reads points from heatmaps."""
    identity: Settings
    """What a resumed run must share."""
    factors: Callable[[], list[float]] | None = None
    """The importance factors as they are, for an epoch's record."""
    logging: Logging = field(default_factory=Logging)
    """What the run shows beside its log."""
    processes: ProcessGroup = field(default_factory=single_process)
    """The processes that train together."""
    workers: int = 0
    """Processes that make batches ahead; the batches are the same for any number."""

    def size_at(self, epoch: int) -> int:
        """Input size of an epoch, from 0."""
        return self.sizes[epoch * len(self.sizes) // self.optim.epochs]


@dataclass(frozen=True, kw_only=True)
class EpochRecord:
    """What an epoch took and gave."""

    epoch: int
    """From 1."""
    seconds: float
    faces_per_second: float
    outside_percent: float
    """Of the time, how much went by outside forward pass, backward pass and optimiser."""
    size_px: int
    """Side of its crops."""
    lr: float
    """Highest learning rate of any parameter, in the middle of the epoch."""
    losses: Mapping[str, float]
    """Mean of each term, by pass and term, such as weights_mse."""
    alpha: tuple[float, ...] = ()
    """A supernet's importance factors at its end."""
    validation: Mapping[str, Scores]
    """Scores of the EMA of each network's weights, where there are validation faces."""

    @property
    def json(self) -> dict[str, Any]:
        """A line of log.jsonl, where losses stand beside the rest and scores under val_ and their network."""
        plain = {k: v for k, v in vars(self).items() if k not in ("losses", "alpha", "validation")}
        scores = {f"val_{name}": dataclasses.asdict(scores) for name, scores in self.validation.items()}
        return plain | dict(self.losses) | ({"alpha": list(self.alpha)} if self.alpha else {}) | scores

    @staticmethod
    def of(line: Mapping[str, Any]) -> "EpochRecord":
        """The record of such a line.

        Raises:
            TypeError: something is missing.
        """
        own = {f.name for f in dataclasses.fields(EpochRecord)}
        scores = {k.removeprefix("val_"): Scores(**v) for k, v in line.items() if k.startswith("val_")}
        losses = {k: v for k, v in line.items() if k not in own and not k.startswith("val_")}
        plain = {k: v for k, v in line.items() if k in own and k != "alpha"}
        return EpochRecord(**plain, losses=losses, alpha=tuple(line.get("alpha", ())), validation=scores)


@dataclass(frozen=True)
class EpochInputs(Dataset[Inputs]):
    """An epoch's batches as tensors, by their number."""

    epoch: Epoch
    draw: Draw | None

    def __len__(self) -> int:
        return len(self.epoch)

    def __getitem__(self, index: int) -> Inputs:
        return inputs(self.epoch[index], self.draw)


def data_loader(epoch: Epoch, draw: Draw | None, workers: int) -> Iterator[Inputs]:
    """All batches of an epoch in order, as a step takes them.

    Args:
        epoch: the batches.
        draw: what a step draws for itself, if anything.
        workers: processes that make batches ahead; the batches are the same for any number. 0 makes each when it is
            asked for.
    """
    batches = EpochInputs(epoch, draw)
    if not workers:
        return (batches[i] for i in range(len(batches)))
    more: dict[str, Any] = {"prefetch_factor": 4}
    more["multiprocessing_context"] = "fork"  # shares the patches, and takes closures
    loader: DataLoader[Inputs] = DataLoader(batches, batch_size=None, num_workers=workers, **more)
    return iter(loader)


def default_workers(device: torch.device, local_processes: int) -> int:
    """Beside an NVIDIA GPU the cores that the training processes of this machine leave free; else none."""
    return min(MOST_WORKERS, max(1, cores() // local_processes - 1)) if device.type == "cuda" else 0
