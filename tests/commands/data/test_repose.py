"""`sdhrnet data repose`: a folder to train on, of few portraits."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.faces import studio
from toolkit.cli import main
from toolkit.commands.data import repose
from toolkit.core.images import write_image
from toolkit.data import open_faces, open_folder
from toolkit.data.formats.frl import NAME
from toolkit.data.formats.pts import write_pts
from toolkit.data.licences import ATTRIBUTION, licence_of
from toolkit.data.synthetic import reposed

COUNT = 7


@pytest.fixture
def portraits(tmp_path: Path) -> Path:
    """Three of them, one of which stands before leaves."""
    folder = tmp_path / "portraits"
    folder.mkdir()
    image, points = studio()
    leaves = np.random.default_rng(0).integers(0, 256, image.shape, dtype=np.uint8)
    for name, picture in {"ann": image, "bo_2": np.ascontiguousarray(image[:, :, ::-1]), "leaves": leaves}.items():
        write_image(folder / f"{name}.png", picture)
        (folder / f"{name}.pts").write_text(write_pts(points))
    return folder


def made(portraits: Path, out: Path, *more: str) -> int:
    """The exit status of a small run."""
    given = ["data", "repose", str(portraits), "--out", str(out), "--count", str(COUNT), "--size", "96", *more]
    return main([*given, "--skip-bad"])


def test_the_folder_is_one_to_train_on(portraits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Pictures, points, which of them are covered, and in its title of whom they are."""
    out = tmp_path / "anew"
    assert made(portraits, out) == 0
    assert f"{COUNT} faces of 2 portraits: {out}" in capsys.readouterr().out
    faces = open_folder(out, test=False)
    assert len(faces) == COUNT and faces[0].image.shape == (96, 96, 3) and faces[0].points_xy.shape == (68, 2)
    assert faces[0].covered is not None
    assert "seen anew (v" in faces.title and "portraits: 3 faces" in faces.title
    about = json.loads((out / "labels.json").read_text())
    assert (about["kind"], about["n_portraits"], about["seed"]) == ("reposed", 2, 0)


def test_faces_of_one_portrait_never_part(portraits: Path, tmp_path: Path) -> None:
    """Between training and validation."""
    assert made(portraits, tmp_path / "anew") == 0
    groups = {label.group for label in open_folder(tmp_path / "anew", test=False).labels}
    assert groups == {"ann", "bo_2"}


def test_the_seed_says_which_faces(portraits: Path, tmp_path: Path) -> None:
    """The same again, and others with another."""
    read = []
    for name, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        assert made(portraits, tmp_path / name, "--seed", seed) == 0
        read.append((tmp_path / name / "ann_1.jpg").read_bytes())
    assert read[0] == read[1] != read[2]


def test_what_is_there_is_only_replaced_on_demand(
    portraits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And never a folder that something else made."""
    out = tmp_path / "anew"
    assert made(portraits, out) == 0 and made(portraits, out) == 2
    assert "is not empty" in capsys.readouterr().err
    assert made(portraits, out, "--overwrite") == 0
    assert made(portraits, portraits, "--overwrite") == 2
    assert "is the data that is read" in capsys.readouterr().err
    assert (portraits / "ann.png").is_file()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--count", "300"), "--count 300 is more than 99 of each of 2 portraits: ask for 198 at most"),
        (("--count", "0"), "--count"),
        (("--size", "20"), "--size from 64 to 1024 pixels, got 20"),
        (("--seed", "-1"), "--seed must be at least 0, got -1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    given: tuple[str, ...], message: str, portraits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is written."""
    assert made(portraits, tmp_path / "anew", *given) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "anew").exists()


def test_a_picture_that_is_no_studios_is_named(
    portraits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what leaves it out; where nothing is left that is said."""
    assert main(["data", "repose", str(portraits), "--out", str(tmp_path / "anew")]) == 2
    assert "leaves: not before an even background, as a studio's; --skip-bad leaves" in capsys.readouterr().err
    for name in ("ann", "bo_2"):
        (portraits / f"{name}.png").unlink()
        (portraits / f"{name}.pts").unlink()
    assert made(portraits, tmp_path / "anew") == 2
    assert "no portrait before an even background" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["damaged", "incomplete"])
def test_what_is_no_whole_portrait_is_named_or_left_out(
    wrong: str, portraits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A picture that cannot be read, and a face without some of its points."""
    (portraits / "leaves.png").unlink()
    if wrong == "damaged":
        (portraits / "ann.png").write_bytes((portraits / "ann.png").read_bytes()[:300])
    else:
        _, points = studio()
        points[3] = np.nan
        (portraits / "ann.pts").write_text(write_pts(points))
    given = ["data", "repose", str(portraits), "--out", str(tmp_path / "anew"), "--count", "2", "--size", "96"]
    assert main(given) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert "ann" in error and "--skip-bad" in error
    assert main([*given, "--skip-bad"]) == 0
    assert {label.group for label in open_folder(tmp_path / "anew", test=False).labels} == {"bo_2"}


def test_large_photos_are_kept_small() -> None:
    """By a share that moves points with their pixels; small ones stay as they are."""
    image, points = studio()
    same, there = repose.smaller(image, points, 1.0)
    assert same is image and there is points
    half, there = repose.smaller(image, points, 0.5)
    assert half.shape == (150, 150, 3) and np.abs(there - (points - 0.5) / 2).max() < 1e-9


def test_a_photo_that_any_pose_folds_is_named(
    portraits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is left behind."""
    monkeypatch.setattr(reposed, "_folds", lambda *_: True)
    assert made(portraits, tmp_path / "anew") == 2
    assert "ann: its points cannot be of a face seen from the front" in capsys.readouterr().err
    assert not (tmp_path / "anew").exists()


def test_other_points_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Portraits need the 68 points."""
    folder = tmp_path / "few"
    folder.mkdir()
    image, points = studio()
    write_image(folder / "a.png", image)
    (folder / "a.pts").write_text(write_pts(points[:29]))
    assert main(["data", "repose", str(folder), "--out", str(tmp_path / "anew")]) == 2
    assert "points of cofw-29; portraits need the 68 of 300w-68" in capsys.readouterr().err


def test_terms_are_those_of_the_portraits(tmp_path: Path) -> None:
    """Of CC-BY portraits: name the authors; of a research set: research."""
    (tmp_path / "frl").mkdir()
    image, _ = studio()
    template = np.random.default_rng(0).uniform(100, 200, (189, 2))
    write_image(tmp_path / "frl" / "p.jpg", image)
    (tmp_path / "frl" / NAME).write_text(json.dumps({"p.jpg": template.tolist()}))
    title = f"folder anew: 9 faces, seen anew (v4, seed 0), of {open_faces(tmp_path / 'frl', 'train', 0).title}"
    assert licence_of(f"{title} + synthetic faces v4, seed 0, 100") == ATTRIBUTION
    assert repose.KIND == "reposed"
    assert "research" in str(licence_of("folder anew: 9 faces, seen anew (v4, seed 0), of 300W subset: AFW 337"))
