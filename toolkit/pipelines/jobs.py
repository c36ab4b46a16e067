"""Stages as jobs: described by their options, run here or several at once in processes of their own."""

import dataclasses
import multiprocessing
import queue
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.signals import end_as_ctrl_c

ROOMS = {
    **dict.fromkeys(("teacher", "supernet", "slim", "distil", "latency_table"), "train"),
    **dict.fromkeys(("convert", "verify", "compare", "describe"), "convert"),
    **dict.fromkeys(("evaluate", "benchmark", "robustness", "report"), "measure"),
}


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
        return getattr(import_module(f"toolkit.commands.{ROOMS[self.module]}.{self.module}"), self.config)(
            **self.options
        )

    def steps(self) -> Steps[Outcome]:
        """The running stage."""
        run = import_module(f"toolkit.commands.{ROOMS[self.module]}.{self.module}").run
        return run(self.config_of_stage())  # type: ignore[no-any-return]


def side_by_side(jobs: Sequence[Job], at_once: int | None = None) -> Steps[list[Outcome]]:
    """Run stages in a process each: on a CPU, two one-thread trainings take as long as one. Returns their outcomes.

    Args:
        jobs: what to run, in this order.
        at_once: how many run at the same time; all of them where it is not given.

    Raises:
        ValueError, OSError: whatever a stage raised.
    """
    context = multiprocessing.get_context("spawn")
    news: multiprocessing.Queue[Any] = context.Queue()
    waiting = list(enumerate(jobs))
    outcomes: dict[int, Outcome] = {}
    workers: list[Any] = []

    def start() -> None:
        worker = context.Process(target=_work, args=(*waiting.pop(0), news))
        workers.append(worker)
        worker.start()

    try:
        for _ in range(min(len(jobs), len(jobs) if at_once is None else at_once)):
            start()
        while len(outcomes) < len(jobs):
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
                continue
            place, outcome = item
            outcomes[place] = outcome
            if waiting:
                start()
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()
    return [outcomes[place] for place in range(len(jobs))]


def _work(place: int, job: Job, news: "multiprocessing.Queue[Any]") -> None:
    """Run one stage in this process; stop when nobody listens any more, since the parent may have been killed."""
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
                news.put(dataclasses.replace(progress, task=f"{job.name}: {progress.task}"))
    except KeyboardInterrupt:
        news.cancel_join_thread()  # nobody reads them any more
    except Exception as error:
        news.put(error)
