"""What each ingredient of the released models gives: their recipe with one thing more or less at a time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from toolkit import bundle
from toolkit.commands.train import distil
from toolkit.commands.train.distil import ALONE, Distil
from toolkit.core.options import Options
from toolkit.core.outputs import OutFolder, OutRecords, check_outputs
from toolkit.core.progress import Outcome, Steps
from toolkit.core.records import append
from toolkit.data import open_faces, open_folder
from toolkit.data.augment import PUBLISHED
from toolkit.pipelines.jobs import Job
from toolkit.pipelines.recipe import CLOSE, FROM_TEACHER
from toolkit.pipelines.trials import Trial, make, score, summary

MIXTURE = (*CLOSE, ("aflw_pose", 0.7), ("ytf68", 0.15))
"""Photos with the best labels, turned heads and a few frames whose labels are a network's: folders under the data, and
how much of each an epoch shows."""
SYNTHETIC = 400
"""Drawn faces beside them."""
USUAL = "all faces, all augmentation"
QUARTER = "quarter-pixel decoding"
SMALLER = "smaller network"
UNDRAWN, PLAIN, TAUGHT = "without synthetic faces", "published augmentation alone", "with the teacher"
LEFT_OUT: Mapping[str, tuple[str, ...]] = {
    "without YouTube Faces": ("ytf68",),
    "without turned heads": ("aflw_pose",),
    "without further Helen faces": ("helen_extra/normal", "helen_extra/hard"),
    "300W subset alone": ("helen_extra/normal", "helen_extra/hard", "aflw_pose", "ytf68"),
}
"""Rows that leave sets out; those whose names do not say it keep the synthetic faces."""


@dataclass(frozen=True, kw_only=True)
class Ingredients(Options):
    """Train one slimmed network on by the recipe of the release, and with one ingredient more or less at a time.

    Each row shows as many faces as the others do: where sets are left out, the rest is shown more often. Scored on the
    validation faces.
    """

    data: Path
    """Folder of the training sets, as for `release`."""
    student: Path
    """Bundle of the slimmed network that every row starts from."""
    smaller: Path
    """Bundle of a smaller one from the same supernet."""
    teacher: Path
    """Bundle of the teacher, for the row that learns from it."""
    out: OutFolder = Path("runs/ablate-ingredients")
    """Folder for the trained bundles; started again, it goes on where it was."""
    results: OutRecords | None = None
    """Add the records to this .jsonl file (default: results.jsonl in --out)."""
    size: int = 64
    """Side of the input crop in pixels."""
    epochs: int = 8
    """How often each row shows as many faces as an epoch of the recipe has."""
    seeds: int = 2
    """Each row is trained this many times."""
    at_once: int = 1
    """Trainings side by side, one thread each."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.seeds < 1 or self.at_once < 1 or self.epochs < 1:
            raise ValueError("seeds, at_once and epochs must be at least 1")


def run(options: Ingredients) -> Steps[Outcome]:
    """Train and score every row; see Ingredients."""
    check_outputs(options, results=options.results or options.out / "results.jsonl")
    trials = [trial for seed in range(options.seeds) for trial in _trials(options, seed)]
    yield from make([trial.job for trial in trials if trial.job], options.at_once)
    for trial in trials:
        if trial.variant == QUARTER:
            _decoded_by_quarters(options.out / _folder(USUAL, trial.seed), trial.bundle)
    faces = open_faces(options.data / MIXTURE[0][0], "val", 1)
    records = yield from score(trials, faces, "val", {})
    append(options.results or options.out / "results.jsonl", tuple(records))
    variants = dict.fromkeys(trial.variant for trial in trials)
    return Outcome(text="\n".join(summary(variant, records) for variant in variants), records=tuple(records))


def _trials(options: Ingredients, seed: int) -> Iterator[Trial]:
    every, counts = dict(MIXTURE), {name: _count(options.data / name) for name, _ in MIXTURE}
    an_epoch = sum(share * counts[name] for name, share in MIXTURE) + SYNTHETIC

    def usual(variant: str, sets: Mapping[str, float] = every, synthetic: int | None = SYNTHETIC) -> Distil:
        more = (an_epoch - (synthetic or 0)) / sum(share * counts[name] for name, share in sets.items())
        return Distil(
            **ALONE,
            out=options.out / _folder(variant, seed),
            student=options.student,
            data=tuple(options.data / name for name in sets),
            share=tuple(round(share * more, 4) for share in sets.values()),
            synthetic=synthetic,
            size=options.size,
            epochs=options.epochs,
            lr=1.5e-3,
            seed=seed,
            resume=True,
        )

    def row(variant: str, training: Distil) -> Trial:
        job = Job(distil.run, training, training.out.name)
        against = None if variant == USUAL else USUAL
        return Trial(ablation="ingredients", variant=variant, seed=seed, bundle=training.out, job=job, against=against)

    yield row(USUAL, usual(USUAL))
    for variant, gone in LEFT_OUT.items():
        left = {name: share for name, share in every.items() if name not in gone}
        yield row(variant, usual(variant, left, None if len(left) == 1 else SYNTHETIC))
    yield row(UNDRAWN, usual(UNDRAWN, synthetic=None))
    yield row(PLAIN, replace(usual(PLAIN), augment=dict(vars(PUBLISHED))))
    yield row(TAUGHT, replace(usual(TAUGHT), teacher=options.teacher, **FROM_TEACHER))
    yield row(SMALLER, replace(usual(SMALLER), student=options.smaller))
    decoded = options.out / _folder(QUARTER, seed)
    yield Trial(ablation="ingredients", variant=QUARTER, seed=seed, bundle=decoded, against=USUAL)


def _folder(variant: str, seed: int) -> str:
    return f"{variant.replace(', ', '-').replace(' ', '-')}-{seed}"


def _count(folder: Path) -> int:
    """Training faces of a set; of the first one, a tenth is held out."""
    if folder.match(MIXTURE[0][0]):
        return len(open_faces(folder, "train", 1))
    return len(open_folder(folder, test=False))


def _decoded_by_quarters(trained: Path, folder: Path) -> None:
    """The same network, whose card asks for the published decoding."""
    loaded = bundle.read(trained)
    bundle.write(replace(loaded, card=replace(loaded.card, decoder="quarter")), folder)
