"""What ships in the package: whole, described, and still the points of its bundle."""

import json
from pathlib import Path

import pytest

from toolkit import bundle
from toolkit.cli import main
from toolkit.landmarkers import WEIGHTS, open_model, released
from toolkit.runtime import sidecar


@pytest.mark.slow
def test_the_bundled_files_keep_their_budgets(capsys: pytest.CaptureFixture[str]) -> None:
    """`sdhrnet verify` passes on them, from their sidecars alone."""
    assert main(["verify", str(WEIGHTS), "--json"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {r["precision"] for r in records} == {"float16", "int8"} and all(r["ok"] for r in records)


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_each_file_belongs_to_the_bundled_bundle(precision: str) -> None:
    """Its source hash is the bundle's, whose card says what its data allows."""
    folder = next(path for path in WEIGHTS.iterdir() if path.is_dir())
    assert sidecar.read(released(precision)).source_bundle == bundle.digest(folder)
    assert "research use only" in bundle.read(folder).card.data["licence"]
    assert open_model(released(precision)).size_px == bundle.read(folder).card.size_px


def test_a_missing_precision_is_named(tmp_path: Path) -> None:
    """With what to do instead."""
    with pytest.raises(FileNotFoundError, match="--model"):
        released("float128")
