"""Crops of YouTube Faces: one CSV for three splits."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from toolkit.data.formats import by_name, detect

YTF = by_name("ytf")
POINTS = np.random.default_rng(0).uniform(10, 50, (68, 2)).round(2)
HEADER = ",".join(["split", "file", *(f"{a}{i}" for i in range(68) for a in "xy")])


def line(split: str, file: str, points: np.ndarray = POINTS) -> str:
    return ",".join([split, file, *(str(v) for v in points.ravel())])


def write(root: Path, lines: Sequence[str], files: Sequence[str]) -> None:
    (root / "annotations.csv").write_text("\n".join([HEADER, *lines]) + "\n")
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 60)).save(root / file)


def test_splits_groups_and_points(tmp_path: Path) -> None:
    """The set's own three splits, persons as groups, pixels from 0."""
    write(
        tmp_path,
        [line("train", "tr_Ann_Lee_7.jpg"), line("val", "Bob/1.jpg"), line("test", "te_Cy_1.jpg", POINTS + 1)],
        ["train/tr_Ann_Lee_7.jpg", "val/Bob/1.jpg", "test/te_Cy_1.jpg"],
    )
    assert detect(tmp_path) is YTF and YTF.splits == ("train", "val", "test")
    readings = [YTF.read(tmp_path, split) for split in YTF.splits]
    labels = [reading.labels[0] for reading in readings]
    assert all(len(r.labels) == 1 and not r.problems and r.title == "YouTube Faces crops: 1" for r in readings)
    assert [label.group for label in labels] == ["tr_Ann_Lee", "Bob", "te_Cy"]
    np.testing.assert_array_equal(labels[2].points_xy, POINTS + 1)
    assert labels[0].source == f"{tmp_path}/annotations.csv:2"


def test_bad_lines_are_problems(tmp_path: Path) -> None:
    """A line that names no split is a problem of every split."""
    short = line("train", "a_1.jpg").rpartition(",")[0]
    lines = [
        *[line("train", "a_1.jpg"), short, line("train", "none.jpg"), line("trian", "a_1.jpg")],
        *[line("train", "a_1.jpg", np.full((68, 2), np.nan)), line("train", "a_1.jpg", np.full((68, 2), np.inf))],
        *["train", line("test", "a_1.jpg")],
    ]
    write(tmp_path, lines, ["train/a_1.jpg"])
    path = tmp_path / "annotations.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    reading = YTF.read(tmp_path, "train")
    assert len(reading.labels) == 1
    expected = {3: "135 coordinates", 4: "no picture 'none.jpg'", 5: "'trian' is no split", 6: "'nan'", 7: "'inf'"}
    found = {int(p.source.rpartition(":")[2]): p.text for p in reading.problems}
    assert found.keys() == {*expected, 8} and all(text in found[n] for n, text in expected.items())


def test_other_columns_and_empty_splits(tmp_path: Path) -> None:
    """The first is an error, the second is not found."""
    write(tmp_path, [line("train", "a_1.jpg")], ["train/a_1.jpg"])
    with pytest.raises(FileNotFoundError, match="no val face"):
        YTF.read(tmp_path, "val")
    (tmp_path / "annotations.csv").write_text("split,file,x0,y0\n")
    with pytest.raises(ValueError, match="expected the 138 columns split, file"):
        YTF.read(tmp_path, "train")
    with pytest.raises(FileNotFoundError, match=r"no annotations\.csv"):
        YTF.read(tmp_path / "train", "train")
