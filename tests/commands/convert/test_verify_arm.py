"""Files on an emulated Arm processor: what is compared, and what fails. The emulator runs in `make verify-arm`."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from toolkit.commands.convert import verify_arm
from toolkit.commands.convert.verify_arm import VerifyArm, run
from toolkit.core.files import read_lines
from toolkit.core.progress import Outcome, finish
from toolkit.core.zoo import WEIGHTS
from toolkit.runtime.answers import Answers, answers

ALL = {"int8", "float16", "float32"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An Arm computer in name."""
    (tmp_path / "arm").mkdir()
    (tmp_path / "arm" / ".ready").touch()
    return tmp_path / "arm"


def compared(root: Path, **more: object) -> Outcome:
    return finish(run(VerifyArm(models=WEIGHTS, root=root, faces=2, **more)))  # type: ignore[arg-type]


def off_by(points: float, confidence: float) -> object:
    """An emulator that answers as this processor does, but for so much in pixels and confidence."""

    def emulated(_: Path, models: Path, images: dict[str, np.ndarray]) -> Answers:
        shift = {"points": points, "confidence": confidence}
        return {name: value + shift[name.rpartition("/")[2]] for name, value in answers(models, images).items()}

    return emulated


@pytest.mark.slow
def test_equal_answers_pass(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With a record of each file."""
    monkeypatch.setattr(verify_arm, "answers_there", off_by(0, 0))
    outcome = compared(root, results=tmp_path / "results.jsonl")
    assert outcome.ok, outcome.text
    assert {r["precision"] for r in outcome.records} == ALL
    assert all(r["points_difference"] == 0 and r["arm_cpu"] == "cortex-a76" for r in outcome.records)
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == len(outcome.records)
    json.dumps(outcome.records)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("points", "confidence", "failed"),
    [(0.005, 0, {"int8"}), (0.02, 0, ALL), (0, 1e-5, {"int8"}), (0, 1e-3, ALL)],
)
def test_each_precision_has_its_budget(
    root: Path, monkeypatch: pytest.MonkeyPatch, points: float, confidence: float, failed: set[str]
) -> None:
    """1e-4 of a crop's 64 to 128 px for float; static int8 equal but for rounding after it."""
    monkeypatch.setattr(verify_arm, "answers_there", off_by(points, confidence))
    outcome = compared(root)
    assert {r["precision"] for r in outcome.records if not r["ok"]} == failed
    assert outcome.text.count("FAILED") == sum(not r["ok"] for r in outcome.records) >= len(failed)


def test_no_emulator_is_an_error_that_says_how_to_make_it(tmp_path: Path) -> None:
    """One line."""
    with pytest.raises(FileNotFoundError, match="run `make verify-arm`"):
        compared(tmp_path)


def test_an_emulator_that_fails_is_heard(root: Path) -> None:
    """Its last words are in the message."""
    emulator = root / "host" / "usr" / "bin" / "qemu-aarch64-static"
    emulator.parent.mkdir(parents=True)
    emulator.write_text("#!/bin/sh\necho unknown instruction >&2\nexit 4\n")
    emulator.chmod(0o755)
    with pytest.raises(ValueError, match="status 4: unknown instruction"):
        compared(root)


@pytest.mark.slow
def test_instructions_are_counted_where_asked(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record for each file and for Face Mesh; in the text in millions."""
    monkeypatch.setattr(verify_arm, "answers_there", off_by(0, 0))
    monkeypatch.setattr(verify_arm, "instructions", lambda _, file: 1_500_000 + len(file.name))
    outcome = compared(root, instructions=True)
    counted = {r["model"]: r["instructions"] for r in outcome.records if r["kind"] == "instructions"}
    assert counted.keys() == {r["model"] for r in outcome.records}
    assert counted["mediapipe"] == 1_500_000 + len("face_landmark.tflite")
    assert outcome.text.count(" 1.5") == len(counted)


@pytest.mark.slow
def test_what_cannot_be_counted_loses_no_comparison(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its records are written before the counting begins."""

    def moving(*_: object) -> int:
        raise ValueError("its code lay at another place")

    monkeypatch.setattr(verify_arm, "answers_there", off_by(0, 0))
    monkeypatch.setattr(verify_arm, "instructions", moving)
    with pytest.raises(ValueError, match="another place"):
        compared(root, instructions=True, results=tmp_path / "results.jsonl")
    assert {r["kind"] for r in read_lines(tmp_path / "results.jsonl")} == {"arm"}


@pytest.mark.slow
def test_answers_run_as_a_program_without_torch(tmp_path: Path) -> None:
    """What the emulated computer starts, on this one."""
    generator = np.random.default_rng(0)
    crops = {str(px): generator.integers(0, 256, (1, px, px, 3), dtype=np.uint8) for px in (96, 128, 160, 224)}
    np.savez(tmp_path / "crops.npz", **crops)
    program = (
        "import sys, runpy; sys.modules['torch'] = sys.modules['tensorflow'] = None; "
        "runpy.run_module('toolkit.runtime.answers', run_name='__main__')"
    )
    words = [str(WEIGHTS), str(tmp_path / "crops.npz"), str(tmp_path / "out.npz")]
    subprocess.run([sys.executable, "-c", program, *words], check=True, capture_output=True)
    with np.load(tmp_path / "out.npz") as found:
        for name, value in answers(WEIGHTS, crops).items():
            np.testing.assert_array_equal(found[name], value)
