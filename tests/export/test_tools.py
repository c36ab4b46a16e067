"""Converters run apart from the caller, and fail in words."""

import re
import shutil
from pathlib import Path

import pytest

from toolkit.export import tools


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
