"""What each loss gives: one network trained on with the squared error, with others, and with losses of coordinates."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from toolkit import bundle
from toolkit.commands.train import distil
from toolkit.commands.train.distil import ALONE, Distil
from toolkit.core.options import Options
from toolkit.core.outputs import OutFolder, OutRecords, check_outputs
from toolkit.core.progress import Outcome, Steps
from toolkit.core.records import append
from toolkit.core.zoo import BundlePath
from toolkit.data import open_faces
from toolkit.pipelines.jobs import Job
from toolkit.pipelines.trials import Trial, at_middle, make, score, summary
from toolkit.train.options import CoordinateLoss, HeatmapLoss

BEFORE, SQUARED, ADAPTIVE = "the network as it was", "squared error", "adaptive wing"
COORDINATES: MappingProxyType[CoordinateLoss, str] = MappingProxyType(
    {"smooth-l1": "smooth L1", "wing": "wing", "star": "STAR"}
)
LIGHT = MappingProxyType({"all": 0.0, "rotation": 15.0, "scale": 0.1, "flip": 0.5, "colour": 0.2})
CONDITIONS = at_middle(("rotation", "occlusion"))


@dataclass(frozen=True, kw_only=True)
class Losses(Options):
    """Train one network on alike with each loss, and score it on the validation faces, clean and under two conditions.

    The squared error of heatmaps is the published loss; beside it stand adaptive wing in its place, and smooth L1, wing
    and STAR of coordinates on top of it, each with every weight.
    """

    student: BundlePath
    """Bundle of the network that every row starts from."""
    data: tuple[Path, ...] = ()
    """Labelled faces, as for the training stages; the validation faces of the first are scored. Without it, synthetic
    ones."""
    share: tuple[float, ...] = ()
    """One number for each --data, as for the training stages."""
    out: OutFolder = Path("runs/ablate-losses")
    """Folder for the trained bundles; started again, it goes on where it was."""
    results: OutRecords | None = None
    """Add the records to this .jsonl file (default: results.jsonl in --out)."""
    weights: tuple[float, ...] = (0.5, 2.5)
    """Each loss of coordinates is tried with each of these weights."""
    epochs: int = 3
    """Passes over the data, the same for each."""
    batch: int = 16
    """Faces a step."""
    lr: float = 5e-4
    """Highest learning rate."""
    augment: dict[str, float] = field(default_factory=lambda: dict(LIGHT))
    """Strengths of the augmentation (default: light, as in the last phase of a training)."""
    synthetic: int = 2000
    """Number of synthetic faces, where no --data is given."""
    seeds: int = 2
    """Each row is trained this many times."""
    at_once: int = 1
    """Trainings side by side, one thread each."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "epochs", "batch", "synthetic", "seeds", "at_once")
        if not self.weights or min(self.weights) <= 0:
            raise ValueError(f"--weights must be above 0, got {self.weights}")
        _ = tuple(_trials(self, 0))  # refuses what the training stage would


def run(options: Losses) -> Steps[Outcome]:
    """Train and score every row; see Losses."""
    results = options.results or options.out / "results.jsonl"
    check_outputs(options, results=results)
    trials = [Trial(ablation="losses", variant=BEFORE, seed=0, bundle=options.student)]
    trials += [trial for seed in range(options.seeds) for trial in _trials(options, seed)]
    scheme, data = bundle.read(options.student).scheme, options.data[0] if options.data else None
    faces = open_faces(data, "val", max(1, options.synthetic // 10), scheme=scheme)  # before anything is trained
    yield from make([trial.job for trial in trials if trial.job], options.at_once)
    records = yield from score(trials, faces, "val", CONDITIONS)
    append(results, tuple(records))
    variants = dict.fromkeys(trial.variant for trial in trials)
    return Outcome(text="\n".join(summary(variant, records) for variant in variants), records=tuple(records))


def _trials(options: Losses, seed: int) -> Iterator[Trial]:
    def row(
        variant: str, heatmaps: HeatmapLoss, coordinates: CoordinateLoss = "smooth-l1", weight: float = 0.0
    ) -> Trial:
        training = Distil(
            **ALONE,
            out=options.out / f"{variant.removeprefix('+ ').replace(', ', '-').replace(' ', '-')}-{seed}",
            student=options.student,
            data=options.data,
            share=options.share,
            synthetic=None if options.data else options.synthetic,
            epochs=options.epochs,
            batch=options.batch,
            lr=options.lr,
            augment=options.augment,
            heatmap_loss=heatmaps,
            coordinate_loss=coordinates,
            coordinate_weight=weight,
            seed=seed,
            resume=True,
        )
        job, against = Job(distil.run, training, training.out.name), None if variant == SQUARED else SQUARED
        return Trial(ablation="losses", variant=variant, seed=seed, bundle=training.out, job=job, against=against)

    yield row(SQUARED, "mse")
    yield row(ADAPTIVE, "awing")
    for loss, name in COORDINATES.items():
        for weight in options.weights:
            yield row(f"+ {name}, weight {weight:g}", "mse", loss, weight)
