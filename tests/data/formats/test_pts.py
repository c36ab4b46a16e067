"""Folders of .pts files: the format itself, what is wrong with a single file, visibility, and which scheme it is."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.own import scheme_file
from toolkit.data import open_faces
from toolkit.data.formats import detect
from toolkit.data.formats.pts import FORMAT, photos_of, read_pts, write_pts
from toolkit.data.labels import Photos

POINTS = np.random.default_rng(0).uniform(10, 50, (98, 2))


def face(folder: Path, name: str, points: np.ndarray = POINTS[:68]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.pts").write_text(write_pts(points))
    Image.new("RGB", (64, 60), (90, 60, 30)).save(folder / f"{name}.jpg")
    return folder / f"{name}.pts"


def problems(folder: Path) -> list[str]:
    """The one good face `good` is read, and these are the problems of the others."""
    face(folder, "good")
    reading = FORMAT.read(folder, "train")
    assert [label.name for label in reading.labels] == ["good"]
    return [str(problem) for problem in reading.problems]


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
    np.testing.assert_allclose(read_pts(tmp_path / "a.pts", 98), points, atol=5e-5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a .pts file"),
        ("hello", "not a .pts file"),
        ("n_points: 2\n{\n1 1\n}\n", "1 points, expected 2"),
        ("n_points: 2\n{\n}\n", "0 points, expected 2"),
        ("n_points: 2\n{\n1 1\n2 b\n}\n", "two numbers"),
        ("n_points: 2\n{\n1 1\n2\n}\n", "two numbers"),
        ("n_points: 2\n{\n1 1\n2 inf\n}\n", "point 1 is at 2, inf: no place in a picture"),
        ("n_points: 2\n{\n1 1\n2 nan\n}\n", "not a number"),
        ("n_points: 2\n{\n1 1\n2 2\n", "not a .pts file"),
        ("n_points: 2 \xe9{\n1 1\n2 2\n}", "plain text"),
    ],
)
def test_damaged_files_are_told(tmp_path: Path, text: str, message: str) -> None:
    """One line that says what is wrong; of a face in a folder it names the file, too."""
    path = face(tmp_path, "bad")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_pts(path, 2)
    (problem,) = problems(tmp_path)
    assert problem.startswith(f"{path}: ") and "\n" not in problem


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    """Editors on Windows leave both."""
    path = tmp_path / "a.pts"
    path.write_bytes(b"\xef\xbb\xbfversion: 1\r\nn_points: 2\r\n{\r\n1.0 2.0\r\n3.0 5.0\r\n}\r\n")
    assert read_pts(path, 2).tolist() == [[0.0, 1.0], [2.0, 4.0]]


def test_a_label_says_where_it_is_from(tmp_path: Path) -> None:
    """Name, photo, source, the tight box, and a picture that is not square and opened only when asked for."""
    points = POINTS[:68].copy()
    points[3] = np.nan
    file = face(tmp_path, "12_3", points)
    reading = FORMAT.read(tmp_path, "test")
    (label,) = reading.labels
    assert (label.name, label.group, label.source) == ("12_3", "12", str(file))
    assert (reading.title, reading.scheme.name) == (f"folder {tmp_path.name}: 1 faces", "300w-68")
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    np.testing.assert_allclose(label.box_xyxy, [*low, *high], atol=1e-4)
    assert label.covered is None and not label.subsets and np.isnan(label.points_xy[3]).all()
    assert Photos(reading)[0].image.shape == (60, 64, 3)


@pytest.mark.parametrize(
    ("names", "photos"),
    [
        (["12_1", "12_2", "7_1"], ["12", "12", "7"]),  # AFW, Helen
        (["image_0001", "image_0010"], ["image_0001", "image_0010"]),  # LFPW
        (["image_003_1", "image_014_1"], ["image_003", "image_014"]),  # iBUG
        (["a_0", "a_15"], ["a", "a"]),
        (["img_01", "img_09", "img_10", "img_99"], ["img_01", "img_09", "img_10", "img_99"]),
        (["img_00", "img_10"], ["img_00", "img_10"]),
        (["img_1", "img_99", "img_100"], ["img_1", "img_99", "img_100"]),
        (["img_01_1", "img_01_2", "img_02_1"], ["img_01", "img_01", "img_02"]),  # `data label`
        (["at_me", "at_my", "at_x1", "_1", "3", "a_"], ["at_me", "at_my", "at_x1", "_1", "3", "a_"]),
        (["my_01", "other_1", "other_2"], ["my_01", "other", "other"]),
    ],
)
def test_names_say_which_faces_are_of_one_photo(names: list[str], photos: list[str]) -> None:
    """By plain numbers from 0 or 1; padded ones, and those beyond 99, count photos."""
    assert photos_of(names) == dict(zip(names, photos, strict=True))


def test_numbered_photos_part_between_training_and_validation(tmp_path: Path) -> None:
    """img_01 to img_40: a tenth or so is held out."""
    for number in range(1, 41):
        face(tmp_path, f"img_{number:02}")
    sides = [len(open_faces(tmp_path, part, 0)) for part in ("train", "val")]
    assert sum(sides) == 40 and 1 <= sides[1] <= 8


@pytest.mark.parametrize(("points", "scheme"), [(68, "300w-68"), (29, "cofw-29"), (98, "wflw-98")])
def test_the_scheme_is_told_by_the_number_of_points(tmp_path: Path, points: int, scheme: str) -> None:
    """Most files decide; one with another number is a problem."""
    for name in ("a", "b"):
        face(tmp_path, name, POINTS[:points])
    face(tmp_path, "c", POINTS[:19])
    reading = FORMAT.read(tmp_path, "train")
    assert reading.scheme.name == scheme and len(reading.labels) == 2
    assert [str(p) for p in reading.problems] == [f"{tmp_path}/c.pts: has 19 points, expected {points}"]


def test_a_missing_picture_is_a_problem(tmp_path: Path) -> None:
    """It names the picture that it looked for."""
    face(tmp_path, "a")
    (tmp_path / "a.jpg").unlink()
    assert problems(tmp_path) == [f"{tmp_path}/a.pts: has no picture beside it: expected a.jpg or .png"]


def test_two_pictures_of_one_name_are_a_problem(tmp_path: Path) -> None:
    """Nobody can know which one the points belong to."""
    face(tmp_path, "a")
    Image.new("RGB", (64, 60)).save(tmp_path / "a.png")
    assert problems(tmp_path) == [f"{tmp_path}/a.pts: has 2 pictures, a.jpg, a.png: leave the right one"]


def test_a_name_that_is_not_utf8_is_a_problem(tmp_path: Path) -> None:
    """It could not be written into a record; the message can be printed."""
    file = face(tmp_path, "a")
    for path in (file, file.with_suffix(".jpg")):
        os.rename(path, os.fsencode(tmp_path) + b"/caf\xe9" + path.suffix.encode())  # noqa: PTH104 (bytes)
    (problem,) = problems(tmp_path)
    assert problem.encode().count(b"caf\\xe9.pts is not UTF-8") == 1


def test_points_without_an_area_are_a_problem(tmp_path: Path) -> None:
    """All points in one place make no face box."""
    face(tmp_path, "a", np.full((68, 2), 7.0))
    assert problems(tmp_path) == [
        f"{tmp_path}/a.pts: a face box needs at least two different points, and all 68 are the same place"
    ]


def test_nothing_usable_is_not_found(tmp_path: Path) -> None:
    """The message says what was expected, and the first problem."""
    with pytest.raises(FileNotFoundError, match=r"expected NAME\.jpg with NAME\.pts"):
        FORMAT.read(tmp_path, "train")
    face(tmp_path, "a")
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"all 1 annotations are bad, first .*a\.jpg"):
        FORMAT.read(tmp_path, "train")


def test_a_truncated_picture_is_named(tmp_path: Path) -> None:
    """Half a JPEG is an error when it is opened, not half a face."""
    path = face(tmp_path, "a").with_suffix(".jpg")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    faces = Photos(FORMAT.read(tmp_path, "train"))
    with pytest.raises(ValueError, match=r"a\.jpg is damaged or cut off"):
        faces[0]


def test_subfolders_are_splits(tmp_path: Path) -> None:
    """`train` and `test` below a folder without .pts files of its own."""
    face(tmp_path / "train", "a", POINTS[:29])
    face(tmp_path / "test", "b", POINTS[:29])
    assert FORMAT.recognises(tmp_path) and not FORMAT.recognises(tmp_path / "nowhere")
    train, test = FORMAT.read(tmp_path, "train"), FORMAT.read(tmp_path, "test")
    assert [label.name for label in (*train.labels, *test.labels)] == ["a", "b"]
    assert train.title == f"folder {tmp_path.name}/train: 1 faces"


def test_visibility_hides_points_and_names_poses(tmp_path: Path) -> None:
    """0 is no point at all, also for the box; both 0 and 1 are covered; the pose is a subset."""
    points = POINTS[:68].copy()
    points[0] = -688.0
    face(tmp_path, "a", points)
    face(tmp_path, "b")
    seen = {"a": {"pose": "left", "visible": [0, 1, *[2] * 66]}, "b": {"pose": "frontal", "visible": [2] * 68}}
    (tmp_path / "visibility.json").write_text(json.dumps(seen))
    faces = Photos(FORMAT.read(tmp_path, "test"))
    assert faces.subsets == {"left": [0], "frontal": [1]}
    first = faces.labels[0]
    assert np.isnan(first.points_xy[0]).all() and np.isfinite(first.points_xy[1:]).all()
    assert first.covered is not None and first.covered.nonzero()[0].tolist() == [0, 1]
    np.testing.assert_allclose(first.box_xyxy[:2], points[1:].min(axis=0), atol=1e-4)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (None, "no pose for a"),
        ({"visible": [2] * 68}, "no pose for a"),
        ({"pose": "left", "visible": [2] * 67}, "list of 68 values"),
        ({"pose": "left", "visible": [3] * 68}, "list of 68 values"),
        ({"pose": "left", "visible": [[]] * 68}, "list of 68 values"),
    ],
)
def test_a_bad_visibility_is_a_problem(tmp_path: Path, entry: object, message: str) -> None:
    """Of its face alone."""
    face(tmp_path, "a")
    seen = {"a": entry, "good": {"pose": "left", "visible": [2] * 68}}
    (tmp_path / "visibility.json").write_text(json.dumps(seen))
    (problem,) = problems(tmp_path)
    assert message in problem


def test_a_damaged_visibility_file_is_an_error(tmp_path: Path) -> None:
    """Reading on without it would take hidden points for seen ones."""
    face(tmp_path, "a")
    (tmp_path / "visibility.json").write_text("{")
    with pytest.raises(ValueError, match="not valid JSON"):
        FORMAT.read(tmp_path, "train")
    (tmp_path / "visibility.json").write_text("[]")
    with pytest.raises(ValueError, match="must map names"):
        FORMAT.read(tmp_path, "train")


@pytest.mark.parametrize("missing", ["nan nan", "-1 -1", "-1.0 -1.00", "0 0"])
def test_a_point_in_no_place_is_missing(tmp_path: Path, missing: str) -> None:
    """As tools of the field write it; the other points stay."""
    (tmp_path / "a.pts").write_text(f"n_points: 3\n{{\n5 6\n{missing}\n0 -1\n}}\n")
    np.testing.assert_array_equal(read_pts(tmp_path / "a.pts", 3), [[4, 5], [np.nan, np.nan], [-1, -2]])


@pytest.mark.parametrize("value", ["1e308", "1e30", "-1000001", "9" * 400, "-inf"])
def test_numbers_that_are_no_place_are_refused(tmp_path: Path, value: str) -> None:
    """In one short line that says which point."""
    (tmp_path / "a.pts").write_text(f"n_points: 2\n{{\n5 6\n{value} 7\n}}\n")
    with pytest.raises(ValueError, match=r"point 1 is at .*, 7: no place in a picture") as caught:
        read_pts(tmp_path / "a.pts", 2)
    assert len(str(caught.value)) < len(str(tmp_path)) + 120


def test_a_long_word_is_not_repeated(tmp_path: Path) -> None:
    """Where a number was expected."""
    (tmp_path / "a.pts").write_text(f"n_points: 1\n{{\n5 {'x' * 5000}\n}}\n")
    with pytest.raises(ValueError, match=r"must be two numbers, found '5 x{22}\.\.\.'"):
        read_pts(tmp_path / "a.pts", 1)


@pytest.mark.parametrize("place", [".", "..", "train"])
def test_points_of_ones_own_are_those_of_the_folders_scheme(tmp_path: Path, place: str) -> None:
    """`scheme.json` beside the points, or above a split's folder; it goes before a known scheme of as many points."""
    root, count = tmp_path / "set", 7
    folder = root if place == "." else root / "train"
    face(folder, "a", POINTS[:count])
    scheme_file((root if place == ".." else folder) / "scheme.json", f"pts {place}")
    assert detect(root) is FORMAT
    reading = FORMAT.read(root, "train")
    assert (reading.scheme.name, reading.scheme.names[2], len(reading.labels)) == (f"pts {place}", "nose", 1)
    np.testing.assert_allclose(Photos(reading)[0].points_xy, POINTS[:count], atol=1e-4)


def test_points_that_nobody_knows_ask_for_a_scheme(tmp_path: Path) -> None:
    """The message says which file is missing; one that does not fit is named."""
    face(tmp_path, "a", POINTS[:7])
    with pytest.raises(FileNotFoundError, match=r"or scheme\.json to say what other points are; all 1 annotations"):
        FORMAT.read(tmp_path, "train")
    (tmp_path / "scheme.json").write_text("{}")
    with pytest.raises(ValueError, match=r"scheme\.json"):
        FORMAT.read(tmp_path, "train")


@pytest.mark.parametrize("said", ["99999999999", "3"])
def test_a_count_that_is_not_that_of_the_lines_is_a_problem(tmp_path: Path, said: str) -> None:
    """Such a file was cut off; one that says no number is taken."""
    path = tmp_path / "a.pts"
    path.write_text(f"n_points: {said}\n{{\n5 6\n7 8\n}}\n")
    with pytest.raises(ValueError, match=f"^has 2 points, its n_points says '{said}': it is cut off"):
        read_pts(path, 2)
    path.write_text("n_points:\n{\n5 6\n7 8\n}\n")
    assert read_pts(path, 2).tolist() == [[4, 5], [6, 7]]
