"""Stage: triple knowledge distillation (section 3.2): two peers with masked inputs and a frozen teacher."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from toolkit import bundle
from toolkit.core.outputs import check_outputs
from toolkit.core.progress import Outcome, Steps
from toolkit.core.zoo import BundlePath
from toolkit.data.batches import Batch, Fill, random_masks
from toolkit.models.supernet import HRSuperNet
from toolkit.slimming.fold import fold
from toolkit.train.checkpoint import final_record
from toolkit.train.inference import Inputs, normalised
from toolkit.train.loop import fit
from toolkit.train.losses import behind, distillation, masked, mirror, supervised, targets
from toolkit.train.options import Training
from toolkit.train.run import EpochRecord, Pass, Settings
from toolkit.train.setup import Setup, finished, set_up, validated

PEERS = ("peer1", "peer2")


class Terms(TypedDict, total=False):
    """The options that say what a student learns from beside the truth."""

    peers_weight: float
    teacher_weight: float
    temperature: float
    mask: float


ALONE: Terms = {"peers_weight": 0.0, "teacher_weight": 0.0, "mask": 0.0}
"""Nothing: the truth alone, on faces as they are."""


@dataclass(frozen=True, kw_only=True)
class Distil(Training):
    """Refine a slimmed network: two copies of it learn from the truth, from each other and from the teacher.

    The copy that does better on the validation faces is written, or both. With --peers-weight 0 there is nobody to
    learn from, and one copy is trained, at half the cost.
    """

    student: BundlePath
    """Bundle of the slimmed network; both peers start from it (Algorithm 1, line 17)."""
    teacher: BundlePath | None = None
    """Bundle of the teacher, which stays as it is; with --teacher-weight 0 none is needed, and none is read."""
    keep: Literal["better", "both"] | None = None
    """better: the student that does better on the validation faces is written. both: the first one is, and the second
    one to --out/peer2: SD-HRNet 1 and 2 of the paper (default: better; both where nothing is validated)."""
    peers_weight: float | None = None
    """lambda 1 of equation 4, on the ensemble of both peers (default: the preset's; 4 but for paper-cofw, 3, and
    paper-wflw, 0.3)."""
    teacher_weight: float | None = None
    """lambda 2 of equation 4, on the teacher (default: the preset's; 1 but for paper-cofw and paper-wflw, 0.1)."""
    temperature: float = 1.0
    """Of the softmax in equation 3."""
    mask: float = 0.5
    """Longest side of a student's random mask, as a share of the crop's; 0 masks nothing."""
    mask_fill: Fill = "mean"
    """What a mask shows: ImageNet's mean colour, or a colour of its own, which helps more where faces are hidden once a
    training is long enough (results/training)."""
    views: Literal["same", "mirrored"] = "same"
    """same: both peers see the same crop, each under its own mask, as published. mirrored: the second one sees its
    mirror image, and what it finds is mirrored back."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.lambdas) < 0 or not self.temperature > 0 or not 0 <= self.mask <= 1:
            raise ValueError("weights must not be negative, temperature must be above 0 and mask between 0 and 1")
        if self.lambdas[1] and self.teacher is None:
            raise ValueError("give the teacher's bundle (--teacher), or train without one (--teacher-weight 0)")
        if self.keep == "better" and self.validated == "none" and len(self.peers) > 1:
            raise ValueError("without validation faces nobody knows the better student: give --keep both")
        if self.lambdas[0] and not self.mask and self.views == "same":
            raise ValueError(
                "peers that start equal and see the same crop stay equal and teach each other nothing: give them masks "
                "(--mask), the crop and its mirror image (--views mirrored), or train one (--peers-weight 0)"
            )

    @property
    def peers(self) -> tuple[str, ...]:
        """The students that are trained."""
        return PEERS if self.lambdas[0] else PEERS[:1]

    @property
    def lambdas(self) -> tuple[float, float]:
        """Weights of the peers' ensemble and of the teacher in equation 4."""
        return (
            self.chosen.peers_weight if self.peers_weight is None else self.peers_weight,
            self.chosen.teacher_weight if self.teacher_weight is None else self.teacher_weight,
        )

    @property
    def keeps_both(self) -> bool:
        """Whether both students are written, where there are two."""
        return len(self.peers) > 1 and (self.keep == "both" or (self.keep is None and self.validated == "none"))


def run(options: Distil) -> Steps[Outcome]:
    """Distil and write the better peer's bundle; see Distil."""
    check_outputs(options)
    student, teacher = bundle.read(options.student), _teacher(options)
    if options.size is None:
        options = replace(options, size=student.card.size_px)
    own = _own(options) | {"parents": {role: bundle.digest(path) for role, path in _parents(options).items()}}
    done = yield from finished(options, "distil", own, student.scheme)
    if done:
        return done
    with (yield from set_up(options, stage="distil", run=run, usual=student.scheme)) as setup:
        return (yield from _train(options, setup, own, student, teacher))


def _train(
    options: Distil, setup: Setup, own: Settings, student: bundle.Bundle, teacher: bundle.Bundle | None
) -> Steps[Outcome]:
    scheme = setup.train.faces.scheme.name
    if teacher and teacher.scheme.parts:
        teacher = bundle.part(teacher, setup.train.faces.scheme)
    for role, given in (("student", student), ("teacher", teacher)):
        if given and given.card.scheme != scheme:
            raise ValueError(f"the {role} predicts {given.card.scheme}, the faces are labelled {scheme}")
    nets = {name: setup.processes.place(student.network()) for name in options.peers}
    passes = (_pass(options, setup, nets, teacher),)
    log = yield from fit(setup.run(nets, passes, own), options.out, resume=options.resume)
    ends = {name: final_record(log, name, options.patience) for name in options.peers}
    first = PEERS[0] if options.keeps_both or not setup.validation else _better(ends)
    places = {name: options.out / name for name in nets if options.keeps_both and name != first} | {first: options.out}
    for name, out in places.items():  # --out itself last: with it the run is finished
        net = nets[name]
        assert isinstance(net, HRSuperNet)
        card = setup.card(
            "sd-hrnet",
            log,
            config=_own(options),
            metrics=setup.metrics(net, ends[name].validation.get(name)) | {"kept": name},
            parents=own["parents"],
            ancestors=[given.card for given in (student, teacher) if given],
        )
        setup.write(bundle.of_network(net, card, tuple(record.json for record in log)), out)
    made = "distilled" if card.taught_by else "trained (on the truth alone)"
    told = "; ".join(f"{out}: {validated(ends[name].validation.get(name))} ({name})" for name, out in places.items())
    return Outcome(text=f"{made} network written to {told}", records=({"kind": "stage", **ends[first].json},))


def _better(ends: Mapping[str, EpochRecord]) -> str:
    """The student whose validation error is lower."""
    return min(ends, key=lambda name: ends[name].validation[name].nme_mean)


def _parents(options: Distil) -> dict[str, Path]:
    """The bundles that this one is made from, by role."""
    parents = {"student": options.student}
    if options.teacher and options.lambdas[1]:
        parents["teacher"] = options.teacher
    return parents


def _teacher(options: Distil) -> bundle.Bundle | None:
    path = _parents(options).get("teacher")
    return bundle.read(path) if path else None


def _own(options: Distil) -> Settings:
    peers, teacher = options.lambdas
    names = ("temperature", "mask", "mask_fill", "views")
    own = {"peers_weight": peers, "teacher_weight": teacher, "keep": "both" if options.keeps_both else "better"}
    return own | {name: getattr(options, name) for name in names}


def _pass(options: Distil, setup: Setup, nets: dict[str, Any], teacher: bundle.Bundle | None) -> Pass:
    frozen = setup.processes.place(fold(teacher.network())) if teacher else None
    trained: list[nn.Parameter] = []
    for net in nets.values():
        assert isinstance(net, HRSuperNet)
        for factor in net.factors():
            factor.requires_grad_(False)
        trained += net.weights()

    def draw(batch: Batch) -> dict[str, NDArray[np.int64]]:
        side = batch.images.shape[1]
        masked_nets = nets if options.mask else ()
        return {name: random_masks(batch.rngs, side, options.mask, options.mask_fill) for name in masked_nets}

    def step(seen: Inputs) -> dict[str, Tensor]:
        points = seen.points_xy
        truth, known = targets(points, seen.images.shape[1], options.sigma_px)
        clean = normalised(seen.images)
        maps, covered = {}, dict.fromkeys(nets, seen.covered)
        for name, net in nets.items():
            shown = clean
            if options.mask:
                shown, covered[name] = masked(clean, seen.drawn[name]), seen.covered | behind(seen.drawn[name], points)
            turned = options.views == "mirrored" and name == PEERS[1]
            maps[name] = mirror(net(shown.flip(-1)), setup.train.faces.scheme) if turned else net(shown)
        losses = {
            f"{name}_{term}": value
            for name, heatmaps in maps.items()
            for term, value in supervised(heatmaps, truth, known, options, covered[name]).items()
        }
        wanted: dict[str, tuple[float, Tensor]] = {}
        with torch.no_grad():
            if options.lambdas[0]:
                wanted["peers"] = options.lambdas[0], torch.stack(list(maps.values())).mean(dim=0)
            if frozen is not None:
                wanted["teacher"] = options.lambdas[1], frozen(clean)
        for role, (weight, target) in wanted.items():
            for name, heatmaps in maps.items():
                losses[f"{name}_{role}"] = weight * distillation(target, heatmaps, known, options.temperature)
        return losses

    return Pass(name="weights", optimiser=options.optim.optimiser(trained), step=step, draw=draw)
