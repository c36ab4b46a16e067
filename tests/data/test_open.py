"""Opening faces: splits, subsets, bad annotations, the split by photo, and the baselines."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from toolkit.data import Subset, open_faces, open_folder
from toolkit.data.formats.pts import write_pts
from toolkit.data.labels import hold_out

POINTS = np.random.default_rng(0).uniform(10, 50, (68, 2))


def face(folder: Path, name: str, points: np.ndarray = POINTS) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.pts").write_text(write_pts(points))
    Image.new("RGB", (64, 60), (90, 60, 30)).save(folder / f"{name}.jpg")


def test_a_folder_without_faces_is_refused(tmp_path: Path) -> None:
    """With what was looked for there."""
    with pytest.raises(ValueError, match="no labelled faces of a known format"):
        open_folder(tmp_path, test=True)
    with pytest.raises(FileNotFoundError, match="no folder"):
        open_faces(tmp_path / "nowhere", "train", 0)


def test_the_split_is_by_photo_and_fixed(tmp_path: Path) -> None:
    """Faces of one photo stay on one side, the sides are disjoint and whole, and adding photos moves none."""
    for i in range(40):
        face(tmp_path, f"{i}_1")
        face(tmp_path, f"{i}_2")

    def names(part: str) -> set[str]:
        side = hold_out(open_folder(tmp_path, test=False), part)  # type: ignore[arg-type]
        return {side[i].name for i in range(len(side))}

    train, val = names("train"), names("val")
    assert not train & val and len(train | val) == 80 and 2 <= len(val) <= 16
    assert {n.partition("_")[0] for n in train}.isdisjoint(n.partition("_")[0] for n in val)
    face(tmp_path, "another_1")
    assert val <= names("val")


def test_too_few_faces_to_split(tmp_path: Path) -> None:
    """One photo has no held-out tenth."""
    face(tmp_path, "a")
    with pytest.raises(ValueError, match="1 face is too few to split off a val part"):
        open_faces(tmp_path, "val", 0)


def test_faces_of_one_photo_that_are_too_few_to_split_are_named(tmp_path: Path) -> None:
    """With what to do where their names mean something else; that is enough to part them."""
    for number in range(1, 31):
        face(tmp_path, f"img_{number}")
    message = "30 of them, img_1 to img_9, count as faces of one photo or person, img, and stay together: .* NAME_01"
    with pytest.raises(ValueError, match=f"30 faces are too few to split off a val part; {message}"):
        open_faces(tmp_path, "val", 0)
    for file in list(tmp_path.iterdir()):
        file.rename(tmp_path / f"img_{int(file.stem[4:]):02}{file.suffix}")
    assert len(open_faces(tmp_path, "val", 0)) + len(open_faces(tmp_path, "train", 0)) == 30


def test_the_title_says_which_part(tmp_path: Path) -> None:
    """Records are told apart by it."""
    for i in range(40):
        face(tmp_path / "afw", f"{i}_1")
    face(tmp_path / "ibug", "1_1")
    train, val = open_faces(tmp_path, "train", 0), open_faces(tmp_path, "val", 0)
    assert train.title == f"nine tenths of 300W subset: AFW 40 ({len(train)} faces)"
    assert val.title == f"held-out tenth of 300W subset: AFW 40 ({len(val)} faces)"
    assert open_faces(tmp_path, "test", 0).title == "300W subset: iBUG 1"


def test_a_subset_is_opened_by_its_name(tmp_path: Path) -> None:
    """Another name is told which there are."""
    face(tmp_path / "helen/testset", "1_1")
    face(tmp_path / "ibug", "2_1")
    challenge = open_faces(tmp_path, "challenge", 0)
    assert [challenge[i].name for i in range(len(challenge))] == ["2_1"]
    assert challenge.title == "challenge of 300W subset: Helen test 1 + iBUG 1 (1 faces)"
    with pytest.raises(ValueError, match=r"no split or subset 'pose'.*train, val, test, common, challenge"):
        open_faces(tmp_path, "pose", 0)
    with pytest.raises(ValueError, match=r"no 'challenge' of the synthetic faces; there are train, val, test"):
        open_faces(None, "challenge", 2)


def test_bad_annotations_stop_unless_they_are_skipped(tmp_path: Path) -> None:
    """The first is named with how many there are more; skipping them is told in the title."""
    face(tmp_path, "good_1")
    for name in ("a_1", "b_1", "c_1"):
        face(tmp_path, name, POINTS[:60])
    with pytest.raises(ValueError, match=r"a_1\.pts: has 60 points.* \(and 2 more such\); --skip-bad leaves"):
        open_faces(tmp_path, "test", 0, skip_bad=False)
    with pytest.raises(ValueError, match=r"\(and 2 more such\); `sdhrnet data check` lists all$"):
        open_faces(tmp_path, "test", 0)
    faces = open_faces(tmp_path, "test", 0, skip_bad=True)
    assert (len(faces), faces.title) == (1, f"folder {tmp_path.name}: 1 faces, 3 left out")
    assert open_folder(tmp_path, test=False, skip_bad=True).title == faces.title
    with pytest.raises(ValueError, match="--skip-bad"):
        open_folder(tmp_path, test=False, skip_bad=False)


def test_a_test_set_has_nothing_to_train_on(tmp_path: Path) -> None:
    """The private faces of 300W are test faces alone."""
    face(tmp_path / "01_Indoor", "indoor_001")
    assert len(open_faces(tmp_path, "indoor", 0)) == 1
    for split in ("train", "val"):
        with pytest.raises(FileNotFoundError, match="has no train faces; it has test"):
            open_faces(tmp_path, split, 0)


@pytest.mark.data
def test_the_validation_faces_of_300w_are_those_of_earlier_records() -> None:
    """102 of the 1207 AFW and Helen faces by the fixed rule, and 77 of LFPW's 802 beside them."""
    if not os.environ.get("SDHRNET_DATA"):
        pytest.skip("SDHRNET_DATA names no folder of real faces")
    data = Path(os.environ["SDHRNET_DATA"]) / "300w"
    assert {open_faces(data, split, 0).title for split in ("train", "val", "test")} == {
        "nine tenths of 300W subset: AFW 337 + Helen train 870 + LFPW train 802 (1830 faces)",
        "held-out tenth of 300W subset: AFW 337 + Helen train 870 + LFPW train 802 (179 faces)",
        "300W subset: Helen test 330 + LFPW test 224",
    }
    held_out = open_faces(data, "val", 0)
    assert isinstance(held_out, Subset)
    assert sum(index < 337 + 870 for index in held_out.indices) == 102


@pytest.mark.data
def test_a_set_with_its_own_validation_faces_keeps_them() -> None:
    """YouTube Faces: nothing is held out of the training faces."""
    if not os.environ.get("SDHRNET_DATA"):
        pytest.skip("SDHRNET_DATA names no folder of real faces")
    data = Path(os.environ["SDHRNET_DATA"]) / "ytf68"
    assert [len(open_faces(data, split, 0)) for split in ("train", "val")] == [3179, 443]
