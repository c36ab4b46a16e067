"""How fast synthetic faces are drawn: the command's record and its table."""

from pathlib import Path

import pytest

from toolkit.commands.data import synthetic_throughput
from toolkit.commands.data.synthetic_throughput import SyntheticThroughput, run
from toolkit.core.files import read_lines
from toolkit.core.progress import finish
from toolkit.reporting.readme.blocks import render


def test_the_record_says_what_was_drawn_how_fast_and_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second measurement of the same replaces the first; the table shows the figure with its machine."""
    monkeypatch.setattr(synthetic_throughput, "WARM_UP", 2)
    results = tmp_path / "results.jsonl"
    for _ in range(2):
        outcome = finish(run(SyntheticThroughput(size=48, count=4, seed=3, scheme="cofw-29", results=results)))
    (record,) = read_lines(results)
    assert record == outcome.records[0]
    assert record["drawn"] == "synthetic faces v4, seed 3, 4, cofw-29" and record["size_px"] == 48
    assert record["faces_per_second"] > 1 and 0 < record["first_face_seconds"] <= record["warmup_seconds"]
    assert "opencv-contrib-python" in record["versions"] and record["device"]
    row = f"| {record['drawn']} | 48 px | {record['faces_per_second']:.0f} |"
    assert row in render([record]) and record["device"] in render([record])


@pytest.mark.parametrize(
    ("bad", "message"), [({"count": 0}, "--count"), ({"size": 8}, "--size"), ({"seed": -1}, "--seed")]
)
def test_settings_that_make_no_sense_are_refused(bad: dict[str, int], message: str) -> None:
    """The error names the option."""
    with pytest.raises(ValueError, match=message):
        SyntheticThroughput(**bad)
