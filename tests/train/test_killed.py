"""A training that is killed at any moment, or whose disk fills up, goes on to the same bits."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from toolkit import bundle
from toolkit.bundle import Card
from toolkit.models import build
from toolkit.models.spec import Spec

SCRIPT = Path(__file__).with_name("killed.py")
KILLED = -signal.SIGKILL


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="finds the file that is being written in /proc")
@pytest.mark.parametrize("seed", [0, 1])
def test_a_run_that_dies_again_and_again_ends_as_if_nothing_had_happened(seed: int, tmp_path: Path) -> None:
    """Three deaths at random steps, two in the middle of writing a state, and a full disk: bit for bit the same."""
    command = [sys.executable, str(SCRIPT), str(tmp_path), str(seed)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    ended = [json.loads(line) for line in output.splitlines()]
    assert [e["status"] for e in ended] == [0, KILLED, KILLED, KILLED, KILLED, KILLED, 2, 0]
    # in the first epoch; in the second; writing the second; writing the third; in the third; writing the fourth
    assert [e["epochs"] for e in ended] == [6, 0, 1, 1, 2, 2, 3, 6]
    error = (tmp_path / "cut" / "error.txt").read_text()
    assert "File too large" in error and "--resume; the state after epoch 3 is kept" in error and "\n" not in error
    whole, cut = (np.load(tmp_path / name / "weights.npz") for name in ("whole", "cut"))
    assert len(whole.files) > 5
    for name in whole.files:
        np.testing.assert_array_equal(whole[name], cut[name], err_msg=name)


@pytest.fixture
def parents(small_spec: Spec, tmp_path: Path) -> list[str]:
    """A student and a teacher that know nothing, as options of `distil`."""
    card = Card(name="untrained", stage="slim", scheme="300w-68", size_px=32, sigma_px=1.0)
    for seed, role in enumerate(("student", "teacher")):
        torch.manual_seed(seed)
        bundle.write(bundle.of_network(build(small_spec), card), tmp_path / role)
    return ["--student", str(tmp_path / "student"), "--teacher", str(tmp_path / "teacher")]


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_killed_distillation_goes_on(processes: str, parents: list[str], tmp_path: Path) -> None:
    """`sdhrnet distil` dies by SIGKILL in mid-epoch, and a process that it has started with it; --resume ends with the
    weights of a run that was left alone."""
    command = [
        *(sys.executable, "-m", "toolkit.cli", "distil", *parents, "--preset", "tiny", "--synthetic", "12"),
        *("--epochs", "3", "--batch", "4", "--device", "cpu", "--processes", processes),
    ]
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
    card = json.loads((cut / "card.json").read_text())
    assert card["made_with"]["processes"] == int(processes)
