"""Which operations to keep: networks cut to the same multiply-accumulates in different ways, each trained alike."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit import bundle
from toolkit.ablations.comparison import (
    RANDOM,
    SCRATCH,
    SLIMMED,
    SUPERNET,
    TRAINED_ON,
    Comparison,
    at_equal_macs,
    compared,
    cut,
    folder,
    settled,
)
from toolkit.ablations.trial import Trial, make
from toolkit.core.progress import Outcome, Steps
from toolkit.jobs import Job
from toolkit.models.spec import OWN_POINTS

UNIFORM, WEIGHTED, GAMMA, TAYLOR = "|alpha|", "|alpha| of a cost-weighted L1", "|alpha| x |gamma|", "Taylor"
PUBLISHED = "published network from scratch"
IMPORTANCES = {UNIFORM: "alpha", WEIGHTED: "alpha", GAMMA: "gamma", TAYLOR: "taylor"}
CONTROLS = (RANDOM, SCRATCH, PUBLISHED)


@dataclass(frozen=True, kw_only=True)
class Slimmings(Comparison):
    """Compare ways to choose operations at equal multiply-accumulates: the same budget, then the same training.

    By |alpha|, by |alpha| times the size of what it multiplies, and by a Taylor term; by |alpha| of supernets that were
    trained with --penalty macs or latency, where some are given. Beside them random operations, trained on alike, and
    from scratch the network that |alpha| chose and the one that the paper's authors published. The supernets, and what
    each cut left before any further training, are scored too.
    """

    weighted: tuple[Path, ...] = ()
    """Bundles of supernets that were trained with a cost-weighted term and otherwise alike, one for each --supernet."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.weighted) not in (0, len(self.supernet)):
            raise ValueError(f"give as many --weighted as --supernet, {len(self.supernet)}, not {len(self.weighted)}")

    @property
    def importances(self) -> tuple[str, ...]:
        """The ways to choose that are compared."""
        return tuple(name for name in IMPORTANCES if name != WEIGHTED or self.weighted)


def run(options: Slimmings) -> Steps[Outcome]:
    """Cut, train and score every variant; see Slimmings."""
    options = settled(options)
    yield from cut(options)
    others = [name for name in options.importances if name != UNIFORM]
    cuts = [_cut(options, name, seed) for name in others for seed in range(len(options.supernet))]
    yield from make(cuts, options.at_once)
    variants = (*options.importances, *CONTROLS)
    trials = [_trial(options, variant, seed) for seed in range(options.count) for variant in variants]
    return (yield from compared(options, _parents(options) + trials))


def _student(options: Slimmings, variant: str, seed: int) -> Path:
    """Where the network that a variant starts from is."""
    if variant == RANDOM:
        return options.random(seed)
    if variant in (UNIFORM, SCRATCH):
        return options.slimmed(seed)
    return folder(options.out, f"cut by {variant}", seed % len(options.supernet))


def _cut(options: Slimmings, variant: str, seed: int) -> Job:
    how: dict[str, Any] = {"importance": IMPORTANCES[variant]}
    if variant == TAYLOR and options.data:
        how["data"] = options.data[0]
    if variant == WEIGHTED:
        how["supernet"] = options.weighted[seed]
    return at_equal_macs(options, seed, _student(options, variant, seed), **how)


def _parents(options: Slimmings) -> list[Trial]:
    """The supernets, and every cut as it is."""
    trials = []
    for seed, path in enumerate(options.supernet):
        trials.append(Trial(ablation="slim", variant=SUPERNET, seed=seed, bundle=path))
        for name in options.importances:
            cut_by = f"{SLIMMED} by {name}"
            where = _student(options, name, seed)
            trials.append(Trial(ablation="slim", variant=cut_by, seed=seed, bundle=where, against=SUPERNET))
    return trials


def _trial(options: Slimmings, variant: str, seed: int) -> Trial:
    if variant == PUBLISHED:
        points = bundle.read(options.parent(seed)).spec.points
        released = next((name for name, own in OWN_POINTS.items() if own == points), "s-hrnet-300w")
        job = options.from_scratch(variant, released, seed)
    elif variant == SCRATCH:
        job = options.from_scratch(variant, str(_student(options, variant, seed)), seed)
    else:  # the first of them is a row of Table 6 too
        name = variant if variant == RANDOM else TRAINED_ON if variant == UNIFORM else f"{TRAINED_ON} by {variant}"
        job = options.trained_on(name, _student(options, variant, seed), seed)
    base = None if variant == UNIFORM else UNIFORM
    return Trial(ablation="slim", variant=variant, seed=seed, bundle=job.options["out"], job=job, against=base)
