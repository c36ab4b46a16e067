"""The recipe of the released models, and what shipping makes of a bundle."""

from pathlib import Path
from typing import Any

import pytest

from toolkit import bundle
from toolkit.bundle import Bundle
from toolkit.core.progress import finish
from toolkit.models.spec import ARCHITECTURES
from toolkit.pipelines import release
from toolkit.pipelines.jobs import Job
from toolkit.pipelines.recipe import HEADED, MIXTURE, POINTS_29, waves
from toolkit.pipelines.release import SHIPPED, Release, Shipped, run, ship
from toolkit.runtime import sidecar
from toolkit.train.options import Training

FOLDERS = {name for name, *_ in (*MIXTURE, *HEADED)} | {POINTS_29}
PARENTS = ("start", "supernet", "student", "teacher", "arch")


def test_every_step_finds_what_it_reads() -> None:
    """Parents come from earlier waves, and each folder has one writer."""
    made: set[Path] = set()
    for wave in waves(Path("faces"), Path("run")):
        for job in wave:
            given = {Path(value) for role in PARENTS if (value := getattr(job.options, role, None))}
            assert given - {Path(name) for name in ARCHITECTURES} <= made, f"{job.label} reads what no one made before"
            assert job.options.out == Path("run") / job.label and job.options.out not in made
        made |= {job.options.out for job in wave}
    assert {Path("run") / shipped.step for shipped in SHIPPED} <= made
    trainings = [
        j.options for wave in waves(Path("faces"), Path("run")) for j in wave if isinstance(j.options, Training)
    ]
    sets = {path for training in trainings for path in training.data}
    assert sets == {Path("faces") / name for name in FOLDERS}


@pytest.mark.slow
def test_what_is_done_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_bundle: Bundle) -> None:
    """A run that was stopped goes on at the first step that has left no bundle; then it ships."""
    for name in {*FOLDERS, "wflw_test"}:
        (tmp_path / name).mkdir(parents=True)
    steps = [job for wave in waves(tmp_path, tmp_path / "run") for job in wave]
    for job in steps[:-2]:
        bundle.write(small_bundle, job.options.out)
    asked: list[Job[Any]] = []
    shipped: list[Path] = []

    def trained(jobs: list[Job[Any]], at_once: int) -> Any:
        asked.extend(jobs)
        for job in jobs:
            bundle.write(small_bundle, job.options.out)
        yield from ()

    def put(source: Path, *_: Path) -> Any:
        shipped.append(source)
        yield from ()
        return release.Outcome(text="")

    monkeypatch.setattr(release, "side_by_side", trained)
    monkeypatch.setattr(release, "ship", put)
    finish(run(Release(data=tmp_path, out=tmp_path / "run")))
    assert asked == steps[-2:]
    assert shipped == [tmp_path / "run" / each.step for each in SHIPPED]


def test_missing_faces_are_named_before_hours_of_training(tmp_path: Path) -> None:
    """All of them at once."""
    (tmp_path / "300w").mkdir()
    with pytest.raises(
        FileNotFoundError,
        match=r"lacks helen_extra/normal, .*, infanface, aflw_merl, helen29/train, wflw_test",
    ):
        finish(run(Release(data=tmp_path, out=tmp_path / "run")))


@pytest.mark.slow
def test_what_ships_is_rounded_scored_and_converted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_bundle: Bundle
) -> None:
    """The card has the terms of the data and the scores; the files belong to the bundle as it is put in place."""
    monkeypatch.setattr(release, "FORMATS", ({"to": ("tflite",), "precision": ("float16",)},))
    bundle.write(small_bundle, tmp_path / "run")
    outcome = finish(ship(tmp_path / "run", Shipped(step="run", test=None, real=None), tmp_path, tmp_path))
    folder, file = tmp_path / "sdhrnet-68pt-64", tmp_path / "sdhrnet-68pt-64-float16.tflite"
    shipped = bundle.read(folder)
    assert outcome.ok and [r["kind"] for r in outcome.records] == ["evaluate", "parity", "evaluate"]
    assert "research use only" in shipped.card.data["licence"] and shipped.card.data["known_failures"]
    assert shipped.card.metrics["test"]["nme_mean"] == outcome.records[0]["nme_mean"] > 0
    assert shipped.card.parents["unrounded"] == bundle.digest(tmp_path / "run")
    assert sidecar.read(file).source_bundle == bundle.digest(folder)
    assert all((v.half().float() == v).all() for v in shipped.weights.values() if v.is_floating_point())


def test_one_step_trains_alone_and_ships_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--wave runs a step of the recipe by its name; an unknown one is refused with the names there are."""
    for name in {*FOLDERS, "wflw_test"}:
        (tmp_path / name).mkdir(parents=True)
    ran: list[str] = []

    def steps(job: Job[Any]) -> Any:
        ran.append(job.label)
        yield from ()
        return release.Outcome(text="trained")

    monkeypatch.setattr(Job, "steps", steps)
    outcome = finish(run(Release(data=tmp_path, out=tmp_path / "run", wave="teacher-heads")))
    assert (outcome.text, ran) == ("trained", ["teacher-heads"])
    with pytest.raises(ValueError, match=r"no step 'teachers'.* teacher-heads"):
        finish(run(Release(data=tmp_path, out=tmp_path / "run", wave="teachers")))
