"""Stage: triple knowledge distillation (section 3.2): two peers with masked inputs and a frozen teacher."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from toolkit import bundle
from toolkit.core.progress import Outcome, Steps
from toolkit.data.batches import Batch, occlude_rectangle
from toolkit.models import HRSuperNet
from toolkit.train.inference import normalised
from toolkit.train.job import Job, Pass
from toolkit.train.loop import fit
from toolkit.train.losses import distillation, mse, targets
from toolkit.train.setup import Session, Training, open_session

PEERS = ("peer1", "peer2")


@dataclass(frozen=True, kw_only=True)
class Distil(Training):
    """Refine a slimmed network: two copies of it learn from the truth, from each other and from the teacher.

    The copy that does better on the validation faces is written.
    """

    student: Path
    """Bundle of the slimmed network; both peers start from it."""
    teacher: Path
    """Bundle of the teacher, which stays as it is."""
    peers_weight: float = 4.0
    """lambda 1 of equation 4, on the ensemble of both peers (published: 300W 4, COFW 3, WFLW 0.3)."""
    teacher_weight: float = 1.0
    """lambda 2 of equation 4, on the teacher (published: 300W 1, COFW and WFLW 0.1)."""
    temperature: float = 1.0
    """Of the softmax in equation 3."""
    mask: float = 0.5
    """Longest side of a student's random mask, as a share of the crop's; 0 shows both the clean crop."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.peers_weight < 0 or self.teacher_weight < 0 or not self.temperature > 0 or not 0 <= self.mask <= 1:
            raise ValueError("weights must not be negative, temperature must be above 0 and mask between 0 and 1")


def run(options: Distil) -> Steps[Outcome]:
    """Distil and write the better peer's bundle; see Distil."""
    student, teacher = bundle.read(options.student), bundle.read(options.teacher)
    options = replace(options, size=options.size or student.card.size_px)
    session = yield from open_session(options, student.scheme)
    scheme = session.train.faces.scheme.name
    for role, given in (("student", student), ("teacher", teacher)):
        if given.card.scheme != scheme:
            raise ValueError(f"the {role} predicts {given.card.scheme}, the faces are labelled {scheme}")
    nets = {name: student.network().to(session.device) for name in PEERS}
    log = yield from fit(_job(options, session, nets, teacher), options.out, resume=options.resume)
    best = min(PEERS, key=lambda name: log[-1][f"val_{name}"]["nme_mean"])
    card = session.card(
        "sd-hrnet",
        "distil",
        log,
        metrics={"val": log[-1][f"val_{best}"], "kept": best},
        parents={"student": bundle.digest(options.student), "teacher": bundle.digest(options.teacher)},
        config=_own(options),
    )
    kept = nets[best]
    assert isinstance(kept, HRSuperNet)
    bundle.write(bundle.of_network(kept, card, tuple(log)), options.out)
    nme = log[-1][f"val_{best}"]["nme_mean"]
    return Outcome(
        text=f"distilled network written to {options.out}: validation NME {nme:.2f} % ({best})",
        records=({"kind": "stage", **log[-1]},),
    )


def _own(options: Distil) -> dict[str, Any]:
    names = ("peers_weight", "teacher_weight", "temperature", "mask")
    return {name: getattr(options, name) for name in names}


def _job(options: Distil, session: Session, nets: dict[str, Any], teacher: bundle.Bundle) -> Job:
    frozen = teacher.network().to(session.device).requires_grad_(False)
    trained: list[nn.Parameter] = []
    for net in nets.values():
        assert isinstance(net, HRSuperNet)
        net.alpha.requires_grad_(False)
        trained += net.weights()

    def step(batch: Batch) -> dict[str, Tensor]:
        truth, known = targets(batch, options.sigma, session.device)
        clean = normalised(batch.images, session.device)
        with torch.no_grad():
            from_teacher = frozen(clean)
        maps = {name: net(_masked(clean, batch.rng, options.mask)) for name, net in nets.items()}
        ensemble = sum(maps.values()) / len(maps)
        losses = {}
        for name, heatmaps in maps.items():
            peers = distillation(ensemble, heatmaps, known, options.temperature)
            taught = distillation(from_teacher, heatmaps, known, options.temperature)
            losses[f"{name}_mse"] = mse(heatmaps, truth, known)
            losses[f"{name}_peers"] = options.peers_weight * peers
            losses[f"{name}_teacher"] = options.teacher_weight * taught
        return losses

    return Job(
        nets=nets,
        passes=(Pass(name="weights", optimiser=options.optim.optimiser(trained), step=step),),
        optim=options.optim,
        faces=session.train,
        validation=session.validation,
        sizes=options.sizes,
        augment=options.augmentation,
        seed=options.seed,
        sigma_px=options.sigma,
        identity=session.identity("distil") | _own(options),
    )


def _masked(clean: Tensor, rng: np.random.Generator, largest: float) -> Tensor:
    """A copy with a mask of its own per image; the clean batch stays as it is for the teacher and the other peer."""
    return torch.from_numpy(occlude_rectangle(clean.cpu().numpy(), rng, largest)).to(clean.device)
