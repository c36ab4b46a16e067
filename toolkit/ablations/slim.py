"""Which edges to keep: networks cut to the same multiply-accumulates by different importances, each trained alike."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit import bundle, measure
from toolkit.ablations.trial import Trial, score, summary, train
from toolkit.core.progress import Outcome, Steps
from toolkit.data import open_faces
from toolkit.jobs import Job
from toolkit.landmarkers import is_bundle
from toolkit.models.spec import OWN_POINTS, SuperNetSpec
from toolkit.slimming.census import census
from toolkit.stages.slim import PUBLISHED_SHARE

UNIFORM, WEIGHTED, GAMMA = "uniform L1, |alpha|", "cost-weighted L1, |alpha|", "uniform L1, |alpha| x |gamma|"
TAYLOR, RANDOM = "uniform L1, Taylor", "random edges"
SCRATCH, PUBLISHED = "first network, from scratch", "published edges, from scratch"
IMPORTANCES = {UNIFORM: "alpha", WEIGHTED: "alpha", GAMMA: "gamma", TAYLOR: "taylor", RANDOM: "random"}


@dataclass(frozen=True, kw_only=True)
class Slimmings:
    """Compare ways to choose operations at equal multiply-accumulates: the same budget, then the same training.

    From the supernet: by |alpha|, by |alpha| times the size of what it multiplies, by a Taylor term, and at random.
    From a second supernet, if one is given, that was trained with --penalty macs or latency: by |alpha|. Beside them,
    from scratch: the first network, and the one that the paper's authors published.
    """

    supernet: Path
    """Bundle of a supernet that was trained with the uniform L1 term."""
    weighted: Path | None = None
    """Bundle of one that was trained with a cost-weighted term, otherwise alike."""
    share: float = PUBLISHED_SHARE
    """The budget: a share of the supernet's multiply-accumulates without the head."""
    out: Path = Path("runs/ablate-slim")
    """Folder for the bundles; started again, it goes on where it was."""
    results: Path | None = None
    """Add the records to this .jsonl file (default: results.jsonl in --out)."""
    data: Path | None = None
    """Labelled faces, as for the training stages; without it, synthetic faces."""
    synthetic: int = 2000
    """Number of synthetic faces, where no --data is given."""
    epochs: int = 6
    """Passes over the data after the cut, the same for each."""
    scratch_epochs: int | None = None
    """Passes for the networks from scratch (default: as many as the others)."""
    seeds: int = 3
    """Each variant is trained this many times; the random one is also cut this many times."""
    at_once: int = 2
    """Trainings side by side, one thread each."""

    def __post_init__(self) -> None:
        if self.seeds < 1 or self.at_once < 1 or self.epochs < 1:
            raise ValueError("seeds, at_once and epochs must be at least 1")
        if not 0 < self.share <= 1:
            raise ValueError("--share must be above 0, at most 1")

    @property
    def variants(self) -> tuple[str, ...]:
        """What is compared."""
        cuts = [name for name in IMPORTANCES if name != WEIGHTED or self.weighted is not None]
        return (*cuts, SCRATCH, PUBLISHED)


def run(options: Slimmings) -> Steps[Outcome]:
    """Cut, train and score every variant; see Slimmings."""
    budget = _budget(options)
    for variant in options.variants:
        for seed in range(options.seeds if variant == RANDOM else 1):
            if variant in IMPORTANCES and not is_bundle(_cut(options, variant, seed)):
                yield from _slim(options, variant, seed, budget).steps()
    trials = [_trial(options, variant, seed) for seed in range(options.seeds) for variant in options.variants]
    yield from train(trials, options.at_once)
    records = []
    for split in ("val", "test"):
        faces = open_faces(options.data, split, max(1, options.synthetic // 10))
        for trial in trials:
            record = yield from score(trial, faces, split)
            records.append(record | {"epochs": trial.job.options["epochs"]})
    measure.append(options.results or options.out / "results.jsonl", tuple(records))
    tested = [record for record in records if record["split"] == "test"]
    return Outcome(text="\n".join(summary(variant, tested) for variant in options.variants), records=tuple(records))


def _budget(options: Slimmings) -> float:
    """Million multiply-accumulates, everything counted, of the first supernet's cut to the share."""
    spec = bundle.read(options.supernet).spec
    if not isinstance(spec, SuperNetSpec):
        raise ValueError(f"{options.supernet} holds no supernet: only a supernet can be slimmed")
    size = bundle.read(options.supernet).card.size_px
    whole = census(spec, size)
    return (options.share * whole.macs_paper + whole.macs_full - whole.macs_paper) / 1e6


def _slim(options: Slimmings, variant: str, seed: int, budget: float) -> Job:
    source = options.weighted if variant == WEIGHTED else options.supernet
    more = {"data": options.data} if variant == TAYLOR else {}
    cut: dict[str, Any] = {"supernet": source, "macs": budget, "importance": IMPORTANCES[variant], "seed": seed, **more}
    return Job("slim", "Slim", {**cut, "out": _cut(options, variant, seed)})


def _cut(options: Slimmings, variant: str, seed: int) -> Path:
    """Where a variant's network is before training."""
    return options.out / f"cut-{_folder(variant)}-{seed if variant == RANDOM else 0}"


def _folder(variant: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in variant).replace("--", "-").strip("-").lower()


def _trial(options: Slimmings, variant: str, seed: int) -> Trial:
    parent = bundle.read(options.supernet)
    name = f"{_folder(variant)}-{seed}"
    training: dict[str, Any] = {
        "out": options.out / name,
        "data": () if options.data is None else (options.data,),
        "size": parent.card.size_px,
        "epochs": options.epochs,
        "synthetic": options.synthetic if options.data is None else None,
        "seed": seed,
        "resume": True,
    }
    if variant in IMPORTANCES:
        training |= {"arch": str(_cut(options, variant, seed)), "keep_weights": True}
    else:
        released = next((n for n, points in OWN_POINTS.items() if points == parent.spec.points), "s-hrnet-300w")
        first = str(_cut(options, UNIFORM, seed))
        training |= {"arch": first if variant == SCRATCH else released}
        training["epochs"] = options.scratch_epochs or options.epochs
    return Trial(ablation="slim", variant=variant, seed=seed, job=Job("teacher", "Teacher", training, label=name))
