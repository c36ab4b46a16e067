"""What each ingredient gives: the same training with and without it, over seeds, one record a run.

Networks are chosen and compared on the validation faces; test faces are never read here.
"""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from toolkit import measure
from toolkit.core.progress import Outcome, Steps
from toolkit.data import open_faces
from toolkit.data.augment import PUBLISHED, Augment
from toolkit.data.batches import plain_crops
from toolkit.data.battery import BATTERY, spoiled_crops
from toolkit.jobs import Job, side_by_side
from toolkit.landmarkers import identify, is_bundle, open_model
from toolkit.runtime.landmarker import Landmarker

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
    """Folder for the trained bundles and results.jsonl; started again, it goes on where it was."""
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
    jobs = {}
    for seed in range(options.seeds):
        for variant in GROUPS:
            folder = options.out / f"{variant.removeprefix('+ ')}-{seed}"
            jobs[variant, seed] = Job(
                "teacher", "Teacher", _training(options, variant, seed, folder), label=folder.name
            )
    waiting = [job for job in jobs.values() if not is_bundle(job.options["out"])]
    yield from side_by_side(waiting, options.at_once)
    records = []
    for (variant, seed), job in jobs.items():
        scored = yield from _scored(options, job.options["out"])
        records.append({"kind": "ablation", "ablation": "augment", "variant": variant, "seed": seed, **scored})
    measure.append(options.out / "results.jsonl", tuple(records))
    return Outcome(text="\n".join(_line(variant, records) for variant in GROUPS), records=tuple(records))


def _training(options: Augmentations, variant: str, seed: int, out: Path) -> dict[str, Any]:
    usual, added = Augment(), GROUPS[variant]
    strengths = {kind: getattr(usual if kind in added else PUBLISHED, kind) for kind in Augment.kinds()}
    return {
        "out": out,
        "data": () if options.data is None else (options.data,),
        "arch": options.arch,
        "size": options.size,
        "epochs": options.epochs,
        "synthetic": options.synthetic,
        "seed": seed,
        "augment": strengths,
        "resume": True,
    }


def _scored(options: Augmentations, bundle: Path) -> Steps[dict[str, Any]]:
    """A bundle's record on the validation faces: its own scores, and its NME under the battery."""
    model = open_model(bundle)
    faces = open_faces(options.data, "val", max(1, options.synthetic // 10))
    crops = yield from plain_crops(faces, model.size_px)
    errors = yield from measure.errors_on(model, crops, f"scoring {bundle.name}")
    record = {**identify(bundle), "data": faces.title, "split": "val", **measure.scored(errors)}
    record["battery"] = yield from _battery(model, options)
    return {**record, "epochs": options.epochs, "arch": options.arch, **measure.conditions(1)}


def _battery(model: Landmarker, options: Augmentations) -> Steps[dict[str, float]]:
    """NME in percent by condition, at each one's middle level."""
    faces = open_faces(options.data, "val", max(1, options.synthetic // 10))
    found = {}
    for name, condition in BATTERY.items():
        level = condition.levels[len(condition.levels) // 2]
        crops = yield from spoiled_crops(faces, model.size_px, name, level)
        errors = yield from measure.errors_on(model, crops, name)
        found[name] = round(100 * float(errors.mean()), 4)
    return found


def _line(variant: str, records: list[dict[str, Any]]) -> str:
    own = [r for r in records if r["variant"] == variant]
    clean = statistics.mean(r["nme_mean"] for r in own)
    spoiled = statistics.mean(statistics.mean(r["battery"].values()) for r in own)
    return f"{variant:12} NME {clean:.2f} % clean, {spoiled:.2f} % over the battery ({len(own)} runs)"
