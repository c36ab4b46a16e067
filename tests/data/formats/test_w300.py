"""300W, its private test set and Masked 300W: official folders and HRNet's CSVs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from toolkit.data.formats import by_name, detect
from toolkit.data.formats.pts import write_pts
from toolkit.data.labels import Label, Photos

POINTS = np.random.default_rng(0).uniform(10, 50, (68, 2)).round(6)
HEADER = ["image_name", "scale", "center_w", "center_h", *(f"original_{i}_{a}" for i in range(68) for a in "xy")]
W300, MASKED, PRIVATE = by_name("w300"), by_name("masked300w"), by_name("private300w")


def picture(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 60), (90, 60, 30)).save(folder / name)


def face(folder: Path, name: str, points: np.ndarray = POINTS) -> None:
    picture(folder, f"{name}.jpg")
    (folder / f"{name}.pts").write_text(write_pts(points))


def row(image: str, points: np.ndarray = POINTS) -> str:
    """As HRNet writes it: 1-based points, the box rounded outwards to whole pixels."""
    low, high = np.floor((points + 1).min(axis=0)), np.ceil((points + 1).max(axis=0))
    values = [(high - low).max() / 200, *(low + high) / 2, *(points + 1).ravel()]
    return ",".join([image, *(f"{v:.6f}" for v in values)])


def csv_file(path: Path, rows: Sequence[str], ends: str = "\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((ends.join([",".join(HEADER), *rows]) + ends).encode())


def names(labels: Sequence[Label]) -> list[str]:
    return [label.name for label in labels]


def test_the_official_folders(tmp_path: Path) -> None:
    """Train is AFW and the train sets, test is the test sets; what is short is called a subset."""
    face(tmp_path / "afw", "1_1")
    face(tmp_path / "helen/trainset", "2_1")
    face(tmp_path / "helen/testset", "3_1")
    face(tmp_path / "lfpw/testset", "image_0001")
    face(tmp_path / "ibug", "image_003_1")
    assert detect(tmp_path) is W300
    train, test = W300.read(tmp_path, "train"), Photos(W300.read(tmp_path, "test"))
    assert train.title == "300W subset: AFW 1 + Helen train 1" and names(train.labels) == ["1_1", "2_1"]
    assert test.title == "300W subset: Helen test 1 + LFPW test 1 + iBUG 1"
    assert test.subsets == {"common": [0, 1], "challenge": [2]}
    assert test[0].image.shape == (60, 64, 3)


def test_the_whole_test_set_is_called_so(tmp_path: Path) -> None:
    """689 faces: 554 common, 135 challenge."""
    for part, count in (("helen/testset", 330), ("lfpw/testset", 224), ("ibug", 135)):
        (tmp_path / part).mkdir(parents=True)
        for i in range(count):
            (tmp_path / part / f"{i}_1.pts").write_text(write_pts(POINTS))
            (tmp_path / part / f"{i}_1.jpg").touch()
    faces = Photos(W300.read(tmp_path, "test"))
    assert faces.title == "300W: Helen test 330 + LFPW test 224 + iBUG 135"
    counts = {"test": len(faces), **{name: len(members) for name, members in faces.subsets.items()}}
    assert counts == {name: n for name, n in W300.published.items() if name != "train"}
    assert W300.published["train"] == 3148


@pytest.mark.parametrize("where", ["", "annotations", "above"])
def test_the_csvs_give_the_same_as_the_folders(tmp_path: Path, where: str) -> None:
    """Same points, boxes, names, groups and titles as the .pts files, with the CSVs where HRNet users have them."""
    pictures = tmp_path / "official"
    for folder, name in (("helen/testset", "3_1"), ("ibug", "image_003_1")):
        face(pictures / folder, name)
    official = W300.read(pictures, "test")
    root = tmp_path / "hrnet" / "images" if where == "above" else tmp_path / "hrnet"
    images = root if where == "above" else root / "images"
    for image in ("helen/testset/3_1.jpg", "ibug/image_003_1.jpg"):
        picture((images / image).parent, Path(image).name)
    above = root.parent if where == "above" else root / where
    csv_file(above / "face_landmarks_300w_valid.csv", [row("helen/testset/3_1.jpg"), row("ibug/image_003_1.jpg")])
    assert detect(root) is W300
    reading = W300.read(root, "test")
    assert reading.title == official.title == "300W subset: Helen test 1 + iBUG 1" and not reading.problems
    for ours, theirs in zip(reading.labels, official.labels, strict=True):
        assert (ours.name, ours.group, ours.subsets) == (theirs.name, theirs.group, theirs.subsets)
        np.testing.assert_allclose(ours.points_xy, theirs.points_xy, atol=1e-4)
        np.testing.assert_allclose(ours.box_xyxy, theirs.box_xyxy, atol=1e-4)


def test_the_csv_box_is_the_tight_box_to_a_pixel(tmp_path: Path) -> None:
    """HRNet's scale and centre are of the points' box rounded outwards; ours differs by less than a pixel."""
    picture(tmp_path / "ibug", "a.jpg")
    csv_file(tmp_path / "face_landmarks_300w_valid.csv", [row("ibug/a.jpg")])
    (label,) = W300.read(tmp_path, "test").labels
    scale, centre = (float(v) for v in row("ibug/a.jpg").split(",")[1:3])
    assert abs(scale * 200 - (label.box_xyxy[2:] - label.box_xyxy[:2]).max()) < 2
    assert abs(centre - 1 - (label.box_xyxy[0] + label.box_xyxy[2]) / 2) < 1


def test_the_halves_of_the_test_set_make_it_whole(tmp_path: Path) -> None:
    """Without face_landmarks_300w_valid.csv, its common and challenge CSVs are read."""
    for image in ("lfpw/testset/i_1.png", "ibug/i_2.jpg"):
        picture((tmp_path / "images" / image).parent, Path(image).name)
    csv_file(tmp_path / "face_landmarks_300w_valid_common.csv", [row("lfpw/testset/i_1.png")])
    csv_file(tmp_path / "face_landmarks_300w_valid_challenge.csv", [row("ibug/i_2.jpg")])
    assert Photos(W300.read(tmp_path, "test")).subsets == {"common": [0], "challenge": [1]}


def test_bad_lines_of_a_csv_are_problems(tmp_path: Path) -> None:
    """Each with its line; a byte order mark and Windows line ends are no problem."""
    picture(tmp_path / "images/afw", "good.jpg")
    good = row("afw/good.jpg")
    bad = [
        ",".join(good.split(",")[:-1]),
        good.replace(good.split(",")[9], "nan"),
        good.replace(good.split(",")[9], "inf"),
        good.replace(good.split(",")[9], "x"),
        row("afw/none.jpg"),
        row("elsewhere/good.jpg"),
        row("afw/good.jpg", np.full((68, 2), 3.0)),
    ]
    path = tmp_path / "face_landmarks_300w_train.csv"
    csv_file(path, [good, *bad], ends="\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes() + row("afw/caf\xe9.jpg").encode("latin-1") + b"\r\n")
    reading = W300.read(tmp_path, "train")
    assert reading.title == "300W subset: AFW 1" and reading.labels[0].source == f"{path}:2"
    expected = {
        3: "135 coordinates, expected 136 for 300W / iBUG, 68 points",
        4: "'nan' is not a number",
        5: "'inf' is not a number",
        6: "'x' is not a number",
        7: "no picture 'afw/none.jpg' in",
        8: "is in none of the folders afw, helen/trainset, lfpw/trainset",
        9: "at least two different points",
        10: "caf\\xe9.jpg is not UTF-8",
    }
    found = {int(p.source.rpartition(":")[2]): p.text for p in reading.problems}
    assert found.keys() == expected.keys()
    assert all(text in found[line] for line, text in expected.items())


def test_a_csv_of_other_columns_is_an_error(tmp_path: Path) -> None:
    """It says what was expected; a CSV of the header alone has no face."""
    path = tmp_path / "face_landmarks_300w_train.csv"
    for text in ("", "a,b\n1,2\n", ",".join(HEADER[:-2])):
        path.write_text(text)
        with pytest.raises(ValueError, match="expected the columns image_name, scale, center_w, center_h and 136"):
            W300.read(tmp_path, "train")
    csv_file(path, [])
    with pytest.raises(FileNotFoundError, match="none of the 300W folders"):
        W300.read(tmp_path, "train")


@pytest.mark.parametrize("above", ["", "300W", "Test"])
def test_the_private_test_set_stands_by_itself(tmp_path: Path, above: str) -> None:
    """300 indoor and 300 outdoor faces, which are not in 300W's test split."""
    for folder, name in (("01_Indoor", "indoor_001"), ("02_Outdoor", "outdoor_001")):
        face(tmp_path / above / folder, name)
    assert detect(tmp_path) is PRIVATE
    faces = Photos(PRIVATE.read(tmp_path, "test"))
    assert faces.title == "300W private test subset: indoor 1 + outdoor 1"
    assert faces.subsets == {"indoor": [0], "outdoor": [1]}
    with pytest.raises(FileNotFoundError, match="no train faces"):
        PRIVATE.read(tmp_path, "train")


def test_the_private_test_set_from_hrnets_csv(tmp_path: Path) -> None:
    """face_landmarks_300w_test.csv."""
    picture(tmp_path / "images/Test/01_Indoor", "indoor_001.png")
    csv_file(tmp_path / "face_landmarks_300w_test.csv", [row("Test/01_Indoor/indoor_001.png")])
    assert PRIVATE.recognises(tmp_path) and not W300.recognises(tmp_path)
    assert PRIVATE.read(tmp_path, "test").title == "300W private test subset: indoor 1"


@pytest.mark.parametrize("name", ["masked", "Masked_300W"])
def test_masked_300w_brings_its_own_points(tmp_path: Path, name: str) -> None:
    """Beside 300W, within it, or given itself; with or without `testset`."""
    masked = tmp_path / "300w" / name
    face(masked / "helen", "3_1", POINTS + 1)
    face(masked / "ibug", "image_003_1")
    face(tmp_path / "300w" / "ibug", "image_003_1")
    assert detect(masked) is MASKED and detect(tmp_path / "300w") is W300
    for root in (masked, tmp_path / "300w", tmp_path / "300w" / "ibug"):
        faces = Photos(MASKED.read(root, "test"))
        assert faces.title == "Masked 300W subset: Helen test 1 + iBUG 1"
        assert faces.subsets == {"common": [0], "challenge": [1]}
        np.testing.assert_allclose(faces.labels[0].points_xy, POINTS + 1, atol=1e-4)
    with pytest.raises(FileNotFoundError, match="test set"):
        MASKED.read(masked, "train")


def test_masked_300w_takes_the_points_of_300w(tmp_path: Path) -> None:
    """Where it brings pictures alone; 300W's other faces are passed over."""
    for name in ("3_1", "4_1"):
        face(tmp_path / "helen/testset", name)
    Image.new("RGB", (64, 60), (255, 255, 255)).save(tmp_path / "own.jpg")
    (tmp_path / "masked/helen/testset").mkdir(parents=True)
    (tmp_path / "own.jpg").rename(tmp_path / "masked/helen/testset/3_1.jpg")
    faces = Photos(MASKED.read(tmp_path / "masked", "test"))
    assert [label.name for label in faces.labels] == ["3_1"] and faces[0].image.min() > 250
    with pytest.raises(FileNotFoundError, match="no folder masked"):
        MASKED.read(tmp_path / "helen" / "testset", "test")
