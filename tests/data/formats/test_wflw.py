"""WFLW: the official lists and HRNet's CSVs, written by the tests line by line as they are."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from toolkit.data.formats import by_name, detect
from toolkit.data.labels import Photos

WFLW = by_name("wflw")
POINTS = np.random.default_rng(0).uniform(10, 50, (98, 2)).round(6)
HEADER = ["image_name", "scale", "center_w", "center_h", *(f"original_{i}_{a}" for i in range(98) for a in "xy")]
IMAGE = "37--Soccer/37_Soccer_soccer_ball_37_113.jpg"
FOLDER = "WFLW_annotations/list_98pt_rect_attr_train_test"


def line(
    points: np.ndarray = POINTS, rect: str = "8 9 52 60", attributes: str = "0 0 0 0 0 0", image: str = IMAGE
) -> str:
    return " ".join([*(f"{v:.6f}" for v in points.ravel()), rect, attributes, image])


def official(root: Path, split: str, lines: Sequence[str], folder: str = FOLDER, ends: str = "\n") -> Path:
    path = root / folder / f"list_98pt_rect_attr_{split}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((ends.join(lines) + ends).encode())
    picture = root / "WFLW_images" / IMAGE
    picture.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 60)).save(picture)
    return path


@pytest.mark.parametrize("folder", ["", FOLDER, "list_98pt_rect_attr_train_test"])
def test_a_line_of_the_official_list(tmp_path: Path, folder: str) -> None:
    """Points as they stand, the tight box instead of the rectangle, attributes as subsets, the photo as group."""
    path = official(tmp_path, "test", [line(), line(POINTS + 3, attributes="1 0 0 1 0 1")], folder)
    assert detect(tmp_path) is WFLW
    faces = Photos(WFLW.read(tmp_path, "test"))
    first, second = faces.labels
    assert (first.name, second.name) == ("37_Soccer_soccer_ball_37_113-1", "37_Soccer_soccer_ball_37_113-2")
    assert first.group == second.group == IMAGE and second.source == f"{path}:2"
    np.testing.assert_array_equal(first.points_xy, POINTS)
    np.testing.assert_array_equal(first.box_xyxy, [*POINTS.min(axis=0), *POINTS.max(axis=0)])
    assert faces.subsets == {"blur": [1], "makeup": [1], "pose": [1]}
    assert (faces.title, faces.scheme.name) == ("WFLW subset: test 2", "wflw-98")
    assert faces[0].image.shape == (60, 64, 3)


@pytest.mark.slow
def test_the_published_counts(tmp_path: Path) -> None:
    """7500 faces for training; 2500 test faces with the six subsets."""
    order = ("pose", "expression", "illumination", "makeup", "occlusion", "blur")
    counts = [WFLW.published[name] for name in order]
    assert counts == [326, 314, 698, 206, 736, 773]
    lines = [line(attributes=" ".join(str(int(i < n)) for n in counts)) for i in range(2500)]
    official(tmp_path, "test", lines)
    official(tmp_path, "train", [line()] * 7500)
    test, train = Photos(WFLW.read(tmp_path, "test")), WFLW.read(tmp_path, "train")
    assert {name: len(members) for name, members in test.subsets.items()} == dict(zip(order, counts, strict=True))
    assert (test.title, train.title) == ("WFLW: test 2500", "WFLW: train 7500")


def test_bad_lines_are_problems(tmp_path: Path) -> None:
    """Each with its line; blank lines, Windows line ends and a byte order mark are none."""
    values = line().split()
    lines = {
        2: (" ".join(values[:-2] + values[-1:]), "206 fields, expected 196 coordinates"),
        3: (" ".join([*values[:50], "nan", *values[51:]]), "'nan' is not a number"),
        4: (" ".join([*values[:50], "inf", *values[51:]]), "'inf' is not a number"),
        5: (line(rect="8 9 8 60"), "the face rectangle 8 9 8 60 has no area"),
        6: (line(rect="0 0 0 0"), "has no area"),
        7: (line(attributes="0 0 0 2 0 0"), "the attributes must be 0 or 1, found 0 0 0 2 0 0"),
        8: (line(image="0--Parade/none.jpg"), "no picture '0--Parade/none.jpg' in"),
        9: (line(np.ones((98, 2))), "at least two different points"),
    }
    path = official(tmp_path, "test", [line(), *(text for text, _ in lines.values()), ""], ends="\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes() + line(image="caf\xe9.jpg").encode("latin-1"))
    reading = WFLW.read(tmp_path, "test")
    assert len(reading.labels) == 1
    found = {int(p.source.removeprefix(f"{path}:")): p.text for p in reading.problems}
    expected = {number: text for number, (_, text) in lines.items()} | {11: "caf\\xe9.jpg is not UTF-8"}
    assert found.keys() == expected.keys() and all(text in found[n] for n, text in expected.items())


def test_an_empty_or_absent_list_is_not_found(tmp_path: Path) -> None:
    """With the names that were looked for."""
    official(tmp_path, "test", [""])
    with pytest.raises(FileNotFoundError, match="no face that can be used"):
        WFLW.read(tmp_path, "test")
    with pytest.raises(FileNotFoundError, match=r"list_98pt_rect_attr_train\.txt .* or face_landmarks_wflw_train\.csv"):
        WFLW.read(tmp_path, "train")


def csv_row(points: np.ndarray, digits: int = 6) -> str:
    low, high = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0))
    values = [(high - low).max() / 200, *(low + high) / 2, *points.ravel()]
    return ",".join([IMAGE, *(f"{v:.{digits}f}" for v in values)])


def test_hrnets_csvs_give_the_same_as_the_list(tmp_path: Path) -> None:
    """Two faces of one photo are told apart in the subsets' CSVs, whose pose is called largepose."""
    official(tmp_path / "official", "test", [line(), line(POINTS + 3, attributes="1 0 0 1 0 0")])
    root = tmp_path / "hrnet"
    picture = root / "images" / IMAGE
    picture.parent.mkdir(parents=True)
    Image.new("RGB", (64, 60)).save(picture)
    for name, rows in (
        ("test", [csv_row(POINTS), csv_row(POINTS + 3)]),
        ("test_largepose", [csv_row(POINTS + 3, digits=12)]),
        ("test_makeup", [csv_row(POINTS + 3), csv_row(POINTS + 9)]),
    ):
        (root / f"face_landmarks_wflw_{name}.csv").write_text("\n".join([",".join(HEADER), *rows]))
    assert detect(root) is WFLW
    ours, theirs = WFLW.read(root, "test"), WFLW.read(tmp_path / "official", "test")
    assert ours.title == theirs.title == "WFLW subset: test 2"
    for a, b in zip(ours.labels, theirs.labels, strict=True):
        assert a.subsets == b.subsets and a.group == b.group
        np.testing.assert_allclose(a.points_xy, b.points_xy, atol=1e-6)
    (problem,) = ours.problems
    assert "is not in face_landmarks_wflw_test.csv" in problem.text
    assert problem.source == f"{root / 'face_landmarks_wflw_test_makeup.csv'}:3"
