"""Stage: train a network on ground truth alone: the teacher, or any other architecture as a control."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from toolkit import bundle
from toolkit.core.progress import Outcome, Steps
from toolkit.core.schemes import Scheme
from toolkit.data.batches import Batch
from toolkit.models import HRSuperNet, build
from toolkit.models.spec import ARCHITECTURES, Spec
from toolkit.train.inference import normalised
from toolkit.train.job import Job, Pass
from toolkit.train.loop import fit
from toolkit.train.losses import mse, targets
from toolkit.train.setup import Training, open_session


@dataclass(frozen=True, kw_only=True)
class Teacher(Training):
    """Train HRNetV2-W18, whose heatmaps the students later learn from, or with --arch a network from scratch."""

    arch: str = "hrnet-w18"
    """What to train, named as `sdhrnet describe` names it: hrnet-w18, or a control such as s-hrnet-300w; or a bundle's
    folder, whose architecture is trained from scratch."""
    keep_weights: bool = False
    """Go on from the weights of the bundle that --arch names: a slimmed network is trained on."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.arch not in ARCHITECTURES and not bundle.is_bundle(Path(self.arch)):
            raise ValueError(f"there is no architecture or bundle {self.arch!r}; known: {', '.join(ARCHITECTURES)}")
        if self.keep_weights and self.arch in ARCHITECTURES:
            raise ValueError("--keep-weights needs a bundle as --arch; an architecture has no weights")


def run(options: Teacher) -> Steps[Outcome]:
    """Train and write the bundle; see Teacher."""
    session = yield from open_session(options)
    net = build(_spec(options.arch, session.train.faces.scheme)).to(session.device)
    if options.keep_weights:
        net.load_state_dict(bundle.read(Path(options.arch)).weights)
    weights = list(net.parameters())
    if isinstance(net, HRSuperNet):  # the factors stay as they are: from scratch 1, plain HRNet fusion
        net.alpha.requires_grad_(False)
        weights = net.weights()

    def step(batch: Batch) -> dict[str, Tensor]:
        truth, known = targets(batch, options.sigma, session.device)
        return {"mse": mse(net(normalised(batch.images, session.device)), truth, known)}

    job = Job(
        nets={"teacher": net},
        passes=(Pass(name="weights", optimiser=options.optim.optimiser(weights), step=step),),
        optim=options.optim,
        faces=session.train,
        validation=session.validation,
        sizes=options.sizes,
        augment=options.augmentation,
        seed=options.seed,
        sigma_px=options.sigma,
        identity=session.identity("teacher") | {"arch": options.arch, "keep_weights": options.keep_weights},
    )
    log = yield from fit(job, options.out, resume=options.resume)
    card = session.card(_name(options.arch), "teacher", log, metrics={"val": log[-1]["val_teacher"]})
    bundle.write(bundle.of_network(net, card, tuple(log)), options.out)
    nme = log[-1]["val_teacher"]["nme_mean"]
    return Outcome(
        text=f"{options.arch} written to {options.out}: validation NME {nme:.2f} %",
        records=({"kind": "stage", **log[-1]},),
    )


def _name(arch: str) -> str:
    return arch if arch in ARCHITECTURES else bundle.read(Path(arch)).card.name


def _spec(arch: str, scheme: Scheme) -> Spec:
    if arch in ARCHITECTURES:
        return ARCHITECTURES[arch](scheme.points)
    spec = bundle.read(Path(arch)).spec
    if spec.points != scheme.points:
        raise ValueError(f"{arch} predicts {spec.points} points, the faces have {scheme.points}")
    return spec
