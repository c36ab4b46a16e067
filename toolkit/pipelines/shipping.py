"""What ships: which steps of the recipe, what is said of them, and how they get into the package's weights."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

from toolkit import bundle
from toolkit.benchmarking.false_faces import true_faces
from toolkit.bundle import Bundle
from toolkit.commands.convert import convert
from toolkit.commands.convert.convert import Convert
from toolkit.commands.measure import evaluate
from toolkit.commands.measure.evaluate import Evaluate
from toolkit.core import zoo
from toolkit.core.progress import Outcome, Steps
from toolkit.core.selection import evenly_spaced
from toolkit.data import Subset, open_faces
from toolkit.data.sets import in_scheme
from toolkit.export.conversion import Target
from toolkit.export.deployed import TorchLandmarker
from toolkit.runtime.sidecar import Precision

KNOWN_FAILURES = (
    "Points along the jaw are twice as far off as the inner ones. Face masks, motion, blur, things before the face "
    "and, behind a detector, few pixels cost the most: results/release tells how much. Profiles were trained on and "
    "never scored."
)
POINTS_98_FAILURES = (
    "Photos taught it those of its points that the 68 have; the others, and the ends of the jaw, it knows from drawn "
    "faces alone. Where its points lie on drawn faces was settled by looking at the test faces."
)
POINTS_29_FAILURES = (
    "298 photos taught it its 29 points, and others the most of them that the 68 have. The chin is furthest off, then "
    "the brows; the eyes are nearest."
)
FREE_FAILURES = (
    "The only photos that it learned from are 126 studio portraits, turned and lit anew. The contour is furthest off, "
    "then the brows; the eyes are nearest."
)


class Format(TypedDict):
    """What is converted at once."""

    to: tuple[Target, ...]
    precision: tuple[Precision, ...]


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """A network that ships; points, input size and variant tell its files from those of the others."""

    step: str
    """Of the recipe."""
    variant: str = ""
    """What tells it from another one of the same points and size."""
    test: str | None = "300w"
    """Folder under the data with the faces that it is scored on; None for synthetic faces."""
    real: str | None = "300w"
    """That of the photos for calibration and parity; None for synthetic faces."""
    floor: str | None = None
    """Folder of the run with the faces that its floor of confidence is fitted on, in place of these photos."""
    known_failures: str = KNOWN_FAILURES


SHIPPED = (
    Shipped(step="main"),
    Shipped(step="small"),
    Shipped(step="large"),
    Shipped(step="points-98-again", test="wflw_test", known_failures=POINTS_98_FAILURES),
    Shipped(step="points-29", test="lfpw29", real="helen29/train", known_failures=POINTS_29_FAILURES),
    Shipped(
        step="free-reposed",
        variant="free",
        real="london189",
        floor="london189-reposed",  # the portraits themselves are all plain
        known_failures=FREE_FAILURES,
    ),
)
NAME = "sdhrnet"
FORMATS = (
    Format(to=("tflite",), precision=("float32", "float16", "int8")),
    Format(to=("coreml",), precision=("float16",)),
)
FLOOR_FACES = 150
"""Training faces that a floor of confidence is fitted on."""
SCORES = ("data", "n", "nme_mean", "nme_median", "fr10", "auc10", "nme_regions")
"""What the card says of the test faces."""


def ship(source: Path, shipped: Shipped, data: Path, weights: Path) -> Steps[Outcome]:
    """Round a bundle's weights to float16, fit its floor of confidence, convert it, and score it and its files on the
    test faces.

    Args:
        source: the bundle.
        shipped: what it is scored on and what is said of it.
        data: the folder of all faces.
        weights: the folder to put it in.
    """
    test_faces, real = (data / folder if folder else None for folder in (shipped.test, shipped.real))
    loaded = bundle.read(source)
    terms = {"licence": loaded.card.licence} if loaded.card.licence else {}
    card = replace(
        loaded.card,
        name=NAME,
        variant=shipped.variant,
        data={**loaded.card.data, **terms, "known_failures": shipped.known_failures},
        parents={**loaded.card.parents, "unrounded": bundle.digest(source)},
    )
    ours = bundle.rounded(replace(loaded, card=card))
    told_by = source.parent / shipped.floor if shipped.floor else real
    card = replace(card, confidence_floor=(yield from floor_of(ours, told_by)))
    ours = replace(ours, card=card)
    stem = card.released_name(ours.scheme.points)
    bundle.write(ours, weights / stem)
    scored = yield from evaluate.run(Evaluate(model=weights / stem, data=test_faces))
    test = {key: scored.records[0][key] for key in SCORES}
    bundle.write(replace(ours, card=replace(card, metrics={**card.metrics, "test": test})), weights / stem)
    outcomes = [scored]
    for formats in FORMATS:
        how = Convert(bundle=weights / stem, out=weights, data=real, overwrite=True, **formats)
        outcomes.append((yield from convert.run(how)))
    for file in zoo.files(stem, weights):
        outcomes.append((yield from evaluate.run(Evaluate(model=file, data=test_faces))))
    return joined(outcomes)


def floor_of(ours: Bundle, data: Path | None) -> Steps[float]:
    """The floor of confidence that parts some training faces best from what is predicted of them in turned crops.

    Args:
        ours: the bundle.
        data: the folder of faces, labelled by its scheme or one that has some of its points; None for synthetic faces.
    """
    every = in_scheme(open_faces(data, "train", FLOOR_FACES, scheme=ours.scheme), ours.scheme)
    faces = Subset(every, evenly_spaced(FLOOR_FACES, len(every)), every.title)
    (told,) = yield from true_faces([TorchLandmarker(ours)], faces)
    return told["fitted_floor"]


def joined(outcomes: Sequence[Outcome]) -> Outcome:
    """Several outcomes as one, which is good where all are."""
    return Outcome(
        text="\n\n".join(outcome.text for outcome in outcomes),
        records=tuple(record for outcome in outcomes for record in outcome.records),
        ok=all(outcome.ok for outcome in outcomes),
    )
