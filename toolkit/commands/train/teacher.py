"""Stage: train a network on ground truth alone: the teacher, or any other architecture as a control."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from toolkit import bundle
from toolkit.bundle import LAST_LAYER
from toolkit.core.correspondence import channels
from toolkit.core.outputs import check_outputs
from toolkit.core.progress import Outcome, Steps
from toolkit.core.schemes import JOINED, W300_68, Scheme, scheme
from toolkit.core.zoo import BundlePath
from toolkit.models.building import build
from toolkit.models.hrnet import HRNet
from toolkit.models.imagenet import file_hash, pretrained
from toolkit.models.spec import ARCHITECTURES, Spec
from toolkit.models.supernet import HRSuperNet
from toolkit.train.checkpoint import final_record
from toolkit.train.inference import Inputs, normalised
from toolkit.train.loop import fit
from toolkit.train.losses import supervised, targets
from toolkit.train.options import Training
from toolkit.train.run import Pass, Settings
from toolkit.train.setup import Setup, finished, set_up, validated


@dataclass(frozen=True, kw_only=True)
class Teacher(Training):
    """Train HRNetV2-W18, whose heatmaps the students later learn from, or with --arch a network from scratch."""

    arch: str = "hrnet-w18"
    """What to train, named as `sdhrnet describe` names it: hrnet-w18, or a control such as s-hrnet-300w; or a bundle's
    folder, whose architecture is trained from scratch, with a map for each point that the faces have."""
    start: BundlePath | None = None
    """Bundle whose network is trained on, at another size or on other faces, in place of --arch. Where the faces have
    other landmarks, the maps of those that it knows, or means of them, go on, and the others start from scratch."""
    weights: Path | None = None
    """HRNetV2-W18's ImageNet weights to start from, a safetensors file with the names of the authors' checkpoint;
    toolkit/models/imagenet.py says how a .pth becomes one. With them, try --lr 1e-4 to 5e-4."""

    heads: tuple[str, ...] = ()
    """Landmark schemes that the network has maps for, side by side, such as `300w-68 aflw-68 wflw-98 cofw-29`: every
    face trains those that its points, or means of them, belong to (default: that of the first --data alone)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.heads and (self.scheme or any(scheme(name).own for name in self.heads)):
            raise ValueError(
                "--heads are of known schemes alone: points of your own train by --scheme, without --heads"
            )
        _ = self.target  # refuses unknown schemes
        if self.weights is not None and self.arch != "hrnet-w18":
            raise ValueError(f"--weights are those of hrnet-w18, not of {self.arch}")
        if self.start is not None and (self.weights is not None or self.arch != "hrnet-w18"):
            raise ValueError("--start brings its architecture and weights: leave --arch and --weights out")

    @property
    def target(self) -> Scheme | None:
        """The scheme of --heads, or as for every stage."""
        return scheme(JOINED.join(self.heads)) if self.heads else super().target


def run(options: Teacher) -> Steps[Outcome]:
    """Train and write the bundle; see Teacher."""
    check_outputs(options, reads={"arch": Path(options.arch)})
    if options.arch not in ARCHITECTURES and not bundle.is_bundle(Path(options.arch)):
        raise ValueError(f"there is no architecture or bundle {options.arch!r}; known: {', '.join(ARCHITECTURES)}")
    start = bundle.read(options.start) if options.start else None
    if start and options.size is None:
        options = dataclasses.replace(options, size=start.card.size_px)
    usual = start.scheme if start else W300_68
    own: Settings = {"arch": options.arch, "heads": list(options.heads), "parents": _parents(options)}
    own |= {"weights": file_hash(options.weights)}
    done = yield from finished(options, "teacher", own, usual)
    if done:
        return done
    with (yield from set_up(options, stage="teacher", run=run, usual=usual)) as setup:
        return (yield from _train(options, setup, start, own))


def _train(options: Teacher, setup: Setup, start: bundle.Bundle | None, own: Settings) -> Steps[Outcome]:
    fresh = _started(options, start, setup.train.faces.scheme)
    origin = pretrained(fresh, options.weights)
    net = setup.processes.place(fresh)
    weights = list(net.parameters())
    if isinstance(net, HRSuperNet):  # the factors stay at 1: plain HRNet fusion
        for factor in net.factors():
            factor.requires_grad_(False)
        weights = net.weights()

    def step(seen: Inputs) -> dict[str, Tensor]:
        truth, known = targets(seen.points_xy, seen.images.shape[1], options.sigma_px)
        return supervised(net(normalised(seen.images)), truth, known, options, seen.covered)

    passes = (Pass(name="weights", optimiser=options.optim.optimiser(weights), step=step),)
    log = yield from fit(setup.run({"teacher": net}, passes, own), options.out, resume=options.resume)
    record = final_record(log, "teacher", options.patience)
    scores = record.validation.get("teacher")
    name = start.card.name if start else _name(options.arch)
    config = {"arch": options.arch, "heads": list(options.heads)} | origin | _fresh(start, setup.train.faces.scheme)
    card = setup.card(
        name,
        log,
        config=config,
        metrics=setup.metrics(net, scores),
        parents=own["parents"],
        ancestors=[start.card] if start else [],
    )
    setup.write(bundle.of_network(net, card, tuple(r.json for r in log)))
    begun = f" from ImageNet ({origin['weights']['tensors']} tensors), its head from scratch" if origin else ""
    begun = f" trained on from {options.start}" if start else begun
    return Outcome(
        text=f"{name}{begun}, written to {options.out}: {validated(scores)}",
        records=({"kind": "stage", **record.json},),
    )


def _started(options: Teacher, start: bundle.Bundle | None, target: Scheme) -> HRNet | HRSuperNet:
    """The network before its first step, on the CPU."""
    if start is None:
        return build(_spec(options.arch, target))
    if start.scheme == target:
        return start.network()
    net = build(dataclasses.replace(start.spec, points=target.points, shape=None))  # a shape is of its own points
    weights = {name: values for name, values in start.weights.items() if not name.startswith("shape.")}
    known = channels(start.scheme, target)
    for name in LAST_LAYER:
        weights[name] = net.get_parameter(name).detach().clone()
        for point, means in known.items():
            weights[name][point] = start.weights[name][list(means)].mean(dim=0)
    net.load_state_dict(weights)
    return net


def _fresh(start: bundle.Bundle | None, target: Scheme) -> dict[str, int]:
    """For the card: how many maps of a network that is trained on begin from nothing, where it has other landmarks."""
    if start is None or start.scheme == target:
        return {}
    return {"fresh_maps": target.points - len(channels(start.scheme, target))}


def _parents(options: Teacher) -> dict[str, str]:
    """The digest of the bundle that is trained on, if there is one."""
    return {"start": bundle.digest(options.start)} if options.start else {}


def _name(arch: str) -> str:
    """An architecture's own name; of a bundle, what its card says."""
    return arch if arch in ARCHITECTURES else bundle.read(Path(arch)).card.name


def _spec(arch: str, target: Scheme) -> Spec:
    if arch in ARCHITECTURES:
        return ARCHITECTURES[arch](target.points)
    return dataclasses.replace(bundle.read(Path(arch)).spec, points=target.points, shape=None)
