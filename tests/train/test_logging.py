"""What a run shows while it trains: a log after each epoch, pictures now and then, events that TensorBoard reads."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from toolkit import bundle
from toolkit.bundle import Bundle
from toolkit.core.files import read_lines
from toolkit.core.images import read_image
from toolkit.core.metrics import Scores
from toolkit.core.progress import finish
from toolkit.data.crops import PlainCrops, plain_crops
from toolkit.data.synthetic import SyntheticFaces
from toolkit.train.logging import TILE_PX, log_epoch, sample_sheet
from toolkit.train.optim import EMA, Optim
from toolkit.train.run import EpochRecord, Logging
from toolkit.train.tensorboard import write_events

READ = """
import json, sys
sys.modules["tensorflow"] = None  # TensorBoard reads without it, faster
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
found = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "histograms": 0, "images": 0}).Reload()
tags = found.Tags()
print(json.dumps({
    "scalars": {tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in tags["scalars"]},
    "histograms": {tag: [e.histogram_value.num for e in found.Histograms(tag)] for tag in tags["histograms"]},
    "images": {tag: [(e.step, e.width, e.height) for e in found.Images(tag)] for tag in tags["images"]},
}))
"""


@pytest.fixture(scope="module")
def crops() -> PlainCrops:
    return finish(plain_crops(SyntheticFaces(5, seed=3), 64))


def a_run(net: nn.Module, crops: PlainCrops, logging: Logging) -> Any:
    """A run's side that is shown."""
    optim = Optim(epochs=5, ema=0)
    return SimpleNamespace(
        nets={"net": net}, validation={64: crops}, sigma_px=1.0, decoder="dark", optim=optim, logging=logging
    )


def record(epoch: int) -> EpochRecord:
    scores = Scores(n=5, n_unscored=0, nme_mean=8.0 - epoch, nme_median=0, fr8=0, fr10=0, auc10=0)
    return EpochRecord(
        epoch=epoch, seconds=1.0, faces_per_second=5.0, outside_percent=1.0, size_px=64, lr=0.5 / epoch,
        losses={"weights_mse": 0.25}, alpha=(0.1 * epoch, 1.0, -0.5), validation={"net": scores},
    )  # fmt: skip


def test_the_log_is_written_after_every_epoch(tmp_path: Path, crops: PlainCrops) -> None:
    """Whole each time, so that it can be followed; without pictures or events unless they are asked for."""
    net = nn.Conv2d(3, 68, 3, 4, 1)
    for epoch in range(1, 4):
        log_epoch(
            tmp_path, a_run(net, crops, Logging()), {"net": EMA(net, 0)}, [record(e) for e in range(1, epoch + 1)]
        )
        assert [r["epoch"] for r in read_lines(tmp_path / "log.jsonl")] == list(range(1, epoch + 1))
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


def test_pictures_come_every_few_epochs_and_at_the_end(tmp_path: Path, crops: PlainCrops) -> None:
    """Of the EMA of the weights; those that an earlier run left go when a new one begins."""
    net = nn.Conv2d(3, 68, 3, 4, 1)
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "net-099.png").touch()
    own = net.weight.detach().clone()
    nn.init.zeros_(net.weight)
    ema = EMA(net, 0.5)
    net.load_state_dict({"weight": own, "bias": net.bias})
    for epoch in range(1, 6):
        run = a_run(net, crops, Logging(samples=2))
        log_epoch(tmp_path, run, {"net": ema}, [record(e) for e in range(1, epoch + 1)])
    found = sorted(path.name for path in (tmp_path / "samples").iterdir())
    assert found == ["net-002.png", "net-004.png", "net-005.png"]
    assert torch.equal(net.weight, own)
    picture = read_image(tmp_path / "samples" / "net-005.png")
    nn.init.zeros_(net.weight)
    np.testing.assert_array_equal(picture, sample_sheet(net, crops, 1.0))


def test_a_sheet_shows_truth_and_finding(small_bundle: Bundle) -> None:
    """Faces that a network knows carry white marks where it has coloured ones; missing points are left out."""
    faces = finish(plain_crops(SyntheticFaces(3, seed=1), 64))
    faces.points_xy[0, 5] = np.nan
    found = sample_sheet(small_bundle.network(), faces, 1.0)
    assert found.shape[1] > 3 * TILE_PX and found.dtype == np.uint8
    assert (found == 255).all(axis=2).sum() > 100


def test_tensorboard_reads_the_events(tmp_path: Path, crops: PlainCrops) -> None:
    """TensorBoard's own reader finds every scalar by group and step, the histogram of alpha, and the picture."""
    net = nn.Conv2d(3, 68, 3, 4, 1)
    for epoch in range(1, 4):
        run = a_run(net, crops, Logging(samples=3, tensorboard=True))
        log_epoch(tmp_path, run, {"net": EMA(net, 0)}, [record(e) for e in range(1, epoch + 1)])
    command = [sys.executable, "-c", READ, str(tmp_path / "tensorboard")]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert found["scalars"]["val_net/nme_mean"] == [[1, 7.0], [2, 6.0], [3, 5.0]]
    assert found["scalars"]["lr"] == [[1, 0.5], [2, 0.25], [3, pytest.approx(0.5 / 3, rel=1e-6)]]
    assert found["scalars"]["weights_mse"][-1] == [3, 0.25] and "epoch" not in found["scalars"]
    assert found["histograms"]["alpha"] == [3, 3, 3]
    height, width, _ = read_image(tmp_path / "samples" / "net-003.png").shape
    assert found["images"]["samples/net"] == [[3, width, height]]


def test_factors_that_are_all_equal_have_a_histogram(tmp_path: Path) -> None:
    """As before the first step."""
    write_events(tmp_path, {"epoch": 1, "alpha": [1.0, 1.0]}, {})
    assert (tmp_path / "tensorboard" / "events.out.tfevents.000001").stat().st_size > 50


def test_only_an_earlier_runs_pictures_go(tmp_path: Path, crops: PlainCrops) -> None:
    """Whatever else people keep in these folders stays."""
    net = nn.Conv2d(3, 68, 3, 4, 1)
    mine = [
        tmp_path / "samples" / "net-best.png",
        tmp_path / "samples" / "notes.txt",
        tmp_path / "tensorboard" / "mine",
    ]
    theirs = [tmp_path / "samples" / "net-009.png", tmp_path / "tensorboard" / "events.out.tfevents.000009"]
    for path in (*mine, *theirs):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    log_epoch(tmp_path, a_run(net, crops, Logging()), {"net": EMA(net, 0)}, [record(1)])
    assert all(path.exists() for path in mine) and not any(path.exists() for path in theirs)


def test_a_bundle_that_will_be_replaced_keeps_its_log(tmp_path: Path, crops: PlainCrops, small_bundle: Bundle) -> None:
    """It is whole until then."""
    bundle.write(small_bundle, tmp_path)
    net = nn.Conv2d(3, 68, 3, 4, 1)
    log_epoch(tmp_path, a_run(net, crops, Logging()), {"net": EMA(net, 0)}, [record(1)])
    assert bundle.read(tmp_path).log == small_bundle.log
