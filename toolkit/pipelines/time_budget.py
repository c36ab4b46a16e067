"""A training that fits into the minutes that a machine is lent for: measured first, then planned, then run.

The plan is kept beside the run's folder, so that a run that was stopped goes on as it was begun, for as long as the
next machine is there: a checkpoint follows every epoch.
"""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from math import sqrt
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from toolkit.core.files import read_json, write_json
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.records import Whole
from toolkit.core.validation import Positive
from toolkit.core.zoo import is_bundle
from toolkit.pipelines.jobs import Job
from toolkit.train.device import pick_device
from toolkit.train.options import Training

MEASURED_SECONDS = 20.0
"""Of training, before its length is settled."""
WARM_UP_STEPS = 3
"""Steps before the clock starts."""
EPOCH_SECONDS, EPOCH_FACES = 30.0, 2000
"""At least; each epoch ends with validation and a checkpoint, which is what a machine that goes away leaves."""
TRIAL_TIMES, TRIAL_EPOCHS = 50, 1000
"""Of the measured training, which is not to come to the end of an epoch."""
RESERVE = 0.08
"""Share of the minutes that is left for validation, checkpoints and steps slower than the measured ones."""
GPU_BATCH = 64
"""Faces a step on a GPU, which smaller batches leave idle."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long a training is to be."""

    minutes: Positive
    """What it was made for."""
    faces_per_second: Positive
    """As measured."""
    times: Positive
    """How many epochs of the recipe count as one."""
    epochs: Whole
    batch: Whole
    lr: Positive

    def applied(self, options: Training) -> Training:
        """The training with this length."""
        return replace(_longer(options, self.times), epochs=self.epochs, batch=self.batch, lr=self.lr)


def within(job: Job[Training], minutes: float, now: Callable[[], float] = time.monotonic) -> Steps[Outcome]:
    """Run a training of the recipe for some minutes, reading its faces included; or go on with what was so begun.

    Args:
        job: its learning rate is for its batch; on a GPU both grow.
        minutes: from now.
        now: the clock.

    Raises:
        ValueError: the minutes are too few for an epoch.
    """
    path = plan_path(job.options.out)
    if path.is_file():
        plan: Plan = read_json(path, Plan)
        yield Progress(task="as planned", done=0, total=0, text=_said(job, plan))
    elif is_bundle(job.options.out):
        return (yield from job.steps())
    else:
        plan = yield from _planned(job, minutes, now)
        write_json(path, asdict(plan))
        yield Progress(task="planned", done=0, total=0, text=_said(job, plan))
    outcome = yield from Job(job.run, plan.applied(job.options), job.label).steps()
    return replace(outcome, text=f"{outcome.text}\n{_said(job, plan)}")


def plan_path(out: Path) -> Path:
    """Where the plan of a training is kept."""
    return out.with_name(f"{out.name}.plan.json")


def _planned(job: Job[Training], minutes: float, now: Callable[[], float]) -> Steps[Plan]:
    """Measure, and settle the length."""
    started = now()
    options = _for_device(job.options)
    speed, set_up, epoch_faces = yield from _measured(Job(job.run, options, job.label), now)
    sizes = options.sizes
    cost = sum((size / sizes[-1]) ** 2 for size in sizes) / len(sizes)  # smaller sizes go first, at less per face
    seconds = (60 * minutes - (now() - started) - set_up) * (1 - RESERVE)
    faces = seconds * speed / cost
    if options.data:
        epochs, least = int(min(seconds / EPOCH_SECONDS, faces / EPOCH_FACES)), float(options.optim.batch)
    else:  # as many faces an epoch as there are
        epochs, least = int(faces / epoch_faces), epoch_faces
    epochs = max(len(sizes), epochs)
    if faces < epochs * least:
        raise ValueError(
            f"{job.label} takes {(now() - started + set_up) / 60:.1f} minutes to read its faces and be measured, and "
            f"{speed:.1f} faces a second are too few for the rest: expected more than --minutes {minutes:g}"
        )
    return Plan(
        minutes=float(minutes),
        faces_per_second=round(speed, 2),
        times=round(faces / epochs / epoch_faces, 4) if options.data else 1.0,
        epochs=epochs,
        batch=options.optim.batch,
        lr=options.optim.lr,
    )


def _longer(options: Training, times: float) -> Training:
    """With epochs of so many times the faces; synthetic faces alone have no share to change."""
    shares = options.share or (1.0,) * len(options.data)
    return replace(options, share=tuple(round(times * each, 6) for each in shares))


def _for_device(options: Training) -> Training:
    """Larger batches on a GPU, and the learning rate that goes with them (Malladi et al., 2022)."""
    batch = options.optim.batch
    if pick_device(options.device) == torch.device("cpu") or batch >= GPU_BATCH:
        return options
    return replace(options, batch=GPU_BATCH, lr=options.optim.lr * sqrt(GPU_BATCH / batch))


def _measured(job: Job[Training], now: Callable[[], float]) -> Steps[tuple[float, float, float]]:
    """Train for a while in a folder that is thrown away: faces a second, seconds until the first step, and the faces of
    an epoch."""
    started = now()
    options, batch = job.options, job.options.optim.batch
    with TemporaryDirectory(prefix="sdhrnet-") as folder:
        plain = replace(options, out=Path(folder) / "trial", progressive=(), samples=0, resume=False)
        trial = replace(_longer(plain, TRIAL_TIMES), epochs=TRIAL_EPOCHS)
        first: tuple[float, int] | None = None
        set_up, speed, epoch_faces = 0.0, 0.0, float(batch)
        with closing(job.run(trial)) as steps:
            for progress in steps:
                if not progress.task.startswith("epoch"):
                    yield progress
                    continue
                epoch_faces = progress.total / TRIAL_EPOCHS * batch / (TRIAL_TIMES if options.data else 1)
                set_up = set_up or now() - started
                if progress.done < WARM_UP_STEPS:
                    continue
                if first is None:
                    first = now(), progress.done
                elif now() > first[0]:
                    seconds = now() - first[0]
                    speed = (progress.done - first[1]) * batch / seconds
                    yield Progress(task="measuring", done=round(seconds), total=round(MEASURED_SECONDS))
                    if seconds >= MEASURED_SECONDS:
                        break
    return speed, set_up, epoch_faces


def _said(job: Job[Training], plan: Plan) -> str:
    """What a plan comes to."""
    return (
        f"{job.label}: {plan.faces_per_second:,.1f} faces a second, so that {plan.minutes:g} minutes are good for "
        f"{plan.epochs} epochs of {plan.times:.3g} times the recipe's, {plan.batch} faces a step"
    )
