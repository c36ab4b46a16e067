"""Photos with five points: the CSV, and the box of the whole face."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from toolkit.core.correspondence import translated
from toolkit.core.schemes import FIVE_5, W300_68
from toolkit.data import open_faces, open_folder
from toolkit.data.formats import by_name, detect
from toolkit.data.mean_shape import whole_boxes
from toolkit.data.sample import box_of_points
from toolkit.data.synthetic import SyntheticFaces

HEADER = "file,x0,y0,x1,y1,x2,y2,x3,y3,x4,y4"
FACE = "60,70,110,66,85,92,70,115,108,112"


def write(root: Path, *lines: str) -> None:
    (root / "points5.csv").write_text("\n".join([HEADER, *lines]) + "\n")
    for name in ("a.jpg", "b.jpg"):
        Image.new("RGB", (180, 170)).save(root / name)


def test_points_are_read_and_bad_lines_told(tmp_path: Path) -> None:
    """Pixels count from 0; a missing picture, a missing number and points in one place are problems of their lines."""
    write(tmp_path, f"a.jpg,{FACE}", f"c.jpg,{FACE}", "b.jpg,1,2,3", "b.jpg" + ",5,5" * 5)
    assert detect(tmp_path) is by_name("five")
    reading = detect(tmp_path).read(tmp_path, "train")
    np.testing.assert_array_equal(reading.labels[0].points_xy[2], [85, 92])
    assert [problem.source.rpartition(":")[2] for problem in reading.problems] == ["4", "5", "3"]
    assert "c.jpg" in reading.problems[-1].text and "expected 10" in reading.problems[0].text


def test_other_columns_are_refused(tmp_path: Path) -> None:
    """By naming those that are wanted."""
    (tmp_path / "points5.csv").write_text("name,x,y\na.jpg,1,2\n")
    with pytest.raises(ValueError, match=r"expected the 11 columns file, x0, y0, x1, \.\.\., y4, found 3"):
        open_folder(tmp_path, test=False)


def test_the_box_is_that_of_the_whole_face() -> None:
    """From five exact points of synthetic faces that look at the camera, sides within 12 % and centres within 6 %."""
    faces = SyntheticFaces(60, seed=3)
    points = np.stack([faces[i].points_xy for i in range(60)])
    jaw, nose = points[:, [0, 16], 0], points[:, 30, 0]
    frontal = points[np.abs((nose - jaw[:, 0]) / (jaw[:, 1] - jaw[:, 0]) - 0.5) < 0.1]
    boxes = whole_boxes(translated(frontal, W300_68, FIVE_5), FIVE_5)
    truth = np.stack([box_of_points(p) for p in frontal])
    side, own = ((b[:, 2:] - b[:, :2]).max(axis=1) for b in (truth, boxes))
    assert len(frontal) > 15 and np.median(np.abs(own / side - 1)) < 0.12
    assert (
        np.median(np.linalg.norm(boxes[:, :2] + boxes[:, 2:] - truth[:, :2] - truth[:, 2:], axis=1) / 2 / side) < 0.06
    )


def test_a_turned_face_has_the_box_of_the_turned_head() -> None:
    """A quarter turn of the points turns the box."""
    five = np.array([[60.0, 70], [110, 66], [85, 92], [70, 115], [108, 112]])
    turned = five @ np.array([[0.0, 1.0], [-1.0, 0.0]])
    (left, top, right, bottom), after = whole_boxes(five[None], FIVE_5)[0], whole_boxes(turned[None], FIVE_5)[0]
    np.testing.assert_allclose(after, [-bottom, left, -top, right], atol=1e-6)


@pytest.mark.data
def test_real_photos_lie_in_their_boxes() -> None:
    """All but a few; a tenth is held out."""
    if "SDHRNET_DATA" not in os.environ:
        pytest.skip("SDHRNET_DATA does not point at real faces")
    folder = Path(os.environ["SDHRNET_DATA"]) / "photos5"
    faces = open_folder(folder, test=False)
    points, boxes = (np.stack([getattr(f, name) for f in faces.labels]) for name in ("points_xy", "box_xyxy"))
    within = ((points >= boxes[:, None, :2]) & (points <= boxes[:, None, 2:])).all(axis=(1, 2))
    assert len(faces) == 3700 and within.mean() > 0.99
    assert len(open_faces(folder, "train", 0)) + len(open_faces(folder, "val", 0)) == 3700
