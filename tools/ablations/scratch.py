"""What the comparisons of trainings from scratch share: one small network, trained in several ways."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.commands.train import teacher
from toolkit.commands.train.teacher import Teacher
from toolkit.core.options import Options
from toolkit.core.outputs import OutFolder, OutRecords, check_outputs
from toolkit.core.progress import Outcome, Steps
from toolkit.core.records import append
from toolkit.data import open_faces
from toolkit.pipelines.jobs import Job
from toolkit.pipelines.trials import Record, Trial, at_middle, make, score, summary


@dataclass(frozen=True, kw_only=True)
class FromScratch(Options):
    """One network, how long it is trained, and on what."""

    out: OutFolder
    """Folder for the trained bundles; started again, it goes on where it was."""
    results: OutRecords | None = None
    """Add the records to this .jsonl file (default: results.jsonl in --out)."""
    data: Path | None = None
    """Labelled faces, as for the training stages; without it, synthetic faces."""
    arch: str = "s-hrnet-300w"
    """What is trained from scratch."""
    size: int = 64
    """Side of the input crop in pixels."""
    epochs: int = 24
    """Passes over the data, the same for each."""
    synthetic: int = 2000
    """Number of synthetic faces, where no --data is given."""
    seeds: int = 1
    """Each variant is trained this many times."""
    at_once: int = 1
    """Trainings side by side, one thread each."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "epochs", "synthetic")
        if self.seeds < 1 or self.at_once < 1:
            raise ValueError("seeds and at_once must be at least 1")

    def training(self, variant: str, seed: int) -> Teacher:
        """The usual training, in the folder of a variant."""
        return Teacher(
            out=self.out / f"{variant.removeprefix('+ ').replace(' ', '-')}-{seed}",
            data=() if self.data is None else (self.data,),
            arch=self.arch,
            size=self.size,
            epochs=self.epochs,
            synthetic=self.synthetic if self.data is None else None,
            seed=seed,
            resume=True,
        )


def trial(ablation: str, variant: str, training: Teacher) -> Trial:
    """A variant's training, to be scored."""
    job = Job(teacher.run, training, training.out.name)
    return Trial(ablation=ablation, variant=variant, seed=training.seed, bundle=training.out, job=job)


def validated(options: FromScratch, trials: Sequence[Trial], conditions: Sequence[str]) -> Steps[Outcome]:
    """Train all, and score and record them on the validation faces, clean and under some corruptions."""
    results = options.results or options.out / "results.jsonl"
    check_outputs(options, results=results)
    faces = open_faces(options.data, "val", max(1, options.synthetic // 10))  # before anything is trained
    yield from make([trial.job for trial in trials if trial.job], options.at_once)
    scored = yield from score(trials, faces, "val", at_middle(conditions))
    records: list[Record] = [record | {"arch": options.arch} for record in scored]
    append(results, tuple(records))
    variants = dict.fromkeys(trial.variant for trial in trials)
    return Outcome(text="\n".join(summary(variant, records) for variant in variants), records=tuple(records))
