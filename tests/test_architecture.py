"""The map and the rules for contributors name what is there, and leave no room out."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAP = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PATH = re.compile(r"`((?:toolkit|tools|tests|docs|deploy|results|notebooks)/[\w./-]*)`")


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_every_path_that_is_named_is_there(page: str) -> None:
    """Files and folders; a name in capitals stands for any."""
    named = PATH.findall((ROOT / page).read_text(encoding="utf-8"))
    assert len(named) > 8
    assert [path for path in named if "NAME" not in path and not (ROOT / path).exists()] == []


def test_every_room_is_on_the_map() -> None:
    """Folders and loose modules of the package, in the order of the import contract."""
    rooms = [path.name for path in (ROOT / "toolkit").iterdir() if path.is_dir() and path.name[0] not in "._"]
    rooms += [path.name for path in (ROOT / "toolkit").glob("*.py") if path.name != "__init__.py"]
    assert [room for room in rooms if f"`toolkit/{room}" not in MAP] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = [c for c in project["tool"]["importlinter"]["contracts"] if c["type"] == "layers"]
    table = MAP[MAP.index("## The rooms") :]
    layers = [[part.strip().removeprefix("toolkit.") for part in layer.split("|")] for layer in contract["layers"]]
    places = [[table.index(f"`{'' if part == 'tools' else 'toolkit/'}{part}") for part in layer] for layer in layers]
    assert places == sorted(places) and all(places[i][-1] < places[i + 1][0] for i in range(len(places) - 1))
