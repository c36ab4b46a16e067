"""Which of the proven files to ship, for each kind of engine: the first thing that a report says."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from toolkit.reporting.converted import MeasuredFile, timed
from toolkit.reporting.run import DataSplit
from toolkit.reporting.table import Cell, Column, Table, cell, mapping, number, size, words

SLACK = 0.02
"""A file for the CPU may have this much more error than the most accurate one, relative, where it is faster."""

ELSEWHERE = MappingProxyType(
    {
        "GPU": ("the most accurate in half precision, which is what they compute in", ".tflite", "float16"),
        "NPU": ("the most accurate in static int8, which is what most of them take", ".tflite", "int8"),
        "Apple devices": ("the most accurate in CoreML", ".mlpackage", "float16"),
    }
)
"""What no time here decides: why a file is the one, its suffix and its precision."""


def table(rows: Sequence[MeasuredFile], where: DataSplit | None) -> Table:
    """A row for each kind of engine, by proven files alone: the most accurate one where times are not known."""
    sound = [row for row in rows if row.sound and (row.where == where or row.record.get("nme_mean") is None)]
    chosen = for_cpu(rows, where)
    lines = [_line("CPU", chosen, f"the fastest within {100 * SLACK:g} % of the most accurate", timed=True)]
    for place, (why, suffix, precision) in ELSEWHERE.items():
        fitting = [r for r in sound if r.record.model.endswith(suffix) and r.record.get("precision") == precision]
        best = min(fitting, key=_error, default=None)
        lines.append(_line(place, best, why, timed=False))
    columns = (
        Column(label="For", numeric=False),
        Column(label="File", numeric=False),
        Column(label="NME", unit="%"),
        Column(label="Time", unit="ms, one thread"),
        Column(label="Size", unit="MB"),
        Column(label="Points moved", unit="px, mean and worst"),
    )
    return Table(caption="Ship this", columns=columns, rows=tuple(lines))


def for_cpu(rows: Sequence[MeasuredFile], where: DataSplit | None) -> MeasuredFile | None:
    """The fastest proven TFLite file on one device, of those nearly as accurate as the most accurate; None without."""
    scored = [
        row
        for row in rows
        if row.sound and row.record.model.endswith(".tflite") and number(row.record.get("nme_mean")) is not None
    ]
    judged = [
        (row, error, time)
        for row in timed(scored, where)
        if (error := number(row.record.get("nme_mean"))) is not None and (time := call_ms(row)) is not None
    ]
    if not judged:
        return None
    limit = (1 + SLACK) * min(error for _, error, _ in judged)
    return min((each for each in judged if each[1] <= limit), key=lambda each: each[2])[0]


def _error(row: MeasuredFile) -> float:
    """NME in percent; infinite where it was not measured."""
    error = number(row.record.get("nme_mean"))
    return math.inf if error is None else error


def call_ms(row: MeasuredFile) -> float | None:
    """Median time of a call on one thread."""
    return number(mapping(row.record.get("latency_ms")).get("median")) if row.record.get("threads") == 1 else None


def sentence(row: MeasuredFile) -> str:
    """One file in a line, for a terminal."""
    record, moved = row.record, row.proof.figures if row.proof else {}
    parts = (
        (record.get("nme_mean"), "NME {:.2f} %"),
        (call_ms(row), "{:.2f} ms a face"),
        (None if record.get("size_bytes") is None else record["size_bytes"] / 1e6, "{:.2f} MB"),
        (moved.get("mean_px"), "proven: points moved by {:.3f} px on average"),
        (moved.get("worst_px"), "by {:.2f} px at most"),
    )
    return f"ship {record.model}: " + ", ".join(text.format(value) for value, text in parts if value is not None)


def _line(place: str, row: MeasuredFile | None, why: str, *, timed: bool) -> tuple[Cell, ...]:
    if row is None:
        return (words(place, why), words("no proven file yet", "sdhrnet convert, sdhrnet verify"), *(cell(None),) * 4)
    record, moved = row.record, row.proof.figures if row.proof else {}
    time = cell(call_ms(row)) if timed else Cell(text="not timed", tone="missing", note="no such engine here")
    return (
        words(place, why),
        words(record.model, f"proven on {record['engine']}" if record.get("engine") else ""),
        cell(number(record.get("nme_mean"))),
        time,
        size(record.get("size_bytes")),
        _moved(moved),
    )


def _moved(figures: Mapping[str, float]) -> Cell:
    """How far the file's points lie from the network's own: on average, and the farthest one below."""
    mean, worst = cell(figures.get("mean_px"), 3), figures.get("worst_px")
    return replace(mean, note=f"{worst:.2f}") if worst is not None else mean
