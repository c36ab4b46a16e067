"""Two processes that train together are one process with the whole batch."""

import json
import multiprocessing
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch

from toolkit import bundle
from toolkit.bundle import Card
from toolkit.commands.train.teacher import Teacher
from toolkit.core.progress import finish
from toolkit.models.building import build
from toolkit.models.spec import Spec
from toolkit.train.all_reduce import all_reduce
from toolkit.train.device import default_precision
from toolkit.train.distributed import ProcessGroup, Rank, default_threads, local_ranks, single_process, start_processes
from toolkit.train.options import Training
from toolkit.train.setup import set_up

CPU = torch.device("cpu")
SCRIPT = Path(__file__).with_name("in_step.py")


def start(out: Path, rank: int | None = None, port: int = 0) -> "subprocess.Popen[str]":
    """A process by itself, or one of two as torchrun starts them."""
    place = {} if rank is None else {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip
    command = [sys.executable, str(SCRIPT), str(out)]
    return subprocess.Popen(command, env={**os.environ, **place}, stdout=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, float], list[dict[str, np.ndarray]]]:
    """Differences of the norm, and what the process by itself and both of the two have trained."""
    folder = tmp_path_factory.mktemp("processes")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = [start(folder / "one"), start(folder / "two", 0, port), start(folder / "two", 1, port)]
    outputs = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0]
    files = [folder / f"{name}.npz" for name in ("one-0", "two-0", "two-1")]
    return json.loads(outputs[1]), [dict(np.load(file)) for file in files]


@pytest.mark.slow
def test_a_synchronised_norm_sees_all_rows(
    runs: tuple[dict[str, float], list[dict[str, np.ndarray]]],
) -> None:
    """Output, gradients and running statistics, of 3 and 4 rows that lie far from 0 (1e-9 in float64)."""
    assert {"output", "input gradient", "weight gradient", "running_var"} <= runs[0].keys()
    assert max(runs[0].values()) < 1e-9, runs[0]


@pytest.mark.slow
def test_two_processes_train_as_one(runs: tuple[dict[str, float], list[dict[str, np.ndarray]]]) -> None:
    """Weights, their mean, statistics, losses and scores after two epochs of two passes (1e-7 in float64), though the
    rows are shared unevenly and know different numbers of points; both processes end with the same bits."""
    one, first, second = runs[1]
    assert one.keys() == first.keys() == second.keys()
    for name, value in one.items():
        np.testing.assert_allclose(first[name], value, rtol=1e-7, atol=1e-7, err_msg=name)
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_a_process_by_itself_has_every_row() -> None:
    """And nobody to wait for."""
    own = single_process()
    assert (own.world_size, own.rank, own.rows(5), own.device.type) == (1, 0, slice(0, 5), "cpu")
    assert own.broadcast({"a": 1}) == {"a": 1} and float(all_reduce(torch.ones(()))) == 1


def test_a_device_that_cannot_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any data is read, with what to use instead."""

    def lacking(*_: object, **__: object) -> None:
        raise RuntimeError("no such kernel\nmore")

    monkeypatch.setattr(torch.nn.Conv2d, "forward", lacking)
    with pytest.raises(ValueError, match=r"cpu cannot compute in bf16 \(no such kernel\): use another --precision"):
        start_processes(CPU, "bf16")


def test_precision_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """bf16 where the CPU has instructions for it."""
    for capabilities, expected in (({"avx2": True}, "float32"), ({"avx512_bf16": True}, "bf16")):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda found=capabilities: found)
        assert default_precision(CPU) == expected


def test_more_processes_than_faces_are_refused(tmp_path: Path) -> None:
    """In the options, and where torchrun has started them."""
    with pytest.raises(ValueError, match="--processes must be 1 to the batch's 4"):
        Teacher(out=tmp_path, batch=4, processes=5)
    several = SimpleNamespace(world_size=5, rank=0)
    with pytest.raises(ValueError, match="raise --batch"):
        ProcessGroup.rows(several, 4)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_lost_process_ends_the_training(small_spec: Spec, tmp_path: Path) -> None:
    """One of two dies: one line and status 2, and nothing is left running."""
    card = Card(name="untrained", stage="slim", scheme="300w-68", size_px=32, sigma_px=1.0)
    bundle.write(bundle.of_network(build(small_spec), card), tmp_path / "arch")
    command = [
        *(sys.executable, "-m", "toolkit.cli", "teacher", "--arch", str(tmp_path / "arch"), "--preset", "tiny"),
        *("--synthetic", "12", "--epochs", "1000", "--batch", "4", "--size", "32", "--device", "cpu"),
        *("--processes", "2", "--out", str(tmp_path / "out")),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "out" / "resume" / "state.safetensors").exists():
        assert process.poll() is None
        time.sleep(0.02)
    workers = psutil.Process(process.pid).children(recursive=True)
    worker = max(workers, key=lambda w: w.cpu_times().user)  # the other child keeps track of shared memory
    worker.kill()
    _, error = process.communicate(timeout=120)
    assert process.returncode == 2 and "a training process ended without a word" in error
    assert psutil.wait_procs(workers, timeout=60)[1] == []


@pytest.mark.slow
def test_a_process_that_fails_at_its_start_is_heard(tmp_path: Path) -> None:
    """Before the processes have met: its own error, at once; here what it is to run takes no options."""
    options = Training(out=tmp_path, preset="tiny", size=32, device="cpu", synthetic=4, processes=2)
    with pytest.raises(TypeError, match="has no len"):
        finish(set_up(options, stage="teacher", run=len))
    assert multiprocessing.active_children() == []


def test_half_a_rank_is_refused() -> None:
    """RANK without the rest names what is missing and torchrun."""
    with pytest.raises(ValueError, match=r"WORLD_SIZE.*torchrun"):
        Rank.of({"RANK": "1", "LOCAL_RANK": "1"})


def test_threads_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as the batch is worth and the cores allow, which several processes share; one beside other trainings."""
    monkeypatch.setattr("toolkit.train.distributed.cores", lambda: 4)
    batches = (4 * 64**2, 16 * 64**2, 16 * 128**2, 64 * 128**2)
    assert [default_threads(CPU, pixels, 1) for pixels in batches] == [1, 1, 4, 4]
    assert [default_threads(CPU, batches[-1], processes) for processes in (2, 8)] == [2, 1]
    assert default_threads(torch.device("cuda"), batches[-1], 1) == 1
    with monkeypatch.context() as launched:
        for name, value in local_ranks(2)[0].environment.items():
            launched.setenv(name, value)
        assert default_threads(CPU, batches[-1], 1) == 2
    monkeypatch.setattr("multiprocessing.parent_process", object)
    assert default_threads(CPU, batches[-1], 1) == 1
