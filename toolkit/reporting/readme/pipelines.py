"""Whole pipelines, from picture to points: turned faces, false faces, small faces, and where the time goes."""

from collections.abc import Callable, Sequence

from toolkit.core.records import Record
from toolkit.reporting.table import TextTable

SCENES = {"alone": "alone", "beside_a_large_face": "beside a large face"}
STAGES = ("decode", "detect", "crop", "network", "the rest", "photo")


def pipelines(records: Sequence[Record]) -> list[TextTable]:
    """A title, a header and rows for every table that the records have something for."""
    makers: dict[str, Callable[[list[Record]], list[TextTable]]] = {
        "angles": _angles,
        "false faces": _false_faces,
        "small faces": _small_faces,
        "photo stages": _stages,
        "first crop": _first_crop,
        "flicker": _flicker,
    }
    return [
        table
        for kind, make in makers.items()
        if (own := [r for r in records if r["kind"] == kind])
        for table in make(own)
    ]


def _angles(records: list[Record]) -> list[TextTable]:
    """One table a set of faces and of angles: a row for each angle, a cell for each pipeline."""
    tables = []
    for data, angles in dict.fromkeys((r["data"], tuple(a["angle_deg"] for a in r["angles"])) for r in records):
        own = [r for r in records if r["data"] == data and tuple(a["angle_deg"] for a in r["angles"]) == angles]
        rows = [
            [
                str(angle),
                *(
                    "-" if (a := r["angles"][i])["nme_mean"] is None
                    else f"{a['nme_mean']:.2f} % ({a['found']}; {a['wrong']})"
                    for r in own
                ),
            ]
            for i, angle in enumerate(angles)
        ]  # fmt: skip
        title = (
            f"Faces of {data}, turned clockwise: NME of those found and not told as unsure (how many; wrong by over "
        )
        title += "10 %), each pipeline behind its own detector."
        tables.append(TextTable(title, ["degrees", *(f"`{r['model']}`" for r in own)], rows))
    return tables


def _false_faces(records: list[Record]) -> list[TextTable]:
    rows = [
        [f"`{r['model']}`", kind, *(str(seen[key]) for key in ("pictures", "sure", "unsure")), ", ".join(seen["names"])]
        for r in records
        for kind, seen in r["pictures"].items()
    ]
    header = ["model", "pictures without a face", "number", "taken for a face", "only told as unsure", "which"]
    tables = [TextTable("What passes as a face where there is none:", header, rows)]
    fits = [r for r in records if "fitted_floor" in (r["true_faces"] or {})]
    if fits:
        fitted = [
            [
                f"`{r['model']}`",
                r["data"],
                f"{floor:.2f}",
                f"{unsure:.1f} % of {r['true_faces']['n']}",
                f"{passed:.1f} % of {r['true_faces']['wrong']}",
            ]
            for r in fits
            for true in (r["true_faces"],)
            for floor, unsure, passed in (
                (r["floor"], true["below_floor_percent"], true["wrong_above_floor_percent"]),
                (true["fitted_floor"], *true["fitted_errors_percent"]),
            )
        ]
        header = ["model", "faces", "floor", "faces told as unsure", "wrong points let pass"]
        tables.append(TextTable("Floors of confidence, today's and the fitted one:", header, fitted))
    return tables


def _small_faces(records: list[Record]) -> list[TextTable]:
    tables = []
    for r in records:
        sizes = list(r["ways"][0]["alone"])
        rows = [
            [way["way"], told, *(str(way[scene][size]) for size in sizes), f"{way[f'{scene}_ms_median']:.0f} ms"]
            for way in r["ways"]
            for scene, told in SCENES.items()
        ]
        width, height = r["canvas_wh"]
        title = f"Found of {r['n']} faces of {r['data']}, by their size over the longer side of {width} x {height}:"
        tables.append(TextTable(title, ["looks at", "face", *sizes, "processor time, median"], rows))
    return tables


def _stages(records: list[Record]) -> list[TextTable]:
    rows = [
        [
            f"`{r['model']}`",
            str(r["passes"]),
            *(f"{r['stages_ms_median'].get(name, 0.0):.2f}" for name in STAGES),
            f"{r['face_mesh_photo_ms_median']:.2f}",
            f"{r['stages_ms_median']['photo'] / r['face_mesh_photo_ms_median']:.2f} x",
        ]
        for r in records
    ]
    first = records[0]
    title = (
        f"Milliseconds of processor time of a photo ({first['data']}), median of {first['runs']} in turns, one thread; "
    )
    title += "`photo` is all but decoding, Face Mesh's whole pipeline likewise:"
    return [TextTable(title, ["model", "predictions", *STAGES, "Face Mesh's", "beside it"], rows)]


def _flicker(records: list[Record]) -> list[TextTable]:
    kinds = list(records[0]["flicker_percent"])
    rows = [
        [
            f"`{r['model']}`",
            r["looks"],
            *(f"{r['flicker_percent'][kind]:.2f} %" for kind in kinds),
            f"{r['ms_median']:.2f}",
        ]
        for r in records
    ]
    first = records[0]
    title = f"Flicker without smoothing, of the eye distance, {first['clips']} clips of each kind ({first['data']}); "
    title += "a second prediction is averaged with the first:"
    return [TextTable(title, ["model", "looks at each crop", *kinds, "ms of processor time"], rows)]


def _first_crop(records: list[Record]) -> list[TextTable]:
    angles = list(dict.fromkeys(r["angle_deg"] for r in records))
    ways: dict[tuple[str, str, str], dict[int, Record]] = {}
    for record in records:
        ways.setdefault((record["model"], record["crop"], record["again"]), {})[record["angle_deg"]] = record
    rows = [
        [f"`{model}`", crop, again, *(_by_crop(own.get(angle_deg)) for angle_deg in angles)]
        for (model, crop, again), own in ways.items()
    ]
    first = records[0]
    title = (
        f"NME of {first['n']} faces ({first['data']}), by what their first crop is made of, by when they are predicted "
        "again, around their points, and by how many degrees they are turned (predictions a face):"
    )
    return [TextTable(title, ["model", "first crop from the detector's", "again", *map(str, angles)], rows)]


def _by_crop(record: Record | None) -> str:
    return "" if record is None else f"{record['nme_mean']:.3f} % ({record['predictions_mean']:.2f})"
