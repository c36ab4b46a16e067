"""The whole pipeline: its folder is its own. (`make demo` runs it in full.)"""

from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.commands.convert import verify
from toolkit.commands.live import photo
from toolkit.commands.measure import benchmark, evaluate, report
from toolkit.commands.train import distil, slim
from toolkit.core.options import Options
from toolkit.core.progress import Outcome, Steps, finish
from toolkit.core.records import read
from toolkit.pipelines import quickstart
from toolkit.pipelines.jobs import Job
from toolkit.pipelines.quickstart import Quickstart, _claim


def test_a_folder_belongs_to_one_run(tmp_path: Path) -> None:
    """The same settings go on; others are refused before anything is written."""
    _claim(Quickstart(out=tmp_path / "run"))
    _claim(Quickstart(out=tmp_path / "run"))
    with pytest.raises(ValueError, match="other settings"):
        _claim(Quickstart(out=tmp_path / "run", seed=1))


def test_a_folder_that_holds_anything_else_is_refused(tmp_path: Path) -> None:
    """And nothing is written to it."""
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(FileExistsError, match=r"not empty \(thesis\.txt\) and holds no run of quickstart"):
        next(quickstart.run(Quickstart(out=tmp_path)))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_unknown_preset_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(
        ValueError,
        match=r'--preset: expected one of "cpu", "paper-300w", "paper-cofw", "paper-wflw", "tiny", got "huge"',
    ):
        Quickstart(preset="huge")


def begun(out: Path) -> None:
    """A run that was interrupted while it converted."""
    _claim(Quickstart(out=out))
    (out / "models").mkdir()


def piped(out: Path, monkeypatch: pytest.MonkeyPatch, *converted: Outcome) -> tuple[Outcome, list[str]]:
    """The pipeline with commands that do nothing but what is said of converting; which of them ran."""
    asked: list[str] = []

    def standing_for(name: str) -> Callable[[Options], Steps[Outcome]]:
        def run(options: Options) -> Steps[Outcome]:
            asked.append(name)
            yield from ()
            return Outcome(text=name)

        return run

    def side_by_side(jobs: list[Job[Options]]) -> Steps[list[Outcome]]:
        asked.extend(job.label for job in jobs)
        yield from ()
        return list(converted) if jobs[0].label.startswith("convert") else [Outcome(text="") for _ in jobs]

    for command in (slim, distil, evaluate, verify, benchmark, photo, report):
        monkeypatch.setattr(command, "run", standing_for(command.__name__.rpartition(".")[2]))
    monkeypatch.setattr(quickstart, "side_by_side", side_by_side)
    return finish(quickstart.run(Quickstart(out=out))), asked


def test_a_refused_file_ends_the_pipeline_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After all that can be done without it: the report has the refusal, the folder has no such file."""
    refused = {"kind": "parity", "model": "x-int8.tflite", "file_sha256": "1", "ok": False, "reasons": ["far off"]}
    begun(tmp_path)
    (tmp_path / "models" / "x-float32.tflite").touch()
    outcome, asked = piped(tmp_path, monkeypatch, Outcome(text="FAILED: far off", records=(refused,), ok=False))
    assert not outcome.ok and "FAILED: far off" in outcome.text
    assert asked[-5:] == ["verify", "benchmark", "photo", "photo", "report"]
    assert [dict(r) for r in read(tmp_path / "results.jsonl")] == [refused]


def test_a_pipeline_without_any_file_still_ends_with_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing to verify, to time or to draw with but the released model."""
    begun(tmp_path)
    outcome, asked = piped(tmp_path, monkeypatch, Outcome(text="FAILED", ok=False))
    assert not outcome.ok and asked[-3:] == ["convert, coreml", "photo", "report"]


def test_a_pipeline_whose_files_all_pass_is_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit status 0."""
    begun(tmp_path)
    assert piped(tmp_path, monkeypatch, Outcome(text="wrote"))[0].ok
