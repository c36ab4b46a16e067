"""Tables of whole pipelines in README files."""

from typing import Any

from toolkit.core.records import of
from toolkit.reporting.readme.blocks import render
from toolkit.reporting.readme.pipelines import pipelines

COMMON = {"engine": "ai-edge-litert 2", "device": "a CPU", "commit": "abc", "file_sha256": "f", "split": "val"}


def angles(model: str, *nme: float | None) -> dict[str, Any]:
    own = [
        {"angle_deg": 90 * i, "found": 0 if error is None else 4, "nme_mean": error, "wrong": i, "over_upright": None}
        for i, error in enumerate(nme)
    ]
    return {"kind": "angles", "model": model, "data": "faces", "n": 4, "angles": own, **COMMON}


def false_faces(**true: Any) -> dict[str, Any]:
    seen = {"pictures": 9, "sure": 1, "unsure": 2, "names": ["brick"]}
    about = {"kind": "false faces", "model": "a.tflite", "data": "faces", "n": 50, "floor": 0.45}
    return {**about, "pictures": {"noise": seen}, "true_faces": true or None, **COMMON}


def test_angles_stand_side_by_side() -> None:
    """A row for each angle, a column for each pipeline; what is not found is a dash."""
    (table,) = pipelines(of([angles("a.tflite", 3.3, 3.4), angles("mediapipe", 3.5, None)]))
    assert table.header == ["degrees", "`a.tflite`", "`mediapipe`"]
    assert table.rows == [["0", "3.30 % (4; 0)", "3.50 % (4; 0)"], ["90", "3.40 % (4; 1)", "-"]]


def test_other_angles_have_a_table_of_their_own() -> None:
    """As have other faces."""
    assert len(pipelines(of([angles("a.tflite", 3.3, 3.4), angles("a.tflite", 3.3)]))) == 2


def test_false_faces_are_named_and_floors_compared() -> None:
    """Records of true faces without a fit have no table of floors."""
    true = {"n": 50, "below_floor_percent": 2.0, "wrong": 120, "wrong_above_floor_percent": 30.0}
    found, floors = pipelines(of([false_faces(**true, fitted_floor=0.55, fitted_errors_percent=[4.0, 5.0])]))
    assert found.rows == [["`a.tflite`", "noise", "9", "1", "2", "brick"]]
    assert [row[2:] for row in floors.rows] == [
        ["0.45", "2.0 % of 50", "30.0 % of 120"],
        ["0.55", "4.0 % of 50", "5.0 % of 120"],
    ]
    assert len(pipelines(of([false_faces(n=50)]))) == len(pipelines(of([false_faces()]))) == 1


def test_small_faces_and_stages_stand_on_the_page() -> None:
    """With their times, and the share of Face Mesh's."""
    counts = {"1/4": 4, "1/24": 1}
    way = {"way": "tiles always", "alone": counts, "beside_a_large_face": counts}
    way |= {"alone_ms_median": 90.4, "beside_a_large_face_ms_median": 91.0}
    small = {"kind": "small faces", "model": "d.tflite", "data": "faces", "n": 4, "canvas_wh": [64, 48], "ways": [way]}
    stages = {"decode": 1.0, "detect": 2.0, "crop": 0.5, "network": 3.0, "the rest": 0.5, "photo": 6.0}
    photo = {
        "kind": "photo stages",
        "model": "a.tflite",
        "data": "her",
        "runs": 9,
        "passes": 2,
        "stages_ms_median": stages,
    }
    page = render([{**small, **COMMON}, {**photo, **COMMON, "face_mesh_photo_ms_median": 4.0}])
    assert "| tiles always | beside a large face | 4 | 1 | 91 ms |" in page
    assert "| `a.tflite` | 2 | 1.00 | 2.00 | 0.50 | 3.00 | 0.50 | 6.00 | 4.00 | 1.50 x |" in page


def test_flicker_stands_beside_its_price() -> None:
    """One row a way of looking."""
    seen = {"kind": "flicker", "model": "a.tflite", "looks": "once", "data": "faces", "clips": 6, "ms_median": 4.2}
    seen |= {"flicker_percent": {"still face moved": 0.421, "synthetic clip": 1.5}}
    other = {**seen, "looks": "and shifted", "ms_median": 8.41}
    (table,) = pipelines(of([{**seen, **COMMON}, {**other, **COMMON}]))
    assert table.header == ["model", "looks at each crop", "still face moved", "synthetic clip", "ms of processor time"]
    assert table.rows[1] == ["`a.tflite`", "and shifted", "0.42 %", "1.50 %", "8.41"]


def test_first_crops_stand_beside_one_another() -> None:
    """A row a way, a column an angle; what was not measured is left empty."""
    seen = {"kind": "first crop", "model": "a.tflite", "data": "faces", "n": 9, "crop": "keypoints"}
    upright = {**seen, **COMMON, "again": "never", "angle_deg": 0, "nme_mean": 3.8741, "predictions_mean": 1.0}
    turned = {**upright, "angle_deg": 90, "nme_mean": 3.9, "predictions_mean": 1.25}
    other = {**upright, "again": "always", "nme_mean": 3.8, "predictions_mean": 2.0}
    (table,) = pipelines(of([upright, turned, other]))
    assert table.header == ["model", "first crop from the detector's", "again", "0", "90"]
    assert table.rows == [
        ["`a.tflite`", "keypoints", "never", "3.874 % (1.00)", "3.900 % (1.25)"],
        ["`a.tflite`", "keypoints", "always", "3.800 % (2.00)", ""],
    ]
