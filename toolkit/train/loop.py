"""The one training loop: passes over the data, a record an epoch, runs that resume."""

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from toolkit.core.progress import Progress, Steps
from toolkit.train.best import exhausted, final, save_best
from toolkit.train.feed import feed
from toolkit.train.flat import flatten
from toolkit.train.inference import evaluate
from toolkit.train.inputs import Inputs
from toolkit.train.job import Job, Pass
from toolkit.train.optim import Mean, Worn
from toolkit.train.recorded import Recorded, Work
from toolkit.train.state import load_run, save_run, state_of, unfinished
from toolkit.train.team import agree
from toolkit.train.watch import show


def fit(job: Job, folder: Path, *, resume: bool) -> Steps[list[dict[str, Any]]]:
    """Train until the last epoch, or until patience ends; the networks end with their mean weights, or the best ones.

    After each epoch the whole state goes to `folder/resume/`, in one file that is replaced as a whole.

    Args:
        job: what to train.
        folder: where the run keeps its state.
        resume: go on from that state.

    Returns:
        A record an epoch: losses, learning rate, validation scores, seconds.

    Raises:
        ValueError: a loss is not finite, or the state on disk belongs to another run.
        FileExistsError: there is a state on disk and `resume` is not given.
        OSError: the disk is full; the state of the epoch before is still there.
    """
    try:
        return (yield from _trained(job, folder, resume))
    except RuntimeError as error:
        raise job.team.error() or error from error
    finally:
        job.team.disband()


def _trained(job: Job, folder: Path, resume: bool) -> Steps[list[dict[str, Any]]]:
    for net in job.nets.values():
        flatten([buffer for buffer in net.buffers() if buffer.is_floating_point()])
    path = state_of(folder)
    means = {name: Mean(net, job.optim.ema) for name, net in job.nets.items()}
    works = {part.name: _work(job, part) for part in job.passes}
    log: list[dict[str, Any]] = []
    if job.team.told(path.exists()):  # the first process may just have discarded an older one
        if not resume:
            raise FileExistsError(unfinished(folder))
        log = load_run(path, job, means)
    for net in job.nets.values():
        agree(net.state_dict().values())
    for epoch in range(len(log), job.optim.epochs):
        if exhausted(log, job.nets, job):
            break
        started = time.perf_counter()
        clock = Clock(time.perf_counter)
        losses = yield from _epoch(job, works, means, epoch, log, clock)
        size = job.size_at(epoch)
        pace = clock.read(len(job.passes) * job.faces.batches(job.optim.batch) * _size(job))
        record: dict[str, Any] = {"epoch": epoch + 1, "seconds": 0.0, **pace, "size_px": size}
        record |= {"lr": job.optim.mean_lr(epoch)} | losses | job.note()
        for name, net in job.nets.items() if job.team.rank == 0 else ():
            with Worn(net, means[name].values):
                scores = evaluate(net, job.validation[size], job.sigma_px)
            record[f"val_{name}"] = dataclasses.asdict(scores)
        record["seconds"] = round(time.perf_counter() - started, 2)
        log.append(job.team.told(record))
        if job.team.rank == 0:
            save_best(folder, job, means, log)
            save_run(path, job, means, log)
            show(folder, job, means, log)
    for name, net in job.nets.items():
        net.load_state_dict(final(folder, job, name, means[name]))
        net.eval()
    return log


class Clock:
    """How an epoch's time is spent."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.start = now()
        self.steps = 0.0
        """Seconds within forward pass, backward pass and optimiser."""

    @contextmanager
    def step(self) -> Iterator[None]:
        """Count the block as a step."""
        start = self.now()
        yield
        self.steps += self.now() - start

    def read(self, faces: int) -> dict[str, float]:
        """Faces a second so far, and the percentage of the time outside the steps."""
        whole = self.now() - self.start
        return {
            "faces_per_second": round(faces / whole, 3),
            "outside_percent": round(100 * (1 - self.steps / whole), 3),
        }


def _epoch(
    job: Job, works: Mapping[str, Work], means: dict[str, Mean], epoch: int, log: list[dict[str, Any]], clock: Clock
) -> Steps[dict[str, float]]:
    """All passes over the data once; the mean of each loss."""
    batches = job.faces.batches(job.optim.batch)
    steps, size = job.optim.epochs * batches, job.size_at(epoch)
    sums: dict[str, float] = {}
    for net in job.nets.values():
        net.train()
    for number, part in enumerate(job.passes):
        base = [group["lr"] for group in part.optimiser.param_groups]
        key = (job.seed, epoch, number)
        faces = job.faces.epoch(key, job.optim.batch, job.augment, size, job.team.rows(_size(job)))
        for index, seen in enumerate(feed(faces, part.draw, job.workers)):
            factor = job.optim.factor((epoch * batches + index) / steps, steps)
            for group, lr in zip(part.optimiser.param_groups, base, strict=True):
                group["lr"] = lr * factor if group.get("scheduled", True) else lr
            with clock.step():
                values = _step(job, part, works[part.name], seen)
            for name, value in values.items():
                label = f"{part.name}_{name}"
                sums[label] = sums.get(label, 0.0) + value / batches
            for mean in means.values():
                mean.update()
            done = (epoch * len(job.passes) + number) * batches + index + 1
            total = len(job.passes) * steps
            yield Progress(task=f"epoch {epoch + 1}/{job.optim.epochs}", done=done, total=total, note=_note(log))
        for group, lr in zip(part.optimiser.param_groups, base, strict=True):
            group["lr"] = lr
    return {name: round(value, 8) for name, value in sums.items()}


def _size(job: Job) -> int:
    """Faces in a batch, of all processes together."""
    return min(job.optim.batch, job.faces.faces.an_epoch)


def _work(job: Job, part: Pass) -> Work:
    """What a step computes on the device before the processes meet: losses, and gradients in place."""

    def work(seen: Inputs) -> dict[str, Tensor]:
        with job.team.autocast():
            losses = {name: value * seen.weight for name, value in part.step(seen).items()}
        job.team.gradients(torch.stack(list(losses.values())).sum(), part.optimiser)
        return {name: value.detach().float() for name, value in losses.items()}

    buffers = [buffer for net in job.nets.values() for buffer in net.buffers()]
    return Recorded(work, buffers) if job.team.records else work


def _step(job: Job, part: Pass, work: Work, seen: Inputs) -> dict[str, float]:
    losses = work(seen.on(job.team.device))
    sums = job.team.total(torch.stack(list(losses.values()))).tolist()
    values = dict(zip(losses, sums, strict=True))
    for name, value in values.items():
        if not np.isfinite(value):
            raise ValueError(
                f"the loss {part.name}/{name} became {value}: start again in another --out with a lower learning rate"
            )
    job.team.descend(part.optimiser)
    return values


def _note(log: list[dict[str, Any]]) -> str:
    if not log:
        return ""
    return ", ".join(f"{k[4:]} NME {v['nme_mean']:.2f} %" for k, v in log[-1].items() if k.startswith("val_"))
