"""What sets up a training run: its processes, its data, and the card of what it makes."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

import torch
from torch import nn

from toolkit import bundle
from toolkit.bundle import Card
from toolkit.core.metrics import Scores
from toolkit.core.progress import Outcome, Steps
from toolkit.core.provenance import commit, processor, versions
from toolkit.core.schemes import W300_68, Scheme, scheme
from toolkit.data import Faces, open_faces, open_folder
from toolkit.data.audit import told
from toolkit.data.batches import TrainingFaces, training_faces
from toolkit.data.crops import PlainCrops, plain_crops
from toolkit.data.licences import licence_of
from toolkit.data.pack import trained_on
from toolkit.data.sets import Mix, Portion, in_scheme, picked
from toolkit.models.spec import DIVISOR
from toolkit.train.checkpoint import claim, discard, require_same
from toolkit.train.device import default_precision, pick_device, process_settings
from toolkit.train.distributed import ProcessGroup, default_threads, start_processes
from toolkit.train.inference import visibility_auc
from toolkit.train.options import Training
from toolkit.train.run import EpochRecord, Pass, Run, Settings, default_workers


@dataclass(kw_only=True)
class Setup:
    """A stage's data and processes. As a context, it leaves the process as it was: threads, generators, determinism."""

    stage: str
    options: Training
    train: TrainingFaces
    validation: Mapping[int, PlainCrops]
    processes: ProcessGroup
    undo: ExitStack

    def __enter__(self) -> "Setup":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.undo.close()

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        return self.processes.device

    def run(
        self,
        nets: dict[str, nn.Module],
        passes: tuple[Pass, ...],
        own: Settings,
        factors: Callable[[], list[float]] | None = None,
    ) -> Run:
        """What the loop needs.

        Args:
            nets: what is trained, on its device.
            passes: over the data, in an epoch.
            own: the stage's own settings, which a resumed run must share.
            factors: the importance factors as they are, for an epoch's record.
        """
        options = self.options
        workers = default_workers(self.device, self.processes.own.local_world_size)
        return Run(
            nets=nets,
            passes=passes,
            optim=options.optim,
            faces=self.train,
            validation=self.validation,
            sizes=options.sizes,
            augment=options.augmentation,
            seed=options.seed,
            sigma_px=options.sigma_px,
            decoder=options.decoded,
            identity=self.identity | own,
            factors=factors,
            logging=options.logging,
            processes=self.processes,
            workers=workers if options.workers is None else options.workers,
        )

    @property
    def identity(self) -> Settings:
        """Every option of any training that changes the result."""
        return _identity(self.options, self.stage, trained_on(self.train.faces, self.train.size_px)) | {
            "precision": self.processes.precision
        }

    def metrics(self, net: nn.Module, scores: Scores | None) -> dict[str, Any]:
        """What the card says of the validation faces: the scores of a network that was trained, and its confidence's
        visibility AUC where the set says which points are covered."""
        if scores is None:
            return {}
        crops = self.validation[self.options.size_px]
        auc = visibility_auc(net, crops, self.options.sigma_px) if self.processes.rank == 0 else None
        found = {} if auc is None else {"visibility_auc": round(auc, 4)}
        return {"val": dataclasses.asdict(scores), **found}

    def card(
        self,
        name: str,
        log: Sequence[EpochRecord],
        *,
        config: Settings,
        metrics: Mapping[str, Any],
        parents: Mapping[str, str] = MappingProxyType({}),
        ancestors: Sequence[Card] = (),
    ) -> Card:
        """The card of the bundle that was trained; it inherits the terms of those that it was made from."""
        title = trained_on(self.train.faces, self.train.size_px)
        licence = licence_of(title, [card.licence for card in ancestors])
        return Card(
            name=name,
            stage=self.stage,
            scheme=self.train.faces.scheme.name,
            size_px=self.options.size_px,
            sigma_px=self.options.sigma_px,
            decoder=self.options.decoded,
            data={
                "train": title,
                **({"val": self.validation[self.options.size_px].faces.title} if self.validation else {}),
                **({"licence": licence} if licence else {}),
            },
            config={k: v for k, v in self.identity.items() if k not in ("stage", "data")} | config,
            metrics=dict(metrics),
            parents=dict(parents),
            made_with={
                "versions": versions("torch", "numpy", "opencv-contrib-python"),
                "commit": commit(),
                "device": _device_name(self.device),
                "threads": self.options.threads,
                "processes": self.processes.world_size,
                "train_seconds": round(sum(record.seconds for record in log), 1),
            },
        )

    def write(self, result: bundle.Bundle, out: Path | None = None) -> None:
        """Write the bundle to --out, with which the run is finished, or to another folder first; of several processes
        the first one does."""
        if self.processes.rank == 0:
            bundle.write(result, out or self.options.out)
            if out in (None, self.options.out):
                discard(self.options.out)


def set_up(
    options: Training, *, stage: str, run: Callable[[Any], Steps[object]], usual: Scheme = W300_68
) -> Steps[Setup]:
    """Gather the processes, read the data and seed torch.

    Args:
        options: the stage's.
        stage: its name.
        run: the stage itself, which a process that is started runs with the same options.
        usual: the scheme of synthetic faces, where the options name none.

    Raises:
        FileNotFoundError: the data is not there.
        ValueError: the data is damaged, or the device is not there or cannot do what is asked.
    """
    device = pick_device(options.device)
    precision = options.precision or ("float32" if options.chosen.published else default_precision(device))
    pixels = options.optim.batch * options.size_px**2
    threads = default_threads(device, pixels, options.processes) if options.threads is None else options.threads
    options = dataclasses.replace(options, threads=threads)  # for the other processes too
    with ExitStack() as undo:
        undo.enter_context(
            process_settings(device, threads=threads, seed=options.seed, deterministic=options.deterministic)
        )
        processes = start_processes(device, precision, options.processes, partial(run, options))
        undo.callback(processes.close)
        train, validation = yield from _data(options, usual)
        _check_norms(options, train.faces)
        if options.overwrite and processes.rank == 0:
            discard(options.out)
        return Setup(
            stage=stage,
            options=options,
            train=train,
            validation=validation,
            processes=processes,
            undo=undo.pop_all(),
        )


def finished(options: Training, stage: str, own: Settings, usual: Scheme = W300_68) -> Steps[Outcome | None]:
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
    title = yield from title_of_faces(options, usual)
    card = done.card
    weights = (card.config.get("weights") or {}).get("file_sha256")
    made = {"stage": card.stage, "data": card.data.get("train"), "parents": card.parents}
    made |= card.config | {"weights": weights}
    asked = _identity(options, stage, title) | own | ({"precision": options.precision} if options.precision else {})
    require_same(options.out, made, asked)
    scores = Scores(**card.metrics["val"]) if "val" in card.metrics else None
    return Outcome(
        text=f"{options.out} is finished, {validated(scores)}: nothing was changed; --overwrite trains anew",
        records=({"kind": "stage", **done.log[-1]},),
    )


def title_of_faces(options: Training, usual: Scheme) -> Steps[str]:
    """What a card would say of the faces that these options train on; arguments and errors as for set_up."""
    if options.skip_bad:  # how many are left out is known once all are decoded
        return trained_on((yield from _data(options, usual))[0].faces, options.size_px)
    return trained_on(_mixed(options, *_first(options), usual), options.size_px)


def validated(scores: Scores | None) -> str:
    """What to say of the validation faces."""
    return "nothing validated" if scores is None else f"validation NME {scores.nme_mean:.2f} %"


def _identity(options: Training, stage: str, data: str) -> Settings:
    """The part of it that no machine has a say in."""
    return {
        "stage": stage,
        "data": data,
        "marked": list(options.marked),
        "size_px": options.size_px,
        "progressive": list(options.progressive),
        "sigma": options.sigma_px,
        "decoder": options.decoded,
        "validation": options.validated,
        "heatmap_loss": options.heatmap_loss,
        "coordinate_weight": options.coordinate_weight,
        "coordinate_loss": options.coordinate_loss,
        "visibility": options.visibility,
        "seed": options.seed,
        "optim": dataclasses.asdict(options.optim),
        "augment": dataclasses.asdict(options.augmentation),
    }


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return processor() if device.type == "cpu" else f"{processor()}, {device.type}"


def _data(options: Training, usual: Scheme) -> Steps[tuple[TrainingFaces, dict[int, PlainCrops]]]:
    first, count = _first(options)
    mixed = _mixed(options, first, count, usual)
    yield from told(mixed)
    train = yield from training_faces(mixed, options.size_px, skip_bad=options.skip_bad)
    if options.validated == "none":
        return train, {}
    target = train.faces.scheme
    if first is None:
        held_out = open_faces(None, "val", max(1, count // 10), scheme=target)
    else:
        held_out = open_faces(first, "val", 0, skip_bad=options.skip_bad)
        held_out = in_scheme(held_out, target, marked=options.marked_by(0), own=True)
    validation = {}
    for size in options.sizes:
        validation[size] = yield from plain_crops(held_out, size, skip_bad=options.skip_bad)
    return train, validation


def _first(options: Training) -> tuple[Path | None, int]:
    """The set that the validation faces are held out of, and how many faces there are of it where it is synthetic."""
    count = options.chosen.synthetic if options.synthetic is None else options.synthetic
    return options.data[0] if options.data else None, count


def _check_norms(options: Training, faces: Mix) -> None:
    """Raises ValueError where a norm would have a single value to find the spread of."""
    batch = min(options.optim.batch, faces.an_epoch)
    if batch == 1 and min(options.sizes) == DIVISOR:
        raise ValueError(f"a batch of one face at {DIVISOR} px leaves a norm one value: give --batch 2, or --size 64")


def _mixed(options: Training, first: Path | None, synthetic: int, usual: Scheme) -> Mix:
    """The training faces, all in the scheme to train: the first set's, unless the stage names another, or its parent
    has points of one's own that are among them."""
    shares = options.share or (1.0,) * len(options.data)
    if first is None:
        drawn = options.target or (scheme(options.scheme) if options.scheme else usual)
        return Mix([Portion(faces=open_faces(None, "train", synthetic, scheme=drawn, fresh=options.fresh))])
    if options.validated == "none":
        own: Faces = open_folder(first, test=False, skip_bad=options.skip_bad)
    else:
        own = open_faces(first, "train", 0, skip_bad=options.skip_bad)
    marked = options.marked_by(0) or own.scheme
    target = options.target or picked(marked, usual)
    if target.parts and marked != target.parts[0] and options.validated != "none":
        raise ValueError(
            f"validation faces are scored by the eyes of the first of --heads, {target.parts[0].name}, and {first} is "
            f"marked by {marked.name}: name {marked.name} first in --heads, or another --data first"
        )
    parts = [Portion(faces=in_scheme(own, target, marked=options.marked_by(0)), share=shares[0])]
    for index, (folder, share) in enumerate(zip(options.data[1:], shares[1:], strict=True), start=1):
        if options.hold_out == "all":
            more = open_faces(folder, "train", 0, skip_bad=options.skip_bad)
        else:
            more = open_folder(folder, test=False, skip_bad=options.skip_bad)
        parts.append(Portion(faces=in_scheme(more, target, marked=options.marked_by(index)), share=share))
    if options.synthetic:
        more = open_faces(None, "train", options.synthetic, scheme=target, fresh=options.fresh)
        parts.append(Portion(faces=more, share=shares[0]))
    return Mix(parts)
