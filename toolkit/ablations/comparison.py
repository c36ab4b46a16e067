"""What the comparisons of networks cut from supernets share: parents, budget, training, scoring and records."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit import bundle, measure
from toolkit.ablations.trial import Record, Trial, make, score, summary
from toolkit.core.progress import Outcome, Steps
from toolkit.data import open_faces
from toolkit.data.augment import PUBLISHED
from toolkit.data.battery import BATTERY
from toolkit.jobs import Job
from toolkit.models.spec import SuperNetSpec
from toolkit.train.setup import Training

CONDITIONS = ("occlusion", "face mask")
SUPERNET, SLIMMED = "supernet", "slimmed"
TRAINED_ON, SCRATCH, RANDOM = "slimmed, trained on", "same network from scratch", "random operations, trained on"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Supernets, how they are cut, and how every variant is trained and scored.

    Comparisons that are given the same --out share the networks that they have in common.
    """

    supernet: tuple[Path, ...]
    """Bundles of supernets, one a seed; a single one is the parent of every seed."""
    out: Path = Path("runs/ablate")
    """Folder for the trained bundles; started again, it goes on where it was. Ablations that share it train what they
    have in common once."""
    results: Path | None = None
    """Add the records to this .jsonl file (default: results.jsonl in --out)."""
    data: tuple[Path, ...] = ()
    """Labelled faces, as for the training stages; the first set's test faces are scored. Without it, synthetic ones."""
    share: tuple[float, ...] = ()
    """One number for each --data, as for the training stages."""
    keep: float = 0.64
    """Share of the supernet's multiply-accumulates without the head that slimming keeps (as published)."""
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
    battery: bool = False
    """Score the validation faces under every condition of the robustness battery."""
    synthetic: int = 2000
    """Number of synthetic faces, where no --data is given."""
    seeds: int | None = None
    """Each variant is trained this many times (default: once for each supernet; 3 times where there is one)."""
    at_once: int = 2
    """Trainings side by side, one thread each."""

    def __post_init__(self) -> None:
        if not self.supernet or self.count < 1 or self.at_once < 1 or self.epochs < 1:
            raise ValueError("supernets, seeds, at_once and epochs must be at least 1")
        if len(self.supernet) not in (1, self.count):
            raise ValueError(f"give one supernet, or one for each of {self.count} seeds, not {len(self.supernet)}")
        if not 0 < self.keep <= 1:
            raise ValueError(f"keep must lie in (0, 1], got {self.keep}")
        Training(out=self.out, **self.training(self.lr, 0))  # refuses what the training stages would

    @property
    def count(self) -> int:
        """How many seeds there are."""
        return self.seeds if self.seeds is not None else len(self.supernet) if len(self.supernet) > 1 else 3

    def parent(self, seed: int) -> Path:
        """The supernet of a seed."""
        return self.supernet[seed % len(self.supernet)]

    def slimmed(self, seed: int) -> Path:
        """What slimming by |alpha| left of a seed's supernet."""
        return self.out / f"slimmed-{seed % len(self.supernet)}"

    def random(self, seed: int) -> Path:
        """Random operations of a seed's supernet."""
        return self.out / f"random-{seed}"

    def training(self, lr: float, seed: int) -> dict[str, Any]:
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

    def trained_on(self, name: str, student: Path, seed: int, **terms: Any) -> Job:
        """Train a cut network on; on the ground truth alone, unless terms of the distillation are given."""
        own = {"peers_weight": 0.0, "teacher_weight": 0.0, "mask": 0.0} | terms
        out = folder(self.out, name, seed)
        common = {"out": out, "resume": True, "student": student}
        return Job("distil", "Distil", common | self.training(self.lr, seed) | own, label=out.name)

    def from_scratch(self, name: str, arch: str, seed: int) -> Job:
        """Train an architecture from random weights."""
        out = folder(self.out, name, seed)
        common = {"out": out, "resume": True, "arch": arch}
        return Job("teacher", "Teacher", common | self.training(self.scratch_lr, seed), label=out.name)


def folder(out: Path, name: str, seed: int) -> Path:
    """Where the network of a variant and a seed is."""
    words = "".join(letter if letter.isalnum() else " " for letter in name).split()
    return out / "-".join([*words, str(seed)])


def settled(options: Comparison) -> Any:
    """The options with the input size that the first supernet has, unless one is given.

    Raises:
        ValueError: a bundle holds no supernet.
    """
    parents = [bundle.read(path) for path in options.supernet]
    for path, parent in zip(options.supernet, parents, strict=True):
        if not isinstance(parent.spec, SuperNetSpec):
            raise ValueError(f"{path} holds no supernet: only a supernet can be slimmed")
    return dataclasses.replace(options, size=options.size or parents[0].card.size_px)


def cut(options: Comparison) -> Steps[None]:
    """Slim every supernet by |alpha|, and at random to as many multiply-accumulates, anew for each seed."""
    cuts = [
        {"supernet": path, "share": options.keep, "out": options.slimmed(n)} for n, path in enumerate(options.supernet)
    ]
    yield from make([Job("slim", "Slim", options_) for options_ in cuts], options.at_once)
    jobs = [
        at_equal_macs(options, seed, options.random(seed), importance="random", seed=seed)
        for seed in range(options.count)
    ]
    yield from make(jobs, options.at_once)


def at_equal_macs(options: Comparison, of: int, out: Path, **how: Any) -> Job:
    """Another cut of a seed's supernet to the multiply-accumulates of the one by |alpha|."""
    budget = bundle.read(options.slimmed(of)).card.metrics["macs_full"] / 1e6
    return Job("slim", "Slim", {"supernet": options.parent(of), "macs": budget, "out": out, **how})


def compared(options: Comparison, trials: Sequence[Trial]) -> Steps[Outcome]:
    """Train what is to be trained, score all on validation and test faces, and record it."""
    yield from make([trial.job for trial in trials if trial.job], options.at_once)
    records: list[Record] = []
    for split in ("val", "test"):
        faces = open_faces(options.data[0] if options.data else None, split, max(1, options.synthetic // 10))
        shown = tuple(BATTERY) if options.battery and split == "val" else CONDITIONS
        records += yield from score(trials, faces, split, shown)
    measure.append(options.results or options.out / "results.jsonl", tuple(records))
    tested = [record for record in records if record["split"] == "test"]
    text = "\n".join(summary(variant, tested) for variant in dict.fromkeys(trial.variant for trial in trials))
    return Outcome(text=text, records=tuple(records))
