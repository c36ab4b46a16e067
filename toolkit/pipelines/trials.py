"""A trial: one variant, trained with one seed and scored."""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from toolkit import bundle
from toolkit.benchmarking import accuracy
from toolkit.commands.train import slim
from toolkit.commands.train.slim import Slim
from toolkit.commands.train.supernet import Supernet
from toolkit.commands.train.teacher import Teacher
from toolkit.core import metrics
from toolkit.core.arrays import FloatArray
from toolkit.core.files import sha256
from toolkit.core.progress import Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.core.schemes import W300_68, Scheme
from toolkit.data import Faces
from toolkit.data.corruptions import CORRUPTIONS, corrupted_crops
from toolkit.data.crops import PlainCrops, plain_crops
from toolkit.landmarkers import identify
from toolkit.pipelines.jobs import Job, ToFolder, side_by_side
from toolkit.train.inference import predict
from toolkit.train.options import Training
from toolkit.train.setup import title_of_faces

Record = dict[str, Any]
Errors = dict[str, FloatArray]
Seen = tuple[str, float]
"""A corruption and its level."""

CLEAN = "clean"
SINCE = ("seed", "importance_faces")
"""What cards of cuts did not always say."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is scored, how it is trained, and what it is called in the records."""

    ablation: str
    variant: str
    seed: int
    bundle: Path
    """The trained network's folder."""
    job: Job[Training] | None = None
    """What trains it; None where the bundle is given."""
    against: str | None = None
    """The variant that it is compared with, seed by seed."""


def make(jobs: Sequence[Job[ToFolder]], at_once: int) -> Steps[None]:
    """Run those jobs whose bundle is not there yet.

    Raises:
        FileNotFoundError: the faces to train on are not there.
        ValueError: a bundle that is there was made with other settings, on other faces or from other parents.
    """
    left = []
    for job in jobs:
        if bundle.is_bundle(job.options.out):
            yield from _require_same(job.options)
        else:
            left.append(job)
    yield from side_by_side(left, at_once)


def _require_same(wanted: ToFolder) -> Steps[None]:
    """A record must not call a network by settings or faces that it was not made with."""
    card = bundle.read(wanted.out).card
    parents = {role: getattr(wanted, role, None) for role in (*card.parents, "start")}
    asked: dict[str, Any] = {role: bundle.digest(path) if path else None for role, path in parents.items()}
    made: dict[str, Any] = dict(card.parents)
    if isinstance(wanted, Slim):
        told = slim.asked(wanted)
        said = card.config | {"decoder": card.decoder}
        older = {k: v for k, v in told.items() if k in SINCE or "removed_by" not in said}  # it may lack what it was
        asked, made = asked | told, made | {k: said.get(k, older.get(k)) for k in told}
    if isinstance(wanted, Training):
        start = _start(wanted)
        if start and wanted.size is None:
            wanted = dataclasses.replace(wanted, size=bundle.read(start).card.size_px)
        asked |= {"optim": dataclasses.asdict(wanted.optim), "augment": dataclasses.asdict(wanted.augmentation)}
        given = {k: getattr(wanted, k, None) for k in card.config if k not in asked}
        asked |= {k: _plain(v) for k, v in given.items() if v is not None}  # None leaves it to the stage
        made |= card.config
        if isinstance(wanted, Teacher | Supernet):
            asked["weights"] = None if wanted.weights is None else sha256(wanted.weights)
            made["weights"] = (card.config.get("weights") or {}).get("file_sha256")
        asked["data"], made["data"] = (yield from title_of_faces(wanted, _usual(wanted))), card.data.get("train")
    other = sorted(name for name, value in asked.items() if value != made.get(name))
    if other:
        raise ValueError(
            f"{wanted.out} was made with other settings or parents ({', '.join(other)}): choose another --out"
        )


def _usual(wanted: Training) -> Scheme:
    """The scheme of synthetic faces where the options name none: that of the network that they start from."""
    start = _start(wanted)
    return bundle.read(start).scheme if start else W300_68


def _start(wanted: Training) -> Path | None:
    """The bundle that is trained on."""
    return getattr(wanted, "student", None) or getattr(wanted, "start", None)


def _plain(value: Any) -> Any:
    """As it reads in JSON."""
    return list(value) if isinstance(value, tuple) else value


def at_middle(names: Sequence[str]) -> dict[str, Seen]:
    """Corruptions, each at its middle level."""
    return {name: (name, CORRUPTIONS[name].levels[CORRUPTIONS[name].middle]) for name in names}


def score(trials: Sequence[Trial], faces: Faces, split: str, conditions: Mapping[str, Seen]) -> Steps[list[Record]]:
    """A record for each trial: its scores on the faces as they are, and its NME under some corruptions.

    Args:
        trials: trained.
        faces: what to score on.
        split: what the records call them.
        conditions: a corruption and its level, by what the records call it; those that the faces' scheme
            cannot show are left out.
    """
    sizes = [bundle.read(trial.bundle).card.size_px for trial in trials]
    shown = {name: seen for name, seen in conditions.items() if CORRUPTIONS[seen[0]].suits(faces.scheme)}
    errors: list[Errors] = [{} for _ in trials]
    for size in sorted(set(sizes)):
        for name in (CLEAN, *shown):
            crops = yield from (
                corrupted_crops(faces, size, *shown[name]) if name in shown else plain_crops(faces, size)
            )
            for number, (trial, own, found) in enumerate(zip(trials, sizes, errors, strict=True), 1):
                if own == size:
                    found[name] = errors_of(trial.bundle, crops)
                    yield Progress(task=f"scoring, {split}, {name}", done=number, total=len(trials))
    return [_record(trial, faces, split, found) for trial, found in zip(trials, errors, strict=True)]


def errors_of(folder: Path, crops: PlainCrops) -> FloatArray:
    """Per-face NME (N,), as fractions, of a bundle on torch, many faces at a time.

    Raises:
        ValueError: the bundle's scheme is not the faces'.
    """
    loaded, scheme = bundle.read(folder), crops.faces.scheme
    if loaded.scheme != scheme:
        raise ValueError(f"{folder} predicts {loaded.scheme.name}, the faces are labelled {scheme.name}")
    net = loaded.network().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return metrics.nme(predict(net, crops.images, loaded.card.sigma_px, loaded.card.decoder), crops.points_xy, scheme)


def _record(trial: Trial, faces: Faces, split: str, errors: Errors) -> Record:
    trained = bundle.read(trial.bundle)
    return {
        "kind": "ablation",
        "ablation": trial.ablation,
        "variant": trial.variant,
        "against": trial.against,
        **identify(trial.bundle),
        "seed": trial.seed,
        "epochs": len(trained.log),
        "input_px": trained.card.size_px,
        "data": faces.title,
        "split": split,
        **accuracy.scored(errors[CLEAN]),
        "battery": {k: round(100 * float(v.mean()), 4) for k, v in errors.items() if k != CLEAN},
        **conditions(1),
    }


def summary(variant: str, records: Sequence[Record]) -> str:
    """A line: mean and spread over seeds on clean faces, and the means under each corruption or over all."""
    own = [r for r in records if r["variant"] == variant]
    clean = [r["nme_mean"] for r in own]
    spread = f" +- {statistics.stdev(clean):.2f}" if len(clean) > 1 else ""
    by_name = {name: statistics.mean(r["battery"][name] for r in own) for name in own[0]["battery"]}
    if len(by_name) > 2:
        by_name = {"over all corruptions": statistics.mean(by_name.values())}
    more = "".join(f", {value:.2f} % {name}" for name, value in by_name.items())
    return f"{variant:36} NME {statistics.mean(clean):.2f}{spread} % clean{more} ({own[0]['split']}, {len(own)} seeds)"
