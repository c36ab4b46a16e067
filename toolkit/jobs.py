"""Stages as jobs: described by their options, run here or several at once in processes of their own."""

import dataclasses
import multiprocessing
import queue
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from toolkit.core.progress import Outcome, Progress, Steps


@dataclass(frozen=True)
class Job:
    """One stage with its options; both can be sent to another process."""

    module: str
    config: str
    options: dict[str, Any]
    label: str = ""
    """What progress calls it; the stage's own name where it is not given."""

    @property
    def name(self) -> str:
        """What progress calls it."""
        return self.label or self.module

    def config_of_stage(self) -> Any:
        """The stage's configuration, made of the options."""
        return getattr(import_module(f"toolkit.stages.{self.module}"), self.config)(**self.options)

    def steps(self) -> Steps[Outcome]:
        """The running stage."""
        run = import_module(f"toolkit.stages.{self.module}").run
        return run(self.config_of_stage())  # type: ignore[no-any-return]


def side_by_side(jobs: Sequence[Job], at_once: int | None = None) -> Steps[None]:
    """Run stages in a process each: on a CPU, two one-thread trainings take as long as one.

    Args:
        jobs: what to run, in this order.
        at_once: how many run at the same time; all of them where it is not given.

    Raises:
        ValueError, OSError: whatever a stage raised.
    """
    context = multiprocessing.get_context("spawn")
    news: multiprocessing.Queue[Any] = context.Queue()
    waiting = list(jobs)
    workers: list[Any] = []

    def start() -> None:
        worker = context.Process(target=_work, args=(waiting.pop(0), news))
        workers.append(worker)
        worker.start()

    try:
        for _ in range(min(len(jobs), at_once or len(jobs))):
            start()
        running = len(workers)
        while running:
            try:
                item = news.get(timeout=5)
            except queue.Empty:
                if not any(worker.is_alive() for worker in workers):
                    raise OSError("a training process ended without a word; was it out of memory?") from None
                continue
            if isinstance(item, BaseException):
                raise item
            if isinstance(item, Progress):
                yield item
            elif waiting:
                start()
            else:
                running -= 1
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


def _work(job: Job, news: "multiprocessing.Queue[Any]") -> None:
    """Run one stage in this process; stop when nobody listens any more, since the parent may have been killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    try:
        for progress in job.steps():
            if not parent.is_alive():
                return
            news.put(dataclasses.replace(progress, task=f"{job.name}: {progress.task}"))
        news.put(None)
    except Exception as error:
        news.put(error)
