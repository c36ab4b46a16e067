"""What each part of triple distillation gives (the paper's Table 6), beside the same training without it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from toolkit import bundle, measure
from toolkit.ablations.trial import Trial, score, summary, train
from toolkit.core.progress import Outcome, Steps
from toolkit.data import open_faces
from toolkit.jobs import Job, side_by_side
from toolkit.landmarkers import is_bundle

OFF: Mapping[str, float] = MappingProxyType({"peers_weight": 0.0, "teacher_weight": 0.0, "mask": 0.0})
PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "slimmed, trained on": (),
        "+ teacher": ("teacher_weight",),
        "+ teacher + peers": ("teacher_weight", "peers_weight"),
        "+ teacher + peers + masks": ("teacher_weight", "peers_weight", "mask"),
        "+ masks alone": ("mask",),
    }
)
"""Rows of Table 6, and masked inputs alone. Two peers that start equal and see the same picture stay equal, so that
the third row differs from the second only where their inputs do."""
SCRATCH, RANDOM = "same network from scratch", "random operations, trained on"


@dataclass(frozen=True, kw_only=True)
class Distillation:
    """The paper's Table 6 with two controls: the same network from scratch, and a network of random operations.

    Every variant trains for the same epochs on the same faces. The random one is cut from the same supernet to the
    same multiply-accumulates, and trained on like the first row.
    """

    supernet: Path
    """Bundle of the supernet."""
    student: Path
    """Bundle of the network that was slimmed from it."""
    teacher: Path
    """Bundle of the teacher."""
    out: Path = Path("runs/ablate-distil")
    """Folder for the trained bundles; started again, it goes on where it was."""
    results: Path | None = None
    """Add the records to this .jsonl file (default: results.jsonl in --out)."""
    data: Path | None = None
    """Labelled faces, as for the training stages; without it, synthetic faces."""
    epochs: int = 10
    """Passes over the data, the same for each."""
    synthetic: int = 2000
    """Number of synthetic faces, where no --data is given."""
    seeds: int = 3
    """Each variant is trained this many times."""
    at_once: int = 2
    """Trainings side by side, one thread each."""

    def __post_init__(self) -> None:
        if self.seeds < 1 or self.at_once < 1 or self.epochs < 1:
            raise ValueError("seeds, at_once and epochs must be at least 1")


def run(options: Distillation) -> Steps[Outcome]:
    """Train and score every variant; see Distillation."""
    yield from side_by_side(_cuts(options), options.at_once)
    variants = (*PARTS, SCRATCH, RANDOM)
    trials = [_trial(options, variant, seed) for seed in range(options.seeds) for variant in variants]
    yield from train(trials, options.at_once)
    records = []
    for split in ("val", "test"):
        faces = open_faces(options.data, split, max(1, options.synthetic // 10))
        for trial in trials:
            record = yield from score(trial, faces, split)
            records.append(record | {"epochs": options.epochs})
    measure.append(options.results or options.out / "results.jsonl", tuple(records))
    tested = [record for record in records if record["split"] == "test"]
    return Outcome(text="\n".join(summary(variant, tested) for variant in variants), records=tuple(records))


def _cuts(options: Distillation) -> list[Job]:
    """The random networks that are not there yet, one a seed."""
    student, jobs = bundle.read(options.student), []
    budget = student.card.metrics["macs_full"] / 1e6
    for seed in range(options.seeds):
        cut = {"supernet": options.supernet, "macs": budget, "importance": "random", "seed": seed}
        if not is_bundle(_random(options, seed)):
            jobs.append(Job("slim", "Slim", {**cut, "out": _random(options, seed)}))
    return jobs


def _random(options: Distillation, seed: int) -> Path:
    return options.out / f"random-cut-{seed}"


def _trial(options: Distillation, variant: str, seed: int) -> Trial:
    name = f"{variant.replace(',', '').replace('+ ', '').replace(' ', '-')}-{seed}"
    training: dict[str, Any] = {
        "out": options.out / name,
        "data": () if options.data is None else (options.data,),
        "epochs": options.epochs,
        "synthetic": options.synthetic if options.data is None else None,
        "seed": seed,
        "resume": True,
    }
    if variant == SCRATCH:
        size = bundle.read(options.student).card.size_px
        job = Job("teacher", "Teacher", {**training, "size": size, "arch": str(options.student)}, label=name)
    else:
        student = _random(options, seed) if variant == RANDOM else options.student
        off = {k: v for k, v in OFF.items() if k not in PARTS.get(variant, ())}
        job = Job("distil", "Distil", {**training, **off, "student": student, "teacher": options.teacher}, label=name)
    return Trial(ablation="distil", variant=variant, seed=seed, job=job)
