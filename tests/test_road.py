"""The whole road: its stages side by side, its folder its own. (`make demo` walks it in full.)"""

from pathlib import Path

import pytest

from toolkit.core.progress import Progress, finish
from toolkit.road import Job, Quickstart, _claim, _side_by_side


def describe(what: str) -> Job:
    return Job("describe", "Describe", {"what": what})


def test_jobs_run_side_by_side_and_tell_whose_progress_it_is() -> None:
    """Each in a process of its own; every line of progress names its stage."""
    seen = [p for p in _side_by_side([describe("hrsupernet"), describe("s-hrnet-cofw")]) if isinstance(p, Progress)]
    assert len(seen) == 2 and all(p.task.startswith("describe: ") for p in seen)


def test_what_a_stage_raises_reaches_the_caller() -> None:
    """As itself, so that the command line can say it in one line."""
    with pytest.raises(FileNotFoundError, match="neither a bundle"):
        finish(_side_by_side([describe("hrsupernet"), describe("nothing-here")]))


def test_no_job_is_no_work() -> None:
    """When all that could run side by side is done already."""
    assert finish(_side_by_side([])) is None


def test_a_folder_belongs_to_one_run(tmp_path: Path) -> None:
    """The same settings go on; others are refused before anything is written."""
    _claim(Quickstart(out=tmp_path / "run"))
    _claim(Quickstart(out=tmp_path / "run"))
    with pytest.raises(ValueError, match="other settings"):
        _claim(Quickstart(out=tmp_path / "run", seed=1))


def test_an_unknown_preset_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(ValueError, match="tiny, cpu or paper"):
        Quickstart(preset="huge")
