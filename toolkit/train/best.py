"""Early stopping: the epoch whose validation error was lowest, its weights on disk, and when to wait no longer.

What is judged, and kept, is the running mean of the weights, as at the end of any training. Only epochs at the last
input size count, since the error at a smaller one is another measure. The learning rate falls as if nothing stopped.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import load, save
from torch import Tensor

from toolkit.core.files import write_bytes
from toolkit.train.job import Job
from toolkit.train.optim import Mean

Record = dict[str, Any]


def kept(log: Sequence[Record], name: str, patience: int) -> Record:
    """The record of the epoch whose weights a network ends with: the last one, or with patience the best one."""
    best = _best(log, name) if patience else None
    return log[-1] if best is None else best


def exhausted(log: Sequence[Record], names: Iterable[str], job: Job) -> bool:
    """Whether no network has had a new best for `patience` epochs."""
    if not job.optim.patience or not log or log[-1]["size_px"] != job.sizes[-1]:
        return False
    latest = max(kept(log, name, job.optim.patience)["epoch"] for name in names)
    return bool(log[-1]["epoch"] - latest >= job.optim.patience)


def save_best(folder: Path, job: Job, means: dict[str, Mean], log: Sequence[Record]) -> None:
    """Write the weights of those networks whose last epoch was their best; before the state that tells of it."""
    for name in job.nets if job.optim.patience else ():
        if _best(log, name) is log[-1]:
            values = {k: v.detach().cpu().contiguous() for k, v in means[name].values.items()}
            write_bytes(_path(folder, name), save(values))


def final(folder: Path, job: Job, name: str, mean: Mean) -> dict[str, Tensor]:
    """The weights that a network ends with: its mean, or with patience the best mean there was."""
    path = _path(folder, name)
    return load(path.read_bytes()) if job.optim.patience and path.exists() else mean.values


def _best(log: Sequence[Record], name: str) -> Record | None:
    """The first epoch of the lowest error among those at the largest, which is the last, input size."""
    largest = max((record["size_px"] for record in log), default=0)
    there = [record for record in log if record["size_px"] == largest]
    return min(there, key=lambda record: float(record[f"val_{name}"]["nme_mean"]), default=None)


def _path(folder: Path, name: str) -> Path:
    return folder / "resume" / f"best-{name}.safetensors"
