"""Make the released models: train by the recipe in waves that resume, then ship."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit import bundle
from toolkit.benchmarking.results import columns
from toolkit.commands.data import pack
from toolkit.commands.data.pack import Pack
from toolkit.core.files import read_json
from toolkit.core.options import Options
from toolkit.core.outputs import OutFolder, OutRecords, check_outputs, same
from toolkit.core.progress import Outcome, Steps
from toolkit.core.records import append
from toolkit.core.zoo import SPARED, START, WEIGHTS, is_bundle, resolve
from toolkit.data.formats.pts import LABELS
from toolkit.pipelines.jobs import Job, side_by_side
from toolkit.pipelines.recipe import SETS, STARTS, Places, Wave, faces_of, hours_of, waves
from toolkit.pipelines.shipping import SHIPPED, Shipped, joined, ship
from toolkit.pipelines.time_budget import Plan, plan_path, within
from toolkit.train.options import Training

QUALITY = 50
"""Of packs that are made: 13,000 faces for crops of 128 px are about 50 MB, and of the teacher's sets 20."""


@dataclass(frozen=True, kw_only=True)
class Release(Options):
    """Train the released models and put them, with their files, into the package.

    Interrupted and started again, it goes on where it was: every step resumes, and one that is done is not made again.
    """

    data: Path | None = None
    """Folder of the faces to train and to score on: 300w, helen_extra, aflw_pose, aflw_merl, infanface, photos5, ytf68,
    london189, helen29, lfpw29 and wflw_test."""
    out: OutFolder = Path("runs/release")
    """The run's folder: a bundle, or a set of labels, for each step. A machine that goes on with it needs all of it."""
    weights: OutFolder = WEIGHTS
    """Where to put what ships."""
    list: bool = False
    """Train nothing: list waves and steps, the faces that each sees, about how many hours of one core it takes, and
    which are done."""
    wave: str | None = None
    """Make one wave, or one step, such as teacher, and ship nothing; what it starts from must be there, and it goes on
    where it was. A study, of which nothing ships, is made so alone."""
    ship: tuple[str, ...] = ()
    """Train nothing, and ship these steps alone, such as main small; --out must hold them."""
    packs: OutFolder | None = None
    """Train from packs in this folder, such as 300w.faces, as where the pictures cannot be; those that are missing are
    made from --data, as WebP pictures."""
    minutes: float | None = None
    """With a --wave of one training: measure its speed for 20 seconds and fit its length to these minutes, as on a
    machine that is lent. Stopped and started again it goes on as planned."""
    at_once: int = 2
    """Trainings that run at the same time, on one thread each."""
    results: OutRecords | None = None
    """Add the records to this .jsonl file; an older record of the same measurement is replaced. With a --wave, those of
    its trainings; else the teacher, too large for the package, is put beside it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "at_once")
        if self.minutes is not None and not (self.minutes > 0 and self.wave):
            raise ValueError("--minutes needs the --wave to train, and must be above 0")
        if self.ship and (self.wave or self.list):
            raise ValueError("--ship trains nothing: give it without --wave and --list")
        unknown = [step for step in self.ship if step not in (each.step for each in SHIPPED)]
        if unknown:
            known = ", ".join(each.step for each in SHIPPED)
            raise ValueError(f"--ship takes {known}; {', '.join(unknown)} is not shipped")
        if self.data is None and not (self.list or (self.wave and self.packs)):
            raise ValueError("give the folder of the faces (--data), or a --wave and the --packs to train it from")

    @property
    def places(self) -> Places:
        """Where the recipe finds and puts things."""
        places = Places(out=self.out, packs=self.packs)
        return places if self.data is None else Places(out=self.out, data=self.data, packs=self.packs)


def run(options: Release) -> Steps[Outcome]:
    """Train, then ship; see Release."""
    check_outputs(options)
    recipe = waves(options.places)
    if options.list:
        return _listed(options, recipe)
    if options.ship:
        return (yield from _shipped_alone(options))
    chosen = _chosen(recipe, options.wave) if options.wave else [wave for wave in recipe if wave.ships]
    _require_sets(options, chosen, () if options.wave else SHIPPED)
    if options.wave:
        made = yield from _make(options, chosen)
        if options.results is not None:
            append(options.results, list(_steps(chosen)))
        return made
    if options.results is not None and same(options.results.parent / "teacher", options.out / "teacher"):
        raise ValueError(f"--results {options.results} would put the rounded teacher over {options.out}'s own: move it")
    yield from _make(options, chosen)
    outcomes = [(yield from _ship(options, SHIPPED))]
    for step, path in (("begun", START), ("spared", SPARED)):
        bundle.write(bundle.rounded(bundle.read(options.out / step)), options.weights / path.relative_to(WEIGHTS))
    outcomes.append(Outcome(text=f"trained in {options.out}", records=tuple(_steps(chosen))))
    whole = joined(outcomes)
    if options.results is not None:
        bundle.write(bundle.rounded(bundle.read(options.out / "teacher-last")), options.results.parent / "teacher")
        append(options.results, whole.records)
    return whole


def _shipped_alone(options: Release) -> Steps[Outcome]:
    """Ship some of what was trained before."""
    wanted = [each for each in SHIPPED if each.step in options.ship]
    _require_sets(options, (), wanted)
    for each in wanted:
        bundle.read(options.out / each.step)  # before minutes of conversion
    outcome = yield from _ship(options, wanted)
    if options.results is not None:
        append(options.results, outcome.records)
    return outcome


def _ship(options: Release, wanted: Sequence[Shipped]) -> Steps[Outcome]:
    assert options.data is not None
    outcomes = []
    for each in wanted:
        outcomes.append((yield from ship(options.out / each.step, each, options.data, options.weights)))
    return joined(outcomes)


def _chosen(recipe: Sequence[Wave], name: str) -> list[Wave]:
    """A wave, or a step as a wave of its own.

    Raises:
        ValueError: the recipe has none of that name.
    """
    found = [wave for wave in recipe if wave.name == name]
    found += [
        Wave(name=job.label, purpose=wave.purpose, jobs=(job,))
        for wave in recipe
        for job in wave.jobs
        if job.label == name
    ]
    if not found:
        steps = "; ".join(f"{wave.name}: {', '.join(job.label for job in wave.jobs)}" for wave in recipe)
        raise ValueError(f"the recipe has no wave or step {name!r}; it has {steps}")
    return found[:1]


def _require_sets(options: Release, chosen: Sequence[Wave], shipped: Sequence[Shipped]) -> None:
    """Raises FileNotFoundError, before hours of training, where sets that will be read are not there."""
    needed = dict.fromkeys(path for wave in chosen for job in _left(wave) for path in _read(job.options))
    needed |= {options.places.data / each.test: None for each in shipped if each.test}
    places, missing = options.places, list[str]()
    made = {job.options.out for wave in chosen for job in wave.jobs}
    for path in (path for path in needed if path.parent != options.out):
        names = [name for name in SETS if places.of(name) == path]
        makeable = any(places.source(name) in made or places.source(name).is_dir() for name in names)
        if path.parent == options.packs:
            missing += [path.name] * (not path.is_file() and not makeable)
        elif options.data is not None and options.data in path.parents and not path.is_dir():
            missing.append(path.relative_to(options.data).as_posix())
    if missing:
        where = options.data or options.packs
        raise FileNotFoundError(f"{where} lacks {', '.join(missing)}: toolkit/pipelines/recipe.py needs them")


def _make(options: Release, chosen: Sequence[Wave]) -> Steps[Outcome]:
    """All steps of some waves that are not done."""
    outcomes, sizes = [], _sizes(options)
    for wave in chosen:
        left = _left(wave)
        for job in left:
            _begin(options.out, job)
            yield from _packed(options, job, sizes)
        if options.minutes is not None:
            if len(wave.jobs) != 1 or not isinstance(wave.jobs[0].options, Training):
                raise ValueError(f"--minutes is for one training, and {wave.name} is more: name one of its steps")
            for job in left:
                outcomes.append((yield from within(job, options.minutes)))
        else:
            outcomes += yield from side_by_side(left, options.at_once)
    return joined(outcomes or [Outcome(text=f"all of it is done in {options.out}: nothing was changed")])


def _left(wave: Wave) -> list[Job[Any]]:
    return [job for job in wave.jobs if not _done(job.options.out)]


def _done(out: Path) -> bool:
    return is_bundle(out) or (out / LABELS).is_file()


def _read(options: Any) -> Iterator[Path]:
    """The paths that a step reads."""
    for name, value in vars(options).items():
        if name != "out":
            yield from (each for each in (value if isinstance(value, tuple) else (value,)) if isinstance(each, Path))


def _begin(out: Path, job: Job[Any]) -> None:
    """Copy what a step starts from out of the release before, once, so that shipping does not change it."""
    for path in _read(job.options):
        if path.parent == out and path.name in STARTS and not is_bundle(path):
            bundle.write(bundle.read(resolve(STARTS[path.name], "bundle")), path)


def _packed(options: Release, job: Job[Any], sizes: Mapping[Path, int]) -> Steps[None]:
    """Make the packs of a step that are missing."""
    places = options.places
    if options.packs is None:
        return
    read = set(_read(job.options))
    for name in (name for name in SETS if places.of(name) in read):
        if not places.of(name).is_file():
            wanted = Pack(
                data=places.source(name),
                out=places.of(name),
                size=sizes[places.of(name)],
                quality=QUALITY,
                skip_bad=True,  # as the trainings
            )
            yield from pack.run(wanted)


def _sizes(options: Release) -> dict[Path, int]:
    """The largest crops that the recipe's trainings make of each set that is read."""
    sizes: dict[Path, int] = {}
    for job in (job for wave in waves(options.places) for job in wave.jobs):
        for path in _read(job.options):
            sizes[path] = max(sizes.get(path, 0), getattr(job.options, "size_px", Pack.size))
    return sizes


def _listed(options: Release, recipe: Sequence[Wave]) -> Outcome:
    """The recipe as a table, and as records."""
    rows, records = [["step", "faces", "hours", ""]], list[dict[str, Any]]()
    for wave in recipe:
        for job in wave.jobs:
            faces, hours = faces_of(job.options, options.places), hours_of(job.options, options.places)
            state = "done" if _done(job.options.out) else "begun" if job.options.out.exists() else ""
            rows.append([f"  {job.label}", f"{faces:,}" if faces else "", f"{hours:.1f}" if hours else "", state])
            records.append({"kind": "planned", "wave": wave.name, "model": job.label, "faces": faces, "hours": hours})
    head, *steps = columns(rows, left=1)
    lines, left = [head], iter(steps)
    for wave in recipe:
        lines += ["", f"{wave.name}: {wave.purpose}", *(line for _, line in zip(wave.jobs, left, strict=False))]
    total = sum(record["hours"] for record in records)
    lines += ["", f"about {total:.0f} hours of one core; a step or a wave alone: --wave NAME"]
    planned = tuple({**record, "hours": round(record["hours"], 2)} for record in records)
    return Outcome(text="\n".join(lines), records=planned)


def _steps(recipe: Sequence[Wave]) -> Iterator[dict[str, Any]]:
    """A record of each training: its seed, its length, the machine and what it reached on the validation faces."""
    for job in (job for wave in recipe for job in wave.jobs if isinstance(job.options, Training)):
        card = bundle.read(job.options.out).card
        made, config = card.made_with, card.config
        planned = plan_path(job.options.out)
        times = read_json(planned, Plan).times if planned.is_file() else 1
        yield {
            "kind": "step",
            "model": job.label,
            "stage": card.stage,
            "size_px": card.size_px,
            "epochs": round(config["optim"]["epochs"] * times * (job.options.share or (1,))[0]),
            "seed": config["seed"],
            "seconds": made["train_seconds"],
            "val_nme_mean": card.metrics["val"]["nme_mean"],
            **({"planned": planned.name} if planned.is_file() else {}),
            **{key: made[key] for key in ("device", "threads", "commit", "versions")},
        }
