"""What augmentation gives: the published one, each group added to it, and all of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from toolkit import measure
from toolkit.ablations.trial import Trial, make, score, summary
from toolkit.core.progress import Outcome, Steps
from toolkit.data import open_faces
from toolkit.data.augment import PUBLISHED, Augment
from toolkit.data.battery import BATTERY
from toolkit.jobs import Job

BASE = ("scale", "rotation", "flip")
GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "published": (),
        "+ jitter": ("jitter",),
        "+ light": ("colour", "gray", "shade"),
        "+ sensor": ("blur", "motion", "resolution", "noise", "jpeg"),
        "+ occluders": ("occlude", "mask"),
        "all": tuple(kind for kind in Augment.kinds() if kind not in BASE),
    }
)
"""What each variant adds to the published augmentation."""


@dataclass(frozen=True, kw_only=True)
class Augmentations:
    """Train one small network with the published augmentation, with each group added to it, and with all of them.

    Each is scored on the validation faces, clean and under every condition of the robustness battery.
    """

    out: Path = Path("runs/ablate-augment")
    """Folder for the trained bundles; started again, it goes on where it was."""
    results: Path | None = None
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
        if self.seeds < 1 or self.at_once < 1:
            raise ValueError("seeds and at_once must be at least 1")


def run(options: Augmentations) -> Steps[Outcome]:
    """Train and score every variant; see Augmentations."""
    trials = [_trial(options, variant, seed) for seed in range(options.seeds) for variant in GROUPS]
    yield from make([trial.job for trial in trials if trial.job], options.at_once)
    faces = open_faces(options.data, "val", max(1, options.synthetic // 10))
    scored = yield from score(trials, faces, "val", tuple(BATTERY))
    records = [record | {"arch": options.arch} for record in scored]
    measure.append(options.results or options.out / "results.jsonl", tuple(records))
    return Outcome(text="\n".join(summary(variant, records) for variant in GROUPS), records=tuple(records))


def _trial(options: Augmentations, variant: str, seed: int) -> Trial:
    usual, added = Augment(), GROUPS[variant]
    name = f"{variant.removeprefix('+ ')}-{seed}"
    training = {
        "out": options.out / name,
        "data": () if options.data is None else (options.data,),
        "arch": options.arch,
        "size": options.size,
        "epochs": options.epochs,
        "synthetic": options.synthetic if options.data is None else None,
        "seed": seed,
        "processes": 1,
        "augment": {kind: getattr(usual if kind in added else PUBLISHED, kind) for kind in Augment.kinds()},
        "resume": True,
    }
    job = Job("teacher", "Teacher", training, label=name)
    return Trial(ablation="augment", variant=variant, seed=seed, bundle=options.out / name, job=job)
