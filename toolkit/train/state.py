"""A run on disk: one file, replaced as a whole after each epoch, from which the run goes on bit for bit."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from toolkit.core.files import write_bytes
from toolkit.train.job import Job
from toolkit.train.optim import Mean


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
        raise OSError(
            f"{path} cannot be written ({error.strerror}): make room for {len(data) / 1e6:.0f} MB and go on with "
            f"--resume; {kept}"
        ) from error


def _tensors(job: Job, means: dict[str, Mean]) -> Iterator[tuple[str, Tensor]]:
    for name, net in job.nets.items():
        yield from ((f"net.{name}.{k}", v) for k, v in net.state_dict().items())
        yield from ((f"mean.{name}.{k}", v) for k, v in means[name].kept.items())
    for part in job.passes:
        for index, slots in part.optimiser.state_dict()["state"].items():
            yield from ((f"optim.{part.name}.{index}.{k}", v) for k, v in slots.items())


def load_run(path: Path, job: Job, means: dict[str, Mean]) -> list[dict[str, Any]]:
    """Bring networks, means and optimisers to the state on disk, and return its log.

    Raises:
        ValueError: the file is damaged, or belongs to a run with other settings.
    """
    try:
        with safe_open(path, "pt") as file:
            meta = json.loads(file.metadata()["json"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}): delete it and start again") from error
    if meta["identity"] != json.loads(json.dumps(job.identity)):
        changed = sorted(k for k in job.identity if meta["identity"].get(k) != json.loads(json.dumps(job.identity[k])))
        raise ValueError(f"{path} belongs to a run with other settings ({', '.join(changed)}): choose another --out")
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
    return list(meta["log"])


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
