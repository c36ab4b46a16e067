"""Stage: cut the supernet down to the operations that its importance factors call for (Algorithm 1, line 13)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from toolkit import bundle
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import commit, versions
from toolkit.models.spec import SuperNetSpec
from toolkit.slimming.census import Census, census
from toolkit.slimming.edges import Importance, at_threshold, cut, importance, within

PUBLISHED_SHARE = 0.64
"""MACs without the head that the published 300W network keeps of the supernet's: 597 of 933 million."""


@dataclass(frozen=True, kw_only=True)
class Slim:
    """Remove redundant operations and blocks from a trained supernet: a smaller network is left, ready to distil.

    Give one of --threshold, --params, --macs or --share.
    """

    supernet: Path
    """Bundle of the supernet."""
    out: Path
    """Folder for the smaller bundle."""
    threshold: float | None = None
    """Drop operations whose |alpha| is below this."""
    params: float | None = None
    """At most this many parameters, in millions, everything counted."""
    macs: float | None = None
    """At most this many multiply-accumulates, in millions, everything counted, at the bundle's input size."""
    share: float | None = None
    """At most this share of the supernet's multiply-accumulates without the head (default 0.64, as published)."""
    importance: Importance = "alpha"
    """What says which operations go: the importance factors, or chance, as a control."""
    seed: int = 0
    """Of the random importance."""

    def __post_init__(self) -> None:
        given = [v for v in (self.threshold, self.params, self.macs, self.share) if v is not None]
        if len(given) > 1:
            raise ValueError("give only one of --threshold, --params, --macs and --share")
        if any(not v > 0 for v in given):
            raise ValueError("thresholds and budgets must be above 0")


def run(options: Slim) -> Steps[Outcome]:
    """Cut and write the bundle; see Slim."""
    yield Progress(task="slimming", done=0, total=1)
    parent = bundle.read(options.supernet)
    if not isinstance(parent.spec, SuperNetSpec):
        raise ValueError(f"{options.supernet} holds no supernet but {parent.card.name}: only a supernet can be slimmed")
    scores = importance(parent.weights, options.importance, options.seed)
    size = parent.card.size_px
    before = census(parent.spec, size)
    if options.threshold is not None:
        spec, threshold = at_threshold(parent.spec, scores, options.threshold), options.threshold
    else:
        spec, threshold = within(parent.spec, scores, _budget(options, before, size))
    after = census(spec, size)
    card = replace(
        parent.card,
        name="s-hrnet",
        stage="slim",
        config={"importance": options.importance, "threshold": threshold, "edges": len(spec.edges)},
        metrics={"params_full": after.params_full, "macs_full": after.macs_full},
        parents={"supernet": bundle.digest(options.supernet)},
        made_with={"versions": versions("torch"), "commit": commit()},
    )
    smaller = bundle.Bundle(spec=spec, card=card, weights=cut(parent.weights, parent.spec, spec))
    bundle.write(smaller, options.out)
    yield Progress(task="slimming", done=1, total=1)
    return Outcome(
        text=_summary(options, parent.spec, spec, before, after), records=({"kind": "slim", **card.metrics},)
    )


def _budget(options: Slim, before: Census, size_px: int) -> Callable[[SuperNetSpec], bool]:
    if options.params is not None:
        limit = options.params * 1e6
        return lambda spec: census(spec, size_px).params_full <= limit
    if options.macs is not None:
        limit = options.macs * 1e6
        return lambda spec: census(spec, size_px).macs_full <= limit
    share = PUBLISHED_SHARE if options.share is None else options.share
    return lambda spec: census(spec, size_px).macs_paper <= share * before.macs_paper


def _summary(options: Slim, old: SuperNetSpec, new: SuperNetSpec, before: Census, after: Census) -> str:
    blocks = [sum(len(spec.branches(stage)) for stage in range(2, 11)) for spec in (old, new)]
    return (
        f"slimmed network written to {options.out}: {len(new.edges)} of {len(old.edges)} operations and "
        f"{blocks[1]} of {blocks[0]} blocks are left\n"
        f"parameters {before.params_full:,} -> {after.params_full:,}, "
        f"multiply-accumulates {before.macs_full / 1e6:.1f} M -> {after.macs_full / 1e6:.1f} M"
    )
