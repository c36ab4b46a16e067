"""The device of a training: what it sets for its process and takes back, and CUDA graphs."""

import os
import platform
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.conftest import SMALL
from tests.train import tiny
from tests.train.tiny import Spots
from toolkit import bundle
from toolkit.bundle import Card
from toolkit.commands.train import teacher
from toolkit.commands.train.teacher import Teacher
from toolkit.core.progress import Progress, Steps, finish
from toolkit.models.building import build
from toolkit.stages import _to_end
from toolkit.train.device import process_settings
from toolkit.train.distributed import ProcessGroup, start_processes
from toolkit.train.inference import Inputs, normalised
from toolkit.train.loop import fit
from toolkit.train.losses import mse, targets
from toolkit.train.optim import Optim
from toolkit.train.run import Pass

CPU = torch.device("cpu")


def state_of_process() -> dict[str, Any]:
    """All that a training could have changed for those who called it, in a form that can be compared."""
    numpy_state = np.random.get_state(legacy=True)
    cudnn = torch.backends.cudnn
    return {
        "threads": torch.get_num_threads(),
        "python": random.getstate(),
        "numpy": [part.tolist() if isinstance(part, np.ndarray) else part for part in numpy_state],
        "torch": torch.get_rng_state().tolist(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warns": torch.is_deterministic_algorithms_warn_only_enabled(),
        "cudnn": (cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32, cudnn.enabled),
        "dtype": torch.get_default_dtype(),
        "grad": torch.is_grad_enabled(),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "environment": dict(os.environ),
        "processes": torch.distributed.is_initialized(),
    }


def to_its_end(steps: Steps[object]) -> None:
    finish(steps)


def failing(steps: Steps[object]) -> None:
    for progress in steps:
        if progress.task.startswith("epoch"):
            with pytest.raises(OSError, match="no more"):
                steps.throw(OSError("no more"))
            return


def abandoned(steps: Steps[object]) -> None:
    for progress in steps:
        if progress.task.startswith("epoch"):
            assert torch.initial_seed() == 5 and torch.are_deterministic_algorithms_enabled()
            steps.close()
            return


def watched(steps: Steps[object]) -> None:
    """By a watcher who fails while the error is still being handled."""

    def watcher(progress: Progress) -> None:
        if progress.task.startswith("epoch"):
            raise KeyError("watcher")

    with pytest.raises(KeyError, match="watcher"):
        _to_end(steps, watcher)  # type: ignore[arg-type]


def without_data(steps: Steps[object]) -> None:
    with pytest.raises(FileNotFoundError):
        finish(steps)


@pytest.mark.parametrize("how", [to_its_end, failing, abandoned, watched, without_data])
def test_training_leaves_the_process_as_it_was(how: Callable[[Steps[object]], None], tmp_path: Path) -> None:
    """Threads, generators, flags, signals and environment, whether it ends, fails, is given up or never begins."""
    card = Card(name="little", stage="slim", scheme="300w-68", size_px=32, sigma_px=1.0)
    bundle.write(bundle.of_network(build(SMALL), card), tmp_path / "arch")
    data: dict[str, Any] = {"data": (tmp_path / "nowhere",)} if how is without_data else {"synthetic": 6}
    options = Teacher(
        out=tmp_path / "out", arch=str(tmp_path / "arch"), preset="tiny", epochs=1, batch=3, size=32, device="cpu",
        seed=5, threads=1, deterministic=True, **data,
    )  # fmt: skip
    usual = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        before = state_of_process()
        how(teacher.run(options))
        assert state_of_process() == before
    finally:
        torch.use_deterministic_algorithms(False)
        torch.set_num_threads(usual)


def test_settings_hold_within_the_block() -> None:
    """Threads, the generator, and whether what varies is refused."""
    with process_settings(CPU, threads=1, seed=7, deterministic=True):
        assert torch.are_deterministic_algorithms_enabled() and torch.initial_seed() == 7
        assert torch.get_num_threads() == 1 and os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
        with process_settings(CPU, threads=1, seed=8, deterministic=False):
            assert not torch.are_deterministic_algorithms_enabled() and torch.initial_seed() == 8
        assert torch.are_deterministic_algorithms_enabled() and torch.initial_seed() == 7


FAULTS = """
import resource, sys, torch
from toolkit.train.device import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
for i in range(30):
    if i == 10:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        pieces = [torch.ones(4 << 20) for _ in range(3)]
        del pieces
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's own")
def test_freed_memory_is_used_again() -> None:
    """240 pieces of 16 MB taken and freed: almost no new pages, where there are hundreds of thousands without."""
    large = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(1 << 20)}  # else glibc sometimes learns to keep them by itself
    faults = []
    for how in ("keep", "release"):
        command = [sys.executable, "-c", FAULTS, how]
        faults.append(int(subprocess.run(command, check=True, capture_output=True, text=True, env=large).stdout))
    assert faults[0] < 0.02 * faults[1], faults


def trained(out: Path, captured: bool, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Weights, running statistics and counts after two epochs at each of two input sizes."""
    monkeypatch.setattr(ProcessGroup, "uses_cuda_graphs", captured)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    processes = start_processes(torch.device("cuda"), "float32")
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 68, 3, 2, 1))
    net = processes.place(nn.Sequential(*layers))
    optim = Optim(epochs=4, batch=5, lr=0.01, ema=0.9)

    def step(seen: Inputs) -> dict[str, torch.Tensor]:
        truth, known = targets(seen.points_xy, seen.images.shape[1], 1.0)
        return {"mse": mse(net(normalised(seen.images)), truth, known)}

    passes = (Pass(name="weights", optimiser=optim.optimiser(list(net.parameters())), step=step),)
    run = tiny.a_run(Spots(10), (32, 64), nets={"net": net}, passes=passes, optim=optim, processes=processes, workers=2)
    finish(fit(run, out, resume=False))
    return {name: value.cpu() for name, value in net.state_dict().items()}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_captured_training_reaches_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the rounding of float32; the capture's warm-up leaves no trace in the norms."""
    plain, captured = (trained(tmp_path / str(own), own, monkeypatch) for own in (False, True))
    for name, value in plain.items():
        torch.testing.assert_close(captured[name], value, rtol=1e-3, atol=1e-4, msg=name)
