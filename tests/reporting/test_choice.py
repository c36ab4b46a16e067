"""Which file to ship: among proven ones, the fastest of the nearly most accurate; nothing where nothing is proven."""

from typing import Any

import pytest

from toolkit.core.records import Record
from toolkit.reporting import choice, pareto
from toolkit.reporting.converted import MeasuredFile
from toolkit.reporting.page import _file_facts
from toolkit.reporting.proofs import Proof
from toolkit.reporting.run import DataSplit, data_split

FACES = {"data": "faces", "split": "test"}


def row(name: str, error: float | None, time: float | None, *, ok: bool | None = True, **changes: Any) -> MeasuredFile:
    """A file as a run has it."""
    suffix, precision = (".mlpackage", "float16") if "mlpackage" in name else (".tflite", name)
    latency = None if time is None else {"median": time}
    fields = {
        "kind": "benchmark", "model": f"net-{name.removesuffix('.mlpackage')}{suffix}", "precision": precision,
        "nme_mean": error, "latency_ms": latency, "threads": 1, "size_bytes": 2_000_000, **FACES, **changes,
    }  # fmt: skip
    proof = None if ok is None else Proof(ok=ok, figures={"mean_px": 0.05, "worst_px": 0.21})
    return MeasuredFile(record=Record(fields), proof=proof, title=name)


def where() -> DataSplit:
    """Of all rows."""
    return data_split(row("int8", 1, 1).record)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row("float32", 5.0, 2.0), row("int8", 5.09, 1.0)], "net-int8.tflite"),
        ([row("float32", 5.0, 2.0), row("int8", 5.2, 1.0)], "net-float32.tflite"),
        ([row("float32", 5.0, 2.0), row("int8", 4.9, 1.0, ok=False)], "net-float32.tflite"),
        ([row("float32", 5.0, 2.0), row("int8", 4.9, 1.0, ok=None)], "net-float32.tflite"),
        ([row("float32", 5.0, 2.0), row("int8", 4.9, 1.0, threads=2)], "net-float32.tflite"),
        ([row("float32", 5.0, 2.0), row("16.mlpackage", 4.9, 0.1)], "net-float32.tflite"),
        ([row("float32", 5.0, None)], None),
    ],
    ids=["nearly as accurate", "too far off", "refused", "not proven", "two threads", "another engine", "not timed"],
)
def test_the_cpus_file_is_proven_accurate_and_fast(rows: list[MeasuredFile], expected: str | None) -> None:
    """In that order."""
    found = choice.for_cpu(rows, where())
    assert (found and found.record.model) == expected


HERE, THERE = {"device": "a slow CPU"}, {"device": "a fast CPU"}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ([row("float32", 5.0, 1.5, **THERE, imported=True)], ("net-int8.tflite", 3.0)),
        ([row("int8", 5.0, 0.9, **THERE, ok=False)], ("net-int8.tflite", 3.0)),
        ([row("float32", 5.0, 1.5, **THERE), row("int8", 5.0, 1.6, **THERE)], ("net-float32.tflite", 1.5)),
    ],
    ids=["imported", "another that is refused", "a newer benchmark"],
)
def test_times_of_one_machine_alone_are_compared(more: list[MeasuredFile], expected: tuple[str, float]) -> None:
    """Of the newest that was not imported; in the plot too, where competitors were timed elsewhere."""
    rows = [row("float32", 5.0, 4.0, **HERE), row("int8", 5.0, 3.0, **HERE), *more]
    found = choice.for_cpu(rows, where())
    assert found and (found.record.model, choice.call_ms(found)) == expected
    sound = [r for r in rows if r.sound]
    (fastest,) = (fact for fact in _file_facts(sound, where()) if fact.label == "Fastest proven file")
    assert fastest.cell.text == f"{expected[1]:.2f}"
    peer = row("float32", 6.0, 1.0, model="mediapipe", peer=True, device="a third CPU")
    plot = pareto.latency([*sound, peer], where())
    assert plot is not None and len(plot.table.rows) == 2 and plot.table.rows[0][1].text == fastest.cell.text


def test_imported_times_count_where_there_are_no_others() -> None:
    """A run that was measured on a phone alone."""
    rows = [row("float32", 5.0, 4.0, **HERE, imported=True), row("int8", 5.0, 3.0, **HERE, imported=True)]
    found = choice.for_cpu(rows, where())
    assert found and found.record.model == "net-int8.tflite"


def test_each_engine_gets_its_file() -> None:
    """Half precision for GPUs, int8 for NPUs, CoreML for Apple; where there is none, how to make one."""
    rows = [row("float32", 5.0, 2.0), row("float16", 5.0, 2.1), row("int8", 5.05, 1.0), row("16.mlpackage", None, None)]
    table = choice.table(rows, where())
    assert {line[0].text: line[1].text for line in table.rows} == {
        "CPU": "net-int8.tflite",
        "GPU": "net-float16.tflite",
        "NPU": "net-int8.tflite",
        "Apple devices": "net-16.mlpackage",
    }
    assert [line[3].text for line in table.rows] == ["1.00"] + ["not timed"] * 3
    assert (table.rows[2][5].text, table.rows[2][5].note) == ("0.050", "0.21")
    nothing = choice.table([row("float32", 5.0, 2.0, ok=False)], where())
    assert {line[1].text for line in nothing.rows} == {"no proven file yet"}


def test_a_line_says_what_was_chosen() -> None:
    """Error, time, size and proof, each with its unit; what is not known is left out."""
    assert choice.sentence(row("int8", 5.05, 1.0)) == (
        "ship net-int8.tflite: NME 5.05 %, 1.00 ms a face, 2.00 MB, proven: points moved by 0.050 px on average, "
        "by 0.21 px at most"
    )
    assert choice.sentence(row("int8", None, None)).startswith("ship net-int8.tflite: 2.00 MB")


def test_of_several_networks_the_most_accurate_is_taken_where_no_time_decides() -> None:
    """Whichever comes first among the records, and one that was not scored last of all."""
    rows = [
        row("float16", None, None, model="unscored-float16.tflite"),
        row("float16", 5.2, None, model="worse-float16.tflite"),
        row("float16", 3.2, None, model="better-float16.tflite"),
    ]
    shown = {line[0].text: line[1].text for line in choice.table(rows, where()).rows}
    assert shown["GPU"] == "better-float16.tflite"
