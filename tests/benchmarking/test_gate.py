"""The regression gate: accuracy by a margin, time relative to the other files of the same run."""

import copy
from typing import Any

import pytest

from toolkit.benchmarking.gate import against


def run_of(times: dict[str, float | None], nme: float = 5.0, **more: Any) -> list[dict[str, Any]]:
    """A record a file."""
    return [
        {"kind": "benchmark", "model": name, "engine": "e 1.0", "threads": 1, "data": "d", "split": "test",
         "boxes": "same boxes", "device": "cpu", "run": "monday", "nme_mean": nme,
         "latency_ms": None if ms is None else {"median": ms}, **more}
        for name, ms in times.items()
    ]  # fmt: skip


BASE = run_of({"a": 4.0, "b": 2.0, "c": 8.0})


def test_a_machine_that_is_slower_today_is_no_regression() -> None:
    """All three times as slow; another version of the engine and another run are the same measurement."""
    now = run_of({"a": 12.0, "b": 6.0, "c": 24.0}, engine="e 2.0", run="tuesday")
    verdict = against(now, BASE, 0.1, 0.1)
    assert verdict.breaches == () and verdict.notes == ()
    assert verdict.text == "nothing got worse than the baseline"


def test_one_file_that_got_slower_than_the_others_is() -> None:
    """Twice the time of one among three: 2 ** (2 / 3) against their mean; the margin decides."""
    now = run_of({"a": 4.0, "b": 4.0, "c": 8.0}, run="tuesday")
    (breach,) = against(now, BASE, 0.1, 0.5).breaches
    assert breach == "b on e, 1 threads: 1.59 times the baseline's time, relative to the other files"
    assert against(now, BASE, 0.1, 0.6).breaches == ()


def test_processor_time_counts_where_both_have_it() -> None:
    """A busy machine that doubles one file's time on the clock but not on the processor is no regression."""

    def with_cpu(records: list[dict[str, Any]], times: list[float]) -> list[dict[str, Any]]:
        return [r | {"latency_ms": r["latency_ms"] | {"cpu_median": t}} for r, t in zip(records, times, strict=True)]

    busy = run_of({"a": 4.0, "b": 9.0, "c": 8.0}, run="tuesday")
    assert against(with_cpu(busy, [4, 2, 8]), with_cpu(BASE, [4, 2, 8]), 0.1, 0.1).breaches == ()
    assert len(against(with_cpu(busy, [4, 4, 8]), with_cpu(BASE, [4, 2, 8]), 0.1, 0.1).breaches) == 1
    assert len(against(with_cpu(busy, [4, 2, 8]), BASE, 0.1, 0.1).breaches) == 1, "the clock, for want of the other"


def test_accuracy_has_a_margin_of_its_own() -> None:
    """Percentage points; better is no breach; gone is one."""
    assert against(run_of({"a": 4.0}, 5.09), BASE, 0.1, 1).breaches == ()
    assert against(run_of({"a": 4.0}, 3.0), BASE, 0.1, 1).breaches == ()
    assert against(run_of({"a": 4.0}, 5.2), BASE, 0.1, 1).breaches == (
        "a on e, 1 threads: NME 5.20 %, in the baseline 5.00 %",
    )
    gone = run_of({"a": 4.0}) + run_of({"b": None})
    gone[0]["nme_mean"] = None
    text = against(gone, BASE, 0.1, 1).text
    assert "a on e, 1 threads: NME not measured" in text and "b on e, 1 threads: time not measured" in text


def test_what_cannot_be_compared_is_said() -> None:
    """Another device, a baseline of two runs, a single file, a file that is gone."""
    other = copy.deepcopy(BASE)
    assert against(run_of({"a": 99.0, "b": 1.0, "c": 1.0}, device="gpu"), BASE, 1, 0).notes == (
        "times, since the baseline is of another device",
    )
    other[0]["run"] = "sunday"
    assert against(BASE, other, 1, 1).notes == ("times, since the baseline's are of several runs",)
    notes = against(BASE[:1], BASE, 1, 1).notes
    assert notes[:2] == ("b on e, 1 threads is in the baseline alone", "c on e, 1 threads is in the baseline alone")
    assert notes[2] == "times, since a ratio needs two files that both runs timed"


def test_a_baseline_of_something_else_is_an_error() -> None:
    """Rather than a gate that passes by comparing nothing."""
    with pytest.raises(ValueError, match="no measurement in common"):
        against(run_of({"z": 1.0}), BASE, 1, 1)
    with pytest.raises(ValueError, match="no measurement in common"):
        against(BASE, [{**BASE[0], "kind": "evaluate"}], 1, 1)


def test_files_of_one_name_are_told_by_their_hash() -> None:
    """Each against itself, in whatever order; a new file against the only one it can replace, else not at all."""
    a, b, c = (run_of({"x.tflite": 1.0}, nme, file_sha256=f"{nme:064d}")[0] for nme in (5, 7, 9))
    assert against([b, a], [a, b], 0.1, 1).breaches == ()
    assert against([a, c], [a, b], 0.1, 1).breaches == ("x.tflite on e, 1 threads: NME 9.00 %, in the baseline 7.00 %",)
    assert against([c], [a, b], 0.1, 1).notes[0].endswith("is in the baseline alone under several files of this name")
    older = a | {"run": "sunday"}
    assert against([c], [older, b], 0.1, 1).breaches[0].endswith("in the baseline 7.00 %"), "the last run counts"
