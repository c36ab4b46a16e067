"""Make what ships: train by the recipe, then round, score, convert and prove each model into the package's weights."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypedDict

from toolkit import bundle, runtime
from toolkit.commands.convert import convert
from toolkit.commands.convert.convert import Convert
from toolkit.commands.measure import evaluate
from toolkit.commands.measure.evaluate import Evaluate
from toolkit.core.options import Options
from toolkit.core.outputs import OutFolder, OutRecords, check_outputs, same
from toolkit.core.progress import Outcome, Steps
from toolkit.core.records import append
from toolkit.core.zoo import WEIGHTS, is_bundle
from toolkit.data.licences import SYNTHETIC
from toolkit.export.conversion import Target
from toolkit.pipelines.jobs import side_by_side
from toolkit.pipelines.recipe import HEADED, MIXTURE, POINTS_29, waves
from toolkit.runtime.sidecar import Precision
from toolkit.train.options import Training

RESEARCH = (
    "Trained on 300W (AFW, Helen), AFLW and YouTube Faces, whose terms allow research use only; not for products."
)
POINTS_29_TERMS = (
    "Trained on synthetic faces and 298 photos of Helen's training set: for research only; not for products."
)
KNOWN_FAILURES = (
    "Points along the jaw are twice as far off as the inner ones. Motion, blur and a face mask cost the most, then few "
    "pixels, things before the face, patchy shadows and a turn by 45 degrees (results/release). Profiles were trained "
    "on and never scored."
)
DRAWN_FAILURES = (
    "It has never seen a photo, and more than a quarter of the test faces are above 10 %. The contour is furthest off, "
    "then the mouth; the eyes are nearest. Where its points lie on the drawn faces was settled by looking at those "
    "test faces. Large poses, occlusions and faces seen badly were not measured."
)
POINTS_29_FAILURES = (
    "Scored on 50 photos of the set that it was trained on, after the layout of its points was settled by looking at "
    "that set, and on no other: how it does elsewhere, on turned, covered and badly seen faces, was not measured. The "
    "chin, the brows and the mouth are furthest off."
)


class Format(TypedDict):
    """What is converted at once."""

    to: tuple[Target, ...]
    precision: tuple[Precision, ...]


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """A network that ships; points and input size tell its files from those of the others."""

    step: str
    """Of the recipe."""
    test: str | None = "300w"
    """Folder under the data with the faces that it is scored on; None for synthetic faces."""
    real: str | None = "300w"
    """That of the photos for calibration and parity; None for synthetic faces."""
    licence: str = RESEARCH
    known_failures: str = KNOWN_FAILURES


SHIPPED = (
    Shipped(step="main"),
    Shipped(step="small"),
    Shipped(step="large"),
    Shipped(step="points-98", test="wflw_test", real=None, licence=SYNTHETIC, known_failures=DRAWN_FAILURES),
    Shipped(
        step="points-29",
        test="helen29",
        real="helen29/train",
        licence=POINTS_29_TERMS,
        known_failures=POINTS_29_FAILURES,
    ),
)
NAME = "sdhrnet"
FORMATS = (
    Format(to=("tflite",), precision=("float32", "float16", "int8")),
    Format(to=("coreml",), precision=("float16",)),
)
SCORES = ("data", "n", "nme_mean", "nme_median", "fr10", "auc10", "nme_regions")
"""What the card says of the test faces."""


@dataclass(frozen=True, kw_only=True)
class Release(Options):
    """Train the released models and put them, with their files, into the package.

    Interrupted and started again, it goes on where it was: every step resumes, and one that is done is not made again.
    """

    data: Path
    """Folder of the faces to train and to score on: 300w, helen_extra/normal, helen_extra/hard, aflw_pose, aflw_merl,
    infanface, ytf68, helen29 and wflw_test."""
    out: OutFolder = Path("runs/release")
    """The run's folder: a bundle for each step."""
    weights: OutFolder = WEIGHTS
    """Where to put what ships."""
    wave: str | None = None
    """Train one step of the recipe alone, such as teacher-heads, and ship nothing; what it starts from must be there,
    and it goes on where it was."""
    at_once: int = 2
    """Trainings that run at the same time, on one thread each."""
    results: OutRecords | None = None
    """Add the records to this .jsonl file; an older record of the same measurement is replaced. The teacher, too large
    for the package, is put beside it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.at_once < 1:
            raise ValueError("--at-once must be at least 1")


def run(options: Release) -> Steps[Outcome]:
    """Train, then ship; see Release."""
    check_outputs(options)
    if options.results is not None and same(options.results.parent / "teacher", options.out / "teacher"):
        raise ValueError(f"--results {options.results} would put the rounded teacher over {options.out}'s own: move it")
    needed = dict.fromkeys(
        [*(name for name, *_ in (*MIXTURE, *HEADED)), POINTS_29, *(shipped.test for shipped in SHIPPED if shipped.test)]
    )
    missing = [name for name in needed if not (options.data / name).is_dir()]
    if missing:
        raise FileNotFoundError(f"{options.data} lacks {', '.join(missing)}: toolkit/pipelines/recipe.py needs them")
    if options.wave is not None:
        return (yield from _step(options, options.wave))
    for wave in waves(options.data, options.out):
        left = [job for job in wave if not is_bundle(job.options.out)]
        yield from side_by_side(left, options.at_once)
    outcomes = []
    for shipped in SHIPPED:
        outcomes.append((yield from ship(options.out / shipped.step, shipped, options.data, options.weights)))
    outcomes.append(Outcome(text=f"trained in {options.out}", records=tuple(_steps(options))))
    whole = _joined(outcomes)
    if options.results is not None:
        bundle.write(bundle.rounded(bundle.read(options.out / "teacher")), options.results.parent / "teacher")
        append(options.results, whole.records)
    return whole


def _step(options: Release, name: str) -> Steps[Outcome]:
    """Train one step.

    Raises:
        ValueError: the recipe has none of that name.
    """
    steps = {job.label: job for wave in waves(options.data, options.out) for job in wave}
    if name not in steps:
        raise ValueError(f"the recipe has no step {name!r}; it has {', '.join(steps)}")
    return (yield from steps[name].steps())


def ship(source: Path, shipped: Shipped, data: Path, weights: Path) -> Steps[Outcome]:
    """Round a bundle's weights to float16, convert it, and score it and its files on the test faces.

    Args:
        source: the bundle.
        shipped: what it is scored on and what is said of it.
        data: the folder of all faces.
        weights: the folder to put it in.
    """
    test_faces, real = (data / folder if folder else None for folder in (shipped.test, shipped.real))
    loaded = bundle.read(source)
    card = replace(
        loaded.card,
        name=NAME,
        data={**loaded.card.data, "licence": shipped.licence, "known_failures": shipped.known_failures},
        parents={**loaded.card.parents, "unrounded": bundle.digest(source)},
    )
    ours = bundle.rounded(replace(loaded, card=card))
    stem = f"{NAME}-{ours.scheme.points}pt-{card.size_px}"
    bundle.write(ours, weights / stem)
    scored = yield from evaluate.run(Evaluate(model=weights / stem, data=test_faces))
    test = {key: scored.records[0][key] for key in SCORES}
    bundle.write(replace(ours, card=replace(card, metrics={**card.metrics, "test": test})), weights / stem)
    outcomes = [scored]
    for formats in FORMATS:
        outcomes.append((yield from convert.run(Convert(bundle=weights / stem, out=weights, data=real, **formats))))
    for file in sorted(path for path in runtime.models_in(weights) if path.name.startswith(f"{stem}-")):
        outcomes.append((yield from evaluate.run(Evaluate(model=file, data=test_faces))))
    return _joined(outcomes)


def _steps(options: Release) -> Iterator[dict[str, Any]]:
    """A record of each training: its seed, its length, the machine and what it reached on the validation faces."""
    for job in (job for wave in waves(options.data, options.out) for job in wave):
        card = bundle.read(job.options.out).card
        made, config = card.made_with, card.config
        if isinstance(job.options, Training) and "train_seconds" in made:
            yield {
                "kind": "step",
                "model": job.label,
                "stage": card.stage,
                "size_px": card.size_px,
                "epochs": round(config["optim"]["epochs"] * (job.options.share or (1,))[0]),
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
