"""Stage: train HRSuperNet, alternating between its importance factors and its weights (Algorithm 1, lines 1 to 12)."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from toolkit import bundle
from toolkit.core.files import sha256
from toolkit.core.outputs import check_outputs
from toolkit.core.progress import Outcome, Steps
from toolkit.core.schemes import W300_68, Scheme
from toolkit.core.zoo import BundlePath
from toolkit.models.imagenet import file_hash, pretrained
from toolkit.models.spec import ARCHITECTURES, Spec, SuperNetSpec, hrsupernet
from toolkit.models.supernet import HRSuperNet
from toolkit.slimming import latency
from toolkit.slimming.penalty import Penalty, penalty_weights
from toolkit.train.inference import Inputs, normalised
from toolkit.train.loop import fit
from toolkit.train.losses import mse, supervised, targets
from toolkit.train.optim import Optim
from toolkit.train.options import Training
from toolkit.train.run import Pass, Run, Settings
from toolkit.train.setup import Setup, finished, set_up, validated

ALPHA_TRAVEL = 2.0
"""The sum of alpha's learning rates over its steps, which the published settings share on all three data sets."""
PUBLISHED_SIZE = 256
Updates = Literal["alternating", "joint"]
Arch = Literal["hrsupernet", "hrsupernet-residual", "hrnet-supernet", "hrnet-supernet-mbconv"]


@dataclass(frozen=True, kw_only=True)
class Supernet(Training):
    """Train HRSuperNet: landmarks and, by L1-sparse importance factors, its own architecture."""

    arch: Arch = "hrsupernet"
    """What is trained: HRSuperNet; the same with HRNet's residual units; HRNetV2-W18 with a factor on each of its
    operations of fusion and transition; that one with MBConvs (the four of the paper's Figure 6)."""
    weights: Path | None = None
    """HRNetV2-W18's ImageNet weights to start from, a safetensors file as for `teacher --weights`: hrnet-supernet takes
    all of them, the others their stem and what they share with its fusions, and the card says what began afresh."""
    start: BundlePath | None = None
    """Bundle of a supernet, or of a network slimmed from one, that is trained on: its architecture, its weights and its
    importance factors."""
    sparsity: float = 5e-5
    """Weight lambda of the L1 term (equation 2) at 256 px. The squared error is a mean over pixels and grows as the
    input shrinks, so lambda is multiplied by (256 / size) squared."""
    depth: bool = False
    """Give the residual body of every MBConv an importance factor too, so that slimming can take out layers as it does
    operations. The paper's network has none. With --start, those that the bundle lacks are 1, which changes nothing."""
    penalty: Penalty = "uniform"
    """What a factor's size counts for in the L1 term: uniform, as published; macs, operations (of the exported file)
    or latency, in proportion to what the operation or layer costs, 1 on average."""
    latency_table: Path | None = None
    """Times of a device, from `sdhrnet latency-table`, for --penalty latency."""
    alpha_lr: float | None = None
    """Highest learning rate of the importance factors (default: that of a paper's preset; else so that a factor can
    travel 2 in all, which is what the published ones come to).
    It falls with that of the weights where that falls to 0; under the published steps it stays as it is."""
    alpha_start: float = 1.0
    """Value that every importance factor starts from; 1 is HRNet's plain sum. With --start they go on from theirs."""
    updates: Updates = "alternating"
    """alternating: a pass over the faces for the factors, then one for the weights (Algorithm 1); joint: both in one
    pass, at half the cost."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ema:
            raise ValueError("a supernet has no EMA (--ema 0): its factors fall too far for one")
        if self.patience:
            raise ValueError("a supernet has no best epoch before its last: its factors are sparse only at the end")
        if self.sparsity < 0 or (self.alpha_lr is not None and not self.alpha_lr > 0):
            raise ValueError("sparsity must not be negative, and alpha_lr must be above 0")
        if not self.alpha_start > 0:
            raise ValueError("alpha_start must be above 0")
        if self.start is not None and self.alpha_start != 1:
            raise ValueError("--start brings its importance factors: leave --alpha-start out")
        if self.start is not None and (self.weights is not None or self.arch != "hrsupernet"):
            raise ValueError("--start brings its architecture and weights: leave --arch and --weights out")
        if self.depth and self.arch != "hrsupernet":
            raise ValueError(f"--depth is for MBConvs of hrsupernet, not for {self.arch}")
        if (self.penalty == "latency") != (self.latency_table is not None):
            raise ValueError("--penalty latency and --latency-table go together")

    @property
    def own_alpha_lr(self) -> float | None:
        """That of the factors, from the option or the preset; None stands for one that depends on the steps."""
        return self.chosen.alpha_lr if self.alpha_lr is None else self.alpha_lr

    @property
    def optim(self) -> Optim:
        """The preset's settings without an EMA: alpha falls a hundredfold, and with it what every norm sees, so
        that a mean over past steps mixes networks of different scales (it doubled the validation error)."""
        return replace(super().optim, ema=0)


def run(options: Supernet) -> Steps[Outcome]:
    """Train and write the bundle; see Supernet."""
    check_outputs(options)
    start = _start(options)
    if start and options.size is None:
        options = replace(options, size=start.card.size_px)
    if options.latency_table is not None and (table := latency.read(options.latency_table)).size_px != options.size_px:
        raise ValueError(f"{options.latency_table} is for {table.size_px} px, the supernet takes {options.size_px} px")
    usual = start.scheme if start else W300_68
    own = {k: v for k, v in _own(options).items() if v is not None} | {"weights": file_hash(options.weights)}
    done = yield from finished(options, "supernet", own, usual)
    if done:
        return done
    with (yield from set_up(options, stage="supernet", run=run, usual=usual)) as setup:
        return (yield from _train(options, setup, start))


def _start(options: Supernet) -> bundle.Bundle | None:
    """The bundle to train on.

    Raises:
        ValueError: its network has no importance factors.
    """
    if options.start is None:
        return None
    start = bundle.read(options.start)
    if not isinstance(start.spec, SuperNetSpec):
        raise ValueError(
            f"{options.start} holds no supernet but {start.card.name}: --start takes one, or a slimmed one"
        )
    return start


def _train(options: Supernet, setup: Setup, start: bundle.Bundle | None) -> Steps[Outcome]:
    fresh = _network(options, setup.train.faces.scheme, start)
    origin = pretrained(fresh, options.weights)
    net: HRSuperNet = setup.processes.place(fresh)
    log = yield from fit(_run(options, setup, net), options.out, resume=options.resume)
    scores = log[-1].validation.get("supernet")
    config = {k: v for k, v in _own(options).items() if k != "parents"}
    config |= {"alpha_lr": _alpha_lr(options, setup)} | origin
    card = setup.card(
        start.card.name if start and start.card.stage == "supernet" else options.arch,
        log,
        config=config,
        metrics={"val": asdict(scores)} if scores else {},
        parents=_parents(options),
        ancestors=[start.card] if start else [],
    )
    setup.write(bundle.of_network(net, card, tuple(record.json for record in log)))
    alpha = log[-1].alpha
    low = sum(abs(factor) < 0.05 for factor in alpha)
    begun = f" trained on from {options.start}" if start else ""
    return Outcome(
        text=f"supernet{begun} written to {options.out}: {validated(scores)}, {low} of {len(alpha)} factors below 0.05",
        records=({"kind": "stage", **log[-1].json},),
    )


def _network(options: Supernet, target: Scheme, start: bundle.Bundle | None) -> HRSuperNet:
    """The network before its first step, on the CPU: fresh, or exactly what the bundle computes.

    Raises:
        ValueError: the bundle's network has other landmarks than the faces.
    """
    if start is None:
        if options.arch == "hrsupernet":
            spec: Spec = hrsupernet(target.points, depth_factors=options.depth)
        else:
            spec = ARCHITECTURES[options.arch](target.points)
        assert isinstance(spec, SuperNetSpec)
        net = HRSuperNet(spec)
        with torch.no_grad():
            for factor in net.factors():
                factor.fill_(options.alpha_start)
        return net
    assert isinstance(start.spec, SuperNetSpec)
    if start.scheme != target:
        raise ValueError(f"{options.start} predicts {start.card.scheme}, the faces are labelled {target.name}")
    net = HRSuperNet(replace(start.spec, depth_factors=start.spec.depth_factors or options.depth))
    net.load_state_dict(net.state_dict() | start.weights)  # fresh depth factors are 1
    return net


def _parents(options: Supernet) -> dict[str, str]:
    """The digest of the bundle that is trained on, if there is one."""
    return {"start": bundle.digest(options.start)} if options.start else {}


def _alpha_lr(options: Supernet, setup: Setup) -> float:
    if options.own_alpha_lr is not None:
        return options.own_alpha_lr
    steps = options.optim.epochs * setup.train.batches(options.optim.batch)
    fades = _fades(options)
    return ALPHA_TRAVEL / sum(options.optim.factor(i / steps, steps) if fades else 1.0 for i in range(steps))


def _fades(options: Supernet) -> bool:
    """Whether alpha's learning rate falls to 0 at the end.

    The norm behind a sum makes up for any scale of its factors, so that L1 shrinks all of them for good. At a constant
    rate a step is soon as long as the factors of whole branches: some cross 0 in the last epochs, and the network falls
    apart (2 of 4 runs of ten epochs, from 6 to 9 % NME). The published rates are constant, over six times the steps.
    """
    return options.optim.decay == "cosine"


def _own(options: Supernet) -> Settings:
    """The settings that no other stage has."""
    table = {"latency_table": sha256(options.latency_table)} if options.latency_table else {}
    names = ("arch", "sparsity", "depth", "penalty", "alpha_start", "updates")
    own = {"weights": file_hash(options.weights), "alpha_lr": options.own_alpha_lr, "parents": _parents(options)}
    return {name: getattr(options, name) for name in names} | table | own


def _run(options: Supernet, setup: Setup, net: HRSuperNet) -> Run:
    sparsity = options.sparsity * (PUBLISHED_SIZE / options.size_px) ** 2
    weights = net.weights()
    table = latency.read(options.latency_table) if options.latency_table else None
    dear = penalty_weights(net.spec, options.size_px, options.penalty, table).to(setup.device)
    factors = net.factors()
    group = {"params": factors, "lr": _alpha_lr(options, setup), "weight_decay": 0.0, "scheduled": _fades(options)}

    def loss(learned: Literal["alpha", "weights", "both"]) -> Callable[[Inputs], dict[str, Tensor]]:
        def step(seen: Inputs) -> dict[str, Tensor]:
            for factor in factors:
                factor.requires_grad_(learned != "weights")
            for parameter in weights:
                parameter.requires_grad_(learned != "alpha")
            truth, known = targets(seen.points_xy, seen.images.shape[1], options.sigma_px)
            maps = net(normalised(seen.images))
            if learned == "alpha":
                terms = {"mse": mse(maps, truth, known)}
            else:
                terms = supervised(maps, truth, known, options, seen.covered)
            if learned == "weights":
                return terms
            sizes = torch.cat([factor.view(-1) for factor in factors]).abs()
            return terms | {"l1": sparsity * (dear * sizes).sum()}

        return step

    def rounded() -> list[float]:
        return [round(a, 5) for factor in factors for a in factor.view(-1).tolist()]

    optimiser = options.optim.optimiser(weights)
    if options.updates == "joint":
        optimiser.add_param_group(group)
        passes: tuple[Pass, ...] = (Pass(name="weights", optimiser=optimiser, step=loss("both")),)
    else:
        alpha = Pass(name="alpha", optimiser=torch.optim.Adam([group]), step=loss("alpha"))
        passes = (alpha, Pass(name="weights", optimiser=optimiser, step=loss("weights")))
    return setup.run({"supernet": net}, passes, _own(options), rounded)
