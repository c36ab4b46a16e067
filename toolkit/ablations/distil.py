"""What each part of triple distillation gives (the paper's Table 6), beside its parents and two controls."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from toolkit import bundle, measure
from toolkit.ablations.trial import Record, Trial, make, score, summary
from toolkit.core.progress import Outcome, Steps
from toolkit.data import open_faces
from toolkit.data.augment import PUBLISHED
from toolkit.data.battery import BATTERY
from toolkit.jobs import Job
from toolkit.train.setup import Training

CONDITIONS = ("occlusion", "face mask")
TRAINED_ON = "slimmed, trained on"
TERMS = ("peers_weight", "teacher_weight", "mask")
PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        TRAINED_ON: (),
        "+ teacher": ("teacher_weight",),
        "+ teacher + peers (mirrored views)": ("teacher_weight", "peers_weight", "views"),
        "+ teacher + peers + masks": ("teacher_weight", "peers_weight", "mask"),
        "+ masks alone": ("mask",),
    }
)
"""Rows of Table 6, and masked inputs alone.

In the paper both peers start from the same weights and see the same crop (Algorithm 1), so that without masks they stay
equal, their ensemble is each of them, and the divergence from it is 0: its third row would be its second one up to the
noise of a GPU. Here that row shows the second peer the mirror image of what the first one sees. A row without peers
trains one student.
"""
SUPERNET, SLIMMED, TEACHER = "supernet", "slimmed", "teacher"
SCRATCH, RANDOM = "same network from scratch", "random operations, trained on"


@dataclass(frozen=True, kw_only=True)
class Distillation:
    """The paper's Table 6, from supernets and a teacher: slims, trains every variant with every seed, scores.

    Two controls stand beside it: the slimmed network trained from scratch, and random operations of the supernet, as
    many multiply-accumulates, trained on like the first row. All variants train for the same epochs on the same faces
    with the published augmentation, so that the masks are the only thing that hides a face. The parents are scored too.
    """

    supernet: tuple[Path, ...]
    """Bundles of supernets, one a seed; a single one is the parent of every seed."""
    teacher: Path
    """Bundle of the teacher."""
    out: Path = Path("runs/ablate-distil")
    """Folder for the trained bundles; started again, it goes on where it was."""
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
    """Highest learning rate of the control that starts from scratch."""
    peers_weight: float = 4.0
    """lambda 1 of equation 4, in the rows that have it."""
    teacher_weight: float = 1.0
    """lambda 2 of equation 4, in the rows that have it."""
    temperature: float = 1.0
    """Of the softmax in equation 3."""
    mask: float = 0.5
    """Longest side of a student's random mask as a share of the crop's, in the rows that have it."""
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
        if not 0 < self.keep <= 1 or not min(self.peers_weight, self.teacher_weight, self.mask) > 0:
            raise ValueError("keep must lie in (0, 1], and peers_weight, teacher_weight and mask must be above 0")
        Training(out=self.out, **self.training(self.lr, 0))  # refuses what the training stages would

    @property
    def count(self) -> int:
        """How many seeds there are."""
        return self.seeds if self.seeds is not None else len(self.supernet) if len(self.supernet) > 1 else 3

    def parent(self, seed: int) -> Path:
        """The supernet of a seed."""
        return self.supernet[seed % len(self.supernet)]

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


def run(options: Distillation) -> Steps[Outcome]:
    """Slim, train and score every variant; see Distillation."""
    parents = [bundle.read(path) for path in options.supernet]
    options = dataclasses.replace(options, size=options.size or parents[0].card.size_px)
    yield from make(_slimmed(options), options.at_once)
    yield from make(_random(options), options.at_once)
    trials = [_trial(options, variant, seed) for seed in range(options.count) for variant in (*PARTS, SCRATCH, RANDOM)]
    yield from make([trial.job for trial in trials if trial.job], options.at_once)
    trials = _parents(options) + trials
    records: list[Record] = []
    for split in ("val", "test"):
        faces = open_faces(options.data[0] if options.data else None, split, max(1, options.synthetic // 10))
        shown = tuple(BATTERY) if options.battery and split == "val" else CONDITIONS
        records += yield from score(trials, faces, split, shown)
    measure.append(options.results or options.out / "results.jsonl", tuple(records))
    tested = [record for record in records if record["split"] == "test"]
    text = "\n".join(summary(variant, tested) for variant in dict.fromkeys(trial.variant for trial in trials))
    return Outcome(text=text, records=tuple(records))


def _slimmed(options: Distillation) -> list[Job]:
    """The networks that slimming makes, one a supernet."""
    cuts = [
        {"supernet": path, "share": options.keep, "out": _student(options, n)}
        for n, path in enumerate(options.supernet)
    ]
    return [Job("slim", "Slim", cut) for cut in cuts]


def _random(options: Distillation) -> list[Job]:
    """Random operations of the supernet at the slimmed network's multiply-accumulates, anew for each seed."""
    jobs = []
    for seed in range(options.count):
        budget = bundle.read(_student(options, seed)).card.metrics["macs_full"] / 1e6
        cut = {"supernet": options.parent(seed), "macs": budget, "importance": "random", "seed": seed}
        jobs.append(Job("slim", "Slim", {**cut, "out": _random_student(options, seed)}))
    return jobs


def _student(options: Distillation, seed: int) -> Path:
    return options.out / f"slimmed-{seed % len(options.supernet)}"


def _random_student(options: Distillation, seed: int) -> Path:
    return options.out / f"random-{seed}"


def _parents(options: Distillation) -> list[Trial]:
    """The supernets, what slimming left of them before any further training, and the teacher, as they are."""
    given = [(SUPERNET, n, path) for n, path in enumerate(options.supernet)]
    given += [(SLIMMED, n, _student(options, n)) for n in range(len(options.supernet))]
    given.append((TEACHER, 0, options.teacher))
    bases = {SLIMMED: SUPERNET}
    return [
        Trial(ablation="distil", variant=variant, seed=n, bundle=path, against=bases.get(variant))
        for variant, n, path in given
    ]


def _trial(options: Distillation, variant: str, seed: int) -> Trial:
    words = "".join(letter if letter.isalnum() else " " for letter in variant).split()
    out = options.out / "-".join([*words, str(seed)])
    common: dict[str, Any] = {"out": out, "resume": True}
    if variant == SCRATCH:
        arch = {"arch": str(_student(options, seed))}
        job = Job("teacher", "Teacher", common | options.training(options.scratch_lr, seed) | arch, label=out.name)
    else:
        parts = PARTS.get(variant, ())
        student = _random_student(options, seed) if variant == RANDOM else _student(options, seed)
        own = {term: getattr(options, term) if term in parts else 0.0 for term in TERMS}
        teacher = options.teacher if "teacher_weight" in parts else None
        own |= {"student": student, "teacher": teacher, "temperature": options.temperature}
        own["views"] = "mirrored" if "views" in parts else "same"
        job = Job("distil", "Distil", common | options.training(options.lr, seed) | own, label=out.name)
    base = None if variant == TRAINED_ON else TRAINED_ON
    return Trial(ablation="distil", variant=variant, seed=seed, bundle=out, job=job, against=base)
