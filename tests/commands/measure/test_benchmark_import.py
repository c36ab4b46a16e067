"""Records made elsewhere: what is taken in, and what is refused in a line."""

import json
from pathlib import Path

import pytest

from toolkit.commands.measure.benchmark_import import ImportRecords, run
from toolkit.core.files import read_lines, write_json
from toolkit.core.progress import finish
from toolkit.core.records import check_order
from toolkit.reporting.readme.blocks import render

WEB = {
    "kind": "benchmark", "model": "face-int8.tflite", "file_sha256": "ab", "precision": "int8", "size_bytes": 1767312,
    "seed": None, "engine": "litertjs-wasm 2.5.3", "data": None, "split": None, "n": None, "nme_mean": None,
    "parity": {"mean_px": 0.09}, "latency_ms": {"median": 4.1, "p90": 4.9, "runs": 50, "warmup": 10},
    "device": "Pixel 6 Pro, Android 14, 8 cores", "threads": 1, "commit": "1", "versions": {"litertjs": "2.5.3"},
}  # fmt: skip
"""As the web page exports it."""


def taken(folder: Path, *files: Path) -> list[dict[str, object]]:
    finish(run(ImportRecords(files=files, results=folder / "results.jsonl")))
    return read_lines(folder / "results.jsonl")


def test_one_a_list_or_one_a_line(tmp_path: Path) -> None:
    """All fields kept; a record of the same measurement is replaced, one of another device is not."""
    one, many, lines = (tmp_path / name for name in ("one.json", "many.json", "lines.jsonl"))
    one.write_text(json.dumps(WEB))
    many.write_text(json.dumps([WEB | {"nme_mean": 5.0}, WEB | {"device": "iPhone"}]))
    lines.write_text(json.dumps(WEB | {"engine": "litertjs-webgpu 2.5.3", "latency_ms": None, "nme_mean": 5.1}) + "\n")
    found = taken(tmp_path, one, many, lines)
    assert [(r["device"][:6], r["engine"][:11], r["nme_mean"]) for r in found] == [
        ("Pixel ", "litertjs-wa", 5.0), ("iPhone", "litertjs-wa", None), ("Pixel ", "litertjs-we", 5.1),
    ]  # fmt: skip
    assert found[0].items() >= (WEB | {"nme_mean": 5.0, "boxes": "same boxes", "imported": True}).items()


def test_what_is_taken_in_stands_in_a_readmes_tables(tmp_path: Path) -> None:
    """An accuracy without a time, and a pipeline that does not say how many faces it found."""
    bare = {"kind": "benchmark", "model": "a.tflite", "engine": "e", "device": "d", "nme_mean": 5.0, "commit": None}
    write_json(tmp_path / "r.json", [bare, bare | {"boxes": "own detector"}])
    text = render(taken(tmp_path, tmp_path / "r.json"))
    assert "| `a.tflite` | e | 1 | 5.00 % | not measured | not measured |" in text
    assert "| `a.tflite` | e | not measured | 5.00 % |" in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "evaluate"}, 'kind: expected "benchmark", got "evaluate"'),
        ({"device": ""}, "device: expected text of 1 to 300 characters"),
        ({"model": 7}, "model: expected text of 1 to 300 characters, got 7"),
        ({"threads": "two"}, "threads: expected a whole number"),
        ({"latency_ms": {"median": 1}}, "latency_ms: has no field p90"),
        ({"latency_ms": {"median": -1, "p90": 1, "runs": 1, "warmup": 0}}, r"latency_ms\.median: .*got -1"),
        ({"latency_ms": {"median": 1e308, "p90": 1, "runs": 1, "warmup": 0}}, r"latency_ms\.median: .*got 1e\+308"),
        ({"nme_mean": "good"}, 'nme_mean: expected a number .*, got "good"'),
        ({"size_bytes": 10**18}, "size_bytes: expected a whole number"),
        ({"size_bytes": 10**400}, "a whole number is too large"),
        ({"data": ["300W"]}, "data: expected text"),
        ({"versions": 5}, "versions: expected an object"),
        ({"latency_ms": None}, "neither a time nor an accuracy"),
    ],
)
def test_a_record_that_is_none_is_refused_and_nothing_added(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    """The message names the file and the record."""
    path = tmp_path / "r.json"
    path.write_text(json.dumps([WEB, WEB | change]))
    with pytest.raises(ValueError, match=rf"r\.json.*{message}"):
        taken(tmp_path, path)
    assert not (tmp_path / "results.jsonl").exists()


def test_files_that_are_no_records(tmp_path: Path) -> None:
    """Missing, empty, not JSON."""
    with pytest.raises(FileNotFoundError, match="no file at"):
        taken(tmp_path, tmp_path / "missing.json")
    (tmp_path / "empty.json").write_text("[]")
    with pytest.raises(ValueError, match="holds no record"):
        taken(tmp_path, tmp_path / "empty.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ValueError, match="not valid JSON"):
        taken(tmp_path, tmp_path / "bad.json")
    with pytest.raises(ValueError, match="name at least one"):
        ImportRecords(files=())


def test_a_percentile_below_the_median_is_refused(tmp_path: Path) -> None:
    """Nine calls in ten take at least as long as half of them."""
    times = {"median": 5.0, "p90": 2.0, "runs": 9, "warmup": 1}
    with pytest.raises(ValueError, match="x: latency_ms: p90 cannot be below the median"):
        check_order(times, "x")
    record = {"kind": "benchmark", "model": "m", "engine": "e", "device": "d", "latency_ms": times}
    write_json(tmp_path / "r.json", record)
    options = ImportRecords(files=(tmp_path / "r.json",), results=tmp_path / "results.jsonl")
    with pytest.raises(ValueError, match="record 1: latency_ms: p90 cannot be below the median"):
        finish(run(options))
    assert not (tmp_path / "results.jsonl").exists()
