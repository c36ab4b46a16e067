"""Telling formats apart, and the real sets where they are there."""

import os
from pathlib import Path

import numpy as np
import pytest

from toolkit.data.formats import FORMATS, by_name, detect
from toolkit.data.labels import Photos


@pytest.fixture
def data() -> Path:
    """The folder of real faces."""
    if not os.environ.get("SDHRNET_DATA"):
        pytest.skip("SDHRNET_DATA names no folder of real faces")
    return Path(os.environ["SDHRNET_DATA"])


def test_names_are_known_and_their_own() -> None:
    """Every format by its name; another name is told which there are."""
    assert [by_name(format_.name) for format_ in FORMATS] == list(FORMATS)
    with pytest.raises(ValueError, match=r"unknown format 'lapa'; known: .*w300.*wflw.*cofw.*coco.*pts"):
        by_name("lapa")


def test_an_unknown_folder_is_told_what_was_looked_for(tmp_path: Path) -> None:
    """A line for every format; also for a file that is no JSON."""
    (tmp_path / "notes.txt").touch()
    for root in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(ValueError, match="looked for") as caught:
            detect(root)
        assert len(caught.value.__notes__) == len(FORMATS)
    with pytest.raises(FileNotFoundError, match="no folder at"):
        detect(tmp_path / "nowhere")


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "name", "counts"),
    [
        ("300w", "w300", {"train": 2009, "test": 554}),
        ("helen_extra/normal", "pts", {"train": 879}),
        ("helen_extra/hard", "pts", {"train": 143}),
        ("aflw_pose", "pts", {"train": 1146, "test": 1146}),
        ("aflw_merl", "pts", {"train": 1654}),
        ("infanface", "pts", {"train": 210}),
        ("ytf68", "ytf", {"train": 3179, "val": 443}),
        ("helen29", "pts", {"train": 298, "test": 50}),
        ("helen29/test", "pts", {"test": 50}),
        ("lfpw29/test", "pts", {"test": 109}),
        ("wflw_test", "pts", {"test": 52}),
        ("samples/wflw", "coco", {"test": 4}),
        ("samples/cofw", "coco", {"test": 2}),
    ],
)
def test_the_real_sets(data: Path, folder: str, name: str, counts: dict[str, int]) -> None:
    """Every annotation is read; the points that are there lie on or near their picture."""
    format_ = detect(data / folder)
    assert format_.name == name
    for split, count in counts.items():
        reading = format_.read(data / folder, split)  # type: ignore[arg-type]
        assert (len(reading.labels), len(reading.problems)) == (count, 0)
        sample = Photos(reading)[0]
        height, width = sample.image.shape[:2]
        low, high = np.split(sample.box_xyxy, 2)
        assert (low > -0.25 * np.array([width, height])).all() and (high < 1.25 * np.array([width, height])).all()


@pytest.mark.data
def test_the_real_poses(data: Path) -> None:
    """Five poses; a turned head has hidden points, a frontal one of them few."""
    faces = Photos(by_name("pts").read(data / "aflw_pose", "train"))
    assert {name: len(members) for name, members in faces.subsets.items()} == {
        **{"frontal": 813, "left": 84, "right": 103, "lefthalf": 80, "righthalf": 66}
    }
    hidden = {
        name: np.mean([np.isnan(faces.labels[i].points_xy).any(axis=1).mean() for i in members])
        for name, members in faces.subsets.items()
    }
    assert min(hidden["left"], hidden["right"]) > 5 * hidden["frontal"]


@pytest.mark.data
def test_the_real_samples_are_in_the_schemes_order(data: Path) -> None:
    """Brows over eyes over nose over mouth over the chin; what is left in the picture is not called right."""
    for folder in ("samples/wflw", "samples/cofw", "helen29/test", "wflw_test"):
        reading = detect(data / folder).read(data / folder, "test")
        regions, (left, right) = reading.scheme.regions, reading.scheme.eyes
        for label in reading.labels[:2]:
            height = {name: label.points_xy[list(indices), 1].mean() for name, indices in regions.items()}
            assert height["brows"] < height["eyes"] < height["nose"] < height["mouth"]
            assert height["mouth"] < label.points_xy[list(regions["contour"]), 1].max()
            assert label.points_xy[left, 0] < label.points_xy[right, 0]
