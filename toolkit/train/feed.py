"""The batches of an epoch as a step takes them: made in turn on a CPU, by processes of their own beside a GPU."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from toolkit.core.provenance import cores
from toolkit.data.batches import Epoch
from toolkit.train.inputs import Draw, Inputs, inputs

MOST = 14
"""Processes that make batches; more have not been seen to help."""


@dataclass(frozen=True)
class Feed(Dataset[Inputs]):
    """An epoch's batches as tensors, by their number."""

    epoch: Epoch
    draw: Draw | None

    def __len__(self) -> int:
        return len(self.epoch)

    def __getitem__(self, index: int) -> Inputs:
        return inputs(self.epoch[index], self.draw)


def feed(epoch: Epoch, draw: Draw | None, workers: int) -> Iterator[Inputs]:
    """All batches in order.

    Args:
        epoch: the batches.
        draw: what a step draws for itself, if anything.
        workers: processes that make batches ahead; the batches are the same for any number. 0 makes each when it is
            asked for.
    """
    batches = Feed(epoch, draw)
    if not workers:
        return (batches[i] for i in range(len(batches)))
    more: dict[str, Any] = {"prefetch_factor": 4}
    more["multiprocessing_context"] = "fork"  # shares the patches, and takes closures
    loader: DataLoader[Inputs] = DataLoader(batches, batch_size=None, num_workers=workers, **more)
    return iter(loader)


def default_workers(device: torch.device, here: int) -> int:
    """Beside an NVIDIA GPU the cores that the training processes of this machine leave free; else none."""
    return min(MOST, max(1, cores() // here - 1)) if device.type == "cuda" else 0
