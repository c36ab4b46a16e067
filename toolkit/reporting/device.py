"""Tables of what happens on a device: a detector's boxes, the speed of every stage, and how steady points are."""

from collections.abc import Sequence

from toolkit.core.records import Record

Rows = list[list[str]]
Titled = tuple[str, list[str], Rows]

WAYS = {"smooth": "smoothed", "raw": "as the network gives them"}
BOXES = {
    "truth": "around the true points",
    "detector": "MediaPipe's as they are",
    "calibrated": "MediaPipe's, calibrated",
}


def device(records: Sequence[Record]) -> list[Titled]:
    """A title, a header and rows for every table that the records have something for."""
    detected = [r for r in records if r["kind"] == "detected"]
    paces = [r for r in records if r["kind"] == "video-pace"]
    return [*(_detected(detected) if detected else []), *(table for r in paces for table in (_speed(r), _steady(r)))]


def _detected(records: list[Record]) -> list[Titled]:
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
        tables.append((title, ["boxes", "predictions a face", "NME mean", "median", "FR@10", "AUC@10"], rows))
    return tables


def _speed(record: Record) -> Titled:
    """A row for each way; median milliseconds of a stage's call, and whole frames."""
    stages = list(record["ways"]["smooth"]["stages"])
    rows = [
        [
            WAYS[name],
            *(f"{way['stages'][stage]['median_ms']:.2f}" if stage in way["stages"] else "" for stage in stages),
            str(way["stages"]["detect"]["laps"]),
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
    return title, ["points", *stages, "looks", "processor time a frame", "frames a second"], rows


def _steady(record: Record) -> Titled:
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
    return title, ["points", *header, "frames without the face"], rows
