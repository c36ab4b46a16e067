"""The one training loop: passes over the data, a record an epoch, runs that resume."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from toolkit.core.progress import Progress, Steps
from toolkit.train.all_reduce import all_reduce
from toolkit.train.checkpoint import (
    checkpoint_path,
    final_weights,
    load_checkpoint,
    out_of_patience,
    save_best_weights,
    save_checkpoint,
    unfinished,
)
from toolkit.train.device import CudaGraphs, Work
from toolkit.train.distributed import broadcast_tensors
from toolkit.train.inference import Inputs, evaluate
from toolkit.train.logging import log_epoch
from toolkit.train.optim import EMA, flatten, swapped
from toolkit.train.run import EpochRecord, Pass, Run, Settings, data_loader


def fit(run: Run, folder: Path, *, resume: bool) -> Steps[list[EpochRecord]]:
    """Train until the last epoch, or until patience ends; the networks end with the EMA of their weights, or its best.

    After each epoch a checkpoint goes to `folder/resume/`, one file that is replaced as a whole.

    Args:
        run: what to train.
        folder: where the run keeps its checkpoint.
        resume: go on from that checkpoint.

    Returns:
        A record an epoch.

    Raises:
        ValueError: a loss is not finite, or the checkpoint on disk belongs to another run.
        FileExistsError: there is a checkpoint on disk and `resume` is not given.
        OSError: the disk is full; the checkpoint of the epoch before is still there.
    """
    try:
        return (yield from _trained(run, folder, resume))
    except RuntimeError as error:
        raise run.processes.error() or error from error


def _trained(run: Run, folder: Path, resume: bool) -> Steps[list[EpochRecord]]:
    for net in run.nets.values():
        flatten([buffer for buffer in net.buffers() if buffer.is_floating_point()])
    path = checkpoint_path(folder)
    emas = {name: EMA(net, run.optim.ema) for name, net in run.nets.items()}
    works = {part.name: _work(run, part) for part in run.passes}
    log: list[EpochRecord] = []
    if run.processes.broadcast(path.exists()):  # the first process may just have discarded an older one
        if not resume:
            raise FileExistsError(unfinished(folder))
        log = load_checkpoint(path, run, emas)
    for net in run.nets.values():
        broadcast_tensors(net.state_dict().values())
    if run.logging.settings:
        yield Progress(task="settings", done=0, total=0, text="\n".join(_listed(run.identity)))
    for epoch in range(len(log), run.optim.epochs):
        if out_of_patience(log, run.nets, run):
            break
        started = time.perf_counter()
        clock = Clock(time.perf_counter)
        losses = yield from _epoch(run, works, emas, epoch, log, clock)
        size = run.size_at(epoch)
        faces = len(run.passes) * run.faces.batches(run.optim.batch) * _size(run)
        faces_per_second, outside_percent = clock.read(faces)
        scores = {}
        for name, net in run.nets.items() if run.validation and run.processes.rank == 0 else ():
            with swapped(net, emas[name].values):
                scores[name] = evaluate(net, run.validation[size], run.sigma_px, run.decoder)
        record = EpochRecord(
            epoch=epoch + 1,
            seconds=round(time.perf_counter() - started, 2),
            faces_per_second=faces_per_second,
            outside_percent=outside_percent,
            size_px=size,
            lr=run.optim.mean_lr(epoch),
            losses=losses,
            alpha=tuple(run.factors()) if run.factors else (),
            validation=scores,
        )
        log.append(run.processes.broadcast(record))
        if run.processes.rank == 0:
            save_best_weights(folder, run, emas, log)
            save_checkpoint(path, run, emas, log)
            log_epoch(folder, run, emas, log)
    for name, net in run.nets.items():
        net.load_state_dict(final_weights(folder, run, name, emas[name]))
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

    def read(self, faces: int) -> tuple[float, float]:
        """Faces a second so far, and the percentage of the time outside the steps."""
        whole = self.now() - self.start
        return round(faces / whole, 3), round(100 * (1 - self.steps / whole), 3)


def _epoch(
    run: Run, works: Mapping[str, Work], emas: dict[str, EMA], epoch: int, log: list[EpochRecord], clock: Clock
) -> Steps[dict[str, float]]:
    """All passes over the data once; the mean of each loss."""
    batches = run.faces.batches(run.optim.batch)
    steps, size = run.optim.epochs * batches, run.size_at(epoch)
    sums: dict[str, float] = {}
    for net in run.nets.values():
        net.train()
    for number, part in enumerate(run.passes):
        base = [group["lr"] for group in part.optimiser.param_groups]
        key = (run.seed, epoch, number)
        faces = run.faces.epoch(key, run.optim.batch, run.augment, size, run.processes.rows(_size(run)))
        for index, seen in enumerate(data_loader(faces, part.draw, run.workers)):
            factor = run.optim.factor((epoch * batches + index) / steps, steps)
            for group, lr in zip(part.optimiser.param_groups, base, strict=True):
                group["lr"] = lr * factor if group.get("scheduled", True) else lr
            with clock.step():
                values = _step(run, part, works[part.name], seen)
            for name, value in values.items():
                label = f"{part.name}_{name}"
                sums[label] = sums.get(label, 0.0) + value / batches
            for ema in emas.values():
                ema.update()
            done = (epoch * len(run.passes) + number) * batches + index + 1
            total = len(run.passes) * steps
            yield Progress(task=f"epoch {epoch + 1}/{run.optim.epochs}", done=done, total=total, note=_note(log))
        for group, lr in zip(part.optimiser.param_groups, base, strict=True):
            group["lr"] = lr
    return {name: round(value, 8) for name, value in sums.items()}


def _size(run: Run) -> int:
    """Faces in a batch, of all processes together."""
    return min(run.optim.batch, run.faces.faces.an_epoch)


def _work(run: Run, part: Pass) -> Work:
    """What a step computes on the device before the processes meet: losses, and gradients in place."""

    def work(seen: Inputs) -> dict[str, Tensor]:
        with run.processes.autocast():
            losses = {name: value * seen.weight for name, value in part.step(seen).items()}
        run.processes.backward(torch.stack(list(losses.values())).sum(), part.optimiser)
        return {name: value.detach().float() for name, value in losses.items()}

    buffers = [buffer for net in run.nets.values() for buffer in net.buffers()]
    return CudaGraphs(work, buffers) if run.processes.uses_cuda_graphs else work


def _step(run: Run, part: Pass, work: Work, seen: Inputs) -> dict[str, float]:
    losses = work(seen.on(run.processes.device))
    sums = all_reduce(torch.stack(list(losses.values()))).tolist()
    values = dict(zip(losses, sums, strict=True))
    for name, value in values.items():
        if not np.isfinite(value):
            raise ValueError(
                f"the loss {part.name}/{name} became {value}: start again in another --out with a lower learning rate"
            )
    run.processes.step(part.optimiser)
    return values


def _listed(settings: Settings, above: str = "") -> Iterator[str]:
    """A line for each setting, those of a group behind its name."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _listed(value, f"{above}{name}.")
        else:
            yield f"{above}{name} {value}"


def _note(log: list[EpochRecord]) -> str:
    scores = log[-1].validation if log else {}
    return ", ".join(f"{name} NME {found.nme_mean:.2f} %" for name, found in scores.items())
