"""Points files: what a program and a table reader get back, and nothing half written."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from toolkit.core.schemes import COFW_29, W300_68
from toolkit.detect import TrackedFace
from toolkit.detect.points import csv_points, json_points


def face(track: int, points: int = 68) -> TrackedFace:
    """A face whose numbers are its track's own."""
    rng = np.random.default_rng(track)
    return TrackedFace(
        points_xy=rng.uniform(-10, 900, (points, 2)),
        confidence=rng.uniform(0, 1, points),
        box_xyxy=np.array([1.0, 2.0, 3.0, 5.00049]),
        score=0.875,
        track=track,
    )


def test_json_gives_every_frame_back(tmp_path: Path):
    """The head's fields, then each frame with its faces, also those without any; points to a thousandth of a pixel."""
    with json_points(tmp_path / "p.json", {"kind": "video", "video": 'a "b".mp4'}) as write:
        write(0, 0.0, [face(1), face(2)])
        write(1, 0.0333333, [], (96, 64))
        assert not (tmp_path / "p.json").exists()
    record = json.loads((tmp_path / "p.json").read_text())
    assert (record["kind"], record["video"]) == ("video", 'a "b".mp4')
    first, second = record["frames"]
    assert (second["frame"], second["seconds"], second["faces"]) == (1, 0.033333, [])
    assert ("size_wh" in first, second["size_wh"]) == (False, [96, 64])
    assert [f["track"] for f in first["faces"]] == [1, 2]
    assert np.array(first["faces"][1]["points_xy"]) == pytest.approx(face(2).points_xy, abs=0.0006)
    assert first["faces"][0]["box_xyxy"] == [1, 2, 3, 5]


def test_a_film_without_frames_is_still_json(tmp_path: Path):
    """An empty list."""
    with json_points(tmp_path / "p.json", {"kind": "video"}):
        pass
    assert json.loads((tmp_path / "p.json").read_text()) == {"kind": "video", "frames": []}


def test_csv_has_a_row_for_each_face_of_each_frame(tmp_path: Path):
    """Read by the standard library: names, numbers, and the mean confidence."""
    with csv_points(tmp_path / "p.csv", COFW_29) as write:
        write(0, 0.0, [face(1, 29), face(2, 29)])
        write(1, 0.04, [])
        write(2, 0.08, [face(2, 29)])
    rows = list(csv.DictReader((tmp_path / "p.csv").read_text().splitlines()))
    assert [(r["frame"], r["seconds"], r["track"]) for r in rows] == [
        ("0", "0.000000", "1"), ("0", "0.000000", "2"), ("2", "0.080000", "2"),
    ]  # fmt: skip
    assert list(rows[0])[3:] == ["confidence", *(f"{axis}{point}" for point in range(29) for axis in "xy")]
    assert float(rows[1]["y28"]) == pytest.approx(face(2, 29).points_xy[28, 1], abs=0.0006)
    assert float(rows[1]["confidence"]) == pytest.approx(face(2, 29).confidence.mean(), abs=0.0006)


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_a_failure_leaves_no_file(tmp_path: Path, kind: str):
    """An error in the middle: neither the file nor a temporary one."""
    sink = json_points(tmp_path / "p.json", {"a": 1}) if kind == "json" else csv_points(tmp_path / "p.csv", W300_68)
    with pytest.raises(RuntimeError), sink as write:
        write(0, 0.0, [face(1)])
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
