"""The training loop: it learns, it resumes bit for bit, and it stops when something is wrong."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load
from torch import Tensor, nn

from tests.train import tiny
from tests.train.tiny import SIZE, Blobs
from toolkit.core.metrics import Scores
from toolkit.core.progress import Progress, finish
from toolkit.data.batches import Batch
from toolkit.data.crops import PlainCrops
from toolkit.train import loop
from toolkit.train.checkpoint import final_record
from toolkit.train.device import ComputePrecision, pick_device
from toolkit.train.distributed import start_processes
from toolkit.train.inference import Inputs, normalised, predict
from toolkit.train.loop import Clock, fit
from toolkit.train.losses import mse, targets
from toolkit.train.optim import Optim
from toolkit.train.run import EpochRecord, Pass, Run


def a_run(optim: Optim, hurt: Callable[[Tensor], Tensor] = lambda loss: loss, sizes: tuple[int, ...] = (SIZE,)) -> Run:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 68, 3, 2, 1))

    def draw(batch: Batch) -> dict[str, NDArray[np.int64]]:
        return {"noise": batch.rngs[0].integers(-20, 20, 1)}

    def step(seen: Inputs) -> dict[str, Tensor]:
        truth, known = targets(seen.points_xy, seen.images.shape[1], 1.0)
        noisy = normalised(seen.images) + seen.drawn["noise"] * 0.001
        return {"mse": hurt(mse(net(noisy), truth, known))}

    return tiny.a_run(
        Blobs(5),
        sizes,
        nets={"net": net},
        passes=(Pass(name="weights", optimiser=optim.optimiser(list(net.parameters())), step=step, draw=draw),),
        optim=optim,
        identity={"optim": dataclasses.asdict(optim)},
    )


def without_clock(log: list[EpochRecord]) -> list[EpochRecord]:
    return [dataclasses.replace(r, seconds=0, faces_per_second=0, outside_percent=0) for r in log]


def test_a_clock_tells_pace_and_waste() -> None:
    """Ten faces in four seconds, three of them in steps."""
    times = iter((0.0, 1.0, 2.0, 2.0, 4.0, 4.0))
    clock = Clock(lambda: next(times))
    for _ in range(2):
        with clock.step():
            pass
    assert clock.read(10) == (2.5, 25.0)


def test_the_loss_falls(tmp_path: Path) -> None:
    """Ten epochs over five pictures lower the error, and each leaves a record."""
    log = finish(fit(a_run(Optim(epochs=10, batch=2, lr=0.01)), tmp_path, resume=False))
    assert [record.epoch for record in log] == list(range(1, 11))
    assert log[-1].losses["weights_mse"] < 0.5 * log[0].losses["weights_mse"]
    assert log[0].validation["net"].n == 5


def test_sizes_take_turns(tmp_path: Path) -> None:
    """Each input size has an equal share of the epochs; training and validation see it."""
    staged, seen = a_run(Optim(epochs=4, batch=2), sizes=(32, 64)), []
    inner = staged.passes[0].step

    def watched(batch: Batch) -> dict[str, Tensor]:
        seen.append(batch.images.shape[1])
        return inner(batch)

    staged = dataclasses.replace(staged, passes=(dataclasses.replace(staged.passes[0], step=watched),))
    log = finish(fit(staged, tmp_path, resume=False))
    assert [record.size_px for record in log] == [32, 32, 64, 64]
    assert seen == [32] * 4 + [64] * 4


def test_a_group_may_keep_its_learning_rate(tmp_path: Path) -> None:
    """A group that says so is not scheduled; after an epoch both have their highest rate again."""
    one = a_run(Optim(epochs=2, batch=2, lr=0.5, rule="adam"))
    extra, rates = nn.Parameter(torch.zeros(1)), []
    optimiser = one.passes[0].optimiser
    optimiser.add_param_group({"params": [extra], "lr": 0.25, "scheduled": False})
    inner = one.passes[0].step

    def watched(batch: Batch) -> dict[str, Tensor]:
        rates.append([group["lr"] for group in optimiser.param_groups])
        return inner(batch)

    one = dataclasses.replace(one, passes=(dataclasses.replace(one.passes[0], step=watched),))
    finish(fit(one, tmp_path, resume=False))
    assert len({first for first, _ in rates}) == len(rates) and {second for _, second in rates} == {0.25}
    assert [group["lr"] for group in optimiser.param_groups] == [0.5, 0.25]


def test_progress_counts_every_step(tmp_path: Path) -> None:
    """Two batches of two from five faces, three epochs: six steps, shown in order."""
    seen = [p for p in fit(a_run(Optim(epochs=3, batch=2)), tmp_path, resume=False) if isinstance(p, Progress)]
    assert [(p.done, p.total) for p in seen] == [(i, 6) for i in range(1, 7)]


def test_a_resumed_run_is_the_uninterrupted_run(tmp_path: Path) -> None:
    """Stopped in the middle of an epoch and resumed, the weights and records are the same bit for bit."""
    optim = Optim(epochs=4, batch=2, lr=0.01)
    whole = a_run(optim)
    expected = finish(fit(whole, tmp_path / "whole", resume=False))
    first = fit(a_run(optim), tmp_path / "cut", resume=False)
    for _ in range(5):  # two epochs and one step
        next(first)
    first.close()
    again = a_run(optim)
    log = finish(fit(again, tmp_path / "cut", resume=True))
    assert without_clock(log) == without_clock(expected)
    for name, value in whole.nets["net"].state_dict().items():
        assert torch.equal(value, again.nets["net"].state_dict()[name]), name


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_learns_as_float32_does(precision: ComputePrecision, tmp_path: Path) -> None:
    """Losses of ten epochs within 5 % of float32's; weights stay float32, and fp16's scale is resumed from."""
    cpu, logs = torch.device("cpu"), {}
    for name in ("float32", precision):
        one = dataclasses.replace(a_run(Optim(epochs=10, batch=2, lr=0.01)), processes=start_processes(cpu, name))  # type: ignore[arg-type]
        logs[name] = finish(fit(one, tmp_path / name, resume=False))
    assert all(v.dtype != torch.float16 for v in one.nets["net"].state_dict().values())
    for half, full in zip(logs[precision], logs["float32"], strict=True):
        assert half.losses["weights_mse"] == pytest.approx(full.losses["weights_mse"], rel=0.05)
    again = dataclasses.replace(a_run(Optim(epochs=10, batch=2, lr=0.01)), processes=start_processes(cpu, precision))
    again.processes.scaler.load_state_dict({"scale": 2.0, **again.processes.scaler.state_dict()})
    finish(fit(again, tmp_path / precision, resume=True))
    assert again.processes.scaler.state_dict() == one.processes.scaler.state_dict()


def test_an_interrupted_run_is_not_overwritten(tmp_path: Path) -> None:
    """Without --resume the checkpoint on disk is kept and the remedy is named."""
    finish(fit(a_run(Optim(epochs=1, batch=2)), tmp_path, resume=False))
    with pytest.raises(FileExistsError, match="--resume"):
        next(fit(a_run(Optim(epochs=1, batch=2)), tmp_path, resume=False))


def test_other_settings_are_not_mixed_in(tmp_path: Path) -> None:
    """Resuming with another learning rate names what differs."""
    finish(fit(a_run(Optim(epochs=1, batch=2)), tmp_path, resume=False))
    with pytest.raises(ValueError, match=r"trained with another --lr: give the same"):
        next(fit(a_run(Optim(epochs=1, batch=2, lr=0.5)), tmp_path, resume=True))


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    """Half a file is not resumed from."""
    finish(fit(a_run(Optim(epochs=1, batch=2)), tmp_path, resume=False))
    path = tmp_path / "resume" / "state.safetensors"
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ValueError, match="damaged"):
        next(fit(a_run(Optim(epochs=1, batch=2)), tmp_path, resume=True))


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path: Path) -> None:
    """The term and the remedy are named, before the weights are touched."""
    broken = a_run(Optim(epochs=1, batch=2), hurt=lambda loss: loss * float("nan"))
    before = broken.nets["net"][0].weight.clone()  # type: ignore[index]
    with pytest.raises(ValueError, match=r"weights/mse.*learning rate"):
        finish(fit(broken, tmp_path, resume=False))
    assert torch.equal(broken.nets["net"][0].weight, before)  # type: ignore[index]


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When an epoch's checkpoint cannot be written, the one before is still whole."""
    optim = Optim(epochs=3, batch=2)
    steps = fit(a_run(optim), tmp_path, resume=False)
    for _ in range(3):
        next(steps)
    path = tmp_path / "resume" / "state.safetensors"
    good = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left.*--resume; the checkpoint after epoch 1 is kept"):
        finish(steps)
    monkeypatch.undo()
    assert path.read_bytes() == good and [p.name for p in path.parent.iterdir()] == [path.name]
    assert len(finish(fit(a_run(optim), tmp_path, resume=True))) == 3


@pytest.mark.slow
def test_a_killed_training_command_goes_on(tmp_path: Path) -> None:
    """`sdhrnet supernet` dies by SIGKILL in mid-epoch; --resume ends with the weights of a run that was left alone."""
    command = [sys.executable, "-m", "toolkit.cli", "supernet", "--preset", "tiny", "--synthetic", "20", "--epochs",
               "3", "--batch", "5", "--device", "cpu"]  # fmt: skip
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    subprocess.run([*command, "--out", str(whole)], check=True, capture_output=True)
    process = subprocess.Popen([*command, "--out", str(cut)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (cut / "resume" / "state.safetensors").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (cut / "card.json").exists()
    subprocess.run([*command, "--out", str(cut), "--resume"], check=True, capture_output=True)
    assert (cut / "weights.safetensors").read_bytes() == (whole / "weights.safetensors").read_bytes()
    assert json.loads((cut / "card.json").read_text())["stage"] == "supernet"


ERRORS = [9.0, 5.0, 7.0, 4.0, 6.0, 8.0, 3.0, 2.0]
"""A validation error for each epoch: the best so far is the fourth, then two worse ones follow."""


def scripted(monkeypatch: pytest.MonkeyPatch, start: int = 0) -> None:
    left = iter(ERRORS[start:])

    def evaluate(net: nn.Module, crops: PlainCrops, sigma_px: float, decoder: str) -> Scores:
        return Scores(n=5, n_unscored=0, nme_mean=next(left), nme_median=0, fr8=0, fr10=0, auc10=0)

    monkeypatch.setattr(loop, "evaluate", evaluate)


def test_patience_keeps_the_best_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two epochs after the lowest error training stops, with the weights that a run of so many epochs had there."""
    optim = Optim(epochs=8, batch=2, lr=0.01, patience=2)
    scripted(monkeypatch)
    four = a_run(optim)
    steps = fit(four, tmp_path / "four", resume=False)
    for _ in range(2 * 4 + 1):  # the fifth epoch's first step comes after the fourth's end
        next(steps)
    saved = load((tmp_path / "four" / "resume" / "best-net.safetensors").read_bytes())
    steps.close()
    scripted(monkeypatch)
    patient = a_run(optim)
    log = finish(fit(patient, tmp_path / "patient", resume=False))
    assert [record.validation["net"].nme_mean for record in log] == ERRORS[:6]
    assert final_record(log, "net", 2).epoch == 4 and final_record(log, "net", 0).epoch == 6
    for name, value in patient.nets["net"].state_dict().items():
        assert torch.equal(value, saved[name]), name


def test_patience_survives_an_interruption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in the sixth epoch, a resumed run ends after it with the fourth's weights; resumed again, it is done."""
    optim = Optim(epochs=8, batch=2, lr=0.01, patience=2)
    scripted(monkeypatch)
    steps = fit(a_run(optim), tmp_path, resume=False)
    for _ in range(2 * 5 + 1):
        next(steps)
    steps.close()
    best = load((tmp_path / "resume" / "best-net.safetensors").read_bytes())
    for start in (5, 6):
        scripted(monkeypatch, start)
        again = a_run(optim)
        assert len(finish(fit(again, tmp_path, resume=True))) == 6
        assert torch.equal(again.nets["net"][0].weight, best["0.weight"])  # type: ignore[index]


def test_patience_judges_the_last_size_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors at a smaller input neither stop the run nor count as the best, low as they may be."""
    scripted(monkeypatch, start=4)
    log = finish(fit(a_run(Optim(epochs=4, batch=2, patience=1), sizes=(32, 64)), tmp_path, resume=False))
    assert [record.size_px for record in log] == [32, 32, 64, 64]
    easy = dataclasses.replace(log[0].validation["net"], nme_mean=0.1)
    log[0] = dataclasses.replace(log[0], validation={"net": easy})
    assert final_record(log, "net", 1).epoch == 4


def test_prediction_leaves_the_network_as_it_was() -> None:
    """Evaluating in mid-training neither changes the mode nor the norms' statistics."""
    net = a_run(Optim()).nets["net"].train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    points = predict(net, np.zeros((3, SIZE, SIZE, 3), np.uint8), 1.0)
    assert points.shape == (3, 68, 2) and net.training
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())


def test_an_unknown_device_is_refused() -> None:
    """With what to use instead."""
    assert pick_device("cpu").type == "cpu"
    with pytest.raises(ValueError, match="auto"):
        pick_device("abacus")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_auto_prefers_cuda() -> None:
    """The same command trains on a GPU where there is one."""
    assert pick_device("auto").type == "cuda"
