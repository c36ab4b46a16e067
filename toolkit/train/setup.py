"""What the training stages have in common: their options, their data, and the card of what they make."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from math import sqrt
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import torch

from toolkit import bundle
from toolkit.bundle import Card
from toolkit.core.options import Options
from toolkit.core.outputs import OutFolder
from toolkit.core.progress import Outcome, Steps
from toolkit.core.provenance import commit, processor, versions
from toolkit.core.schemes import W300_68, Scheme, SchemeName, scheme
from toolkit.data import open_faces, open_folder
from toolkit.data.audit import told
from toolkit.data.augment import PUBLISHED, Augment
from toolkit.data.batches import PlainCrops, TrainingFaces, plain_crops, training_faces
from toolkit.data.licences import licence_of
from toolkit.data.sets import Mix, Portion, in_scheme
from toolkit.slimming.complexity import check_size
from toolkit.train.feed import default_workers
from toolkit.train.inference import pick_device
from toolkit.train.job import Watch
from toolkit.train.optim import PAPER, Optim
from toolkit.train.process import prepare
from toolkit.train.state import claim, discard, require_same
from toolkit.train.team import Precision, Team, assemble, default_precision, default_threads

OWN = "own"
"""Of --marked: the scheme that the set itself names."""
PresetName = Literal["tiny", "cpu", "paper"]
STRIDE = 32
"""Pixels of the crop to one of the network's smallest maps."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A consistent set of sizes for one purpose."""

    size_px: int
    optim: Optim
    synthetic: int
    """How many synthetic training faces, where no --data is given; a tenth as many for validation."""
    augment: Augment = field(default_factory=Augment)


PRESETS = MappingProxyType(
    {
        "tiny": Preset(size_px=64, optim=Optim(epochs=4, batch=8), synthetic=320),
        "cpu": Preset(size_px=64, optim=Optim(), synthetic=2000),
        "paper": Preset(
            size_px=256,
            optim=PAPER,
            synthetic=3148,
            augment=PUBLISHED,
        ),
    }
)


@dataclass(frozen=True, kw_only=True)
class Training(Options):
    """Options that every training stage takes."""

    out: OutFolder
    """Folder for the bundle; while training it holds the state to resume from."""
    data: tuple[Path, ...] = ()
    """Labelled faces: folders (or files) of any format that `sdhrnet data check` knows. Validation faces are held out
    of the first one, or are its own; of the others all training faces are used. Without it, synthetic faces."""
    marked: tuple[str, ...] = ()
    """For each --data the scheme that its points are marked by, where it is not the one that the set names: aflw-68 for
    faces of AFLW, whose annotators place the 68 points otherwise than 300W's; `own` leaves it as it is."""
    hold_out: Literal["first", "all"] = "first"
    """Of which --data the validation tenth is kept from training: of the first alone, or of all, so that `evaluate
    --split val` can score each."""
    share: tuple[float, ...] = ()
    """One number for each --data: 0.25 shows a quarter of its faces an epoch, 2 each of them twice (default: 1)."""
    skip_bad: bool = False
    """Train without the annotations and pictures that cannot be used; the card says how many."""
    preset: PresetName = "cpu"
    """tiny: minutes, to see it work. cpu: an hour or two on a core. paper: section 4.3, for a GPU."""
    size: int | None = None
    """Side of the input crop in pixels, a multiple of 32 (default: the preset's, or the parent bundle's)."""
    progressive: tuple[int, ...] = ()
    """Smaller input sizes to begin with: `--size 128 --progressive 64 96` gives each of the three a third of the
    epochs, which costs half of what training at 128 throughout does."""
    epochs: int | None = None
    """Passes over the data (default: the preset's)."""
    batch: int | None = None
    """Faces a step (default: the preset's)."""
    lr: float | None = None
    """Highest learning rate (default: the preset's, times the square root of how many times its batch the batch is,
    which keeps the noise of an Adam step; Malladi et al., 2022)."""
    ema: float | None = None
    """Decay of the running mean of the weights, which is what is validated and kept; 0 keeps the last weights (default:
    the preset's)."""
    patience: int = 0
    """Stop when the validation error has not fallen for so many epochs, and keep the best weights; 0 trains to the end.
    The learning rate falls on its own schedule all the same, so that there is little to gain from its last part."""
    synthetic: int | None = None
    """Number of synthetic faces: the preset's where no --data is given; beside --data, that many are mixed in, each
    shown as often as a face of the first --data."""
    scheme: SchemeName | None = None
    """Landmarks of the synthetic faces, where no --data is given (default: 300w-68, or the parent bundle's); beside
    --data they are labelled as it is."""
    augment: dict[str, float] = field(default_factory=dict)
    """Strength of kinds of augmentation, such as `--augment jpeg 0 occlude 0.5`; 0 switches one off, and `all 0`
    those that are not named (default: the preset's; results/data says what each group gave)."""
    sigma: float = 1.0
    """Standard deviation of the target Gaussians in heatmap pixels."""
    seed: int = 0
    """Seed of weights, order and augmentation."""
    device: str = "auto"
    """auto, cpu, cuda, mps."""
    precision: Precision | None = None
    """Of the forward pass (default: bf16 where the device has instructions for it, else float32)."""
    processes: int = 1
    """Processes that share every batch, on a CPU core or a GPU each; --batch stays the whole batch, and the weights are
    those of one process up to rounding. On one machine's CPU several pay for large batches of large crops alone, see
    `throughput`. `torchrun -m toolkit.cli STAGE` works too, also over several machines."""
    workers: int | None = None
    """Processes that decode and augment beside each training process; the batches are the same for any number (default:
    beside an NVIDIA GPU all other cores; none on a CPU, where they would take what the training needs)."""
    threads: int | None = None
    """CPU threads of each process (default: as many as a batch is worth and the machine has, such as two for 16 faces
    at 128 px; one on a GPU, and one within `quickstart` and `ablate`, where trainings run side by side: two of one
    thread each get further than one of two and then the other)."""
    deterministic: bool = False
    """Refuse what varies from run to run on a GPU, at some cost; a CPU always gives the same bits."""
    resume: bool = False
    """Go on with an interrupted run in --out; of one that has come to its end, say so and change nothing."""
    overwrite: bool = False
    """Train anew where --out holds a bundle or an interrupted run. The bundle stays until it is replaced, and whatever
    else is in the folder is left alone."""
    samples: int = 5
    """Every so many epochs, draw what the network finds on some validation faces, in --out/samples; 0 for never."""
    tensorboard: bool = False
    """Write TensorBoard events to --out/tensorboard: losses, learning rate, validation scores, factors and samples."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.resume and self.overwrite:
            raise ValueError("--resume goes on with a run, --overwrite starts anew: give one of them")
        self.at_least(1, "threads", "epochs", "batch")
        self.at_least(0, "seed", "workers", "samples")
        for size in self.sizes:
            check_size(size)
        if list(self.sizes) != sorted(set(self.sizes)) or len(self.sizes) > self.optim.epochs:
            raise ValueError(f"--progressive takes rising sizes below --size, an epoch each at least, got {self.sizes}")
        _ = self.augmentation  # refuses unknown kinds
        self._check_data()
        if not self.sigma > 0:
            raise ValueError(f"--sigma must be above 0, got {self.sigma}")
        if self.tensorboard:
            import_module("tensorboard")  # now, and not after the first epoch
        if not 1 <= self.processes <= self.optim.batch:
            raise ValueError(f"--processes must be 1 to the batch's {self.optim.batch} faces, got {self.processes}")

    def _check_data(self) -> None:
        self.at_least(1, "synthetic")
        if self.share and len(self.share) != len(self.data):
            raise ValueError(f"--share needs a number for each of {len(self.data)} --data, got {len(self.share)}")
        if self.marked and len(self.marked) != len(self.data):
            raise ValueError(f"--marked needs a scheme for each of {len(self.data)} --data, got {len(self.marked)}")
        for name in self.marked:
            _ = None if name == OWN else scheme(name)
        if self.scheme and self.data:
            raise ValueError(f"--scheme {self.scheme} is for synthetic faces alone: --data has a scheme of its own")

    @property
    def target(self) -> Scheme | None:
        """The scheme to train, where it is not that of the first --data."""
        return None

    def marked_by(self, index: int) -> Scheme | None:
        """The scheme that the faces of a --data are marked by, where --marked names one."""
        name = self.marked[index] if self.marked else OWN
        return None if name == OWN else scheme(name)

    @property
    def size_px(self) -> int:
        """The input size, from the option or the preset."""
        return PRESETS[self.preset].size_px if self.size is None else self.size

    @property
    def sizes(self) -> tuple[int, ...]:
        """The input sizes in turn."""
        return (*self.progressive, self.size_px)

    @property
    def optim(self) -> Optim:
        """The optimiser's settings: the preset's, with the options given."""
        preset = PRESETS[self.preset].optim
        batch = preset.batch if self.batch is None else self.batch
        return dataclasses.replace(
            preset,
            epochs=preset.epochs if self.epochs is None else self.epochs,
            batch=batch,
            lr=preset.lr * sqrt(batch / preset.batch) if self.lr is None else self.lr,
            ema=preset.ema if self.ema is None else self.ema,
            patience=self.patience,
        )

    @property
    def watch(self) -> Watch:
        """What the run shows of itself."""
        return Watch(samples=self.samples, tensorboard=self.tensorboard)

    @property
    def augmentation(self) -> Augment:
        """The preset's augmentation, with the strengths given."""
        unknown = self.augment.keys() - {*Augment.kinds(), "all"}
        if unknown:
            raise ValueError(f"no augmentation {unknown.pop()!r}; kinds: {', '.join(Augment.kinds())}, all")
        if self.augment.get("all", 0) != 0:
            raise ValueError("--augment all takes only 0: name the kinds to change")
        base = PRESETS[self.preset].augment if "all" not in self.augment else Augment.only()
        return dataclasses.replace(base, **{k: v for k, v in self.augment.items() if k != "all"})


@dataclass(kw_only=True)
class Session:
    """A training stage at work: its data and its processes."""

    options: Training
    train: TrainingFaces
    validation: Mapping[int, PlainCrops]
    team: Team
    precision: Precision

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        return self.team.device

    @property
    def workers(self) -> int:
        """How many processes make its batches."""
        chosen = self.options.workers
        return default_workers(self.device, self.team.here) if chosen is None else chosen

    def write(self, result: bundle.Bundle) -> None:
        """Write the bundle to --out; of several processes the first one does."""
        if self.team.rank == 0:
            bundle.write(result, self.options.out)
            discard(self.options.out)

    def identity(self, stage: str) -> dict[str, Any]:
        """What a resumed run must share: every option that changes the result."""
        return _identity(self.options, stage, self.train.faces.title) | {"precision": self.precision}

    def card(
        self, name: str, stage: str, log: list[dict[str, Any]], *, ancestors: Sequence[Card] = (), **more: Any
    ) -> Card:
        """The card of a bundle that this session trained; it inherits the terms of those that it was made from."""
        identity = self.identity(stage)
        trained_on = self.train.faces.title
        licence = licence_of(trained_on, [card.licence for card in ancestors])
        return Card(
            name=name,
            stage=stage,
            scheme=self.train.faces.scheme.name,
            size_px=self.options.size_px,
            sigma_px=self.options.sigma,
            data={
                "train": trained_on,
                "val": self.validation[self.options.size_px].faces.title,
                **({"licence": licence} if licence else {}),
            },
            config={k: v for k, v in identity.items() if k not in ("stage", "data")} | more.pop("config", {}),
            made_with={
                "versions": versions("torch", "numpy", "opencv-contrib-python"),
                "commit": commit(),
                "device": _device_name(self.device),
                "threads": self.options.threads,
                "processes": self.team.size,
                "train_seconds": round(sum(record["seconds"] for record in log), 1),
            },
            **more,
        )


def _identity(options: Training, stage: str, data: str) -> dict[str, Any]:
    """The part of it that no machine has a say in."""
    return {
        "stage": stage,
        "data": data,
        "marked": list(options.marked),
        "size_px": options.size_px,
        "progressive": list(options.progressive),
        "sigma": options.sigma,
        "seed": options.seed,
        "optim": dataclasses.asdict(options.optim),
        "augment": dataclasses.asdict(options.augmentation),
    }


def finished(options: Training, stage: str, own: dict[str, Any], usual: Scheme = W300_68) -> Steps[Outcome | None]:
    """What to say where a finished run is to be resumed; None where there is something to train.

    Args:
        options: the stage's.
        stage: its name.
        own: the stage's own settings by their names in the card's config, and its parents.
        usual: the scheme of synthetic faces, where the options name none.

    Raises:
        FileExistsError: --out may not be trained in.
        ValueError: the run was another one; the message names the options that differ.
    """
    if not claim(options.out, resume=options.resume, overwrite=options.overwrite):
        return None
    done = bundle.read(options.out)
    if options.skip_bad:  # how many are left out is known once all are decoded
        faces: Mix = (yield from _data(options, usual))[0].faces
    else:
        faces = _mixed(options, *_first(options), usual)
    card = done.card
    weights = (card.config.get("weights") or {}).get("file_sha256")
    made = {"stage": card.stage, "data": card.data.get("train"), "parents": card.parents}
    made |= card.config | {"weights": weights}
    asked = (
        _identity(options, stage, faces.title) | own | ({"precision": options.precision} if options.precision else {})
    )
    require_same(options.out, made, asked)
    nme = card.metrics["val"]["nme_mean"]
    return Outcome(
        text=f"{options.out} is finished, validation NME {nme:.2f} %: nothing was changed; --overwrite trains anew",
        records=({"kind": "stage", **done.log[-1]},),
    )


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return processor() if device.type == "cpu" else f"{processor()}, {device.type}"


def open_session(options: Training, usual: Scheme = W300_68) -> Steps[Session]:
    """Gather the processes, read the data and seed torch, which is the process's own: a stage is one process or more.

    Args:
        options: the stage's.
        usual: the scheme of synthetic faces, where the options name none.

    Raises:
        FileNotFoundError: the data is not there.
        ValueError: the data is damaged, or the device is not there or cannot do what is asked.
    """
    device = pick_device(options.device)
    precision = options.precision or default_precision(device)
    pixels = options.optim.batch * options.size_px**2
    threads = default_threads(device, pixels, options.processes) if options.threads is None else options.threads
    prepare(threads=threads, seed=options.seed, deterministic=options.deterministic)
    options = dataclasses.replace(options, threads=threads)  # for the other processes too
    team = assemble(options, device, options.processes, precision)
    try:
        train, validation = yield from _data(options, usual)
        _check_norms(options, train.faces)
        if options.overwrite and team.rank == 0:
            discard(options.out)
    except BaseException:
        team.disband()
        raise
    return Session(options=options, train=train, validation=validation, team=team, precision=precision)


def _data(options: Training, usual: Scheme) -> Steps[tuple[TrainingFaces, dict[int, PlainCrops]]]:
    first, count = _first(options)
    mixed = _mixed(options, first, count, usual)
    yield from told(mixed)
    train = yield from training_faces(mixed, options.size_px, skip_bad=options.skip_bad)
    target = train.faces.scheme
    held_out = open_faces(first, "val", max(1, count // 10), scheme=target, skip_bad=options.skip_bad)
    if first is not None:
        held_out = in_scheme(held_out, target, marked=options.marked_by(0), own=True)
    validation = {}
    for size in options.sizes:
        validation[size] = yield from plain_crops(held_out, size, skip_bad=options.skip_bad)
    return train, validation


def _first(options: Training) -> tuple[Path | None, int]:
    """The set that the validation faces are held out of, and how many faces there are of it where it is synthetic."""
    count = PRESETS[options.preset].synthetic if options.synthetic is None else options.synthetic
    return options.data[0] if options.data else None, count


def _check_norms(options: Training, faces: Mix) -> None:
    """Raises ValueError where a norm would have a single value to find the spread of."""
    batch = min(options.optim.batch, faces.an_epoch)
    if batch == 1 and min(options.sizes) == STRIDE:
        raise ValueError(f"a batch of one face at {STRIDE} px leaves a norm one value: give --batch 2, or --size 64")


def _mixed(options: Training, first: Path | None, synthetic: int, usual: Scheme) -> Mix:
    """The training faces, all in the scheme to train: the first set's, unless the stage names another."""
    shares = options.share or (1.0,) * len(options.data)
    drawn = options.target or (scheme(options.scheme) if options.scheme else usual)
    own = open_faces(first, "train", synthetic, scheme=drawn, skip_bad=options.skip_bad)
    target = options.target or (options.marked_by(0) if first else None) or own.scheme
    if first is None:
        return Mix([Portion(faces=own)])
    parts = [Portion(faces=in_scheme(own, target, marked=options.marked_by(0)), share=shares[0])]
    for index, (folder, share) in enumerate(zip(options.data[1:], shares[1:], strict=True), start=1):
        if options.hold_out == "all":
            more = open_faces(folder, "train", 0, skip_bad=options.skip_bad)
        else:
            more = open_folder(folder, test=False, skip_bad=options.skip_bad)
        parts.append(Portion(faces=in_scheme(more, target, marked=options.marked_by(index)), share=share))
    if options.synthetic:
        parts.append(Portion(faces=open_faces(None, "train", options.synthetic, scheme=target), share=shares[0]))
    return Mix(parts)
