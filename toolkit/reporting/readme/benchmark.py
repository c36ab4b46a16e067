"""A benchmark's records as tables for a README: side by side, behind detectors, and under corruption."""

from collections.abc import Sequence
from typing import Any

from toolkit.core.records import Fields, Record, of
from toolkit.reporting.charts import standalone
from toolkit.reporting.comparison import lost, of_boxes
from toolkit.reporting.converted import MeasuredFile
from toolkit.reporting.pareto import latency
from toolkit.reporting.proofs import Proofs
from toolkit.reporting.run import OWN_DETECTOR, behind
from toolkit.reporting.table import TextTable, number

SAME = "same boxes"


def compared(lines: Sequence[Fields]) -> list[TextTable]:
    """A title, a header and rows for every table that these records give."""
    records = of(lines)
    proofs = Proofs(records)
    timed = [r for r in records if r["kind"] == "benchmark"]
    hard = [r for r in records if r["kind"] == "robustness"]
    found = [_same(of_boxes(timed, SAME), proofs)] if of_boxes(timed, SAME) else []
    found += [_own(of_boxes(timed, OWN_DETECTOR), proofs)] if of_boxes(timed, OWN_DETECTOR) else []
    found += [_corrupted(hard, proofs)] if hard else []
    found += [_corrupted_behind(hard, proofs)] if any(r.get("own_detector") for r in hard) else []
    found += [_flicker(hard, proofs)] if any(r.get("flicker_percent") for r in hard) else []
    return found


def in_short(lines: Sequence[Fields]) -> TextTable:
    """What one chooses by: accuracy, failures and time behind the model's own detector; then accuracy and time on the
    same boxes, that time against Face Mesh's, and the size. Each model on its usual engine, timed where Face Mesh was.

    Raises:
        ValueError: no benchmark with the mesh among the records.
    """
    records = of(lines)
    proofs, compared = Proofs(records), [r for r in records if r["kind"] == "benchmark"]
    timed = [r for r in of_boxes(compared, SAME) if r.get("threads") == 1 and _processor_ms(r) is not None]
    meshes = [r for r in timed if r.model == "mediapipe"]
    if not meshes:
        raise ValueError("no benchmark with --competitors mediapipe among the records: nothing to compare with")
    mesh = min(meshes, key=lambda r: bool(r.get("imported")))
    timed = [r for r in timed if r["device"] == mesh["device"]]
    own = [r for r in of_boxes(compared, OWN_DETECTOR) if r["device"] == mesh["device"]]
    whole = {(r.model, r.file_sha256): r for r in own}
    table = [
        [
            _code(r, proofs),
            *_in_a_photo(whole.get((r.model, r.file_sha256), {})),
            _figure(r.get("nme_mean"), 2, " %"),
            _figure(_processor_ms(r), 2, " ms"),
            _figure(r["latency_ms"]["cpu_median"] / mesh["latency_ms"]["cpu_median"], 2, " x"),
            _figure(r.get("size_bytes"), 1, " MB", 1e6),
        ]
        for r in timed
    ]
    title = (
        f"{mesh.get('n')} test faces ({mesh.get('data')}); one thread of {mesh['device']}"
        f"{_int8(mesh.get('host') or {})}. From photos: each model {behind(timed, '`')}. "
        "From crops: the same boxes for all."
    )
    header = ["model", "NME from photos, of faces found", "lost or above 10 %", "time of a photo", "NME from crops"]
    header += ["time of a crop", "against Face Mesh", "size"]
    return TextTable(title, header, table)


def _processor_ms(record: Fields) -> float | None:
    return number((record.get("latency_ms") or {}).get("cpu_median"))


def _in_a_photo(record: Fields) -> list[str]:
    times = record.get("latency_ms") or {}
    return [
        _figure(record.get("nme_mean"), 2, " %"),
        _figure(lost(record), 1, " %"),
        _figure(times.get("cpu_median"), 0, " ms"),
    ]


def plots(lines: Sequence[Fields]) -> dict[str, str]:
    """An SVG file's text by its name: accuracy against time for each set that was benchmarked."""
    records = of(lines)
    proofs, timed = Proofs(records), of_boxes((r for r in records if r["kind"] == "benchmark"), SAME)
    rows = [MeasuredFile(record=r, proof=proofs.of(r), title=proofs.title(r)) for r in timed]
    found = {where: latency(rows, where) for where in dict.fromkeys(row.where for row in rows)}
    drawn = [plot.svg for plot in found.values() if plot is not None]
    names = ["latency.svg", *(f"latency-{index}.svg" for index in range(2, len(drawn) + 1))]
    return dict(zip(names, map(standalone, drawn), strict=False))


def _same(records: Sequence[Record], proofs: Proofs) -> TextTable:
    header = ["model", "engine", "threads", "NME mean", "FR@10", "one call, median", "p90", "processor time"]
    rows = [
        [
            _code(r, proofs),
            str(r["engine"]),
            str(r["threads"]),
            *(_figure(r.get(key), 2, " %") for key in ("nme_mean", "fr10")),
            *(_figure((r.get("latency_ms") or {}).get(key), 2, " ms") for key in ("median", "p90", "cpu_median")),
            _figure((r.get("cold_start_ms") or {}).get("total"), 0, " ms"),
            _figure(r.get("memory_bytes"), 0, " MB", 1e6),
            _figure(r.get("size_bytes"), 2, " MB", 1e6),
            _figure(r.get("macs") or r.get("macs_full"), 0, " M", 1e6),
            _figure(r.get("operations"), 0),
            _figure(r.get("delegated_share"), 0, " %", 0.01),
        ]
        for r in records
    ]
    hosts = {str(r.get("run")): r["host"] for r in records if r.get("host")}
    loads = "".join(f"; run of {run}: {_load(host)}{_int8(host)}" for run, host in sorted(hosts.items()))
    title = f"The same boxes for all. Compare times within one run alone{loads}."
    return TextTable(title, [*header, "cold start", "memory", "size", "MACs", "operations", "delegated"], rows)


def _load(host: Fields) -> str:
    return f"load {_figure(host.get('load_1min'), 1)} before, {_figure(host.get('load_1min_after'), 1)} after"


def _int8(host: Fields) -> str:
    """Whether a processor multiplies int8 numbers faster than floats; nothing where the record does not say."""
    names = host.get("int8_instructions")
    if names is None:
        return ""
    return f", int8 by {', '.join(names)}" if names else ", without instructions for int8"


def _own(records: Sequence[Record], proofs: Proofs) -> TextTable:
    rows = [
        [
            _code(r, proofs),
            str(r["engine"]),
            f"{r['found']} of {r['n_faces']}" if {"found", "n_faces"} <= r.keys() else "not measured",
            *(_figure(r.get(key), 2, " %") for key in ("nme_mean", "nme_median", "fr10")),
            *(_figure((r.get("latency_ms") or {}).get(key), 0, " ms") for key in ("median", "p90", "cpu_median")),
        ]
        for r in records
    ]
    header = ["model", "engine", "faces found", "NME mean, of those", "median", "FR@10", "picture to points, median"]
    title = f"Each {behind(records, '`')}, on the whole pictures."
    return TextTable(title, [*header, "p90", "processor time"], rows)


def _corrupted(records: Sequence[Record], proofs: Proofs) -> TextTable:
    """NME at the middle level of each condition."""
    rows = [["plain", *(_figure(r["nme_plain"], 2) for r in records)]]
    for name, first in records[0]["conditions"].items():
        middle = len(first["levels"]) // 2
        label = f"{name}, {first['levels'][middle]:g} {first['unit']}"
        rows.append([label, *(_figure(r["conditions"][name]["nme_mean"][middle], 2) for r in records)])
    title = (
        f"NME in percent on {records[0]['n']} faces under corruptions, each at its middle level; the same boxes for "
        "all, which no model here turns with the face."
    )
    return TextTable(title, ["condition", *(_code(r, proofs) for r in records)], rows)


def _corrupted_behind(records: Sequence[Record], proofs: Proofs) -> TextTable:
    """The same where every model has to find the face first; misses count."""
    shown = [r for r in records if r.get("own_detector")]
    own = [r["own_detector"] for r in shown]
    rows = [["plain", *(_behind(o["plain"]) for o in own)]]
    for name, first in own[0]["conditions"].items():
        label = f"{name}, {first['level']:g} {first['unit']}"
        rows.append([label, *(_behind(o["conditions"][name]) for o in own)])
    title = (
        f"The same pictures, each model {behind(shown, '`')}: NME in percent of the faces found, and the share of all "
        "that is not found or above 10 %."
    )
    return TextTable(title, ["condition", *(_code(r, proofs) for r in shown)], rows)


def _behind(scores: Fields) -> str:
    return f"{_figure(scores['nme_mean'], 2)} ({_figure(scores['failed_percent'], 1, ' %')})"


def _flicker(records: Sequence[Record], proofs: Proofs) -> TextTable:
    kinds = list(dict.fromkeys(kind for r in records for kind in r.get("flicker_percent") or ()))
    rows = [[kind, *(_figure((r.get("flicker_percent") or {}).get(kind), 3, " %") for r in records)] for kind in kinds]
    title = "Flicker: mean change of a point's error between frames, in percent of the eye distance, not smoothed."
    return TextTable(title, ["clip", *(_code(r, proofs) for r in records)], rows)


def _code(record: Record, proofs: Proofs) -> str:
    """A model's name as code, and what is to be said of its file."""
    return proofs.title(record, f"`{record.model}`")


def _figure(value: Any, decimals: int, unit: str = "", scale: float = 1.0) -> str:
    found = number(value)
    return "not measured" if found is None else f"{found / scale:.{decimals}f}{unit}"
