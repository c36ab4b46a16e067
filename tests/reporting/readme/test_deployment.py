"""Tables of conversion in README files."""

from typing import Any

import pytest

from toolkit.core.records import of
from toolkit.reporting.readme.blocks import render
from toolkit.reporting.readme.deployment import converted, engines, engines_in_short

MOVED = {"mean_px": 0.0512, "worst_px": 1.25, "moved_over_1px": 0.01, "data": "32 of faces", "n": 32}
COMMON = {
    "file_sha256": "f",
    "engine": "ai-edge-litert 2",
    "device": "a CPU",
    "commit": "abc",
    "size_bytes": 2_000_000,
    "operations": 400,
}


def parity(**more: Any) -> dict[str, Any]:
    nme = {"nme_delta": 0.01, "nme_mean": 5.5}
    return {"kind": "parity", "model": "a.tflite", "xnnpack_parts": 5, "ok": True, **COMMON, **MOVED, **nme, **more}


def conversion(variant: str, ms: float) -> dict[str, Any]:
    latency = {"median": ms, "p90": ms + 1, "runs": 50, "warmup": 5}
    about = {"kind": "conversion", "name": "net", "variant": variant, "input_px": 64, "split": "val"}
    return {**parity(), **about, "latency_ms": latency}


def arm(ok: bool) -> dict[str, Any]:
    differences = {"points_difference": 6e-8, "confidence_difference": 0.0, "allowed": (1e-6, 0.0)}
    about = {"kind": "arm", "model": "a.tflite", "arm_cpu": "cortex-a76", "data": "faces", "split": "test", "n": 8}
    return {**COMMON, **about, **differences, "ok": ok}


def test_every_kind_has_a_table() -> None:
    """Files, ways and Arm, in this order; times also as shares of float32."""
    files, ways, emulated = converted([arm(True), conversion("float32", 4), conversion("int8", 2), parity()])
    assert files[2] == [
        ["`a.tflite`", "2.00 MB", "400", "5", "0.0512 px", "1.25 px", "1.00 %", "+0.010 pp", "5.50 %", "kept"]
    ]
    assert [row[-3:] for row in ways[2]] == [["4.00 ms", "5.00 ms", "1.00"], ["2.00 ms", "3.00 ms", "0.50"]]
    assert emulated[2] == [["`a.tflite`", "6e-08", "0", "1e-06", "0", "kept"]]
    assert all(len(row) == len(header) for _, header, rows in (files, ways, emulated) for row in rows)


def read_by(decoder: str, sha: str, nme: float) -> dict[str, Any]:
    about = {"kind": "evaluate", "model": "distil", "name": "net", "input_px": 64, "data": "faces", "split": "val"}
    return {**COMMON, **about, "n": 8, "file_sha256": sha, "decoder": decoder, "nme_mean": nme}


def test_decoders_stand_beside_each_other() -> None:
    """A row a network, and nothing among what was scored as its card says."""
    records = [read_by("dark", "a", 4.0), read_by("dark", "b", 5.0), read_by("centroid", "a", 3.996)]
    ((title, header, rows),) = converted(records)
    assert "faces" in title and header == ["network", "dark", "centroid"]
    assert rows == [["net, 64 px", "4.00 %", "4.00 %"], ["net, 64 px", "5.00 %", "not measured"]]
    assert "NME mean" not in render(records)


def test_instructions_stand_beside_face_mesh() -> None:
    """As a share of its own; without it, no share."""
    records = [
        {**COMMON, "kind": "instructions", "model": m, "arm_cpu": "cortex-a76", "instructions": n}
        for m, n in (("a.tflite", 17_300_000), ("mediapipe", 22_500_000))
    ]
    ((title, _, rows),) = converted(records)
    assert "cortex-a76" in title
    assert rows == [["`a.tflite`", "17.3 M", "0.77"], ["`mediapipe`", "22.5 M", "1.00"]]
    assert converted(records[:1])[0].rows[0][-1] == "not measured"


def test_what_was_not_measured_and_what_broke_says_so() -> None:
    """No NME without labels; a package has no parts."""
    unlabelled = parity(nme_delta=None, nme_mean=None, xnnpack_parts=None, ok=False)
    ((_, _, (row,)),) = converted([unlabelled])
    assert row[3] == "" and row[-3:] == ["not measured", "not measured", "refused"]
    assert converted([arm(False)])[0][2][0][-1] == "broken"


def test_older_parity_records_have_no_table() -> None:
    """Those of the whole pipeline stand with its other figures."""
    old = parity()
    del old["xnnpack_parts"]
    assert converted([old]) == []


def test_they_stand_on_the_page() -> None:
    """Below the machine and the commit."""
    page = render([parity(), conversion("float32", 4), arm(True)])
    assert page.index("Machine: a CPU") < page.index("Every file against its bundle") < page.index("On an emulated")


def engine(name: str, model: str, **more: Any) -> dict[str, Any]:
    """A record of a file on an engine."""
    took = {"operations_taken": 400, "whole": True, "parts": 1, "ok": True, "precision": "int8"}
    return {"kind": "engine", "simulated": name, "model": model, **COMMON, **MOVED, **took, **more}


def test_a_file_has_a_row_and_an_engine_a_column() -> None:
    """Right points, taken whole, parts; a file that is wrong somewhere says so; not tried is no success."""
    left = {"operations_taken": 398, "whole": False, "parts": 2}
    records = [
        engine("npu", "a.tflite"),
        engine("gpu", "a.tflite", parts=None),
        parity(),
        engine("npu", "b.tflite", **left),
    ]
    records += [parity(), engine("gpu", "b.tflite", ok=False, parts=None)]
    (table,) = engines(records)
    assert table.header == [
        "file",
        "XNNPACK",
        "LiteRT's GPU engine, software driver",
        "Qualcomm sm8650, compiled, simulator",
    ]
    assert table.rows == [
        ["`a.tflite`", "0.051 px, 5 parts", "0.051 px, whole", "0.051 px, whole, 1 part"],
        ["`b.tflite`", "not measured", "**fails**, 0.051 px, whole", "0.051 px, 398 of 400 operations, 2 parts"],
    ]
    assert "XNNPACK on 32 faces, simulated engines on 32 faces; whether" in table.title
    assert engines([parity()]) == [] and "0.051 px, whole, 1 part" in render(records)


def test_a_file_that_an_engine_did_not_run_has_no_figures() -> None:
    """It fails, beside those that ran."""
    refused = engine("npu", "b.tflite", mean_px=None, whole=False, operations_taken=None, parts=None, ok=False)
    assert engines(of([refused]))[0].rows == [["`b.tflite`", "not measured", "**fails**, did not run"]]
    ((*_, both),) = engines_in_short(of([engine("npu", "a.tflite"), refused])).rows
    assert both == "0.051 px, **1 fail**, 1 of 2 whole, 1 part"
    ((*_, alone),) = engines_in_short(of([refused])).rows
    assert alone == "**1 fail**, 0 of 1 whole"


def test_the_sample_of_each_engine_is_told() -> None:
    """How many faces, and that they are drawn; of a processor that ran nothing, nothing."""
    drawn = {"n": 4, "data": "4 of synthetic faces v3"}
    few = [engine("npu", "a.tflite", **drawn), engine("gpu", "a.tflite", **{**drawn, "n": 8})]
    assert ", simulated engines on 4 to 8 synthetic faces; whether" in engines_in_short(of(few)).title
    assert "XNNPACK on 32 faces, simulated engines on 4 to 8" in engines(of([parity(), *few]))[0].title


def test_every_set_of_faces_is_named() -> None:
    """Files of several networks are proved on faces of several sets."""
    other = parity(model="b.tflite", file_sha256="g", data="8 of others")
    assert converted([parity(), other])[0].title == "Every file against its bundle, on 32 of faces; 8 of others."


def test_in_short_a_precision_has_a_row_with_its_worst_file() -> None:
    """What was not run for all of its files was not measured."""
    records = [
        parity(),
        engine("gpu", "a.tflite", parts=None),
        engine("gpu", "b.tflite", parts=None, whole=False, ok=False, mean_px=2.5),
        engine("npu", "a.tflite"),
        engine("npu", "b.tflite", parts=3, mean_px=0.2),
        engine("npu", "c.tflite", precision="float16"),
    ]
    assert engines_in_short(of(records)).rows == [
        ["int8", "2", "not measured", "2.500 px, **1 fail**, 1 of 2 whole", "0.200 px, whole, 1 to 3 parts"],
        ["float16", "1", "not measured", "not measured", "0.051 px, whole, 1 part"],
    ]
    again = [engine("npu", "b.tflite", file_sha256="g", n=8, mean_px=0.1)]
    assert engines_in_short(of([*records, *again])).rows[0][-1] == "0.100 px, whole, 1 part", "a file converted anew"
    with pytest.raises(ValueError, match="no `verify engine`"):
        engines_in_short(of([parity()]))
