"""COFW: .mat files as MATLAB 7.3 and MATLAB 5 write them, made by the tests."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from toolkit.data.formats import by_name, detect
from toolkit.data.labels import Photos

h5py = pytest.importorskip("h5py")
io = pytest.importorskip("scipy.io")

COFW = by_name("cofw")
RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 255, (295, 32, 3), dtype=np.uint8)
GRAY = RNG.integers(0, 255, (294, 34), dtype=np.uint8)
KEYS = {"train": ("IsTr", "phisTr", "bboxesTr"), "test": ("IsT", "phisT", "bboxesT")}


def values(count: int) -> np.ndarray:
    """x = 2, 3, ... 30, y = 11, 21, ... 291, and every third point covered; a pixel more for every further face."""
    x, y = np.arange(29) + 2.0, np.arange(29) * 10.0 + 11
    row = np.concatenate([x, y, np.arange(29) % 3 == 0])
    return row + np.arange(count)[:, None] * np.repeat([1, 1, 0], 29)


def hdf(path: Path, split: str, pictures: Sequence[np.ndarray], rows: np.ndarray) -> None:
    """As MATLAB 7.3: a user block, axes in reverse, cells as references into #refs#."""
    images, points, boxes = KEYS[split]
    with h5py.File(path, "w", userblock_size=512) as file:
        stored = {
            id(picture): file.create_dataset(f"#refs#/{i}", data=np.ascontiguousarray(picture.T)).ref
            for i, picture in enumerate({id(p): p for p in pictures}.values())
        }
        references = np.array([[stored[id(picture)] for picture in pictures]], dtype=h5py.ref_dtype)
        cells = file.create_dataset(images, data=references, dtype=h5py.ref_dtype)
        cells.attrs["MATLAB_class"] = np.bytes_("cell")
        file.create_dataset(points, data=np.ascontiguousarray(rows.T))
        file.create_dataset(boxes, data=np.ones((4, len(rows))))
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Thu Jan  1 00:00:00 1970 HDF5 schema 1.00 .")


def mat(path: Path, split: str, pictures: Sequence[np.ndarray], rows: np.ndarray) -> None:
    """As MATLAB 5, which keeps the axes."""
    images, points, boxes = KEYS[split]
    cells = np.empty((len(pictures), 1), dtype=object)
    cells[:, 0] = list(pictures)
    io.savemat(path, {images: cells, points: rows, boxes: np.ones((len(rows), 4))})


@pytest.mark.parametrize("write", [hdf, mat])
def test_points_covers_and_pictures(tmp_path: Path, write: object) -> None:
    """x before y, from 1 moved to 0, the third 29 values are covers; pictures neither turned nor mirrored."""
    write(tmp_path / "COFW_test_color.mat", "test", [COLOUR, GRAY], values(2))  # type: ignore[operator]
    assert detect(tmp_path) is COFW
    faces = Photos(COFW.read(tmp_path, "test"))
    assert (faces.title, faces.scheme.name, len(faces)) == ("COFW subset: test 2", "cofw-29", 2)
    first, second = faces[0], faces[1]
    assert first.points_xy[[0, 1, 28]].tolist() == [[1.0, 10.0], [2.0, 20.0], [29.0, 290.0]]
    assert second.points_xy[0].tolist() == [2.0, 11.0]
    assert first.covered is not None and first.covered.nonzero()[0].tolist() == list(range(0, 29, 3))
    assert first.box_xyxy.tolist() == [1.0, 10.0, 29.0, 290.0]
    np.testing.assert_array_equal(first.image, COLOUR)
    np.testing.assert_array_equal(second.image, np.stack([GRAY] * 3, axis=2))
    assert faces.labels[1].name == "cofw-test-0002" and faces.labels[1].source.endswith("color.mat, face 2")
    with pytest.raises(FileNotFoundError, match=r"COFW_train_color\.mat nor COFW_train\.mat"):
        COFW.read(tmp_path, "train")


@pytest.mark.slow
def test_the_published_counts(tmp_path: Path) -> None:
    """1345 faces for training and 507 test faces."""
    for split, count in COFW.published.items():
        hdf(tmp_path / f"COFW_{split}_color.mat", split, [GRAY] * count, values(count))
        assert COFW.read(tmp_path, split).title == f"COFW: {split} {count}"  # type: ignore[arg-type]
    assert COFW.published == {"train": 1345, "test": 507}


def test_the_gray_set_is_called_so(tmp_path: Path) -> None:
    """COFW_train.mat is another set of pictures; the one with colours goes before it."""
    hdf(tmp_path / "COFW_train.mat", "train", [GRAY], values(1))
    assert COFW.read(tmp_path, "train").title == "COFW gray subset: train 1"
    hdf(tmp_path / "COFW_train_color.mat", "train", [COLOUR], values(1))
    assert COFW.read(tmp_path, "train").title == "COFW subset: train 1"


@pytest.mark.parametrize("write", [hdf, mat])
def test_bad_faces_are_problems(tmp_path: Path, write: object) -> None:
    """Each with its number in the file."""
    rows = values(6)
    rows[1, 5], rows[2, 30], rows[3, 60] = np.nan, np.inf, 0.5
    rows[4, :58] = 3
    pictures = [COLOUR, COLOUR, COLOUR, COLOUR, COLOUR, np.zeros((4, 4, 2), np.uint8)]
    write(tmp_path / "COFW_test_color.mat", "test", pictures, rows)  # type: ignore[operator]
    reading = COFW.read(tmp_path, "test")
    assert [label.name for label in reading.labels] == ["cofw-test-0001"]
    found = [(p.source.rpartition(" ")[2], p.text) for p in reading.problems]
    assert [number for number, _ in found] == ["2", "3", "4", "5", "6"]
    for (_, text), expected in zip(
        found,
        ["not a number", "not a number", "flags must be 0 or 1", "two different points", "(4, 4, 2)"],
        strict=True,
    ):
        assert expected in text


def test_an_empty_cell_is_a_problem(tmp_path: Path) -> None:
    """MATLAB 7.3 writes an empty array as its size, marked so."""
    path = tmp_path / "COFW_test_color.mat"
    hdf(path, "test", [COLOUR, np.zeros((2,), np.uint64)], values(2))
    with h5py.File(path, "r+") as file:
        file["#refs#/1"].attrs["MATLAB_empty"] = np.uint8(1)
    (problem,) = COFW.read(tmp_path, "test").problems
    assert "it is empty" in problem.text


def test_no_faces_are_not_found(tmp_path: Path) -> None:
    """An empty set is none."""
    mat(tmp_path / "COFW_test_color.mat", "test", [], np.zeros((0, 87)))
    with pytest.raises(FileNotFoundError, match="no face that can be used"):
        COFW.read(tmp_path, "test")


def test_a_picture_of_another_type_is_an_error(tmp_path: Path) -> None:
    """When it is opened; 16 bits or fractions would need a rule that the set does not give."""
    hdf(tmp_path / "COFW_test_color.mat", "test", [COLOUR.astype(np.float64)], values(1))
    faces = Photos(COFW.read(tmp_path, "test"))
    with pytest.raises(ValueError, match="expected pictures of 8 bits, found float64"):
        faces[0]


def other_variables(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["IsTr"] = file["phisTr"] = np.zeros(3)


def no_cells(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["IsT"], file["phisT"] = np.zeros((1, 3)), np.zeros((87, 3))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (other_variables, "expected the variables IsT and phisT, found IsTr, phisTr"),
        (lambda path: io.savemat(path, {"a": 1}), "expected the variables IsT and phisT, found neither"),
        (no_cells, "no cell array"),
        (lambda path: io.savemat(path, {"IsT": np.zeros(3), "phisT": np.zeros((3, 87))}), "no cell array"),
        (lambda path: hdf(path, "test", [GRAY], np.zeros((1, 58))), r"expected 87 numbers for each face.*\(1, 58\)"),
        (lambda path: hdf(path, "test", [GRAY], values(2)), "2 faces but 1 pictures"),
        (lambda path: path.write_bytes(b"nothing of the kind"), "not a file of COFW"),
        (lambda path: path.write_bytes(b""), "not a file of COFW"),
        (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(600)), "not a file of COFW"),
    ],
)
def test_a_file_of_another_layout_is_one_clear_error(tmp_path: Path, write: object, message: str) -> None:
    """It names the file and says what was expected."""
    path = tmp_path / "COFW_test_color.mat"
    write(path)  # type: ignore[operator]
    with pytest.raises(ValueError, match=message) as caught:
        COFW.read(tmp_path, "test")
    assert str(path) in str(caught.value)
