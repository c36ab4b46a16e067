"""Stage: a shape layer behind a trained network's decoding, fitted to what the network finds on training faces."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import nn

from toolkit import bundle
from toolkit.core import metrics
from toolkit.core.options import Options
from toolkit.core.outputs import OutFolder, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import commit, processor, versions
from toolkit.core.zoo import BundlePath
from toolkit.data import Faces, Split, open_faces, pack
from toolkit.data.augment import Augment
from toolkit.data.batches import Batch, TrainingFaces, training_faces
from toolkit.data.crops import plain_crops
from toolkit.data.licences import licence_of
from toolkit.models.shape import ShapeLayer
from toolkit.models.spec import ShapeSpec
from toolkit.models.threads import torch_threads
from toolkit.train.shape import Fit, Found, fitted, found_on

BATCH = 16
AUGMENTED = "augmented"
"""In a card's metrics: validation faces with training's augmentation."""


@dataclass(frozen=True, kw_only=True)
class Shape(Options):
    """Fit a shape layer: after decoding, a perceptron that sees all points of the face corrects each of them.

    The network is left as it is. It is run over the training faces, as they are and as training shows them (turned,
    covered, cut off), and the perceptron learns the way from its points to the truth. It is written where it does
    better on the validation faces than the network alone. The points of a bundle with a shape layer, and of every file
    converted from it, are the corrected ones. Fit it last: slimming and training on keep the layer as it is.
    """

    bundle: BundlePath
    """Bundle of the trained network; a shape layer that it has is replaced."""
    out: OutFolder
    """Folder for the bundle with the layer."""
    overwrite: bool = False
    """Replace the bundle that --out holds; whatever else is in the folder stays."""
    data: Path | None = None
    """Labelled faces as for the training stages, marked as the points should be: the layer takes on their style.
    Without it, synthetic faces."""
    synthetic: int = 2000
    """Number of synthetic training faces, where no --data is given; a tenth as many for validation."""
    rounds: int = 1
    """Times that every training face is shown as training shows it, beside once as it is."""
    hidden: int = 256
    """Width of the perceptron's hidden layer."""
    epochs: int = 40
    """Passes of the perceptron over what the network found."""
    seed: int = 0
    """Of the augmentation and of the perceptron."""
    threads: int = 1
    """CPU threads."""
    skip_bad: bool = False
    """Fit without the annotations and pictures that cannot be used; the card says how many."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(0, "rounds", "seed")
        self.at_least(1, "synthetic", "threads", "hidden", "epochs")


@dataclass(frozen=True, kw_only=True)
class Validation:
    """What the network finds on the validation faces."""

    title: str
    plain: Found
    augmented: Found

    def errors(self, layer: ShapeLayer | None, loaded: bundle.Bundle) -> tuple[metrics.Scores, metrics.Scores]:
        """Scores on the faces as they are and as training shows them."""
        plain, augmented = (metrics.scores(f.errors(layer, loaded.scheme)) for f in (self.plain, self.augmented))
        return plain, augmented


def run(options: Shape) -> Steps[Outcome]:
    """Fit and write the bundle; see Shape."""
    check_outputs(options)
    bundle.require_free(options.out, overwrite=options.overwrite)
    started = perf_counter()
    with torch_threads(options.threads):
        loaded = bundle.read(options.bundle)
        if loaded.scheme.parts:
            raise ValueError(f"{loaded.card.name} has heads for several schemes: a shape layer is of one")
        faces, held_out = _open(options, loaded, "train"), _open(options, loaded, "val")
        train = yield from training_faces(faces, loaded.card.size_px, skip_bad=options.skip_bad)
        title = pack.trained_on(train.faces, train.size_px)
        found = yield from _found(loaded, _epochs(options, train, range(options.rounds + 1)), "training faces")
        validation = yield from _validation(options, loaded, held_out)
        spec, fit = ShapeSpec(hidden=options.hidden), Fit(epochs=options.epochs)
        layer = yield from fitted(found, loaded.scheme, spec, fit, options.seed)
    return _written(options, loaded, layer, validation, title, perf_counter() - started)


def _validation(options: Shape, loaded: bundle.Bundle, faces: Faces) -> Steps[Validation]:
    crops = yield from plain_crops(faces, loaded.card.size_px, skip_bad=options.skip_bad)
    starts = range(0, len(crops.images), BATCH)
    ends = [slice(start, start + BATCH) for start in starts]
    assert crops.states is not None  # plain crops say it
    whole = [
        Batch(images=crops.images[part], points_xy=crops.points_xy[part], states=crops.states[part], rngs=())
        for part in ends
    ]
    plain = yield from _found(loaded, [whole], "validation faces")
    patches = yield from training_faces(faces, loaded.card.size_px, skip_bad=options.skip_bad)
    augmented = yield from _found(loaded, _epochs(options, patches, range(1, 2)), "validation faces, augmented")
    return Validation(title=crops.faces.title, plain=plain, augmented=augmented)


def _open(options: Shape, loaded: bundle.Bundle, split: Split) -> Faces:
    count = options.synthetic if split == "train" else max(1, options.synthetic // 10)
    faces = open_faces(options.data, split, count, scheme=loaded.scheme, skip_bad=options.skip_bad)
    if faces.scheme != loaded.scheme:
        raise ValueError(f"the network predicts {loaded.card.scheme}, the faces are labelled {faces.scheme.name}")
    return faces


def _epochs(options: Shape, faces: TrainingFaces, rounds: range) -> list[Sequence[Batch]]:
    """All faces once a round: in round 0 as they are, in later ones with training's augmentation."""
    how = [Augment() if number else Augment.only() for number in rounds]
    return [faces.whole_epoch((options.seed, number), BATCH, each) for number, each in zip(rounds, how, strict=True)]


def _found(loaded: bundle.Bundle, epochs: Sequence[Sequence[Batch]], what: str) -> Steps[Found]:
    """What the network finds on every batch."""
    card = loaded.card
    net: nn.Module = loaded.network().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    parts: list[Found] = []
    total = sum(map(len, epochs))
    for batches in epochs:
        for part in found_on(net, batches, card.sigma_px, card.decoder):
            parts.append(part)
            yield Progress(task=f"predicting {what}", done=len(parts), total=total)
    return Found.of(parts)


def _written(
    options: Shape,
    loaded: bundle.Bundle,
    layer: ShapeLayer,
    validation: Validation,
    trained_on: str,
    seconds: float,
) -> Outcome:
    """Write the bundle with its layer.

    Raises:
        ValueError: it does no better on the validation faces than the network alone.
    """
    before, after = (validation.errors(each, loaded) for each in (None, layer))
    if not _mean(after) < _mean(before):
        raise ValueError(
            f"a shape layer does no better on the validation faces than the network alone, {_mean(before):.2f} % NME: "
            "nothing is written; more training faces (--data, --synthetic) may help"
        )
    licence = licence_of(trained_on, [loaded.card.licence])
    spec = replace(loaded.spec, shape=layer.spec)
    weights = {name: value for name, value in loaded.weights.items() if not name.startswith("shape.")}
    weights |= {f"shape.{name}": value for name, value in bundle.state(layer).items()}
    own = {
        **{name: getattr(options, name) for name in ("hidden", "epochs", "rounds", "seed")},
        "augment": asdict(Augment()),
    }
    card = replace(
        loaded.card,
        stage="shape",
        data=_data(loaded.card, trained_on, validation.title) | ({"licence": licence} if licence else {}),
        config=loaded.card.config | {"shape": own},
        metrics=_metrics(before, after),
        parents={"network": bundle.digest(options.bundle)},
        made_with={
            "versions": versions("torch", "numpy", "opencv-contrib-python"),
            "commit": commit(),
            "device": processor(),
            "threads": options.threads,
            "seconds": round(seconds, 1),
        },
    )
    bundle.write(bundle.Bundle(spec=spec, card=card, weights=weights), options.out)
    was, now = ([f"{one.nme_mean:.2f}" for one in pair] for pair in (before, after))
    return Outcome(
        text=f"shape layer written to {options.out}: validation NME {was[0]} -> {now[0]} %, as "
        f"training shows the faces {was[1]} -> {now[1]} %\nnext: sdhrnet convert {options.out}",
        records=({"kind": "shape", "name": card.name, **own, **card.metrics},),
    )


def _mean(scores: tuple[metrics.Scores, metrics.Scores]) -> float:
    """What a layer is judged by, in percent; infinite where no face has an NME."""
    mean = sum(one.nme_mean for one in scores) / len(scores)
    return mean if math.isfinite(mean) else math.inf


def _metrics(before: tuple[metrics.Scores, ...], after: tuple[metrics.Scores, ...]) -> dict[str, Any]:
    """The layer's scores where a card's stand, and those of the network alone."""
    names = ("val", f"val_{AUGMENTED}")
    found = {name: asdict(one) for name, one in zip(names, after, strict=True)}
    return found | {"before": {name: asdict(one) for name, one in zip(names, before, strict=True)}}


def _data(card: bundle.Card, trained_on: str, validated_on: str) -> dict[str, Any]:
    """What the network's card says of its faces, and those of the layer; failures were seen without the layer."""
    own = {key: value for key, value in card.data.items() if key != "known_failures"}
    return own | {"shape": trained_on, "val": validated_on}
