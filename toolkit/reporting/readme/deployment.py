"""What ships: every file against its bundle, ways to convert, an emulated Arm processor, a detector's boxes, videos."""

from collections.abc import Collection, Sequence

from toolkit.core.records import Record
from toolkit.reporting.proofs import REFUSED
from toolkit.reporting.table import TextTable, number

WAYS = {
    "smooth": "smoothed",
    "raw": "as the network gives them",
    "points": "smoothed, not drawn",
    "mediapipe": "Face Mesh's own, not drawn",
}
SIMULATED = {
    "gpu": "LiteRT's GPU engine, software driver",
    "npu": "Qualcomm sm8650, compiled, simulator",
    "htp": "Qualcomm's NPU, simulator",
}
"""Engines of records of `verify engine`, in the order of columns."""
BOXES = {
    "truth": "around the true points",
    "detector": "MediaPipe's as they are",
    "calibrated": "MediaPipe's, calibrated",
    "keypoints": "by MediaPipe's keypoints",
}


def converted(records: Sequence[Record]) -> list[TextTable]:
    """A title, a header and rows for every table that the records have something for."""
    tables = []
    for make, kind in (
        (_files, "parity"),
        (_ways, "conversion"),
        (_decoders, "evaluate"),
        (_arm, "arm"),
        (_instructions, "instructions"),
    ):
        own = [r for r in records if r["kind"] == kind]
        if kind == "parity":
            own = _newest(own)
        elif kind == "evaluate":
            own = [r for r in own if "decoder" in r]
        if own:
            tables.append(make(own))
    return tables


def _newest(records: list[Record]) -> list[Record]:
    """The newest proof of each file, of those with its figures or with a file that could not be run at all."""
    found = {r.get("file_sha256") or r["model"]: r for r in records}
    return [r for r in found.values() if "xnnpack_parts" in r or r.get("ok") is False]


def _files(records: list[Record]) -> TextTable:
    rows = [
        [
            f"`{r['model']}`",
            *([f"{r['size_bytes'] / 1e6:.2f} MB", *_counts(r), *_moved(r)] if "mean_px" in r else ["not measured"] * 7),
            "not measured" if number(r.get("nme_mean")) is None else f"{r['nme_mean']:.2f} %",
            "kept" if r["ok"] else REFUSED,
        ]
        for r in records
    ]
    sets = dict.fromkeys(r["data"] for r in records if r.get("data"))
    title = f"Every file against its bundle, on {'; '.join(sets) or 'no faces'}."
    header = ["file", "size", "operations", "XNNPACK parts", "points moved (mean)", "worst", "by more than 1 px"]
    return TextTable(title, [*header, "NME change", "NME", "budget"], rows)


def _ways(records: list[Record]) -> TextTable:
    plain = next(r for r in records if r["variant"] == "float32")["latency_ms"]["median"]
    rows = []
    for r in records:
        ms = r["latency_ms"]
        share = f"{ms['median'] / plain:.2f}"
        times = [f"{ms['median']:.2f} ms", f"{ms['p90']:.2f} ms", share]
        rows.append([r["variant"], f"{r['size_bytes'] / 1e6:.2f} MB", *_counts(r), *_moved(r), *times])
    first = records[0]
    runs = first["latency_ms"]["runs"]
    title = (
        f"Ways to convert {first['name']} to TFLite, {first['input_px']} px, on {first['data']}; one call is a crop "
    )
    title += f"in, points out, {runs} calls of each by turns on one thread, {first['engine']}."
    header = ["way", "size", "operations", "XNNPACK parts", "points moved (mean)", "worst", "by more than 1 px"]
    return TextTable(title, [*header, "NME change", "one call, median", "p90", "of float32"], rows)


def _decoders(records: list[Record]) -> TextTable:
    """A row a bundle, a column a decoder that was asked for."""
    decoders, first = list(dict.fromkeys(r["decoder"] for r in records)), records[0]
    names = {r["file_sha256"]: f"{r['name']}, {r['input_px']} px" for r in records}
    found = {(r["file_sha256"], r["decoder"]): f"{r['nme_mean']:.2f} %" for r in records}
    rows = [[name, *(found.get((sha, d), "not measured") for d in decoders)] for sha, name in names.items()]
    title = f"NME by how points are read from the heatmaps, on {first['data']}."
    return TextTable(title, ["network", *decoders], rows)


def _arm(records: list[Record]) -> TextTable:
    rows = [
        [
            f"`{r['model']}`",
            *(f"{r[name]:.2g}" for name in ("points_difference", "confidence_difference")),
            *(f"{allowed:.2g}" for allowed in r["allowed"]),
            "kept" if r["ok"] else "broken",
        ]
        for r in records
    ]
    first = records[0]
    title = f"On an emulated {first['arm_cpu']} against this processor, {first['n']} faces, {first['engine']}; points "
    title += "in [0, 1]."
    header = ["file", "points differ by", "confidences differ by", "allowed for points", "for confidences", "budget"]
    return TextTable(title, header, rows)


def _instructions(records: list[Record]) -> TextTable:
    mesh = next((r["instructions"] for r in records if r["model"] == "mediapipe"), None)
    rows = [
        [
            f"`{r['model']}`",
            f"{r['instructions'] / 1e6:.1f} M",
            "not measured" if mesh is None else f"{r['instructions'] / mesh:.2f}",
        ]
        for r in records
    ]
    first = records[0]
    title = f"Instructions of one call on an emulated {first['arm_cpu']}, {first['engine']}: of the engine and the C "
    title += "library's mathematics. No caches and no clock."
    return TextTable(title, ["file", "Arm instructions", "of Face Mesh's"], rows)


def _counts(record: Record) -> list[str]:
    parts = record["xnnpack_parts"]
    return [str(record["operations"]), "" if parts is None else str(parts)]


def _moved(record: Record) -> list[str]:
    delta = record["nme_delta"]
    return [
        f"{record['mean_px']:.4f} px",
        f"{record['worst_px']:.2f} px",
        f"{100 * record['moved_over_1px']:.2f} %",
        "not measured" if delta is None else f"{delta:+.3f} pp",
    ]


def engines(records: Sequence[Record]) -> list[TextTable]:
    """One table of files and engines: points' mean displacement, whether taken whole, and in how many parts."""
    asked = _simulated(records)
    if not asked:
        return []
    columns = [name for name in SIMULATED if any(r["simulated"] == name for r in asked)]
    rows = []
    for model in dict.fromkeys(r["model"] for r in asked):
        own = {r["simulated"]: r for r in asked if r["model"] == model}
        proofs = _on_processor(records, {model})
        cpu = _on_engine(proofs[-1]) if proofs else "not measured"
        rows.append([f"`{model}`", cpu, *(_on_engine(own[n]) if n in own else "not measured" for n in columns)])
    title = f"Mean displacement from the bundle's points in crop pixels, {_sample(records, asked)}; whether the engine "
    title += "takes the file whole:"
    return [TextTable(title, ["file", "XNNPACK", *(SIMULATED[name] for name in columns)], rows)]


def engines_in_short(records: Sequence[Record]) -> TextTable:
    """The same by precision: the displacement of the worst file, whether all are taken whole, and in how many parts.

    Raises:
        ValueError: nothing was run on an engine.
    """
    asked = _simulated(records)
    if not asked:
        raise ValueError("no `verify engine` among the records")
    columns = [name for name in SIMULATED if any(r["simulated"] == name for r in asked)]
    rows = []
    for precision in dict.fromkeys(r["precision"] for r in asked):
        models = {r["model"] for r in asked if r["precision"] == precision}
        on = [_on_processor(records, models)]
        on += [[r for r in asked if r["model"] in models and r["simulated"] == name] for name in columns]
        cells = [_of_all(found) if len(found) == len(models) else "not measured" for found in on]
        rows.append([precision, str(len(models)), *cells])
    header = ["precision", "files", "XNNPACK (CPU)", *(SIMULATED[name] for name in columns)]
    title = (
        "How far points lie from the network's own in the worst file of each precision, in crop pixels on average, "
        f"{_sample(records, asked)}; whether an engine takes the files whole, and in how many parts:"
    )
    return TextTable(title, header, rows)


def _sample(records: Sequence[Record], asked: Sequence[Record]) -> str:
    """On how many faces each engine was tried."""
    proofs = _on_processor(records, {r["model"] for r in asked})
    return ", ".join([*([f"XNNPACK on {_faces(proofs)}"] if proofs else []), f"simulated engines on {_faces(asked)}"])


def _faces(records: Sequence[Record]) -> str:
    numbers = [r["n"] for r in records]
    counts = " to ".join(map(str, dict.fromkeys((min(numbers), max(numbers)))))
    return f"{counts} {'synthetic ' * all('synthetic faces' in str(r.get('data')) for r in records)}faces"


def _simulated(records: Sequence[Record]) -> list[Record]:
    """The newest record of each file on each simulated engine."""
    return list({(r["simulated"], r["model"]): r for r in records if r["kind"] == "engine"}.values())


def _on_processor(records: Sequence[Record], models: Collection[str]) -> list[Record]:
    """The newest proof of each of these files."""
    found = [r for r in records if r["kind"] == "parity" and r["model"] in models and "mean_px" in r]
    return list({r["model"]: r for r in found}.values())


def _of_all(records: Sequence[Record]) -> str:
    failed = sum(not r["ok"] for r in records)
    moved = [r["mean_px"] for r in records if r["mean_px"] is not None]
    words = [*([f"{max(moved):.3f} px"] if moved else []), *([f"**{failed} fail**"] if failed else [])]
    whole = [r["whole"] for r in records if "whole" in r]
    if whole:
        words.append("whole" if all(whole) else f"{sum(whole)} of {len(whole)} whole")
    return ", ".join([*words, *_parts(records)])


def _parts(records: Sequence[Record]) -> list[str]:
    """In how many parts an engine runs files, where it says so."""
    known = sorted({count for r in records if (count := r.get("parts", r.get("xnnpack_parts"))) is not None})
    if not known:
        return []
    several = "s" * (known[-1] > 1)
    return [f"{known[0]} part{several}" if len(known) == 1 else f"{known[0]} to {known[-1]} part{several}"]


def _on_engine(record: Record) -> str:
    if record["mean_px"] is None:
        return "**fails**, did not run"
    words = [f"{record['mean_px']:.3f} px" if record["ok"] else f"**fails**, {record['mean_px']:.3f} px"]
    if "whole" in record:
        taken = f"{record['operations_taken']} of {record['operations']} operations"
        words.append("whole" if record["whole"] else taken)
    return ", ".join([*words, *_parts([record])])


def device(records: Sequence[Record]) -> list[TextTable]:
    """A title, a header and rows for every table that the records have something for."""
    detected = [r for r in records if r["kind"] == "detected"]
    paces = [r for r in records if r["kind"] == "video-pace"]
    return [*(_detected(detected) if detected else []), *(table for r in paces for table in (_speed(r), _steady(r)))]


def _detected(records: list[Record]) -> list[TextTable]:
    """One table a model and set of faces."""
    tables = []
    for model, data in dict.fromkeys((r["model"], r["data"]) for r in records):
        own = [r for r in records if (r["model"], r["data"]) == (model, data)]
        found = own[0]["n"] + own[0]["n_unscored"]
        rows = [
            [
                BOXES[r["boxes"]],
                str(r["passes"]),
                *(f"{r[figure]:.2f} %" for figure in ("nme_mean", "nme_median", "fr10", "auc10")),
            ]
            for r in own
        ]
        title = f"`{model}` on {data}, {found} of {own[0]['looked_at']} faces found; boxes of the first crop:"
        tables.append(TextTable(title, ["boxes", "predictions a face", "NME mean", "median", "FR@10", "AUC@10"], rows))
    return tables


def _speed(record: Record) -> TextTable:
    """A row for each way; median milliseconds of a stage's call, and whole frames."""
    stages = list(dict.fromkeys(stage for way in record["ways"].values() for stage in way["stages"]))
    rows = [
        [
            WAYS[name],
            *(f"{way['stages'][stage]['median_ms']:.2f}" if stage in way["stages"] else "" for stage in stages),
            str(way["stages"]["detect"]["laps"]) if "detect" in way["stages"] else "",
            f"{way['cpu_ms_per_frame']:.2f} ms",
            f"{way['frames_per_second']:.0f}",
        ]
        for name, way in record["ways"].items()
    ]
    size, frames = record["size_wh"], record["ways"]["smooth"]["frames"]
    title = (
        f"Milliseconds of each stage's call (median): `{record['model']}`, {record['engine']}, {record['threads']} "
        f"thread, {size[0]} x {size[1]}, one face, {frames} frames. {record['device']}, load average "
        f"{record['load_average'][0]:.1f}."
    )
    return TextTable(title, ["points", *stages, "looks", "processor time a frame", "frames a second"], rows)


def _steady(record: Record) -> TextTable:
    """A row for each way, NME and flicker for each part of the films."""
    parts = list(record["ways"]["smooth"]["parts"])
    rows = [
        [
            WAYS[name],
            *(f"{way['parts'][part][figure]:.2f} %" for figure in ("flicker", "nme") for part in parts),
            f"{way['frames_lost']} of {way['frames']}",
        ]
        for name, way in record["ways"].items()
    ]
    header = [f"{figure}, {part}" for figure in ("flicker", "NME") for part in parts]
    title = "Flicker (frame-to-frame change of the error over the inter-ocular distance) and NME:"
    return TextTable(title, ["points", *header, "frames without the face"], rows)
