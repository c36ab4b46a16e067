"""Ways to convert side by side: what is there is measured, what is not installed is left out."""

import json
from pathlib import Path

import pytest

from toolkit.core.progress import finish
from toolkit.export.static_int8 import Way
from tools.ablations import conversions
from tools.ablations.conversions import WAYS, Batch, Conversions, Made, run


def fail() -> None:
    raise AssertionError("nothing was to be made")


@pytest.mark.slow
def test_files_that_are_there_are_measured_again(converted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By turns, each with its parity and its operations; litert-torch is not there, and not asked for."""
    made = {p: Made(converted.file(f"{p}.tflite"), p) for p in ("float32", "int8")}
    second = Made(tmp_path / "absent.tflite", "float32", "litert-torch")
    batches = {"points": Batch(made, fail), "litert-torch": Batch({"float32 by litert-torch": second}, fail)}
    monkeypatch.setattr(conversions, "_batches", lambda *_: dict(batches))
    monkeypatch.setattr(conversions, "find_spec", lambda _: None)
    options = Conversions(bundle=converted.bundle, calibration=2, faces=2, runs=3, out=tmp_path)
    outcome = finish(run(options))
    assert [r["variant"] for r in outcome.records] == list(made)
    for r in outcome.records:
        assert r["latency_ms"]["runs"] == 3 and r["latency_ms"]["median"] > 0
        assert r["operations"] > 0 and r["mean_px"] < 0.35 and r["n"] == 2
    lines = (tmp_path / "results.jsonl").read_text().splitlines()
    assert [json.loads(line)["variant"] for line in lines] == list(made)
    assert all(variant in outcome.text for variant in made)


def test_a_file_of_another_bundle_is_made_again(tmp_path: Path) -> None:
    """One without a sidecar, too."""
    (tmp_path / "a.tflite").write_bytes(b"a file")
    assert not Batch({"a": Made(tmp_path / "a.tflite", "float32")}, fail).ready("digest")


def test_each_way_leaves_out_one_step() -> None:
    """Of those that ship."""
    for way in WAYS.values():
        assert sum(getattr(way, name) != getattr(Way(), name) for name in Way.__dataclass_fields__) == 1


@pytest.mark.parametrize("field", ["calibration", "faces", "runs"])
def test_nothing_to_measure_on_is_refused(tmp_path: Path, field: str) -> None:
    """At once."""
    with pytest.raises(ValueError, match="at least 1"):
        Conversions(bundle=tmp_path, **{field: 0})
