"""Stages side by side, each in a process of its own."""

import pytest

from toolkit.core.progress import Progress, finish
from toolkit.pipelines.jobs import Job, side_by_side


def describe(what: str) -> Job:
    return Job("describe", "Describe", {"what": what})


def test_jobs_runside_by_side_and_tell_whose_progress_it_is() -> None:
    """Each in a process of its own; every line of progress names its stage."""
    seen = [p for p in side_by_side([describe("hrsupernet"), describe("s-hrnet-cofw")]) if isinstance(p, Progress)]
    assert len(seen) == 2 and all(p.task.startswith("describe: ") for p in seen)


def test_what_a_stage_raises_reaches_the_caller() -> None:
    """As itself, so that the command line can say it in one line."""
    with pytest.raises(FileNotFoundError, match="neither a bundle"):
        finish(side_by_side([describe("hrsupernet"), describe("nothing-here")]))


def test_no_job_is_no_work() -> None:
    """When all that could run side by side is done already."""
    assert finish(side_by_side([])) == []


def test_outcomes_come_back_in_the_order_of_the_jobs() -> None:
    """Whichever was ready first; a check that failed in one is not lost."""
    first, second = finish(side_by_side([describe("hrsupernet"), describe("s-hrnet-cofw")]))
    assert [r.records[0]["name"] for r in (first, second)] == ["hrsupernet", "s-hrnet-cofw"]
    assert first.ok and second.ok


def test_no_more_run_at_once_than_asked() -> None:
    """One at a time, the first job's progress is over before the second's starts; all of them run."""
    jobs = [describe("hrsupernet"), describe("s-hrnet-cofw"), describe("s-hrnet-wflw")]
    named = [Job(j.module, j.config, j.options, label=str(i)) for i, j in enumerate(jobs)]
    seen = [p.task[0] for p in side_by_side(named, at_once=1) if isinstance(p, Progress)]
    assert seen == ["0", "1", "2"]
