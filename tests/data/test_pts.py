"""300W's .pts files, folders of them, the split by photo, and the baselines that look at no pixel."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from toolkit.core.schemes import W300_68
from toolkit.data import open_faces, open_folder
from toolkit.data.pts import PtsFolder, hold_out, mean_shape_points, read_pts, write_pts

POINTS = np.random.default_rng(0).uniform(10, 50, (68, 2))


def face(folder: Path, name: str, points: np.ndarray = POINTS) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.pts").write_text(write_pts(points))
    Image.new("RGB", (64, 60), (90, 60, 30)).save(folder / f"{name}.jpg")


def test_points_are_moved_to_zero_based_pixels(tmp_path: Path) -> None:
    """.pts counts from 1: a point at `1 1` is the first pixel's centre."""
    path = tmp_path / "a.pts"
    path.write_text("version: 1\nn_points:  2\n{\n1.0 1.0\n12.5 7.25\n}\n")
    assert read_pts(path, 2).tolist() == [[0.0, 0.0], [11.5, 6.25]]


def test_round_trip(tmp_path: Path) -> None:
    """write_pts then read_pts is exact to its four decimals, and keeps missing points."""
    points = POINTS.copy()
    points[5] = np.nan
    (tmp_path / "a.pts").write_text(write_pts(points))
    np.testing.assert_allclose(read_pts(tmp_path / "a.pts", 68), points, atol=5e-5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "not a .pts file"),
        ("n_points: 2\n{\n1 1\n}\n", "1 points, expected 2"),
        ("n_points: 2\n{\n1 1\n2 b\n}\n", "two numbers"),
        ("n_points: 2\n{\n1 1\n2\n}\n", "two numbers"),
        ("n_points: 2\n{\n1 1\n2 inf\n}\n", "not a number"),
        ("n_points: 2\n{\n1 1\n2 nan\n}\n", "not a number"),
        ("n_points: 2\n{\n1 1\n2 2\n", "not a .pts file"),
        ("n_points: 2 \xe9{\n1 1\n2 2\n}", "plain text"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, text: str, message: str) -> None:
    """One line that says which file and what is wrong."""
    path = tmp_path / "bad.pts"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message) as caught:
        read_pts(path, 2)
    assert "bad.pts" in str(caught.value)


def test_a_folder_without_faces_is_refused(tmp_path: Path) -> None:
    """With what was expected there."""
    with pytest.raises(FileNotFoundError, match=r"no \.pts file"):
        open_folder(tmp_path, test=True)
    with pytest.raises(FileNotFoundError, match="no folder"):
        open_faces(tmp_path / "nowhere", "train", 0)


def test_a_pts_without_a_picture_is_refused(tmp_path: Path) -> None:
    """The error names the picture that it looked for."""
    face(tmp_path, "a")
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.jpg"):
        open_folder(tmp_path, test=True)


def test_a_truncated_picture_is_named(tmp_path: Path) -> None:
    """Half a JPEG is an error, not half a face."""
    face(tmp_path, "a")
    path = tmp_path / "a.jpg"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=r"a\.jpg is damaged or cut off"):
        open_folder(tmp_path, test=True)[0]


def test_the_split_is_by_photo_and_fixed(tmp_path: Path) -> None:
    """Faces of one photo stay on one side, the sides are disjoint and whole, and adding photos moves none."""
    for i in range(40):
        face(tmp_path, f"{i}_1")
        face(tmp_path, f"{i}_2")
    faces = PtsFolder([tmp_path], W300_68, "t")

    def names(part: str) -> set[str]:
        side = hold_out(faces, part)  # type: ignore[arg-type]
        return {side[i].name for i in range(len(side))}

    train, val = names("train"), names("val")
    assert not train & val and len(train | val) == 80 and 2 <= len(val) <= 16
    assert {n.partition("_")[0] for n in train}.isdisjoint(n.partition("_")[0] for n in val)
    face(tmp_path, "another_1")
    faces = PtsFolder([tmp_path], W300_68, "t")
    assert val <= names("val")


def test_the_official_layout_is_recognised(tmp_path: Path) -> None:
    """Train is AFW and the train sets, test is the test sets; what is short is called a subset."""
    face(tmp_path / "afw", "1_1")
    face(tmp_path / "helen" / "trainset", "2_1")
    face(tmp_path / "helen" / "testset", "3_1")
    train, test = open_folder(tmp_path, test=False), open_folder(tmp_path, test=True)
    assert (train.title, test.title) == ("300W subset: AFW 1 + Helen train 1", "300W subset: Helen test 1")
    assert [train[0].name, train[1].name, test[0].name] == ["1_1", "2_1", "3_1"]
    assert test[0].image.shape == (60, 64, 3)


def test_the_mean_shape_is_placed_in_the_box(tmp_path: Path) -> None:
    """One training shape, scaled and moved for the test: both baselines find it exactly."""
    face(tmp_path / "train", "a")
    moved = POINTS * 0.7 + [3, 9]
    face(tmp_path / "test", "b", moved)
    face(tmp_path / "turned", "c", POINTS @ [[0, 0.5], [-0.5, 0]] + [40, 5])
    train = open_folder(tmp_path / "train", test=False)
    guesses = mean_shape_points(train, open_folder(tmp_path / "test", test=True))
    np.testing.assert_allclose(guesses["mean shape"][0], moved, atol=1e-3)
    turned = mean_shape_points(train, open_folder(tmp_path / "turned", test=True))
    np.testing.assert_allclose(turned["oracle similarity"][0], POINTS @ [[0, 0.5], [-0.5, 0]] + [40, 5], atol=1e-3)
    assert np.abs(turned["mean shape"][0] - turned["oracle similarity"][0]).max() > 1
