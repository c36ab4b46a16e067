"""A contender's measurements as a record, and records as a table on a terminal."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toolkit.benchmark import peers
from toolkit.benchmark.clock import Times
from toolkit.benchmark.contender import Contender
from toolkit.benchmark.described import read_description
from toolkit.core.records import Fields, Record, of
from toolkit.core.zoo import is_bundle
from toolkit.report.proofs import Proofs
from toolkit.runtime.timing import Latency

SAME = "same boxes"
OWN = "own detector"
REFERENCE = "a reference interpreter, whose speed says nothing of a device"


def name(contender: Contender) -> str:
    """Model and engine, which decide where the points are."""
    return f"{contender.source.what} on {contender.engine}"


def record(contender: Contender, fields: dict[str, Any], latency: Latency | None, stages: Times) -> dict[str, Any]:
    """What a contender is, and its times; accuracy and conditions are added by the stage."""
    missing = contender.reason or (REFERENCE if latency is None else "")
    identity = {k: v for k, v in contender.identity.items() if k != "size_px"}
    return {
        "kind": "benchmark",
        **identity,
        "input_px": contender.frame.size_px,
        "engine": contender.engine,
        **fields,
        "boxes": SAME,
        "latency_ms": None if latency is None else dataclasses.asdict(latency),
        "stages_ms": stages or None,
        "not_measured": missing or None,
    }


def file_of(contender: Contender) -> Path | None:
    """The converted file of a contender; None for what is none."""
    what = contender.source.what
    if what.startswith("mediapipe"):
        return peers.mesh_file()
    path = Path(what)
    if path.suffix == ".json":
        return path.parent / read_description(path).file
    return path if path.suffix in (".tflite", ".onnx") and not is_bundle(path) else None


HEADS = (
    "model",
    "engine",
    "thr",
    "NME %",
    "FR@10 %",
    "ms median",
    "p90",
    "cpu ms",
    "start ms",
    "MB",
    "memory MB",
    "ops",
)


def table(lines: Sequence[Fields]) -> str:
    """Records as aligned columns: those of the same boxes, then each behind its own detector."""
    records, parts = of(lines), []
    titles = Proofs(records)
    for boxes, title in ((SAME, ""), (OWN, "each with its own detector, on whole pictures")):
        chosen = [r for r in records if r["boxes"] == boxes]
        if chosen:
            cells = [_cells(r, titles.title(r)) for r in chosen]
            parts.append("\n".join(filter(None, [title, *_columns([HEADS, *cells])])))
    notes = [f"{r['model']} on {r['engine']}: {r['not_measured']}" for r in records if r.get("not_measured")]
    return "\n\n".join([*parts, *(["not measured:\n" + "\n".join(dict.fromkeys(notes))] if notes else [])])


def _cells(r: Record, title: str) -> tuple[str, ...]:
    times, start = r["latency_ms"] or {}, r.get("cold_start_ms") or {}
    found = "" if r["boxes"] == SAME else f" ({r['found']} of {r['n_faces']} found)"
    return (
        title + found,
        r["engine"],
        str(r["threads"]),
        _number(r.get("nme_mean"), 2),
        _number(r.get("fr10"), 2),
        _number(times.get("median"), 2),
        _number(times.get("p90"), 2),
        _number(times.get("cpu_median"), 2),
        _number(start.get("total"), 0),
        _number(r.get("size_bytes"), 2, 1e6),
        _number(r.get("memory_bytes"), 0, 1e6),
        _number(r.get("operations"), 0),
    )


def _number(value: float | None, decimals: int, scale: float = 1.0) -> str:
    return "-" if value is None else f"{value / scale:.{decimals}f}"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
