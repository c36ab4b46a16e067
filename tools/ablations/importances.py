"""Which operations to keep: networks cut to the same multiply-accumulates in different ways, each trained alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from toolkit import bundle
from toolkit.commands.train import slim
from toolkit.commands.train.slim import Slim
from toolkit.core.progress import Outcome, Steps
from toolkit.models.spec import OWN_POINTS
from toolkit.pipelines.jobs import Job
from toolkit.pipelines.trials import Trial, make
from toolkit.slimming.importance import Importance
from tools.ablations.comparison import (
    RANDOM,
    SCRATCH,
    SLIMMED,
    SUPERNET,
    TRAINED_ON,
    Comparison,
    compared,
    cuts,
    settled,
    trial,
)

WEIGHTED, PUBLISHED = "|alpha| of a cost-weighted L1", "published network from scratch"
WEIGHTED_SUPERNET = "supernet of a cost-weighted L1"
IMPORTANCES: Mapping[str, Importance] = MappingProxyType(
    {"|alpha|": "alpha", "|alpha| x |gamma|": "gamma", "Taylor": "taylor"}
)
CONTROLS = (RANDOM, SCRATCH, PUBLISHED)


@dataclass(frozen=True, kw_only=True)
class Slimmings(Comparison):
    """Compare ways to choose operations at equal multiply-accumulates: the same budget, then the same training.

    By |alpha|, by |alpha| times the size of what it multiplies, and by a Taylor term; by |alpha| of supernets that were
    trained with --penalty macs or latency, where some are given. Beside them random operations, trained on alike, and
    from scratch the network that --importance chooses and the one that the paper's authors published. The supernets,
    and what each cut left before any further training, are scored too.
    """

    weighted: tuple[Path, ...] = ()
    """Bundles of supernets that were trained with a cost-weighted term and otherwise alike, one for each --supernet."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.weighted) not in (0, len(self.supernet)):
            raise ValueError(f"give as many --weighted as --supernet, {len(self.supernet)}, not {len(self.weighted)}")

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways to choose that are compared."""
        return (*IMPORTANCES, *([WEIGHTED] if self.weighted else []))

    @property
    def base(self) -> str:
        """The way that --importance names, which the others are compared with."""
        return next(name for name, importance in IMPORTANCES.items() if importance == self.importance)


def run(options: Slimmings) -> Steps[Outcome]:
    """Cut, train and score every variant; see Slimmings."""
    options = settled(options)
    jobs = [job for importance in (*IMPORTANCES.values(), "random") for job in cuts(options, importance)]
    yield from make(jobs + _weighted(options), options.at_once)
    variants = (*options.ways, *CONTROLS)
    trials = [_trial(options, variant, seed) for seed in range(options.count) for variant in variants]
    return (yield from compared(options, _parents(options) + trials))


def _weighted(options: Slimmings) -> list[Job[Slim]]:
    """Cuts of the other supernets."""
    cuts = [
        Slim(supernet=path, share=options.keep, out=_student(options, WEIGHTED, n))
        for n, path in enumerate(options.weighted)
    ]
    return [Job(slim.run, cut, cut.out.name) for cut in cuts]


def _student(options: Slimmings, variant: str, seed: int) -> Path:
    """Where the network that a variant starts from is."""
    if variant == WEIGHTED:
        return options.out / f"cut-weighted-{seed % len(options.supernet)}"
    return options.cut(seed, "random" if variant == RANDOM else IMPORTANCES.get(variant, ""))


def _parents(options: Slimmings) -> list[Trial]:
    """The supernets, and every cut as it is."""
    trials = []
    for seed, path in enumerate(options.supernet):
        parents = {SUPERNET: path}
        if options.weighted:
            parents[WEIGHTED_SUPERNET] = options.weighted[seed]
        trials += [Trial(ablation="slim", variant=name, seed=seed, bundle=where) for name, where in parents.items()]
        for way in options.ways:
            where, base = _student(options, way, seed), WEIGHTED_SUPERNET if way == WEIGHTED else SUPERNET
            cut = f"{SLIMMED} by {way}"
            trials.append(Trial(ablation="slim", variant=cut, seed=seed, bundle=where, against=base))
    return trials


def _trial(options: Slimmings, variant: str, seed: int) -> Trial:
    student = _student(options, variant, seed)
    if variant == PUBLISHED:
        points = bundle.read(options.parent(seed)).spec.points
        released = next((name for name, own in OWN_POINTS.items() if own == points), "s-hrnet-300w")
        return trial("slim", variant, options.from_scratch(variant, released, seed), options.base)
    if variant == SCRATCH:
        name = f"{options.importance}, {variant}"
        return trial("slim", variant, options.from_scratch(name, str(student), seed), options.base)
    name = variant if variant == RANDOM else f"{IMPORTANCES.get(variant, 'weighted')}, {TRAINED_ON}"
    base = None if variant == options.base else options.base
    return trial("slim", variant, options.trained_on(name, student, seed), base)
