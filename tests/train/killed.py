"""What test_checkpoint.py runs: trainings that die at given points, each in a forked process, until one ends.

Prints a line of JSON a process: how it ended, and whether what it left on disk is whole.
"""

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from in_step import Small
from numpy.typing import NDArray
from safetensors import safe_open
from tiny import Spots, a_run
from torch import Tensor

from toolkit.core.progress import finish
from toolkit.data.batches import Batch, random_masks
from toolkit.train.inference import Inputs, normalised
from toolkit.train.loop import fit
from toolkit.train.losses import masked, mse, targets
from toolkit.train.optim import Optim
from toolkit.train.run import Pass

EPOCHS, BATCHES = 6, 5
STATE = Path("resume") / "state.safetensors"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def train(out: Path, at_step: Callable[[int], None]) -> dict[str, np.ndarray]:
    net = Small()
    optim = Optim(epochs=EPOCHS, batch=2, lr=0.01, ema=0.9)
    steps = iter(range(EPOCHS * BATCHES))

    def draw(batch: Batch) -> dict[str, NDArray[np.int64]]:
        return {"mask": random_masks(batch.rngs, batch.images.shape[1], 0.5)}

    def step(seen: Inputs) -> dict[str, Tensor]:
        at_step(next(steps))
        truth, known = targets(seen.points_xy, seen.images.shape[1], 1.0)
        return {"mse": mse(net(masked(normalised(seen.images), seen.drawn["mask"])), truth, known)}

    passes = (Pass(name="weights", optimiser=optim.optimiser(list(net.parameters())), step=step, draw=draw),)
    finish(fit(a_run(Spots(10, lacking=True), nets={"net": net}, passes=passes, optim=optim), out, resume=True))
    return {k: v.numpy() for k, v in net.state_dict().items()}


def forked(work: Callable[[], None]) -> int:
    """The signal or status that a process of its own ended with."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def dies_at_step(out: Path, step: int) -> None:
    train(out, lambda now: die() if now == step else None)


def dies_while_writing(out: Path, epochs: int) -> None:
    """Half of a state's bytes have reached the disk when the process dies, after some epochs of its own."""
    written = iter(range(EPOCHS + 1))
    plain = os.fsync

    def half(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").resolve()
        if path.is_file() and next(written) == epochs:
            os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
            plain(descriptor)
            die()
        plain(descriptor)

    os.fsync = half
    train(out, lambda _: None)


def runs_out_of_disk(out: Path, step: int) -> None:
    """No file may grow beyond 2 kB from this step on."""

    def narrow(now: int) -> None:
        if now == step:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))

    try:
        train(out, narrow)
    except OSError as error:
        (out / "error.txt").write_text(str(error))
        os._exit(2)


def left(out: Path) -> dict[str, Any]:
    """Epochs of the checkpoint on disk, which must be readable where it exists."""
    if not (out / STATE).exists():
        return {"epochs": 0}
    with safe_open(out / STATE, "pt") as file:
        return {"epochs": len(json.loads(file.metadata()["json"])["log"])}


def ends(out: Path) -> None:
    np.savez(out / "weights.npz", **train(out, lambda _: None))


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    rng = np.random.default_rng(int(sys.argv[2]))
    print(json.dumps({"status": forked(lambda: ends(folder / "whole")), "epochs": EPOCHS}))
    cut = folder / "cut"
    plan: list[tuple[Callable[[Path, int], None], int]] = [
        (dies_at_step, int(rng.integers(0, BATCHES))),
        (dies_at_step, int(rng.integers(BATCHES, 2 * BATCHES))),
        (dies_while_writing, 0),
        (dies_while_writing, 1),
        (dies_at_step, int(rng.integers(0, BATCHES))),
        (runs_out_of_disk, int(rng.integers(BATCHES, 2 * BATCHES))),
    ]
    for death, point in plan:
        status = forked(lambda death=death, point=point: death(cut, point))  # type: ignore[misc]
        print(json.dumps({"status": status, **left(cut)}))
    print(json.dumps({"status": forked(lambda: ends(cut)), **left(cut)}))
