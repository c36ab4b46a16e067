"""Stage: cut a network down to a budget: its operations by importance (Algorithm 1, line 13), or its channels."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypedDict

import numpy as np
from torch import Tensor

from toolkit import bundle
from toolkit.bundle import Bundle, Card
from toolkit.core.heatmap import Decoder
from toolkit.core.options import Options
from toolkit.core.outputs import OutFolder, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import commit, versions
from toolkit.core.selection import evenly_spaced
from toolkit.core.zoo import BundlePath
from toolkit.data import Subset, open_faces
from toolkit.data.augment import Augment
from toolkit.data.batches import TrainingFaces, training_faces
from toolkit.data.crops import plain_crops
from toolkit.data.pack import trained_on
from toolkit.models.spec import Spec, SuperNetSpec
from toolkit.models.supernet import HRSuperNet
from toolkit.slimming import latency
from toolkit.slimming.complexity import Complexity, ComplexityTable, complexity
from toolkit.slimming.edges import HeadCut, SuperNetGraph, at_threshold, within
from toolkit.slimming.importance import Importance, at_random, by_alpha, by_gamma, by_taylor
from toolkit.slimming.operations import operations
from toolkit.train.inference import inputs, normalised, predict
from toolkit.train.losses import mse, targets
from toolkit.train.presets import PRESETS, PresetName

PUBLISHED_SHARE = 0.64
"""MACs without the head that the published 300W network keeps of the supernet's: 597 of 933 million."""
BATCH = 16
BUDGETS = ("threshold", "params", "macs", "share", "operations", "latency_ms", "even")
WELL_FILLED = 0.95
"""Share of a budget from which on nothing is said about the rest."""
SHOWN = 16
"""Synthetic faces on which a head as published is compared with the exact one."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The most that a network may cost."""

    cost: Callable[[SuperNetSpec], float]
    most: float
    unit: str

    def fits(self, spec: SuperNetSpec) -> bool:
        """Whether a network is within it."""
        return self.cost(spec) <= self.most

    def used(self, spec: Spec) -> float:
        """What a network uses of it."""
        assert isinstance(spec, SuperNetSpec)
        return round(self.cost(spec), 6)


@dataclass(frozen=True, kw_only=True)
class Cut:
    """How a network was cut, by the names of a card's config."""

    importance: str
    removed_by: str
    head: HeadCut | None = None
    threshold: float | None = None
    even: int | None = None
    round_to: int | None = None
    budget: Budget | None = None
    budget_used: float = 0.0
    seed: int | None = None
    """Of the random importance."""
    importance_faces: str | None = None
    """What the Taylor importance was summed over."""
    head_moves_px: float | None = None
    """By how much a head as published moves the points of some synthetic faces."""
    removed: list[str] | None = None
    """The modules that went, by name."""

    @property
    def json(self) -> dict[str, Any]:
        """Of what applies, for the card and the record."""
        given = {k: v for k, v in vars(self).items() if v is not None and not k.startswith("budget")}
        if self.budget is None:
            return given
        return given | {"budget": self.budget.most, "budget_unit": self.budget.unit, "budget_used": self.budget_used}


@dataclass(frozen=True, kw_only=True)
class Slim(Options):
    """Remove what a network can spare: a smaller one is left, with the same outputs but for what was removed.

    Operations and blocks of a trained supernet by default, ready to distil; or, from what is left, single channels.
    Give one of --threshold, --params, --macs, --share, --operations, --latency-ms and --even.
    `sdhrnet slim sweep` cuts, trains and measures a whole family.
    """

    supernet: BundlePath
    """Bundle of the supernet; for channels, of any network slimmed from one, before or after distilling."""
    out: OutFolder
    """Folder for the smaller bundle."""
    overwrite: bool = False
    """Replace the bundle that --out holds; whatever else is in the folder stays."""
    remove: Literal["operations", "channels"] = "operations"
    """operations: edges, blocks and branches, exactly as if their factor were zero. channels: the weakest channels,
    wherever they hang together (torch-pruning); train the result on."""
    preset: PresetName | None = None
    """paper-300w, paper-cofw or paper-wflw: where no budget is given, the threshold that the paper publishes for the
    data set; and the head as published. For supernets of the same preset: a threshold is worth as much as its training
    was long."""
    head: HeadCut | None = None
    """What a final branch that goes takes of the head. inputs: the channels that the head read of it, which is exact.
    published: as many of the hidden channels too, as in the paper's networks; the other branches lose what they wrote
    there (on a trained network NME went from 6.1 to 9.6 %), so train the result on (default: inputs; published with a
    paper's preset)."""
    threshold: float | None = None
    """Drop operations whose importance is below this."""
    params: float | None = None
    """At most this many parameters, in millions, everything counted."""
    macs: float | None = None
    """At most this many multiply-accumulates, in millions, everything counted, at the bundle's input size."""
    share: float | None = None
    """At most this share of the network's multiply-accumulates without the head (default 0.64, as published)."""
    operations: int | None = None
    """At most this many operations in the exported file (float32 TFLite, decoding included), which is what the time on
    a phone's NPU hangs on. With a supernet of --depth, residual layers go too."""
    latency_ms: float | None = None
    """At most this many milliseconds, as --latency-table adds them up, of float32 or of int8."""
    latency_table: Path | None = None
    """Times of this device, from `sdhrnet latency-table`."""
    even: int | None = None
    """For channels: every width becomes the power of two at or below it, and at most this. Kernels work on whole
    vectors, so that 18 channels cost as much as 32; train the result on."""
    importance: Importance = "alpha"
    """What says which operations go. alpha: |alpha|, as published. gamma: |alpha| times the size of the map that it
    multiplies. taylor: the change of the loss, to first order. random: chance, as a control. Channels go by their
    magnitude, or, with taylor, by the change of the loss over what they cost of the budget."""
    data: Path | None = None
    """Labelled faces for the Taylor importance, as for the training stages; without it, synthetic faces."""
    faces: int = 256
    """How many training faces the Taylor importance is summed over."""
    seed: int = 0
    """Of the random importance."""
    decoder: Decoder | None = None
    """How the slimmed network's files find points, which --operations counts (default: as the supernet's)."""
    round_to: int = 8
    """Channels are left in multiples of this, which kernels are fast at."""

    def __post_init__(self) -> None:
        super().__post_init__()
        given = [name for name in BUDGETS if getattr(self, name) is not None]
        if self.preset is not None and (not PRESETS[self.preset].published or self.remove == "channels"):
            raise ValueError("--preset is for operations, and one of paper-300w, paper-cofw and paper-wflw")
        if len(given) > 1:
            raise ValueError(
                "give only one of --threshold, --params, --macs, --share, --operations, --latency-ms and --even"
            )
        if any(not getattr(self, name) > 0 for name in given):
            raise ValueError("thresholds and budgets must be above 0")
        if (self.latency_ms is None) != (self.latency_table is None):
            raise ValueError("--latency-ms and --latency-table go together")
        if self.data is not None and self.importance != "taylor":
            raise ValueError("--data is for --importance taylor; the others look at no face")
        if self.faces < 1 or self.round_to < 1 or self.seed < 0:
            raise ValueError("--faces and --round-to must be at least 1, and --seed not negative")
        if self.remove == "channels" and (
            self.importance not in ("alpha", "taylor") or {*given} & {"threshold", "operations", "latency_ms"}
        ):
            raise ValueError(
                "channels go by their magnitude or --importance taylor, to a budget of --params, --macs or --share, or "
                "to --even"
            )
        if self.even is not None and self.importance != "alpha":
            raise ValueError("--even goes by magnitude: leave --importance out")
        if self.remove == "operations" and self.even is not None:
            raise ValueError("--even is for --remove channels")

    @property
    def chosen_by(self) -> str:
        """The importance, as the card has it."""
        return "group magnitude" if self.remove == "channels" and self.importance == "alpha" else self.importance

    @property
    def least(self) -> float | None:
        """The threshold, from the option, or from the preset where no budget is given."""
        if self.preset is None or any(getattr(self, name) is not None for name in BUDGETS):
            return self.threshold
        return PRESETS[self.preset].threshold

    @property
    def head_cut(self) -> HeadCut:
        """What a final branch takes of the head, from the option or the preset."""
        return self.head or ("inputs" if self.preset is None else "published")


def run(options: Slim) -> Steps[Outcome]:
    """Cut and write the bundle; see Slim."""
    check_outputs(options)
    bundle.require_free(options.out, overwrite=options.overwrite)
    parent = bundle.read(options.supernet)
    if not isinstance(parent.spec, SuperNetSpec):
        raise ValueError(f"{options.supernet} holds no supernet but {parent.card.name}: only a supernet can be slimmed")
    yield Progress(task="slimming", done=0, total=1)
    if options.remove == "channels":
        smaller, cut = yield from _channels(options, parent, parent.spec)
    else:
        smaller, cut = yield from _operations(options, parent, parent.spec)
    assert isinstance(smaller.spec, SuperNetSpec)
    before, after = (complexity(b.spec, parent.card.size_px) for b in (parent, smaller))
    card = replace(
        parent.card,
        name="s-hrnet",
        stage="slim",
        decoder=options.decoder or parent.card.decoder,
        confidence_floor=None,  # of the parent; the cut's is not known
        data=_data(parent.card),
        config={"remove": options.remove, "edges": len(smaller.spec.edges), **cut.json},
        metrics={"params_full": after.params_full, "macs_full": after.macs_full},
        parents={"supernet": bundle.digest(options.supernet)},
        made_with={"versions": versions("torch", "torch-pruning"), "commit": commit()},
    )
    bundle.write(replace(smaller, card=card), options.out)
    yield Progress(task="slimming", done=1, total=1)
    text = _summary(options, parent.spec, smaller.spec, before, after) + "".join(
        f"\n{note}" for note in _notes(cut, shaped=smaller.spec.shape is not None)
    )
    return Outcome(text=text, records=({"kind": "slim", **card.metrics, **cut.json},))


def asked(options: Slim) -> dict[str, Any]:
    """What the card of such a cut says of the options, by its names; None where it says nothing.

    Raises:
        FileNotFoundError: the supernet, or the faces, are not there.
        ValueError: they cannot be used.
    """
    parent = bundle.read(options.supernet)
    assert isinstance(parent.spec, SuperNetSpec)
    told: dict[str, Any] = {"remove": options.remove, "importance": options.chosen_by}
    told |= {"decoder": options.decoder or parent.card.decoder, **_chosen_on(options, parent)}
    if options.remove == "operations":
        told["head"] = options.head_cut
    if options.least is not None:
        return told | {"threshold": options.least, "budget": None}
    if options.even is not None:
        return told | {"even": options.even, "budget": None}
    if options.remove == "channels":
        told["round_to"] = options.round_to
    budget = _budget(options, parent, parent.spec)
    return told | {"budget": budget.most, "budget_unit": budget.unit}


class ChosenOn(TypedDict, total=False):
    """What the importances hang on beside the network."""

    seed: int
    importance_faces: str


def _chosen_on(options: Slim, parent: Bundle) -> ChosenOn:
    if options.importance == "random":
        return {"seed": options.seed}
    if options.importance == "taylor":
        every = open_faces(options.data, "train", options.faces, scheme=parent.scheme)
        return {"importance_faces": f"{min(options.faces, len(every))} of {trained_on(every, parent.card.size_px)}"}
    return {}


def _data(card: Card) -> dict[str, Any]:
    """What the parent's card says of its faces and terms; what was measured of the parent is not known of the cut."""
    own = {key: value for key, value in card.data.items() if key != "known_failures"}
    return own | ({"licence": card.licence} if card.licence else {})


def _operations(options: Slim, parent: Bundle, spec: SuperNetSpec) -> Steps[tuple[Bundle, Cut]]:
    scores = yield from _scores(options, parent, spec)
    net = parent.network()
    assert isinstance(net, HRSuperNet)
    graph = SuperNetGraph(net)
    budget = None
    if options.least is not None:
        off, threshold = at_threshold(graph, scores, options.least), options.least
    else:
        budget = _budget(options, parent, spec)
        off, threshold = within(graph, scores, budget.fits, options.head_cut)
    smaller = bundle.of_network(graph.without(off, options.head_cut), parent.card)
    moved = None
    if smaller.spec != graph.left(off):
        exact = bundle.of_network(graph.without(off), parent.card)
        moved = round((yield from _cost_of_head(parent, smaller, exact)), 3)
    return smaller, Cut(
        importance=options.importance,
        head=options.head_cut,
        threshold=threshold,
        budget=budget,
        budget_used=budget.used(smaller.spec) if budget else 0.0,
        **_chosen_on(options, parent),
        head_moves_px=moved,
        removed_by="torch-pruning's dependency graph",
        removed=graph.removed(off),
    )


def _channels(options: Slim, parent: Bundle, spec: SuperNetSpec) -> Steps[tuple[Bundle, Cut]]:
    from toolkit.slimming import channels  # torch-pruning takes a moment to import

    if spec.unit != "mbconv" or spec.bottlenecks:
        raise ValueError("a spec has no place for the inner widths of residual units: give --remove operations")
    net = parent.network()
    assert isinstance(net, HRSuperNet)
    removed_by = "torch-pruning's groups of channels"
    if options.even is not None:
        cut = Cut(importance=options.chosen_by, even=options.even, removed_by=removed_by)
        return bundle.of_network(channels.even(net, options.even), parent.card), cut
    budget = _budget(options, parent, spec)
    losses = None
    if options.importance == "taylor":
        faces = yield from _faces(options, parent)
        losses = _losses(net, faces, parent.card.sigma_px)
    narrower = channels.narrow(net, budget.cost, budget.most, options.round_to, losses)
    cut = Cut(
        importance=options.chosen_by,
        round_to=options.round_to,
        budget=budget,
        budget_used=budget.used(narrower.spec),
        **_chosen_on(options, parent),
        removed_by=removed_by,
    )
    return bundle.of_network(narrower, parent.card), cut


def _scores(options: Slim, parent: Bundle, spec: SuperNetSpec) -> Steps[Tensor]:
    match options.importance:
        case "alpha":
            return by_alpha(spec, parent.weights)
        case "gamma":
            return by_gamma(spec, parent.weights)
        case "random":
            return at_random(spec, options.seed)
        case "taylor":
            net = parent.network()
            assert isinstance(net, HRSuperNet)
            faces = yield from _faces(options, parent)
            return by_taylor(net, _losses(net, faces, parent.card.sigma_px))


def _faces(options: Slim, parent: Bundle) -> Steps[TrainingFaces]:
    """Some training faces, evenly spaced over the set."""
    every = open_faces(options.data, "train", options.faces, scheme=parent.scheme)
    if every.scheme != parent.scheme:
        raise ValueError(f"the supernet predicts {parent.scheme.name}, the faces are labelled {every.scheme.name}")
    chosen = evenly_spaced(options.faces, len(every))
    return (yield from training_faces(Subset(every, chosen, every.title), parent.card.size_px))


def _losses(net: HRSuperNet, faces: TrainingFaces, sigma_px: float) -> Iterator[Tensor]:
    """The squared error of a network on every batch of plain crops; a smaller one counts by its share of faces."""
    batches = faces.whole_epoch((0,), BATCH, Augment.only())
    for batch in batches:
        seen = inputs(batch)
        truth, known = targets(seen.points_xy, faces.size_px, sigma_px)
        yield len(batch.images) / batches.size * mse(net(normalised(seen.images)), truth, known)


def _budget(options: Slim, parent: Bundle, spec: SuperNetSpec) -> Budget:
    """The budget that the options give."""
    size = parent.card.size_px
    if options.latency_ms is not None and options.latency_table is not None:
        table = latency.read(options.latency_table)
        if table.size_px != size:
            raise ValueError(f"{options.latency_table} is for {table.size_px} px, the supernet takes {size} px")
        return Budget(cost=table.predict, most=options.latency_ms, unit=f"ms as {table.precision}")
    if options.operations is not None:
        alphas = dict(zip(spec.edges, parent.weights["alpha"].tolist(), strict=True))
        decoder = options.decoder or parent.card.decoder
        return Budget(
            cost=lambda s: operations(s, alphas, decoder),
            most=options.operations,
            unit="operations of the float32 file",
        )
    count = _counter(options, spec, size)
    if options.params is not None:
        return Budget(cost=lambda s: count(s).params_full / 1e6, most=options.params, unit="M parameters")
    if options.macs is not None:
        return Budget(cost=lambda s: count(s).macs_full / 1e6, most=options.macs, unit="M multiply-accumulates")
    share = PUBLISHED_SHARE if options.share is None else options.share
    whole = complexity(spec, size).macs_paper / 1e6
    return Budget(
        cost=lambda s: count(s).macs_paper / 1e6, most=share * whole, unit="M multiply-accumulates without the head"
    )


def _counter(options: Slim, spec: SuperNetSpec, size_px: int) -> Callable[[SuperNetSpec], Complexity]:
    """Counts of whatever is cut from a network; other widths must be counted anew."""
    if options.remove == "channels":
        return lambda smaller: complexity(smaller, size_px)
    return ComplexityTable(spec, size_px).complexity


def _cost_of_head(parent: Bundle, published: Bundle, exact: Bundle) -> Steps[float]:
    """By how many pixels a head as published moves the points of some synthetic faces, on average."""
    faces = yield from plain_crops(open_faces(None, "val", SHOWN, scheme=parent.scheme), parent.card.size_px)
    points = [predict(b.network(), faces.images, b.card.sigma_px, b.card.decoder) for b in (published, exact)]
    return float(np.linalg.norm(points[0] - points[1], axis=-1).mean())


def _notes(cut: Cut, *, shaped: bool) -> Iterator[str]:
    """What is short of what was asked for, what it costs, and what is left to do."""
    if shaped:
        yield "the shape layer is kept as it was fitted to the larger network: fit it anew (sdhrnet shape) at the end"
    if cut.budget and cut.budget_used < WELL_FILLED * cut.budget.most:
        most, used = cut.budget.most, cut.budget_used
        whole = "whole paths" if cut.round_to is None else f"{cut.round_to} channels at a time"
        why = f"what is left comes with {whole}; another budget or importance may come closer"
        if cut.removed == []:
            why = "nothing had to go"
        yield f"the budget of {most:.4g} {cut.budget.unit} is filled to {100 * used / most:.0f} % ({used:.4g}): {why}"
    if cut.head_moves_px is not None:
        yield (
            f"the head lost hidden channels with its branches, as published: on {SHOWN} synthetic faces points move by "
            f"{cut.head_moves_px:.2f} px on average; train it on, or keep them with --head inputs"
        )


def _summary(options: Slim, old: SuperNetSpec, new: SuperNetSpec, before: Complexity, after: Complexity) -> str:
    blocks = [sum(len(spec.branches(stage)) for stage in range(2, spec.stages + 1)) for spec in (old, new)]
    left = f"{len(new.edges)} of {len(old.edges)} operations and {blocks[1]} of {blocks[0]} blocks are left"
    if old.depth_factors:
        left += f", {len(new.bodies)} of {len(old.bodies)} residual layers"
    if options.remove == "channels":
        left = f"channels by branch {_widths(old)} -> {_widths(new)}"
    return (
        f"slimmed network written to {options.out}: {left}\n"
        f"parameters {before.params_full:,} -> {after.params_full:,}, "
        f"multiply-accumulates {before.macs_full / 1e6:.1f} M -> {after.macs_full / 1e6:.1f} M"
    )


def _widths(spec: SuperNetSpec) -> str:
    """Each branch's widths, such as 16, 24-32, 64."""
    found = []
    for branch in range(4):
        own = {spec.width(s, branch) for s in range(2, spec.stages + 1) if branch in spec.branches(s)}
        if own:
            found.append(str(min(own)) if len(own) == 1 else f"{min(own)}-{max(own)}")
    return ", ".join(found)
