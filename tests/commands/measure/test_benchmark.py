"""The benchmark stage: one row for everything, with what cannot run; worst faces; the gate's exit status."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from toolkit.commands.measure import benchmark, robustness
from toolkit.commands.measure.benchmark import Benchmark
from toolkit.commands.measure.robustness import Robustness
from toolkit.core.files import read_lines
from toolkit.core.images import read_image
from toolkit.core.progress import Outcome, finish
from toolkit.core.zoo import released
from toolkit.detect import blazeface


def run(folder: Path, **more: object) -> Outcome:
    options = {"models": (released("int8"), released("float16")), "synthetic": 3, "runs": 3, "warmup": 1, "starts": 0}
    return finish(benchmark.run(Benchmark(**{**options, "results": folder / "results.jsonl", **more})))


@pytest.mark.slow
def test_ours_and_competitors_in_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same faces and run for all; stages and host in the record; an engine that is not here has a row and a
    reason; the same once more behind each one's detector; a sheet of the worst faces."""
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", None)
    more = {
        "competitors": ("mediapipe",),
        "engines": ("ai-edge-litert", "tflite-runtime"),
        "models": (released("int8"),),
    }
    outcome = run(tmp_path, **more, detector=True, worst=2, starts=1)
    ours, gone, mesh, ours_alone, mesh_alone = outcome.records
    assert {r["run"] for r in outcome.records} == {ours["run"]} and {r["data"] for r in outcome.records} == {
        ours["data"]
    }
    assert (ours["peer"], mesh["peer"], mesh["model"]) == (False, True, "mediapipe")
    for record in (ours, mesh):
        times, stages = record["latency_ms"], record["stages_ms"]
        assert 0 < times["median"] <= times["p90"] and (times["runs"], times["warmup"]) == (3, 1)
        assert stages["network"]["median"] == times["median"] and stages["decode"] is None
        assert stages["detect"] == ours["stages_ms"]["detect"] and stages["crop"]["median"] > 0
        assert record["operations"] > 50 and record["macs"] > 1e6 and 0.9 < record["delegated_share"] <= 1
        assert record["cold_start_ms"]["total"] > 0 and record["memory_bytes"] > 1e5 and record["n"] == 3
        assert record["host"]["cores"] >= 1 and record["host"]["load_1min_after"] >= 0
        assert len(record["errors_percent"]) == 3 and record["nme_mean"] < 15
    assert gone["latency_ms"] is None and gone["nme_mean"] is None
    assert "tflite-runtime is not installed" in gone["not_measured"] and gone["not_measured"] in outcome.text
    for record in (ours_alone, mesh_alone):
        assert record["boxes"] == "own detector" and record["n_faces"] == 3 and 0 <= record["found"] <= 3
        assert record["latency_ms"]["median"] > 0
    assert read_lines(tmp_path / "results.jsonl") == list(outcome.records)
    sheet = read_image(tmp_path / "worst.png")
    assert sheet.shape[1] == 2 * 224 + 3 * 4 and sheet.shape[0] > 2 * 224


@pytest.mark.slow
def test_the_gate_decides_the_exit_status(tmp_path: Path) -> None:
    """The same files again pass; a baseline that was more accurate is not kept up with."""
    finish_first = run(tmp_path)
    assert finish_first.ok
    baseline = tmp_path / "baseline.jsonl"
    baseline.write_text((tmp_path / "results.jsonl").read_text())
    same = run(tmp_path, against=baseline, latency_margin=1000.0)
    assert same.ok and same.records[-1]["kind"] == "gate" and "nothing got worse" in same.text
    better = [r | {"nme_mean": r["nme_mean"] - 1} for r in read_lines(baseline)]
    baseline.write_text("".join(json.dumps(r) + "\n" for r in better))
    worse = run(tmp_path, against=baseline, latency_margin=1000.0)
    assert not worse.ok and worse.text.count("worse: sdhrnet-68pt-160") == 2
    assert "gate" not in {r["kind"] for r in read_lines(tmp_path / "results.jsonl")}
    with pytest.raises(FileNotFoundError, match="no baseline at"):
        run(tmp_path, against=tmp_path / "none.jsonl")


@pytest.mark.slow
def test_robustness_records_every_condition_of_every_model(tmp_path: Path) -> None:
    """And flicker of both kinds of clips; a table with the middle levels."""
    options = Robustness(models=(released("int8"),), synthetic=4, every=2, clips=1, results=tmp_path / "r.jsonl")
    outcome = finish(robustness.run(options))
    (record,) = read_lines(tmp_path / "r.jsonl")
    assert record["data"].startswith("one in 2 of ") and record["data"].endswith("(2 faces)") and record["n"] == 2
    assert len(record["conditions"]) == 12
    assert all(np.isfinite(c["nme_mean"]).all() for c in record["conditions"].values())
    assert set(record["flicker_percent"]) == {"still face moved", "synthetic clip"}
    assert 0 < record["flicker_percent"]["still face moved"] < 5
    assert "face mask, 1 over nose and mouth" in outcome.text and "flicker %, synthetic clip" in outcome.text


def test_nothing_to_measure_is_an_error(tmp_path: Path) -> None:
    """No model and no competitor, or none that can run."""
    for stage in (Benchmark, Robustness):
        with pytest.raises(ValueError, match="name at least one model, folder or bundle, or a competitor"):
            stage()
    with pytest.raises(ValueError, match="must not be negative"):
        Benchmark(models=(tmp_path,), worst=-1)
    with pytest.raises(ValueError, match="every must be at least 1"):
        Robustness(models=(tmp_path,), every=0)


def test_a_missing_detector_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --detector, which needs one; the message names no option that this command does not have."""
    monkeypatch.setattr(blazeface, "inside", lambda package, inner: None)
    monkeypatch.setattr(benchmark, "timed", lambda *given: pytest.fail("timed"))
    with pytest.raises(FileNotFoundError, match=r"no face detector here: .*; photo, video and webcam also take"):
        run(tmp_path, models=(released("int8"),), detector=True)
