"""`sdhrnet models`: what is told of each released model is what its card and its files say."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.cli import main
from toolkit.core.zoo import MAIN, names, resolve


def test_it_lists_every_released_model_with_its_files(capsys: pytest.CaptureFixture[str]) -> None:
    """The main one first; paths that are there, the test faces by name, the terms, and what a name stands for."""
    assert main(["models"]) == 0
    text = capsys.readouterr().out
    blocks = text.split("\n\n")
    assert blocks[0].startswith(f"{MAIN} (taken where none is named)") and len(blocks) == len(names()) + 1
    assert "NME 3.07 %, FR@10 0.0 % on 300W subset: Helen test 330 + LFPW test 224 (554 faces)" in blocks[0]
    for name, block in zip(sorted(names(), key=lambda name: (name != MAIN, name)), blocks, strict=False):
        assert f"file:    {resolve(name)} (" in block and f"bundle:  {resolve(name, 'bundle')} (" in block
        assert re.search("licence: (Trained on|Made from)", block)
    assert f"{MAIN}-float16.mlpackage (" in blocks[0] and "A name stands for the first file" in blocks[-1]


def test_a_program_reads_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """A record each; sizes in bytes; a time that was not measured is null."""
    assert main(["models", "--json"]) == 0
    records = {r["name"]: r for r in map(json.loads, capsys.readouterr().out.splitlines())}
    assert records.keys() == set(names())
    first = records[MAIN]
    assert (first["points"], first["input_px"], first["latency_ms"]) == (68, 160, None)
    assert first["test"]["nme_mean"] == pytest.approx(3.0699) and Path(first["file"]) == resolve(MAIN)
    assert all(Path(file["path"]).exists() and file["size_bytes"] > 1e6 for file in first["files"].values())


def test_it_needs_no_torch() -> None:
    """As a device has none."""
    code = "import sys; from toolkit.cli import main; main(['models', '--quiet']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
