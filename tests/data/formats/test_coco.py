"""COCO-style JSON files as MMPose has them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.own import scheme_file
from toolkit.data.formats import by_name, detect
from toolkit.data.labels import Photos

COCO = by_name("coco")
POINTS = np.random.default_rng(0).uniform(10, 50, (98, 2)).round(3)


def annotation(number: int = 5, points: int = 29, seen: float = 2, image: Any = 1) -> dict[str, Any]:
    triples = [value for x, y in POINTS[:points].tolist() for value in (x, y, seen)]
    return {"id": number, "image_id": image, "keypoints": triples, "bbox": [1, 2, 3, 4], "category_id": 1}


def write(path: Path, annotations: Sequence[Any], picture: str = "images/000001.jpg") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [{"id": 1, "file_name": "000001.jpg"}, {"id": 2, "file_name": "none.jpg"}]
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": []}))
    (path.parent / picture).parent.mkdir(exist_ok=True)
    Image.new("RGB", (64, 60)).save(path.parent / picture)
    return path


@pytest.mark.parametrize(("points", "scheme"), [(29, "cofw-29"), (68, "300w-68"), (98, "wflw-98")])
def test_an_annotation(tmp_path: Path, points: int, scheme: str) -> None:
    """0-based points as they stand, 0 is missing, 1 covered; the box is that of the points, not the file's."""
    whole = annotation(points=points)
    whole["keypoints"][2], whole["keypoints"][5] = 0, 1
    path = write(tmp_path / "faces.json", [whole])
    for root in (path, tmp_path):
        assert detect(root) is COCO
        reading = COCO.read(root, "train")
        assert (reading.title, reading.scheme.name) == ("file faces.json: 1 faces", scheme)
    (label,) = reading.labels
    assert (label.name, label.group, label.source) == ("000001-5", "000001.jpg", f"{path}, annotation of id 5")
    assert np.isnan(label.points_xy[0]).all() and label.covered is not None
    assert label.covered.nonzero()[0].tolist() == [1]
    np.testing.assert_array_equal(label.points_xy[1:], POINTS[1:points])
    np.testing.assert_array_equal(label.box_xyxy[2:], POINTS[1:points].max(axis=0))
    assert Photos(reading)[0].image.shape == (60, 64, 3)


def test_one_throughout_says_nothing_of_covers(tmp_path: Path) -> None:
    """MMPose's WFLW and 300W files have 1 at every point."""
    write(tmp_path / "faces.json", [annotation(seen=1)])
    assert COCO.read(tmp_path, "train").labels[0].covered is None


def test_files_are_told_by_their_names(tmp_path: Path) -> None:
    """MMPose's layout: `annotations/` beside `images/`, a file for each split and more for the subsets."""
    for name in ("wflw_train", "wflw_test", "wflw_test_blur"):
        write(tmp_path / "annotations" / f"face_landmarks_{name}.json", [annotation(points=98)], "../images/000001.jpg")
    assert COCO.read(tmp_path, "train").title == "file face_landmarks_wflw_train.json: 1 faces"
    assert COCO.read(tmp_path, "test").title == "file face_landmarks_wflw_test.json: 1 faces"
    write(tmp_path / "cofw_test.json", [annotation()])
    with pytest.raises(ValueError, match=r"several \.json files that may be the test set: cofw_test\.json, face_"):
        COCO.read(tmp_path, "test")


def test_a_test_file_is_never_trained_on(tmp_path: Path) -> None:
    """Though it is the only one."""
    write(tmp_path / "cofw_test.json", [annotation()])
    with pytest.raises(FileNotFoundError, match=r"no \.json file of the train set; it has cofw_test\.json"):
        COCO.read(tmp_path, "train")
    assert len(COCO.read(tmp_path, "test").labels) == 1


def test_bad_annotations_are_problems(tmp_path: Path) -> None:
    """Each with its id, or its place where it has none."""
    nan, text, third = annotation(2), annotation(3), annotation(4)
    nan["keypoints"][0], text["keypoints"][0], third["keypoints"][2] = float("nan"), "x", 3
    infinite = annotation(9)
    infinite["keypoints"][1] = float("inf")
    bad = [
        (annotation(1, points=28), "84 values in `keypoints`, expected 3 for each point of COFW"),
        (nan, "not a number"),
        (text, "numbers only"),
        (third, "must be 0, 1 or 2"),
        (annotation(6, image=7), "no file name for its image_id 7"),
        (annotation(7, image=2), "no picture 'none.jpg'"),
        (infinite, "not a number"),
        ("nothing", "expected an object with `keypoints`"),
        ({"keypoints": "none"}, "0 values in `keypoints`"),
        (annotation() | {"id": "/../../escaped"}, "may lead out of its folder"),
        (annotation() | {"id": "a\\b"}, "may lead out of its folder"),
        (annotation(10, image=[1]), "no file name for its image_id [1]"),
    ]
    write(tmp_path / "faces.json", [annotation(), annotation(11), *(value for value, _ in bad)])
    reading = COCO.read(tmp_path, "test")
    assert len(reading.labels) == 2 and len(reading.problems) == len(bad)
    assert all(text in p.text for p, (_, text) in zip(reading.problems, bad, strict=True))
    assert reading.problems[7].source == f"{tmp_path}/faces.json, annotation 10"


def test_people_without_labelled_points_are_passed_over(tmp_path: Path) -> None:
    """As COCO has many: they are no faces and no problems, and a note says how many."""
    nobody, thing = annotation(7, seen=0) | {"num_keypoints": 0}, {"id": 8, "image_id": 1}
    write(tmp_path / "faces.json", [annotation(), nobody, thing, annotation(9, seen=0)])
    reading = COCO.read(tmp_path, "test")
    assert (len(reading.labels), reading.problems) == (1, [])
    assert [note.text for note in reading.notes] == ["3 annotations without a labelled point are passed over"]
    write(tmp_path / "faces.json", [nobody])
    with pytest.raises(FileNotFoundError, match="no annotation that can be used"):
        COCO.read(tmp_path, "test")


@pytest.mark.parametrize("place", [(-1, -1), (0, 0)])
def test_a_point_in_no_place_is_missing_whatever_v_says(tmp_path: Path, place: tuple[int, int]) -> None:
    """As many tools write it."""
    face = annotation()
    face["keypoints"][:3] = [*place, 1]
    write(tmp_path / "faces.json", [face])
    (label,) = COCO.read(tmp_path, "test").labels
    assert np.isnan(label.points_xy[0]).all() and np.isfinite(label.points_xy[1:]).all()
    assert label.covered is not None and not label.covered.any()


@pytest.mark.parametrize("value", [1e30, 1e308, -2_000_000, 10**400])
def test_numbers_that_are_no_place_are_problems(tmp_path: Path, value: float) -> None:
    """Also one of 400 digits, which no float holds."""
    face = annotation()
    face["keypoints"][4] = value
    write(tmp_path / "faces.json", [annotation(11), face])
    (problem,) = COCO.read(tmp_path, "test").problems
    assert "no place in a picture" in problem.text and len(problem.text) < 200


@pytest.mark.parametrize("orientation", range(1, 9))
def test_points_turn_with_a_picture_whose_stored_size_the_file_says(tmp_path: Path, orientation: int) -> None:
    """EXIF turns 64 x 60 stored pixels; where the file says 60 x 64, the points are upright already."""
    write(tmp_path / "faces.json", [annotation()])
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (64, 60)).save(tmp_path / "images" / "000001.jpg", exif=exif)
    whole = json.loads((tmp_path / "faces.json").read_text())
    found = []
    for width, height in ((64, 60), (60, 64) if orientation > 4 else (64, 60)):
        whole["images"][0] |= {"width": width, "height": height}
        (tmp_path / "faces.json").write_text(json.dumps(whole))
        (label,) = COCO.read(tmp_path, "test").labels
        found.append((label.turned, label.points_xy[0].tolist()))
    x, y = POINTS[0]
    turned = {5: (y, x), 6: (59 - y, x), 7: (59 - y, 63 - x), 8: (y, 63 - x)}.get(orientation, (x, y))
    assert found[0] == (orientation > 4, pytest.approx(turned)) and found[1] == (False, [x, y])


def test_another_size_than_the_picture_has_is_a_problem(tmp_path: Path) -> None:
    """The points are of a picture before it was made smaller; without a size nothing can be said."""
    write(tmp_path / "faces.json", [annotation()])
    whole = json.loads((tmp_path / "faces.json").read_text())
    for size, count in (((128, 120), 0), ((0, 0), 1), (("64", None), 1), ((60, 64), 0)):
        whole["images"][0] |= dict(zip(("width", "height"), size, strict=True))
        (tmp_path / "faces.json").write_text(json.dumps(whole))
        if count:
            assert len(COCO.read(tmp_path, "test").labels) == 1
        else:
            with pytest.raises(FileNotFoundError, match=rf"said to be {size[0]} x {size[1]} pixels.* has 64 x 60"):
                COCO.read(tmp_path, "test")


@pytest.mark.parametrize("text", ["{", "[]", '{"images": []}', '{"images": 1, "annotations": []}', "\xff"])
def test_other_json_is_an_error(tmp_path: Path, text: str) -> None:
    """It names the file."""
    (tmp_path / "faces.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"faces\.json is not"):
        COCO.read(tmp_path, "test")


def test_no_annotations_are_not_found(tmp_path: Path) -> None:
    """An empty list is no set."""
    write(tmp_path / "faces.json", [])
    with pytest.raises(FileNotFoundError, match="no annotation that can be used"):
        COCO.read(tmp_path, "test")


def test_points_of_ones_own_are_those_of_the_scheme_beside_the_file(tmp_path: Path) -> None:
    """For a file given itself and for its folder, where scheme.json is no annotation file."""
    path = write(tmp_path / "faces.json", [annotation(points=7)])
    scheme_file(tmp_path / "scheme.json", "coco-7")
    for root in (path, tmp_path):
        assert detect(root) is COCO
        reading = COCO.read(root, "train")
        assert (reading.scheme.name, len(reading.labels), reading.problems) == ("coco-7", 1, [])
    (tmp_path / "scheme.json").unlink()
    with pytest.raises(FileNotFoundError, match="has no annotation that can be used"):
        COCO.read(path, "train")
