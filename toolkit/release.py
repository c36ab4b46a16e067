"""Make what ships: train by the recipe, then round, score, convert and prove each model into the package's weights."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit import bundle, measure, runtime
from toolkit.core.progress import Outcome, Steps
from toolkit.jobs import Job, side_by_side
from toolkit.landmarkers import WEIGHTS, is_bundle
from toolkit.recipe import MIXTURE, waves

LICENCE = "Trained on 300W (AFW, Helen), AFLW and YouTube Faces, whose terms allow research use only; not for products."
KNOWN_FAILURES = (
    "Points along the jaw are twice as far off as the inner ones. Motion, strong rotation and whatever covers nose and "
    "mouth cost the most (results/release). Profiles were trained on and never scored."
)
SHIPPED = ("main", "small")
"""The steps of the recipe whose networks ship; points and input size tell their files apart."""
NAME = "sdhrnet"
FORMATS: Sequence[dict[str, Any]] = (
    {"to": ("tflite",), "precision": ("float32", "float16", "int8")},
    {"to": ("coreml",), "precision": ("float16",)},
)
SCORES = ("data", "n", "nme_mean", "nme_median", "fr10", "auc10", "nme_regions")
"""What the card says of the test faces."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """Train the released models and put them, with their files, into the package.

    Interrupted and started again, it goes on where it was: every step resumes, and one that is done is not made again.
    """

    data: Path
    """Folder of the training sets: 300w, helen_extra/normal, helen_extra/hard, aflw_pose and ytf68."""
    out: Path = Path("runs/release")
    """The run's folder: a bundle for each step."""
    weights: Path = WEIGHTS
    """Where to put what ships."""
    at_once: int = 2
    """Trainings that run at the same time, on one thread each."""
    results: Path | None = None
    """Add the records to this .jsonl file; an older record of the same measurement is replaced. The teacher, too large
    for the package, is put beside it."""

    def __post_init__(self) -> None:
        if self.at_once < 1:
            raise ValueError("--at-once must be at least 1")


def run(options: Release) -> Steps[Outcome]:
    """Train, then ship; see Release."""
    missing = [name for name, _ in MIXTURE if not (options.data / name).is_dir()]
    if missing:
        raise FileNotFoundError(
            f"{options.data} lacks {', '.join(missing)}: the recipe (toolkit/recipe.py) trains on them"
        )
    for wave in waves(options.data, options.out):
        left = [job for job in wave if not is_bundle(job.options["out"])]
        yield from side_by_side(left, options.at_once)
    outcomes = []
    for step in SHIPPED:
        outcomes.append((yield from ship(options.out / step, options.data / "300w", options.weights)))
    outcomes.append(Outcome(text=f"trained in {options.out}", records=tuple(_steps(options))))
    whole = _joined(outcomes)
    if options.results is not None:
        bundle.write(bundle.rounded(bundle.read(options.out / "teacher")), options.results.parent / "teacher")
        measure.append(options.results, whole.records)
    return whole


def ship(source: Path, data: Path | None, weights: Path) -> Steps[Outcome]:
    """Round a bundle's weights to float16, convert it, and score it and its files on the test faces.

    Args:
        source: the bundle.
        data: its test faces, and those for calibration and parity; synthetic ones where none is given.
        weights: the folder to put it in.
    """
    loaded = bundle.read(source)
    card = replace(
        loaded.card,
        name=NAME,
        data={**loaded.card.data, "licence": LICENCE, "known_failures": KNOWN_FAILURES},
        parents={**loaded.card.parents, "unrounded": bundle.digest(source)},
    )
    ours = bundle.rounded(replace(loaded, card=card))
    stem = f"{NAME}-{ours.scheme.points}pt-{card.size_px}"
    bundle.write(ours, weights / stem)
    scored = yield from Job("evaluate", "Evaluate", {"model": weights / stem, "data": data}).steps()
    test = {key: scored.records[0][key] for key in SCORES}
    bundle.write(replace(ours, card=replace(card, metrics={**card.metrics, "test": test})), weights / stem)
    outcomes = [scored]
    for formats in FORMATS:
        convert = {"bundle": weights / stem, "out": weights, "data": data, **formats}
        outcomes.append((yield from Job("convert", "Convert", convert).steps()))
    for file in sorted(path for path in runtime.models_in(weights) if path.name.startswith(f"{stem}-")):
        outcomes.append((yield from Job("evaluate", "Evaluate", {"model": file, "data": data}).steps()))
    return _joined(outcomes)


def _steps(options: Release) -> Iterator[dict[str, Any]]:
    """A record of each training: its seed, its length, the machine and what it reached on the validation faces."""
    for job in (job for wave in waves(options.data, options.out) for job in wave):
        card = bundle.read(job.options["out"]).card
        made, config = card.made_with, card.config
        if "train_seconds" in made:
            yield {
                "kind": "step",
                "model": job.name,
                "stage": card.stage,
                "size_px": card.size_px,
                "epochs": config["optim"]["epochs"],
                "seed": config["seed"],
                "seconds": made["train_seconds"],
                "val_nme_mean": card.metrics["val"]["nme_mean"],
                **{key: made[key] for key in ("device", "threads", "commit", "versions")},
            }


def _joined(outcomes: Sequence[Outcome]) -> Outcome:
    """Several outcomes as one, which is good where all are."""
    return Outcome(
        text="\n\n".join(outcome.text for outcome in outcomes),
        records=tuple(record for outcome in outcomes for record in outcome.records),
        ok=all(outcome.ok for outcome in outcomes),
    )
