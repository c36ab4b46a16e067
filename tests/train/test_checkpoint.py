"""The folder of a run: whose it is, what goes on in it, and what never happens to what is not the run's."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from toolkit import bundle
from toolkit.bundle import Card
from toolkit.models.building import build
from toolkit.models.spec import Spec
from toolkit.train.checkpoint import checkpoint_path, claim, discard, require_same


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder."""
    return tmp_path


def holds(out: Path, *names: str) -> Path:
    """The folder with some files in it."""
    for name in names:
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).touch()
    return out


BUNDLE, STATE, THEIRS = "spec.json", "resume/state.safetensors", "thesis.txt"


@pytest.mark.parametrize(
    ("files", "how", "finished"),
    [
        ((), "", False),
        ((), "resume", False),
        ((".DS_Store",), "", False),
        ((STATE,), "resume", False),
        ((STATE, THEIRS), "resume", False),
        ((STATE, BUNDLE), "resume", False),
        ((STATE,), "overwrite", False),
        ((BUNDLE,), "overwrite", False),
        ((BUNDLE, THEIRS), "overwrite", False),
        ((BUNDLE,), "resume", True),
        (("resume/best-net.safetensors",), "", False),
    ],
)
def test_a_run_may_go_on_or_begin(out: Path, files: tuple[str, ...], how: str, finished: bool) -> None:
    """In a folder that is empty, its own, or a bundle's when asked; one that has ended says so."""
    assert claim(holds(out, *files), resume=how == "resume", overwrite=how == "overwrite") is finished


@pytest.mark.parametrize(
    ("files", "how", "message"),
    [
        ((STATE,), "", "holds an interrupted run: go on with --resume, start anew with --overwrite"),
        ((BUNDLE,), "", "holds a bundle: choose another --out, or replace it with --overwrite"),
        ((BUNDLE, "resume/best-net.safetensors"), "", "holds a bundle"),
        ((THEIRS,), "", r"not empty \(thesis\.txt\)"),
        ((THEIRS,), "resume", r"not empty \(thesis\.txt\)"),
        ((THEIRS,), "overwrite", r"not empty \(thesis\.txt\)"),
        (("slim/spec.json", "samples/net-001.png"), "", r"not empty \(samples\)"),
    ],
)
def test_any_other_folder_is_refused(out: Path, files: tuple[str, ...], how: str, message: str) -> None:
    """Whatever is asked, with what to do."""
    with pytest.raises(FileExistsError, match=message):
        claim(holds(out, *files), resume=how == "resume", overwrite=how == "overwrite")


def test_only_the_state_is_discarded(out: Path) -> None:
    """What else lies there stays, and so does its folder."""
    discard(out)
    holds(out, STATE, "resume/best-net.safetensors", "resume/notes.txt", BUNDLE)
    discard(out)
    assert sorted(path.name for path in out.rglob("*") if path.is_file()) == ["notes.txt", "spec.json"]
    (out / "resume" / "notes.txt").unlink()
    discard(out)
    assert not checkpoint_path(out).parent.exists()


MADE: dict[str, Any] = {
    "stage": "teacher",
    "data": "synthetic faces, 20",
    "size_px": 64,
    "progressive": [32],
    "seed": 0,
    "optim": {"epochs": 4, "batch": 8, "lr": 0.1, "rule": "adamw"},
    "augment": {"jpeg": 1.0, "flip": 0.5},
    "parents": {"student": "a"},
    "weights": None,
}


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"seed": 1}, "--seed"),
        ({"data": "300W"}, r"--data \(or --synthetic\)"),
        ({"size_px": 96, "progressive": (64,)}, "--size, --progressive"),
        ({"optim": MADE["optim"] | {"epochs": 5, "lr": 0.2}}, "--epochs, --lr"),
        ({"optim": MADE["optim"] | {"rule": "adam"}}, "--preset"),
        ({"augment": {"jpeg": 0.0, "flip": 0.5}}, "--augment"),
        ({"parents": {"student": "b", "teacher": "c"}}, "--student, --teacher"),
        ({"weights": "abc"}, "--weights"),
        ({"stage": "supernet"}, "command"),
    ],
)
def test_other_options_are_named(out: Path, other: dict[str, Any], named: str) -> None:
    """As the command line calls them."""
    with pytest.raises(ValueError, match=f"was trained with another {named}: give the same to go on"):
        require_same(out, MADE, MADE | other)


def test_the_same_options_go_on(out: Path) -> None:
    """Tuples are JSON's lists, and what an older release did not write down is not compared."""
    require_same(out, MADE, MADE | {"progressive": (32,), "heads": ["300w-68"]})
    with pytest.raises(ValueError, match="--heads"):
        require_same(out, MADE | {"heads": ["cofw-29"]}, MADE | {"heads": ["300w-68"]})


SCRIPT = Path(__file__).with_name("killed.py")
KILLED = -signal.SIGKILL


@pytest.mark.slow
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
    assert "File too large" in error and "--resume; the checkpoint after epoch 3 is kept" in error and "\n" not in error
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
