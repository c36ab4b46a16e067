"""A run on disk: a checkpoint, replaced as a whole after each epoch, from which the run goes on bit for bit.

With patience, early stopping, the weights of the epoch whose validation error was lowest are kept beside it. What is
judged, and kept, is the EMA of the weights, as at the end of any training. Only epochs at the last input size count,
since the error at a smaller one is another measure. The learning rate falls as if nothing stopped.
"""

import errno
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from toolkit.bundle import is_bundle, require_free
from toolkit.core.files import write_bytes
from toolkit.core.options import flag
from toolkit.core.validation import check, parse
from toolkit.train.optim import EMA
from toolkit.train.run import EpochRecord, Run, Settings

FOLDER = "resume"
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def checkpoint_path(folder: Path) -> Path:
    """The file that a run in this folder goes on from."""
    return folder / FOLDER / "state.safetensors"


def unfinished(folder: Path) -> str:
    """What to say of a folder that is taken by a run which has not come to its end."""
    return (
        f"{folder} holds an interrupted run: go on with --resume, start anew with --overwrite, or choose another --out"
    )


def claim(folder: Path, *, resume: bool, overwrite: bool) -> bool:
    """Whether a run has come to its end in this folder, and is to be resumed: then there is nothing to train.

    Raises:
        FileExistsError: the folder is another's, or holds what would be lost; the message says what to do.
    """
    if checkpoint_path(folder).exists():
        if not (resume or overwrite):
            raise FileExistsError(unfinished(folder))
        return False
    if resume and is_bundle(folder):
        return True
    if is_bundle(folder) or not (folder / FOLDER).is_dir():  # which a run leaves that ended before its first epoch did
        require_free(folder, overwrite=overwrite)
    return False


def discard(folder: Path) -> None:
    """Remove what a run goes on from, and nothing else."""
    resume = folder / FOLDER
    for path in (checkpoint_path(folder), *resume.glob("best-*.safetensors")):
        path.unlink(missing_ok=True)
    if resume.is_dir() and not any(resume.iterdir()):
        resume.rmdir()


def save_checkpoint(path: Path, run: Run, emas: dict[str, EMA], log: list[EpochRecord]) -> None:
    """Replace the checkpoint on disk by the present one.

    Raises:
        OSError: there is no room for it; the older one is still there.
    """
    tensors = dict(_tensors(run, emas))
    meta = {
        "identity": run.identity,
        "log": [record.json for record in log],
        "mean_steps": {name: ema.steps for name, ema in emas.items()},
        "arithmetic": run.processes.scaler.state_dict(),  # the scale of fp16's loss
    }
    data = save({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, {"json": json.dumps(meta)})
    try:
        write_bytes(path, data)
    except OSError as error:
        kept = f"the checkpoint after epoch {len(log) - 1} is kept" if path.exists() else "no checkpoint is kept"
        mend = f"make room for {len(data) / 1e6:.0f} MB" if error.errno in NO_ROOM else "make it writable"
        raise OSError(f"{path} cannot be written ({error.strerror}): {mend} and go on with --resume; {kept}") from error


def _tensors(run: Run, emas: dict[str, EMA]) -> Iterator[tuple[str, Tensor]]:
    for name, net in run.nets.items():
        yield from ((f"net.{name}.{k}", v) for k, v in net.state_dict().items())
        yield from ((f"mean.{name}.{k}", v) for k, v in emas[name].kept.items())
    for part in run.passes:
        for index, slots in part.optimiser.state_dict()["state"].items():
            yield from ((f"optim.{part.name}.{index}.{k}", v) for k, v in slots.items())


class Metadata(TypedDict):
    """What stands beside the tensors."""

    identity: Settings
    log: list[dict[str, Any]]
    mean_steps: dict[str, int]
    arithmetic: dict[str, Any]


def load_checkpoint(path: Path, run: Run, emas: dict[str, EMA]) -> list[EpochRecord]:
    """Bring networks, EMAs and optimisers to the checkpoint on disk, and return its log.

    Raises:
        ValueError: the file is damaged, or belongs to a run with other settings.
    """
    try:
        with safe_open(path, "pt") as file:
            meta: Metadata = check(
                parse(file.metadata()["json"].encode(), str(path), numbers=False), Metadata, str(path)
            )
            log = [EpochRecord.of(line) for line in meta["log"]]
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged ({error}): delete it and start again") from error
    require_same(path.parents[1], meta["identity"], run.identity)
    try:
        _restore(run, emas, meta, tensors)
    except (KeyError, ValueError, RuntimeError) as error:
        what = str(error).partition("\n")[0]
        raise ValueError(f"{path} is damaged ({what}): delete it and start again") from error
    return log


def _restore(run: Run, emas: dict[str, EMA], meta: Metadata, tensors: dict[str, Tensor]) -> None:
    for name, net in run.nets.items():
        net.load_state_dict(_under(tensors, f"net.{name}."))
        saved = _under(tensors, f"mean.{name}.")
        for key, value in emas[name].kept.items():
            value.copy_(saved[key])
        emas[name].steps = meta["mean_steps"][name]
    for part in run.passes:
        slots: dict[int, dict[str, Tensor]] = {}
        for key, value in _under(tensors, f"optim.{part.name}.").items():
            index, _, slot = key.partition(".")
            slots.setdefault(int(index), {})[slot] = value
        part.optimiser.load_state_dict({**part.optimiser.state_dict(), "state": slots})
        for parameter, state in part.optimiser.state.items():  # fused optimisers walk memory: same layout, or nonsense
            for slot, value in state.items():
                if value.shape == parameter.shape:
                    state[slot] = torch.empty_like(parameter).copy_(value)
    run.processes.scaler.load_state_dict(meta["arithmetic"])


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def final_record(log: Sequence[EpochRecord], name: str, patience: int) -> EpochRecord:
    """The record of the epoch whose weights a network ends with: the last one, or with patience the best one."""
    best = _best(log, name) if patience else None
    return log[-1] if best is None else best


def out_of_patience(log: Sequence[EpochRecord], names: Iterable[str], run: Run) -> bool:
    """Whether no network has had a new best for `patience` epochs."""
    if not run.optim.patience or not log or log[-1].size_px != run.sizes[-1]:
        return False
    latest = max(final_record(log, name, run.optim.patience).epoch for name in names)
    return log[-1].epoch - latest >= run.optim.patience


def save_best_weights(folder: Path, run: Run, emas: dict[str, EMA], log: Sequence[EpochRecord]) -> None:
    """Write the weights of those networks whose last epoch was their best; before the checkpoint that tells of it."""
    for name in run.nets if run.optim.patience else ():
        if _best(log, name) is log[-1]:
            values = {k: v.detach().cpu().contiguous() for k, v in emas[name].values.items()}
            write_bytes(_best_path(folder, name), save(values))


def final_weights(folder: Path, run: Run, name: str, ema: EMA) -> dict[str, Tensor]:
    """The weights that a network ends with: its EMA, or with patience the best there was."""
    path = _best_path(folder, name)
    return load(path.read_bytes()) if run.optim.patience and path.exists() else ema.values


def _best(log: Sequence[EpochRecord], name: str) -> EpochRecord | None:
    """The first epoch of the lowest error among those at the largest, which is the last, input size."""
    largest = max((record.size_px for record in log), default=0)
    there = [record for record in log if record.size_px == largest]
    return min(there, key=lambda record: record.validation[name].nme_mean, default=None)


def _best_path(folder: Path, name: str) -> Path:
    return folder / FOLDER / f"best-{name}.safetensors"


NAMES = {
    **dict.fromkeys(("weight_decay", "rule", "decay", "warmup"), "--preset"),
    **{"size_px": "--size", "data": "--data (or --synthetic)", "stage": "command"},
}
"""What a user gave, by the settings that follow from it, where those are called otherwise."""


def require_same(folder: Path, made: Settings, asked: Settings) -> None:
    """Refuse to go on in a folder with other options than those it was begun with.

    Args:
        folder: where the run is.
        made: its settings by name; groups of them are mappings.
        asked: the present ones; those that `made` lacks are not compared.

    Raises:
        ValueError: some differ; the message names their options.
    """
    other = dict.fromkeys(_differences(json.loads(json.dumps(made)), json.loads(json.dumps(asked))))
    if other:
        raise ValueError(
            f"{folder} was trained with another {', '.join(other)}: give the same to go on, or choose another --out"
        )


def _differences(made: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[str]:
    """The options, as the command line calls them, whose settings differ."""
    for name in (name for name in asked if name in made and made[name] != asked[name]):
        if isinstance(made[name], dict) and isinstance(asked[name], dict) and name != "augment":
            nothing = dict.fromkeys(made[name] | asked[name])
            yield from _differences(nothing | made[name], nothing | asked[name])
        else:
            yield NAMES.get(name) or flag(name)
