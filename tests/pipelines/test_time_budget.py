"""Trainings that fit into given minutes: planned by a clock that tests turn, and one that trains from a pack."""

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from toolkit import bundle
from toolkit.bundle import Bundle
from toolkit.commands.train import teacher
from toolkit.commands.train.teacher import Teacher
from toolkit.core.files import write_json
from toolkit.core.images import write_png
from toolkit.core.progress import Outcome, Progress, finish
from toolkit.data import open_faces, open_folder
from toolkit.data.formats.pts import write_pts
from toolkit.data.pack import write_pack
from toolkit.pipelines import release, time_budget
from toolkit.pipelines.jobs import Job
from toolkit.pipelines.recipe import Wave
from toolkit.pipelines.release import Release
from toolkit.pipelines.time_budget import Plan, plan_path, within
from toolkit.train.options import Training

EPOCH = 800
"""Faces that the made-up training shows in an epoch of its recipe."""


@dataclass
class Machine:
    """A training of EPOCH faces an epoch, of `step` seconds a step after `reading` seconds by its own clock."""

    step: float
    reading: float = 0.0
    time: float = 0.0
    asked: Any = None

    def now(self) -> float:
        return self.time

    def run(self, options: Training) -> Iterator[Progress]:
        self.asked = options
        yield Progress(task="reading", done=0, total=1)
        self.time += self.reading
        faces = round(EPOCH * options.share[0]) if options.data else options.synthetic
        steps = faces // options.optim.batch * options.optim.epochs
        for done in range(1, steps + 1):
            self.time += self.step
            yield Progress(task="epoch 1", done=done, total=steps)
        return Outcome(text="trained")


def job(machine: Machine, out: Path, **more: Any) -> Job[Training]:
    return Job(machine.run, Training(out=out, data=(Path("set"),), share=(1.0,), size=64, **more), "teacher")  # type: ignore[arg-type]


@pytest.mark.parametrize(("step", "minutes"), [(0.02, 3.0), (0.5, 10.0), (4.0, 60.0)])
def test_the_length_fits_the_minutes(tmp_path: Path, step: float, minutes: float) -> None:
    """From fast to slow machines all but the reserve and half an epoch's rounding of the time is used, and no more."""
    machine = Machine(step=step, reading=10)
    outcome = finish(within(job(machine, tmp_path / "t"), minutes, machine.now))
    assert 0.85 * 60 * minutes < machine.time <= 60 * minutes
    assert "faces a second" in outcome.text and f"{minutes:g} minutes" in outcome.text
    plan = json.loads(plan_path(tmp_path / "t").read_text())
    assert plan["faces_per_second"] == pytest.approx(16 / step, rel=0.01)
    assert plan["times"] * EPOCH >= 0.9 * time_budget.EPOCH_FACES


def test_smaller_sizes_are_taken_for_cheaper(tmp_path: Path) -> None:
    """A third of the epochs at half the side costs a quarter each: a third more faces than at the full size alone."""
    shown = []
    for number, progressive in enumerate(((), (32,))):
        machine = Machine(step=0.1)
        finish(within(job(machine, tmp_path / str(number), progressive=progressive), 5, machine.now))
        shown.append(machine.asked.share[0] * machine.asked.optim.epochs)
    assert shown[1] / shown[0] == pytest.approx(1 / ((1 + 0.25) / 2), rel=0.05)


@pytest.mark.parametrize("synthetic", [400, 4000])
def test_drawn_faces_alone_fit_the_minutes(tmp_path: Path, synthetic: int) -> None:
    """An epoch shows all of them, few or many: the number of epochs follows."""
    machine = Machine(step=0.1)
    training = Training(out=tmp_path / "t", synthetic=synthetic, size=64)  # type: ignore[call-arg]
    finish(within(Job(machine.run, training, "drawn"), 10, machine.now))  # type: ignore[arg-type]
    assert 0.85 * 600 < machine.time <= 600
    assert json.loads(plan_path(tmp_path / "t").read_text())["times"] == 1


def test_more_drawn_faces_than_there_are_minutes_for_are_refused(tmp_path: Path) -> None:
    """120,000 faces take 750 seconds at 16 each tenth of one."""
    machine = Machine(step=0.1)
    training = Training(out=tmp_path / "t", synthetic=120_000, size=64)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="expected more than --minutes 10"):
        finish(within(Job(machine.run, training, "drawn"), 10, machine.now))  # type: ignore[arg-type]


def test_the_record_of_a_planned_training_counts_its_epochs_of_the_recipe(tmp_path: Path, small_bundle: Bundle) -> None:
    """Eight epochs of half as many faces as the recipe's share, which is a quarter of the set, are one of the set."""
    made = {"train_seconds": 1.0, "device": "cpu", "threads": 1, "commit": None, "versions": {}}
    card = dataclasses.replace(
        small_bundle.card, config={"optim": {"epochs": 8}, "seed": 0}, made_with=made, metrics={"val": {"nme_mean": 5}}
    )
    bundle.write(dataclasses.replace(small_bundle, card=card), tmp_path / "t")
    plan = Plan(minutes=3.0, faces_per_second=9.0, times=0.5, epochs=8, batch=16, lr=1e-3)
    write_json(plan_path(tmp_path / "t"), dataclasses.asdict(plan))
    training = Training(out=tmp_path / "t", data=(tmp_path / "set",), share=(0.25,), size=64)
    (record,) = release._steps((Wave(name="t", purpose="", jobs=(Job(teacher.run, training, "t"),)),))
    assert record["epochs"] == 1


def test_a_stopped_run_goes_on_as_planned(tmp_path: Path) -> None:
    """The second time nothing is measured, whatever the minutes and the machine's speed."""
    first, second = Machine(step=0.1), Machine(step=9.0)
    finish(within(job(first, tmp_path / "t"), 4, first.now))
    steps = within(job(second, tmp_path / "t"), 99, second.now)
    assert "so that 4 minutes" in next(steps).text and second.time == 0
    next(steps)
    assert vars(second.asked) == vars(first.asked)


def test_too_few_minutes_are_refused(tmp_path: Path) -> None:
    """With what they would go on."""
    machine = Machine(step=1, reading=100)
    with pytest.raises(ValueError, match=r"takes 3\.7 minutes to read its faces and be measured"):
        finish(within(job(machine, tmp_path / "t"), 1, machine.now))
    assert not plan_path(tmp_path / "t").exists()


@pytest.mark.slow
def test_the_release_trains_from_packs_alone_in_given_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    """A small network in a few seconds: a bundle, its plan, and nothing to do the second time."""
    faces = open_faces(None, "train", 40)
    for i in range(40):
        sample = faces[i]
        write_png(tmp_path / "set" / f"p{i}.png", sample.image)
        (tmp_path / "set" / f"p{i}.pts").write_text(write_pts(sample.points_xy))
    pack = tmp_path / "packs" / "300w.faces"
    finish(write_pack(open_folder(tmp_path / "set", test=False), "train", pack, 64, 60))
    bundle.write(small_bundle, tmp_path / "small")
    training = Teacher(
        out=tmp_path / "run" / "teacher", data=(pack,), start=tmp_path / "small", size=64, batch=8, resume=True
    )
    wave = Wave(name="teachers", purpose="", jobs=(Job(teacher.run, training, "teacher"),))
    monkeypatch.setattr(release, "waves", lambda places: (wave,))
    monkeypatch.setattr(time_budget, "MEASURED_SECONDS", 0.5)
    monkeypatch.setattr(time_budget, "RESERVE", 0.97)  # of plenty of minutes, for a machine under load
    options = Release(packs=tmp_path / "packs", out=tmp_path / "run", wave="teacher", minutes=4)
    outcome = finish(release.run(options))
    assert "faces a second" in outcome.text and (tmp_path / "run" / "teacher.plan.json").is_file()
    made = bundle.read(tmp_path / "run" / "teacher")
    plan = Plan(**json.loads(plan_path(training.out).read_text()))
    assert made.card.config["optim"]["epochs"] == plan.epochs and "packed at 64 px, WebP 60" in made.card.data["train"]
    assert "nothing was changed" in finish(release.run(options)).text
