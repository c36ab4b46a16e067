"""What a message tells to install, and files that lie in packages."""

import json
import sys
from pathlib import Path

import pytest

from toolkit.core import provenance
from toolkit.core.provenance import inside, install

CLONE = Path(__file__).parents[2]


class Installed:
    """A distribution that came from somewhere."""

    def __init__(self, url: str | None) -> None:
        self._about = None if url is None else json.dumps({"url": url})

    def read_text(self, name: str) -> str | None:
        """The one file that is asked for."""
        assert name == "direct_url.json"
        return self._about


def test_a_clone_is_installed_from_its_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As `.` when one is in it, else by its path: both can be typed as they are."""
    monkeypatch.chdir(CLONE)
    assert install("train") == "pip install '.[train]'"
    monkeypatch.chdir(tmp_path)
    assert install("train") == f"pip install '{CLONE}[train]'"


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("file:///home/me/my%20wheels/toolkit.whl", "/home/me/my wheels/toolkit.whl"),
        ("file:///home/me/clone", "/home/me/clone"),
        (None, provenance.WHEEL),
    ],
)
def test_elsewhere_it_is_what_it_was_installed_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str | None, source: str
) -> None:
    """The wheel's file or the folder that pip noted, or the wheel's name where it noted none."""
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "site-packages" / "toolkit" / "core" / "provenance.py"))
    monkeypatch.setattr(provenance, "distribution", lambda name: Installed(url))
    assert install("video") == f"pip install '{source}[video]'"


def test_a_file_inside_a_package_is_found_without_its_import(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A package that cannot be imported gives its file; what is missing is None."""
    package = tmp_path / "broken_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError")
    (package / "model.tflite").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert inside("broken_package", "model.tflite") == package / "model.tflite"
    assert inside("broken_package", "other.tflite") is None and inside("no_such_package", "model.tflite") is None
    assert "broken_package" not in sys.modules
