"""What the comparisons of networks cut from supernets share: parents, budget, training, scoring and records."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict, TypeVar

from toolkit import bundle
from toolkit.commands.train import distil, slim, teacher
from toolkit.commands.train.distil import ALONE, Distil
from toolkit.commands.train.slim import Slim
from toolkit.commands.train.teacher import Teacher
from toolkit.core.options import Options
from toolkit.core.outputs import OutFolder, OutRecords, check_outputs
from toolkit.core.progress import Outcome, Steps
from toolkit.core.records import append
from toolkit.data import open_faces
from toolkit.data.augment import PUBLISHED
from toolkit.data.corruptions import CORRUPTIONS
from toolkit.models.spec import SuperNetSpec
from toolkit.pipelines.jobs import Job
from toolkit.pipelines.trials import Record, Seen, Trial, at_middle, make, score, summary
from toolkit.slimming.importance import Importance
from toolkit.train.options import Training

CONDITIONS = at_middle(("occlusion", "face mask"))
SUPERNET, SLIMMED = "supernet", "slimmed"
TRAINED_ON, SCRATCH, RANDOM = "slimmed, trained on", "same network from scratch", "random operations, trained on"


class Shared(TypedDict):
    """What all trainings share."""

    data: tuple[Path, ...]
    share: tuple[float, ...]
    size: int | None
    progressive: tuple[int, ...]
    epochs: int
    batch: int
    lr: float
    augment: dict[str, float]
    synthetic: int | None
    seed: int


@dataclass(frozen=True, kw_only=True)
class Comparison(Options):
    """Supernets, how they are cut, and how every variant is trained and scored.

    Comparisons that are given the same --out share the networks that they have in common.
    """

    supernet: tuple[Path, ...]
    """Bundles of supernets, one a seed; a single one is the parent of every seed."""
    out: OutFolder = Path("runs/ablate")
    """Folder for the trained bundles; started again, it goes on where it was. Ablations that share it train what they
    have in common once."""
    results: OutRecords | None = None
    """Add the records to this .jsonl file (default: results.jsonl in --out)."""
    data: tuple[Path, ...] = ()
    """Labelled faces, as for the training stages; the first set's test faces are scored. Without it, synthetic ones."""
    share: tuple[float, ...] = ()
    """One number for each --data, as for the training stages."""
    keep: float = 0.64
    """Share of the supernet's multiply-accumulates without the head that every cut keeps (as published)."""
    importance: Importance = "alpha"
    """What says which operations go, as for `sdhrnet slim`; random ones stand beside it."""
    size: int | None = None
    """Side of the input crop in pixels (default: the first supernet's)."""
    progressive: tuple[int, ...] = ()
    """Smaller input sizes to begin with, as for the training stages."""
    epochs: int = 10
    """Passes over the data, the same for each."""
    batch: int = 16
    """Faces a step."""
    lr: float = 1e-3
    """Highest learning rate of what starts from the supernet's weights."""
    scratch_lr: float = 2e-3
    """Highest learning rate of what starts from scratch."""
    augment: dict[str, float] = field(default_factory=dict)
    """Strengths that differ from the published augmentation."""
    robustness: bool = False
    """Score the validation faces under every corruption of `sdhrnet benchmark robustness`."""
    synthetic: int = 2000
    """Number of synthetic faces, where no --data is given."""
    seeds: int | None = None
    """Each variant is trained this many times (default: once for each supernet; 3 times where there is one)."""
    at_once: int = 2
    """Trainings side by side, one thread each."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "synthetic")
        if not self.supernet or self.count < 1 or self.at_once < 1 or self.epochs < 1:
            raise ValueError("supernets, seeds, at_once and epochs must be at least 1")
        if len(self.supernet) not in (1, self.count):
            raise ValueError(f"give one supernet, or one for each of {self.count} seeds, not {len(self.supernet)}")
        if not 0 < self.keep <= 1:
            raise ValueError(f"keep must lie in (0, 1], got {self.keep}")
        if self.importance == "random":
            raise ValueError("random operations are the control: give another importance")
        Training(out=self.out, **self.training(self.lr, 0))  # refuses what the training stages would

    @property
    def count(self) -> int:
        """How many seeds there are."""
        return self.seeds if self.seeds is not None else len(self.supernet) if len(self.supernet) > 1 else 3

    def parent(self, seed: int) -> Path:
        """The supernet of a seed."""
        return self.supernet[seed % len(self.supernet)]

    def cut(self, seed: int, by: str = "") -> Path:
        """What is left of a seed's supernet, by the importance or by another one; random ones are a seed's own."""
        by = by or self.importance
        return self.out / f"cut-{by}-{seed if by == 'random' else seed % len(self.supernet)}"

    def training(self, lr: float, seed: int) -> Shared:
        """The options of the training stages that all variants share; a seed has its own order and augmentation."""
        return {
            "data": self.data,
            "share": self.share,
            "size": self.size,
            "progressive": self.progressive,
            "epochs": self.epochs,
            "batch": self.batch,
            "lr": lr,
            "augment": dataclasses.asdict(PUBLISHED) | self.augment,
            "synthetic": None if self.data else self.synthetic,
            "seed": seed,
        }

    def trained_on(
        self, name: str, student: Path, seed: int, own: Callable[[Distil], Distil] | None = None
    ) -> Job[Distil]:
        """Train a cut network on: on the truth alone, unless a variant's own options are put in."""
        out = folder(self.out, name, seed)
        alone = Distil(**ALONE, **self.training(self.lr, seed), out=out, resume=True, student=student)
        return Job(distil.run, own(alone) if own else alone, out.name)

    def from_scratch(self, name: str, arch: str, seed: int) -> Job[Teacher]:
        """Train an architecture from random weights."""
        out = folder(self.out, name, seed)
        drawn = None if self.data else bundle.read(self.parent(seed)).scheme.name
        training = Teacher(**self.training(self.scratch_lr, seed), out=out, resume=True, arch=arch, scheme=drawn)
        return Job(teacher.run, training, out.name)


def trial(ablation: str, variant: str, job: Job[Training], against: str | None) -> Trial:
    """A variant's training, to be scored."""
    training = job.options
    return Trial(ablation=ablation, variant=variant, seed=training.seed, bundle=training.out, job=job, against=against)


Compared = TypeVar("Compared", bound=Comparison)


def folder(out: Path, name: str, seed: int) -> Path:
    """Where the network of a variant and a seed is."""
    words = "".join(letter if letter.isalnum() else " " for letter in name).split()
    return out / "-".join([*words, str(seed)])


def settled(options: Compared) -> Compared:
    """The options with the input size that the first supernet has, unless one is given.

    Raises:
        ValueError: a bundle holds no supernet.
    """
    check_outputs(options, results=options.results or options.out / "results.jsonl")
    parents = [bundle.read(path) for path in options.supernet]
    for path, parent in zip(options.supernet, parents, strict=True):
        if not isinstance(parent.spec, SuperNetSpec):
            raise ValueError(f"{path} holds no supernet: only a supernet can be slimmed")
    return dataclasses.replace(options, size=parents[0].card.size_px if options.size is None else options.size)


def cuts(options: Comparison, by: Importance) -> list[Job[Slim]]:
    """Slim every supernet to the budget by an importance; at random, anew for each seed."""
    jobs = []
    for seed in range(options.count if by == "random" else len(options.supernet)):
        cut = Slim(
            supernet=options.parent(seed),
            out=options.cut(seed, by),
            share=options.keep,
            importance=by,
            seed=seed if by == "random" else 0,
            data=options.data[0] if by == "taylor" and options.data else None,
        )
        jobs.append(Job(slim.run, cut, cut.out.name))
    return jobs


def compared(
    options: Comparison, trials: Sequence[Trial], conditions: Mapping[str, Seen] = CONDITIONS
) -> Steps[Outcome]:
    """Train what is to be trained, score all on validation and test faces, clean and under conditions; record it."""
    data, count = options.data[0] if options.data else None, max(1, options.synthetic // 10)
    scheme = bundle.read(options.parent(0)).scheme
    sets = {split: open_faces(data, split, count, scheme=scheme) for split in ("val", "test")}  # before the work
    yield from make([trial.job for trial in trials if trial.job], options.at_once)
    records: list[Record] = []
    for split, faces in sets.items():
        all_of_it = options.robustness and split == "val"
        records += yield from score(trials, faces, split, at_middle(tuple(CORRUPTIONS)) if all_of_it else conditions)
    append(options.results or options.out / "results.jsonl", tuple(records))
    tested = [record for record in records if record["split"] == "test"]
    text = "\n".join(summary(variant, tested) for variant in dict.fromkeys(trial.variant for trial in trials))
    return Outcome(text=text, records=tuple(records))
