"""The whole road: its folder is its own. (`make demo` walks it in full.)"""

from pathlib import Path

import pytest

from toolkit.road import Quickstart, _claim


def test_a_folder_belongs_to_one_run(tmp_path: Path) -> None:
    """The same settings go on; others are refused before anything is written."""
    _claim(Quickstart(out=tmp_path / "run"))
    _claim(Quickstart(out=tmp_path / "run"))
    with pytest.raises(ValueError, match="other settings"):
        _claim(Quickstart(out=tmp_path / "run", seed=1))


def test_an_unknown_preset_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(ValueError, match="tiny, cpu or paper"):
        Quickstart(preset="huge")
