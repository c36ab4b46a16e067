"""The throughput benchmark: real trainings, counted, and its table."""

from pathlib import Path

import pytest

from toolkit.core.files import read_lines
from toolkit.core.progress import finish
from toolkit.pipelines.throughput import Throughput, run
from toolkit.reporting.readme.blocks import render


@pytest.mark.slow
def test_every_stage_is_counted(tmp_path: Path) -> None:
    """A record for each stage and size, which the table shows; a second run replaces them."""
    options = Throughput(out=tmp_path, sizes=(32,), batch=(2,), steps=1, device="cpu", processes=(1,), threads=(1,))
    for _ in range(2):
        outcome = finish(run(options))
    records = read_lines(tmp_path / "results.jsonl")
    assert [r["model"] for r in records] == ["teacher", "supernet", "distil"] and len(outcome.records) == 3
    assert all(r["faces_per_second"] > 0 and 0 < r["outside_percent"] < 100 for r in records)
    assert all(r["size_px"] == 32 and r["processes"] == 1 and r["commit"] for r in records)
    assert "| supernet | 32 px | float32 | 1 x 1 | 2 |" in render(records)


@pytest.mark.slow
def test_inference_is_counted_by_batch(tmp_path: Path) -> None:
    """A record for each batch; nothing is trained. A second run replaces them."""
    options = Throughput(
        out=tmp_path, inference=True, stages=("distil",), sizes=(32,), batch=(1, 4), steps=1, threads=(1,), device="cpu"
    )
    for _ in range(2):
        finish(run(options))
    records = read_lines(tmp_path / "results.jsonl")
    assert [(r["kind"], r["model"], r["batch"]) for r in records] == [("inference", "s-hrnet-300w", n) for n in (1, 4)]
    assert all(r["faces_per_second"] > 0 and r["size_px"] == 32 and r["commit"] for r in records)


def test_the_table_compares_with_one_thread() -> None:
    """Twice the processes gave 1.8 times the faces, twice the threads 1.5 times as many."""
    one = {
        "kind": "throughput", "model": "teacher", "data": "d", "split": "train", "n": 96, "size_px": 64,
        "precision": "float32", "processes": 1, "threads": 1, "batch": 16, "faces_per_second": 20.0,
        "outside_percent": 3.21, "device": "a machine", "commit": "f" * 40,
    }  # fmt: skip
    ways = [one | {"processes": 2, "faces_per_second": 36.0}, one | {"threads": 2, "faces_per_second": 30.0}]
    text = render([one, *ways])
    assert "| teacher | 64 px | float32 | 1 x 1 | 16 | 20.0 | 1.00 x | 3.2 % |" in text
    assert "| teacher | 64 px | float32 | 2 x 1 | 16 | 36.0 | 1.80 x | 3.2 % |" in text
    assert "| teacher | 64 px | float32 | 1 x 2 | 16 | 30.0 | 1.50 x | 3.2 % |" in text


def test_nothing_cannot_be_counted() -> None:
    """Before anything is trained."""
    with pytest.raises(ValueError, match="at least 1"):
        Throughput(steps=0)
