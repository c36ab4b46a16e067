"""Commands side by side, each in a process of its own."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable

import pytest

from toolkit.commands.convert import describe
from toolkit.commands.convert.describe import Describe
from toolkit.core.progress import Outcome, Progress, Steps, finish
from toolkit.pipelines.jobs import Job, side_by_side


def job(what: str) -> Job[Describe]:
    return Job(describe.run, Describe(what=what), f"describe {what}")


def ended(how: int) -> Steps[Outcome]:
    """A command whose process is ended by a signal, or of itself with a status, after a step."""
    yield Progress(task="at work", done=0, total=2)
    os.kill(os.getpid(), how) if how > 0 else os._exit(-how)
    time.sleep(60)
    return Outcome(text="")


def patient(seconds: float) -> Steps[Outcome]:
    """A command that says every 10 ms that it is at work."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        yield Progress(task="at work", done=0, total=2)
        time.sleep(0.01)
    return Outcome(text="")


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, -3])
def test_a_job_that_is_killed_is_told_at_once_and_ends_the_others(how: int) -> None:
    """By name, within the minute that the other one takes, and nobody is left."""
    run: Callable[[float], Steps[Outcome]] = ended
    started = time.monotonic()
    with pytest.raises(OSError, match=r"^killed: its process ended before it was done \(exit code"):
        finish(side_by_side([Job(patient, 60.0, "patient"), Job(run, how, "killed")]))
    assert time.monotonic() - started < 50 and multiprocessing.active_children() == []


@pytest.mark.slow
def test_jobs_run_side_by_side_and_tell_whose_progress_it_is() -> None:
    """Each in a process of its own; every line of progress names its command."""
    seen = [p for p in side_by_side([job("hrsupernet"), job("s-hrnet-cofw")]) if isinstance(p, Progress)]
    assert len(seen) == 2 and {p.task.partition(":")[0] for p in seen} == {
        "describe hrsupernet",
        "describe s-hrnet-cofw",
    }


@pytest.mark.slow
def test_what_a_command_raises_reaches_the_caller() -> None:
    """As itself, so that the command line can say it in one line."""
    with pytest.raises(FileNotFoundError, match="neither a bundle"):
        finish(side_by_side([job("hrsupernet"), job("nothing-here")]))


def test_no_job_is_no_work() -> None:
    """When all that could run side by side is done already."""
    assert finish(side_by_side([])) == []


@pytest.mark.slow
def test_outcomes_come_back_in_the_order_of_the_jobs() -> None:
    """Whichever was ready first; a check that failed in one is not lost."""
    first, second = finish(side_by_side([job("hrsupernet"), job("s-hrnet-cofw")]))
    assert [r.records[0]["name"] for r in (first, second)] == ["hrsupernet", "s-hrnet-cofw"]
    assert first.ok and second.ok


@pytest.mark.slow
def test_no_more_run_at_once_than_asked() -> None:
    """One at a time, the first job's progress is over before the second's starts; all of them run."""
    names = ("hrsupernet", "s-hrnet-cofw", "s-hrnet-wflw")
    seen = [p.task for p in side_by_side(list(map(job, names)), at_once=1) if isinstance(p, Progress)]
    assert [task.partition(":")[0] for task in seen] == [f"describe {name}" for name in names]
