"""A run on disk: one file, replaced as a whole after each epoch, from which the run goes on bit for bit."""

import errno
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from toolkit.bundle import is_bundle, require_free
from toolkit.core.files import write_bytes
from toolkit.core.options import flag
from toolkit.core.validation import check, parse
from toolkit.train.job import Job
from toolkit.train.optim import Mean

FOLDER = "resume"
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def state_of(folder: Path) -> Path:
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
    if state_of(folder).exists():
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
    for path in (state_of(folder), *resume.glob("best-*.safetensors")):
        path.unlink(missing_ok=True)
    if resume.is_dir() and not any(resume.iterdir()):
        resume.rmdir()


def save_run(path: Path, job: Job, means: dict[str, Mean], log: list[dict[str, Any]]) -> None:
    """Replace the state on disk by the present one.

    Raises:
        OSError: there is no room for it; the older one is still there.
    """
    tensors = dict(_tensors(job, means))
    meta = {"identity": job.identity, "log": log, "mean_steps": {k: m.steps for k, m in means.items()}}
    meta["arithmetic"] = job.team.arithmetic.state_dict()  # the scale of fp16's loss
    data = save({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, {"json": json.dumps(meta)})
    try:
        write_bytes(path, data)
    except OSError as error:
        kept = f"the state after epoch {len(log) - 1} is kept" if path.exists() else "no state is kept"
        mend = f"make room for {len(data) / 1e6:.0f} MB" if error.errno in NO_ROOM else "make it writable"
        raise OSError(f"{path} cannot be written ({error.strerror}): {mend} and go on with --resume; {kept}") from error


def _tensors(job: Job, means: dict[str, Mean]) -> Iterator[tuple[str, Tensor]]:
    for name, net in job.nets.items():
        yield from ((f"net.{name}.{k}", v) for k, v in net.state_dict().items())
        yield from ((f"mean.{name}.{k}", v) for k, v in means[name].kept.items())
    for part in job.passes:
        for index, slots in part.optimiser.state_dict()["state"].items():
            yield from ((f"optim.{part.name}.{index}.{k}", v) for k, v in slots.items())


class Kept(TypedDict):
    """What stands beside the tensors."""

    identity: dict[str, Any]
    log: list[dict[str, Any]]
    mean_steps: dict[str, int]
    arithmetic: dict[str, Any]


def load_run(path: Path, job: Job, means: dict[str, Mean]) -> list[dict[str, Any]]:
    """Bring networks, means and optimisers to the state on disk, and return its log.

    Raises:
        ValueError: the file is damaged, or belongs to a run with other settings.
    """
    try:
        with safe_open(path, "pt") as file:
            meta: Kept = check(parse(file.metadata()["json"].encode(), str(path), numbers=False), Kept, str(path))
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged ({error}): delete it and start again") from error
    require_same(path.parents[1], meta["identity"], job.identity)
    try:
        _restore(job, means, meta, tensors)
    except (KeyError, ValueError, RuntimeError) as error:
        what = str(error).partition("\n")[0]
        raise ValueError(f"{path} is damaged ({what}): delete it and start again") from error
    return meta["log"]


def _restore(job: Job, means: dict[str, Mean], meta: Kept, tensors: dict[str, Tensor]) -> None:
    for name, net in job.nets.items():
        net.load_state_dict(_under(tensors, f"net.{name}."))
        saved = _under(tensors, f"mean.{name}.")
        for key, value in means[name].kept.items():
            value.copy_(saved[key])
        means[name].steps = meta["mean_steps"][name]
    for part in job.passes:
        slots: dict[int, dict[str, Tensor]] = {}
        for key, value in _under(tensors, f"optim.{part.name}.").items():
            index, _, slot = key.partition(".")
            slots.setdefault(int(index), {})[slot] = value
        part.optimiser.load_state_dict({**part.optimiser.state_dict(), "state": slots})
        for parameter, state in part.optimiser.state.items():  # fused optimisers walk memory: same layout, or nonsense
            for slot, value in state.items():
                if value.shape == parameter.shape:
                    state[slot] = torch.empty_like(parameter).copy_(value)
    job.team.arithmetic.load_state_dict(meta["arithmetic"])


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


NAMES = {
    **dict.fromkeys(("weight_decay", "rule", "decay", "warmup"), "--preset"),
    **{"size_px": "--size", "data": "--data (or --synthetic)", "stage": "command"},
}
"""What a user gave, by the settings that follow from it, where those are called otherwise."""


def require_same(folder: Path, made: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
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
