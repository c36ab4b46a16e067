"""Converters run apart from the caller, and fail in words."""

import re
import shutil
from pathlib import Path

import pytest

from toolkit.core.progress import finish
from toolkit.core.schemes import COFW_29, W300_68
from toolkit.data import open_faces
from toolkit.data.sample import Subset
from toolkit.export import tools
from toolkit.export.golden import golden


def test_a_missing_library_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exact line to install it; the name is for the command line."""
    monkeypatch.setattr(tools, "find_spec", lambda name: None if name == "tensorflow" else object())
    with pytest.raises(ModuleNotFoundError, match=r"tensorflow: .*pip install '\.\[convert\]'") as caught:
        tools.require("onnx", "tensorflow")
    assert caught.value.name == "tensorflow"


def test_a_worker_runs_in_its_folder_and_says_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What it prints goes to its log."""
    (tmp_path / "loud.py").write_text("print('chatter'); open('made', 'w').close()")
    tools.run_apart("loud", tmp_path)
    assert (tmp_path / "made").exists()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("code", ["raise ValueError('no such operation')", "print('no such operation'); exit(3)"])
def test_a_failing_worker_leaves_its_log(tmp_path: Path, code: str) -> None:
    """Also where a library ends the process; the message has the last words and the log's path."""
    (tmp_path / "failing.py").write_text(code)
    with pytest.raises(ValueError, match="no such operation") as caught:
        tools.run_apart("failing", tmp_path)
    found = re.search(r"kept at (\S+)", str(caught.value))
    assert found
    log = Path(found[1])
    assert "no such operation" in log.read_text()
    shutil.rmtree(log.parent)


def test_golden_crops_are_spread_over_the_faces() -> None:
    """The same each time, with labels in crop pixels."""
    faces = open_faces(None, "val", 9)
    found = finish(golden(faces, W300_68, 64, 3, "crops"))
    assert [c.shape for c in found.crops] == [(64, 64, 3)] * 3
    assert found.truth_xy is not None
    assert found.truth_xy.shape == (3, 68, 2)
    assert ((found.truth_xy > 0) & (found.truth_xy < 63)).all()
    again = finish(golden(Subset(faces, [0, 4, 8], "some"), W300_68, 64, 3, "crops"))
    assert all((a == b).all() for a, b in zip(found.crops, again.crops, strict=True))


def test_golden_crops_of_another_scheme_have_no_labels() -> None:
    """68 labels say nothing about 29 points."""
    assert finish(golden(open_faces(None, "val", 2), COFW_29, 64, 2, "crops")).truth_xy is None


def test_no_faces_are_an_error() -> None:
    """The message names the set."""
    with pytest.raises(ValueError, match="empty has no faces"):
        finish(golden(Subset(open_faces(None, "val", 2), [], "empty"), W300_68, 64, 2, "crops"))
