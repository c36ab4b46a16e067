"""Engines in environments of their own: what they say, and how they fail."""

import sys
from pathlib import Path

import numpy as np
import pytest

from toolkit.export.engines import About, answers, environment

TOLD: About = {"engine": "a simulator", "operations": 90, "taken": 88, "parts": 2, "left": ["ArgMax", "Cast"]}
LOG = """INFO: created
ERROR: Following operations are not supported by GPU delegate:
ARG_MAX: Tensor type(INT64) is not supported.
DEQUANTIZE:
500 operations will run on the GPU, and the remaining 54 operations will run on the CPU.
"""


def worker(root: Path, program: str) -> None:
    """Put a program in the place of an engine's Python."""
    place = root / "bin" / "python"
    place.parent.mkdir(parents=True)
    place.write_text(f"#!{sys.executable}\n{program}")
    place.chmod(0o755)


def test_an_engine_that_fails_is_heard(tmp_path: Path) -> None:
    """Its last words are in the message."""
    worker(tmp_path, "import sys\nsys.exit('no such chip')")
    with pytest.raises(ValueError, match=r"htp failed on a\.onnx with status 1: no such chip"):
        answers(tmp_path, "htp", Path("a.onnx"), [np.zeros((64, 64, 3), np.uint8)])


@pytest.mark.parametrize("engine", ["htp", "gpu"])
def test_what_the_engine_says_becomes_points_and_shares(tmp_path: Path, engine: str) -> None:
    """Points from crop sides to pixels; of the GPU's log, the operations taken and those refused with their reason."""
    program = (
        "import sys, json, numpy as np\n"
        "engine, model, crops, out = sys.argv[2:]\n"
        "crops = np.load(crops)\n"
        "points = np.full((len(crops), 3, 2), 0.5, np.float32) + crops.mean() / 255\n"
        f"sys.stderr.write({LOG!r})\n"
        f"about = json.dumps({TOLD if engine == 'htp' else {'engine': 'a gpu', 'whole': False}!r})\n"
        "np.savez(out, points=points, confidence=np.ones((len(crops), 3), np.float32), about=about)\n"
    )
    worker(tmp_path, program)
    predictions, about = answers(tmp_path, engine, Path("a.onnx"), [np.zeros((64, 64, 3), np.uint8)] * 2)  # type: ignore[arg-type]
    assert [p.points_xy.tolist() for p in predictions] == [[[31.5, 31.5]] * 3] * 2
    if engine == "htp":
        assert about == TOLD
    else:
        assert (about["operations"], about["taken"]) == (554, 500)
        assert about["left"] == ["ARG_MAX: Tensor type(INT64) is not supported.", "DEQUANTIZE:"]


def test_an_engine_that_was_not_made_is_told_how(tmp_path: Path) -> None:
    """By the command that makes it."""
    with pytest.raises(FileNotFoundError, match=r"no gpu engine at .*: run `make verify-engines`"):
        environment(tmp_path, "gpu")
