"""What comes out of a benchmark: a record of each candidate, a table for a terminal, a picture of the worst faces."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from toolkit.benchmarking import competitors
from toolkit.benchmarking.candidates import Candidate
from toolkit.benchmarking.described import read_description
from toolkit.benchmarking.framing import Framing
from toolkit.benchmarking.timing import Timing
from toolkit.core import metrics
from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.draw import FaceStyle, captioned, contact_sheet, draw_landmarks
from toolkit.core.images import write_png
from toolkit.core.records import Fields, Record, called, of
from toolkit.core.schemes import Scheme
from toolkit.core.zoo import is_bundle
from toolkit.data.crops import PlainCrops
from toolkit.reporting.proofs import Proofs

SAME = "same boxes"
OWN = "own detector"
REFERENCE = "a reference interpreter, whose speed says nothing of a device"
TILE_PX = 224
ALIKE = 0.002
"""Mean difference of a face's NME below which two models say the same: another precision or engine."""
TRUTH = FaceStyle(sure=(0, 158, 115), line=(0, 158, 115))
"""Labels are green; predictions keep their usual blue dots on yellow lines."""


def record(candidate: Candidate, fields: Fields, timing: Timing | None) -> dict[str, Any]:
    """What a candidate is, and its times; accuracy and conditions are added by the stage."""
    missing = candidate.reason or (REFERENCE if timing is None else "")
    identity = {k: v for k, v in candidate.identity.items() if k != "size_px"}
    return {
        "kind": "benchmark",
        **identity,
        "input_px": candidate.framing.size_px,
        "engine": candidate.engine,
        **fields,
        "boxes": SAME,
        "latency_ms": None if timing is None else dataclasses.asdict(timing.call),
        "stages_ms": None if timing is None else timing.stages,
        "not_measured": missing or None,
    }


def file_of(candidate: Candidate) -> Path | None:
    """The converted file of a candidate; None for what is none."""
    what = candidate.source.what
    if what.startswith("mediapipe"):
        return competitors.mesh_file()
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
    titles = _titles(records)
    for boxes, title in ((SAME, ""), (OWN, "each with its own detector, on whole pictures")):
        chosen = [r for r in records if r["boxes"] == boxes]
        if chosen:
            cells = [_cells(r, titles[r.file_sha256, called(r)]) for r in chosen]
            parts.append("\n".join(filter(None, [title, *columns([HEADS, *cells])])))
    notes = [f"{called(r)} on {r['engine']}: {r['not_measured']}" for r in records if r.get("not_measured")]
    return "\n\n".join([*parts, *(["not measured:\n" + "\n".join(dict.fromkeys(notes))] if notes else [])])


def _titles(records: Sequence[Record]) -> dict[tuple[str | None, str], str]:
    """What to call each network, by its hash and name: with the hash where several have one name, and the caution."""
    proofs = Proofs(records)
    named = {(r.file_sha256, called(r)): proofs.caution(r) for r in records}
    several = {name for name, count in Counter(name for _, name in named).items() if count > 1}
    found = {}
    for (digest, name), caution in named.items():
        added = ", ".join(filter(None, [(digest or "")[:7] if name in several else "", caution]))
        found[digest, name] = f"{name} ({added})" if added else name
    return found


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


def columns(rows: Sequence[Sequence[str]], left: int = 2) -> list[str]:
    """Lines of aligned cells, the first `left` to the left, the others, numbers, to the right; as wide as they are."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def draw_worst(
    path: Path,
    able: Sequence[Candidate],
    points: Mapping[str, FloatArray],
    crops: Mapping[Framing, PlainCrops],
    count: int,
) -> None:
    """A contact sheet of the faces with the largest errors: a row for each model, its `count` worst from left to right.

    Prediction and truth are drawn. It shows faces of the data set: for a report that stays on this machine.

    Args:
        path: the PNG to write.
        able: candidates; of several that say the same, as one network's files do, the first is drawn.
        points: (N, M, 2) in crop pixels, by the candidates' names.
        crops: by the candidates' framings.
        count: faces of each.
    """
    drawn: list[FloatArray] = []
    tiles = []
    for candidate in able:
        cut = crops[candidate.framing]
        found = points[candidate.name]
        errors = np.nan_to_num(metrics.nme(found, cut.points_xy, cut.faces.scheme), nan=-1.0)
        if any(np.abs(errors - other).mean() < ALIKE for other in drawn):
            continue
        drawn.append(errors)
        for index in np.argsort(-errors)[:count].tolist():
            text = f"{100 * errors[index]:.1f} %  {called(candidate.identity)}"
            tile = _tile(cut.images[index], found[index], cut.points_xy[index], cut.faces.scheme)
            tiles.append(captioned(tile, text))
    write_png(path, contact_sheet(tiles, columns=min(count, len(next(iter(crops.values())).images))))


def _tile(image: ImageArray, found_xy: FloatArray, true_xy: FloatArray, scheme: Scheme) -> ImageArray:
    scale = TILE_PX / len(image)
    large = np.asarray(cv2.resize(image, (TILE_PX, TILE_PX), interpolation=cv2.INTER_CUBIC), np.uint8)
    labelled = draw_landmarks(large, (true_xy + 0.5) * scale - 0.5, scheme, style=TRUTH)
    return draw_landmarks(labelled, (found_xy + 0.5) * scale - 0.5, scheme)
