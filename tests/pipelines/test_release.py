"""The recipe of the released models, its waves as a command, and what shipping makes of a bundle."""

from pathlib import Path
from typing import Any

import pytest

from toolkit import bundle, runtime
from toolkit.benchmarking import false_faces
from toolkit.bundle import Bundle
from toolkit.cli import main
from toolkit.commands.data.pack import Pack
from toolkit.core import records, zoo
from toolkit.core.files import write_json
from toolkit.core.progress import Steps, finish
from toolkit.data.formats.pts import LABELS
from toolkit.export.deployed import TorchLandmarker
from toolkit.models.spec import ARCHITECTURES
from toolkit.pipelines import release, shipping
from toolkit.pipelines.jobs import Job
from toolkit.pipelines.recipe import FACES, STARTS, Places, faces_of, hours_of, waves
from toolkit.pipelines.release import Release, run
from toolkit.pipelines.shipping import SHIPPED, Shipped, ship
from toolkit.runtime import sidecar

AT = Places(out=Path("run"), data=Path("faces"))


def parents(options: object) -> set[Path]:
    """What a step reads of the run's folder."""
    return {path for path in (*release._read(options), Path(getattr(options, "arch", ""))) if AT.out in path.parents}


def test_every_step_finds_what_it_reads() -> None:
    """Parents and labels come from earlier waves, and each folder has one writer."""
    made = {AT.out / name for name in STARTS}
    for wave in waves(AT):
        for job in wave.jobs:
            assert parents(job.options) <= made, f"{job.label} reads what no one made before"
            assert job.options.out == AT.out / job.label and job.options.out not in made
        made |= {job.options.out for job in wave.jobs}
    assert {AT.out / shipped.step for shipped in SHIPPED} <= made
    assert not {Path(name) for name in ARCHITECTURES} & made


def test_every_step_costs_something_and_reads_known_sets() -> None:
    """Faces by the sets' sizes: an epoch of two thirds of 900 faces, six times; two peers cost more than one."""
    steps = {job.label: job.options for wave in waves(AT) for job in wave.jobs}
    assert faces_of(steps["photos5-labels"], AT) == FACES["photos5"]
    close = FACES["300w"] + FACES["helen_extra/normal"] + FACES["helen_extra/hard"]
    assert faces_of(steps["teacher-last"], AT) == pytest.approx(
        0.25 * steps["teacher-last"].optim.epochs * close, abs=1
    )
    few = FACES["infanface"] + 0.35 * FACES["aflw_pose"]
    assert faces_of(steps["main-last"], AT) == pytest.approx(steps["main-last"].optim.epochs * (close + few), abs=1)
    assert hours_of(steps["small-truth-0"], AT) == pytest.approx(hours_of(steps["small-peers-0"], AT), rel=0.25)
    assert hours_of(steps["small-teacher-0"], AT) == pytest.approx(hours_of(steps["small-peers-0"], AT), rel=0.25)
    assert hours_of(steps["main-slim"], AT) == 0 < hours_of(steps["teacher"], AT) < 10


def sets_in(folder: Path) -> None:
    """Empty folders of all sets that are read."""
    for name in (*FACES, *(shipped.test for shipped in SHIPPED if shipped.test)):
        (folder / name).mkdir(parents=True, exist_ok=True)


@pytest.fixture
def all_jobs(tmp_path: Path) -> list[Job[Any]]:
    sets_in(tmp_path)
    recipe = waves(Places(out=tmp_path / "run", data=tmp_path))
    return [job for wave in recipe if wave.ships for job in wave.jobs]


def test_what_is_done_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_bundle: Bundle, all_jobs: list[Job[Any]]
) -> None:
    """A run that was stopped goes on at the first step that has left no bundle and no labels; then it ships, whether or
    not its studies were made."""
    for job in all_jobs[:-2]:
        if job.label.endswith(("-labels", "-placed")):
            write_json(job.options.out / LABELS, {})
        else:
            bundle.write(small_bundle, job.options.out)
    asked: list[Job[Any]] = []
    shipped: list[Path] = []

    def trained(jobs: list[Job[Any]], at_once: int) -> Any:
        asked.extend(jobs)
        for job in jobs:
            bundle.write(small_bundle, job.options.out)
        yield from ()
        return []

    def put(source: Path, *_: Path) -> Any:
        shipped.append(source)
        yield from ()
        return release.Outcome(text="")

    monkeypatch.setattr(release, "side_by_side", trained)
    monkeypatch.setattr(release, "ship", put)
    monkeypatch.setattr(release, "_steps", lambda recipe: ())
    finish(run(Release(data=tmp_path, out=tmp_path / "run", weights=tmp_path / "weights")))
    assert zoo.is_bundle(tmp_path / "weights" / "start" / "hrsupernet-68pt-64")
    assert [job.label for job in asked] == [job.label for job in all_jobs[-2:]]
    assert shipped == [tmp_path / "run" / each.step for each in SHIPPED]


def test_missing_faces_are_named_before_hours_of_training(tmp_path: Path) -> None:
    """All of them at once; of a single step those that it reads; packs by their own names."""
    (tmp_path / "300w").mkdir()
    with pytest.raises(FileNotFoundError, match=r"lacks aflw_merl, .*helen_extra/normal, .*infanface, .*wflw_test"):
        finish(run(Release(data=tmp_path, out=tmp_path / "run")))
    with pytest.raises(FileNotFoundError, match=r"lacks helen_extra/normal, helen_extra/hard, infanface: "):
        finish(run(Release(data=tmp_path, out=tmp_path / "run", wave="main-last")))
    with pytest.raises(FileNotFoundError, match=r"lacks 300w\.faces, helen_extra-normal\.faces, "):
        finish(run(Release(packs=tmp_path / "packs", out=tmp_path / "run", wave="teacher")))


def test_one_step_or_wave_is_made_alone_and_ships_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_bundle: Bundle
) -> None:
    """By its name, with a copy of the released bundle that it starts from; an unknown one is refused with all names."""
    sets_in(tmp_path)
    ran: list[str] = []

    def steps(job: Job[Any]) -> Any:
        ran.append(job.label)
        yield from ()
        return release.Outcome(text="trained")

    monkeypatch.setattr(Job, "steps", steps)
    monkeypatch.setattr(release.bundle, "read", lambda path: small_bundle)
    monkeypatch.setattr(release, "_steps", lambda chosen: [{"kind": "step", "model": chosen[0].jobs[0].label}])
    outcome = finish(run(Release(data=tmp_path, out=tmp_path / "run", wave="teacher")))
    assert (outcome.text, ran) == ("trained", ["teacher"])
    assert zoo.is_bundle(tmp_path / "run" / "start-teacher")
    finish(run(Release(data=tmp_path, out=tmp_path / "run", wave="placement", results=tmp_path / "results.jsonl")))
    assert [record["model"] for record in records.read(tmp_path / "results.jsonl")] == ["aflw_merl-placed"]
    assert ran == ["teacher", "aflw_merl-placed"]
    with pytest.raises(
        ValueError,
        match=r"no wave or step 'teach'; .*; second: teacher-last, spared; ",
    ):
        finish(run(Release(data=tmp_path, out=tmp_path / "run", wave="teach")))


def test_some_are_shipped_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_bundle: Bundle) -> None:
    """In the order of all; sets and steps that are missing are named before anything is converted."""
    put: list[Path] = []

    def one(source: Path, *_: Any) -> Any:
        put.append(source)
        yield from ()
        return release.Outcome(text="put", records=({"kind": "evaluate", "model": source.name},))

    monkeypatch.setattr(release, "ship", one)
    wanted = Release(data=tmp_path, out=tmp_path / "run", ship=("large", "main"), results=tmp_path / "results.jsonl")
    with pytest.raises(FileNotFoundError, match="lacks 300w: "):
        finish(run(wanted))
    sets_in(tmp_path)
    bundle.write(small_bundle, tmp_path / "run" / "main")
    with pytest.raises(FileNotFoundError, match="large"):
        finish(run(wanted))
    assert not put
    bundle.write(small_bundle, tmp_path / "run" / "large")
    finish(run(wanted))
    assert put == [tmp_path / "run" / "main", tmp_path / "run" / "large"]
    assert [record["model"] for record in records.read(tmp_path / "results.jsonl")] == ["main", "large"]


def test_missing_packs_are_made_from_the_sets_and_from_what_steps_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_bundle: Bundle
) -> None:
    """Those of the step that is made, for the largest crops that any step makes of them, without annotations that
    trainings leave out; those that are there are left alone."""
    sets_in(tmp_path)
    (tmp_path / "run" / "aflw_merl-placed").mkdir(parents=True)
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / "infanface.faces").touch()
    made: dict[Path, Path] = {}
    sizes: dict[str, int] = {}

    def write(options: Pack) -> Any:
        made[options.out.relative_to(tmp_path / "packs")] = options.data.relative_to(tmp_path)
        sizes[options.out.name] = options.size
        assert (options.skip_bad, options.quality) == (True, release.QUALITY)
        yield from ()

    def steps(job: Job[Any]) -> Any:
        yield from ()
        return release.Outcome(text="trained")

    monkeypatch.setattr(Job, "steps", steps)
    monkeypatch.setattr(release.pack, "run", write)
    monkeypatch.setattr(release.bundle, "read", lambda path: small_bundle)
    finish(run(Release(data=tmp_path, packs=tmp_path / "packs", out=tmp_path / "run", wave="teacher")))
    assert made[Path("helen_extra-normal.faces")] == Path("helen_extra/normal")
    assert made[Path("aflw_merl-placed.faces")] == Path("run/aflw_merl-placed")
    assert len(made) == 6 and Path("infanface.faces") not in made
    assert (sizes["300w.faces"], sizes["aflw_merl-placed.faces"]) == (224, 128)
    made.clear()
    finish(run(Release(data=tmp_path, packs=tmp_path / "packs", out=tmp_path / "run", wave="main")))
    assert made == {Path("300w.faces"): Path("300w")}


def test_packs_of_sets_that_earlier_steps_make_are_not_missing(tmp_path: Path) -> None:
    """Nor are they where the step is made alone."""
    sets_in(tmp_path)
    options = Release(data=tmp_path, packs=tmp_path / "packs", out=tmp_path / "run")
    release._require_sets(options, waves(options.places), SHIPPED)
    with pytest.raises(FileNotFoundError, match=r"lacks aflw_merl-placed\.faces: "):
        finish(run(Release(data=tmp_path, packs=tmp_path / "packs", out=tmp_path / "run", wave="teacher")))


def test_the_list_tells_what_each_step_costs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without any faces: waves, steps, faces, hours, what is done, and the sum."""
    write_json(tmp_path / "photos5-labels" / LABELS, {})
    assert main(["release", "--list", "--out", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    (done,) = [line.split() for line in lines if "photos5-labels" in line]
    assert done[:2] == ["photos5-labels", "3,700"] and done[-1] == "done"
    assert "hours of one core" in lines[-1] and any(line.startswith("teachers: one HRNetV2-W18") for line in lines)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give the folder of the faces"),
        ({"wave": "teacher"}, "give the folder of the faces"),
        ({"data": Path(), "minutes": 3.0}, "--minutes needs the --wave"),
        ({"data": Path(), "at_once": 0}, "--at-once must be at least 1"),
        ({"data": Path(), "ship": ("main",), "wave": "teacher"}, "--ship trains nothing"),
        ({"data": Path(), "ship": ("main", "teacher")}, "--ship takes main, small, .*; teacher is not shipped"),
        ({"ship": ("main",)}, "give the folder of the faces"),
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, Any], message: str) -> None:
    """At once."""
    with pytest.raises(ValueError, match=message):
        Release(**options)


def test_minutes_are_for_one_training(tmp_path: Path, all_jobs: list[Job[Any]], small_bundle: Bundle) -> None:
    """A wave of several is refused."""
    with pytest.raises(ValueError, match="--minutes is for one training, and placement is more"):
        finish(run(Release(data=tmp_path, out=tmp_path / "run", wave="placement", minutes=2)))


def test_a_floor_may_be_fitted_on_what_a_step_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_bundle: Bundle
) -> None:
    """Beside the network in the run's folder; else on the photos that it ships by."""
    seen: list[Path | None] = []

    def floor_of(_: Bundle, data: Path | None) -> Steps[float]:
        seen.append(data)
        raise ValueError("seen enough")
        yield

    monkeypatch.setattr(shipping, "floor_of", floor_of)
    bundle.write(small_bundle, tmp_path / "run" / "net")
    for floor in ("made", None):
        shipped = Shipped(step="net", test=None, real="photos", floor=floor)
        with pytest.raises(ValueError, match="seen enough"):
            finish(ship(tmp_path / "run" / "net", shipped, tmp_path / "data", tmp_path))
    assert seen == [tmp_path / "run" / "made", tmp_path / "data" / "photos"]


@pytest.mark.slow
def test_what_ships_is_rounded_scored_and_converted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_bundle: Bundle
) -> None:
    """The card has the terms of the data, the floor of confidence and the scores; the files belong to the bundle as it
    is put in place, and those of a variant are not taken for another's."""
    monkeypatch.setattr(shipping, "FORMATS", ({"to": ("tflite",), "precision": ("float16",)},))
    monkeypatch.setattr(false_faces, "fitted_floor", lambda right, wrong: 0.27 if len(right) == 150 else 0)
    bundle.write(small_bundle, tmp_path / "run")
    for variant in ("free", ""):
        shipped = Shipped(step="run", variant=variant, test=None, real=None)
        outcome = finish(ship(tmp_path / "run", shipped, tmp_path, tmp_path))
        stem = f"sdhrnet-68pt-64{variant and '-'}{variant}"
        folder, file = tmp_path / stem, tmp_path / f"{stem}-float16.tflite"
        made = bundle.read(folder)
        assert outcome.ok and [r["kind"] for r in outcome.records] == ["evaluate", "parity", "evaluate"]
        assert made.card.data["known_failures"]
        assert made.card.metrics["test"]["nme_mean"] == outcome.records[0]["nme_mean"] > 0
        assert made.card.parents["unrounded"] == bundle.digest(tmp_path / "run")
        assert sidecar.read(file).source_bundle == bundle.digest(folder)
        assert sidecar.read(file).confidence_floor == made.card.confidence_floor == 0.27
        assert runtime.load(file).confidence_floor == TorchLandmarker(made).confidence_floor == 0.27
        assert all((v.half().float() == v).all() for v in made.weights.values() if v.is_floating_point())
    assert [path.name for path in zoo.files("sdhrnet-68pt-64", tmp_path)] == ["sdhrnet-68pt-64-float16.tflite"]
