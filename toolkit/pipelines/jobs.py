"""Commands as jobs: their options and what runs them, several at once in processes of their own."""

import dataclasses
import multiprocessing
import queue
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from toolkit.core.progress import Outcome, Progress, Steps, end_as_ctrl_c

Asked_co = TypeVar("Asked_co", covariant=True)
"""What a job's options are: a job of a Teacher is one of a Training, too."""

WAIT_S = 1.0
"""Between looks at whether all processes are there, while they say nothing."""


@dataclass(frozen=True)
class Job(Generic[Asked_co]):
    """A command with its options, which another process can run: its function goes there by name."""

    run: Callable[[Asked_co], Steps[Outcome]]
    options: Asked_co
    label: str
    """What progress calls it."""

    def steps(self) -> Steps[Outcome]:
        """The running command."""
        return self.run(self.options)


class ToFolder(Protocol):
    """Options that name the folder of the bundle that is made."""

    @property
    def out(self) -> Path:
        """The folder."""


def side_by_side(jobs: Sequence[Job[object]], at_once: int | None = None) -> Steps[list[Outcome]]:
    """Run commands in a process each: on a CPU, two one-thread trainings take as long as one. Returns their outcomes.

    Args:
        jobs: what to run, in this order.
        at_once: how many run at the same time; all of them where it is not given. One at a time needs no process.

    Raises:
        ValueError, OSError: whatever one of them raised; OSError too where its process was ended. The others are ended.
    """
    if at_once == 1 or len(jobs) == 1:
        return (yield from _one_by_one(jobs))
    context = multiprocessing.get_context("spawn")
    news: multiprocessing.Queue[Any] = context.Queue()
    waiting = list(enumerate(jobs))
    outcomes: dict[int, Outcome] = {}
    workers: dict[int, Any] = {}

    def start() -> None:
        place, job = waiting.pop(0)
        workers[place] = context.Process(target=_work, args=(place, job, news))
        workers[place].start()

    try:
        for _ in range(min(len(jobs), len(jobs) if at_once is None else at_once)):
            start()
        while len(outcomes) < len(jobs):
            gone = [place for place, worker in workers.items() if place not in outcomes and not worker.is_alive()]
            try:
                item = news.get(timeout=0 if gone else WAIT_S)  # what a process said before it ended is there
            except queue.Empty:
                if not gone:
                    continue
                label, code = jobs[gone[0]].label, workers[gone[0]].exitcode
                raise OSError(
                    f"{label}: its process ended before it was done (exit code {code}); was it out of memory?"
                ) from None
            if isinstance(item, BaseException):
                raise item
            if isinstance(item, Progress):
                yield item
                continue
            place, outcome = item
            outcomes[place] = outcome
            if waiting:
                start()
    finally:
        for worker in workers.values():
            worker.terminate()
            worker.join()
    return [outcomes[place] for place in range(len(jobs))]


def _one_by_one(jobs: Sequence[Job[object]]) -> Steps[list[Outcome]]:
    outcomes = []
    for job in jobs:
        steps = job.steps()
        while True:
            try:
                progress = next(steps)
            except StopIteration as end:
                outcomes.append(end.value)
                break
            yield _labelled(job, progress)
    return outcomes


def _labelled(job: Job[object], progress: Progress) -> Progress:
    return dataclasses.replace(progress, task=f"{job.label}: {progress.task}")


def _work(place: int, job: Job[object], news: "multiprocessing.Queue[Any]") -> None:
    """Run one command in this process; stop when nobody listens any more, since the parent may have been killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    try:
        with end_as_ctrl_c():  # so that what is half written is cleared away
            steps = job.steps()
            while parent.is_alive():
                try:
                    progress = next(steps)
                except StopIteration as end:
                    news.put((place, end.value))
                    return
                news.put(_labelled(job, progress))
    except KeyboardInterrupt:
        news.cancel_join_thread()  # nobody reads them any more
    except Exception as error:
        news.put(error)
