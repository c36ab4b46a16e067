"""One record, one identity: what tells two measurements apart, and what a results file keeps."""

from pathlib import Path
from typing import Any

import pytest

from toolkit.core.files import read_lines, write_lines
from toolkit.core.records import Record, append, latest, read

A, B = "a" * 64, "b" * 64


def line(**more: Any) -> dict[str, Any]:
    """A benchmark of one file."""
    same = {"kind": "benchmark", "model": "x.tflite", "engine": "e 1", "threads": 1, "device": "d", "data": "faces"}
    return {**same, "file_sha256": A, "split": "test", "boxes": "same boxes", **more}


def test_a_fresh_record_replaces_the_one_of_the_same_measurement(tmp_path: Path) -> None:
    """In a file of records, whose order is that of their age."""
    path = tmp_path / "r.jsonl"
    for record in (line(nme_mean=5.0), line(split="challenge"), line(nme_mean=4.0)):
        append(path, [record])
    assert [(r["split"], r.get("nme_mean")) for r in read(path)] == [("challenge", None), ("test", 4.0)]


def test_two_files_of_one_name_both_stay(tmp_path: Path) -> None:
    """By their hashes; two bundles of one stage, of two seeds, likewise."""
    path = tmp_path / "r.jsonl"
    seeds = [
        {"kind": "evaluate", "model": "slim", "name": "s", "file_sha256": sha, "seed": i}
        for i, sha in enumerate((A, B))
    ]
    append(path, [line(), line(file_sha256=B), *seeds])
    append(path, [line(file_sha256=B, nme_mean=3.0)])
    assert [r.file_sha256 for r in read(path)] == [A, A, B, B]
    assert read(path)[-1]["nme_mean"] == 3.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("kind", "evaluate"), ("model", "y.tflite"), ("engine", "e 2"), ("threads", 2), ("device", "phone")),
        *(("data", "others"), ("split", "val"), ("boxes", "own detector"), ("file_sha256", B)),
    ],
)
def test_whatever_tells_measurements_apart_is_in_the_key(name: str, value: object) -> None:
    """What was measured, of which file, on which data, engine, threads and device."""
    assert Record(line()).key() != Record(line(**{name: value})).key()
    assert Record(line()).key() == Record(line(run="tuesday", nme_mean=1.0)).key()


def test_a_record_without_a_hash_is_told_by_its_names() -> None:
    """Of older releases, and of what is no file: what it is called and was trained on."""
    old = {"kind": "evaluate", "model": "teacher", "name": "w18", "trained_on": "faces"}
    assert Record(old).key() == Record({**old, "file_sha256": None, "nme_mean": 4.0}).key()
    assert Record(old).key() != Record({**old, "trained_on": "others"}).key()


def test_a_recipe_followed_again_replaces_what_it_gave() -> None:
    """Its file is new each time and its machine may be another: one variant and seed is one measurement."""
    old = {"kind": "ablation", "ablation": "distil", "variant": "no peers", "seed": 1, "model": "distil"}
    again = {**old, "file_sha256": B, "device": "another"}
    assert latest([Record({**old, "file_sha256": A}), Record(again), Record({**old, "seed": 2})])[0].fields is again


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([], "no kind"),
        ({"model": "x"}, "no kind"),
        ({"kind": "parity", "file_sha256": 7}, "file_sha256: expected text .* or null, got 7"),
        ({"kind": "parity", "threads": True}, "threads: expected a whole number .* or null, got true"),
        ({"kind": "parity", "data": ["a"]}, "data: expected text"),
        ({"kind": "parity", "size_bytes": 10**18}, "size_bytes: expected a whole number"),
        ({"kind": "benchmark", "latency_ms": 5}, "latency_ms: expected an object or null, got 5"),
        ({"kind": "benchmark", "latency_ms": {"median": "1"}}, r"latency_ms\.median: expected a number"),
        ({"kind": "evaluate", "nme_mean": -1}, "nme_mean: expected a number from 0"),
    ],
)
def test_what_is_no_record_is_named_by_its_line(fields: object, message: str, tmp_path: Path) -> None:
    """When it is read, and before anything is added: the file stays as it was."""
    path = tmp_path / "r.jsonl"
    write_lines(path, [line(), fields])
    with pytest.raises(ValueError, match=rf"r\.jsonl:2 is not a measurement record: .*{message}"):
        append(path, [line()])
    assert read_lines(path) == [line(), fields]
