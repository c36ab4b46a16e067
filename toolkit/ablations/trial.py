"""A trial: one variant, trained with one seed and scored."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit import measure
from toolkit.core.progress import Steps
from toolkit.data import Faces
from toolkit.data.batches import plain_crops
from toolkit.data.battery import BATTERY, spoiled_crops
from toolkit.jobs import Job, side_by_side
from toolkit.landmarkers import identify, is_bundle, open_model
from toolkit.runtime.landmarker import Landmarker

Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is trained, and what it is called in the records."""

    ablation: str
    variant: str
    seed: int
    job: Job
    """Its options name the bundle's folder as `out`."""

    @property
    def bundle(self) -> Path:
        """The trained bundle's folder."""
        return Path(self.job.options["out"])


def train(trials: Sequence[Trial], at_once: int) -> Steps[None]:
    """Train those whose bundle is not there yet."""
    yield from side_by_side([trial.job for trial in trials if not is_bundle(trial.bundle)], at_once)


def score(trial: Trial, faces: Faces, split: str) -> Steps[Record]:
    """A trial's record: its scores on the faces as they are, and its NME under every condition of the battery."""
    model = open_model(trial.bundle)
    crops = yield from plain_crops(faces, model.size_px)
    errors = yield from measure.errors_on(model, crops, f"scoring {trial.bundle.name}")
    return {
        "kind": "ablation",
        "ablation": trial.ablation,
        "variant": trial.variant,
        **identify(trial.bundle),
        "seed": trial.seed,
        "input_px": model.size_px,
        "data": faces.title,
        "split": split,
        **measure.scored(errors),
        "battery": (yield from battery(model, faces)),
        **measure.conditions(1),
    }


def battery(model: Landmarker, faces: Faces) -> Steps[dict[str, float]]:
    """NME in percent by condition, at each one's middle level."""
    found = {}
    for name, condition in BATTERY.items():
        level = condition.levels[len(condition.levels) // 2]
        crops = yield from spoiled_crops(faces, model.size_px, name, level)
        errors = yield from measure.errors_on(model, crops, name)
        found[name] = round(100 * float(errors.mean()), 4)
    return found


def summary(variant: str, records: Sequence[Record]) -> str:
    """A line: mean and spread over seeds, clean and over the battery."""
    own = [r for r in records if r["variant"] == variant]
    clean = [r["nme_mean"] for r in own]
    spoiled = [statistics.mean(r["battery"].values()) for r in own]
    spread = f" +- {statistics.stdev(clean):.2f}" if len(clean) > 1 else ""
    return (
        f"{variant:24} NME {statistics.mean(clean):.2f}{spread} % clean, {statistics.mean(spoiled):.2f} % over the "
        f"battery ({own[0]['split']}, {len(own)} seeds)"
    )
