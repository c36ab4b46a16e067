"""What the training stages share: which landmarks their faces are labelled with."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.own import scheme_file
from toolkit.commands.train.teacher import Teacher
from toolkit.core.images import write_image
from toolkit.core.progress import finish
from toolkit.core.schemes import COFW_29, SCHEMES, W300_68, WFLW_98, Scheme, own_scheme
from toolkit.data.formats.pts import write_pts
from toolkit.data.labels import Photos, Reading
from toolkit.data.synthetic import SyntheticFaces
from toolkit.train import setup
from toolkit.train.options import Training
from toolkit.train.setup import Setup, set_up


def small(out: Path, usual: Scheme = W300_68, **options: Any) -> Setup:
    """Data and processes of a small training, which have been given back."""
    chosen = Training(out=out, preset="tiny", size=32, device="cpu", processes=1, **options)
    with finish(set_up(chosen, stage="teacher", run=len, usual=usual)) as setup:
        return setup


@pytest.mark.slow
@pytest.mark.parametrize("scheme", list(SCHEMES.values()), ids=str)
def test_synthetic_faces_take_the_scheme_that_is_asked_for(tmp_path: Path, scheme: Scheme) -> None:
    """For training and validation."""
    made = small(tmp_path, synthetic=10, scheme=scheme.name)
    assert made.train.faces.scheme == scheme
    assert made.validation[32].points_xy.shape == (1, scheme.points, 2)


@pytest.mark.slow
def test_without_a_scheme_it_is_that_of_the_parent(tmp_path: Path) -> None:
    """A stage says which is usual; a scheme that was asked for wins."""
    assert small(tmp_path, synthetic=2).train.faces.scheme == W300_68
    assert small(tmp_path, COFW_29, synthetic=2).train.faces.scheme == COFW_29
    assert small(tmp_path, COFW_29, synthetic=2, scheme=WFLW_98.name).train.faces.scheme == WFLW_98


@pytest.mark.slow
def test_synthetic_faces_beside_data_are_labelled_as_it_is(tmp_path: Path) -> None:
    """30 photos with 29 points, and 3 faces drawn with them."""
    faces = SyntheticFaces(30, size_px=64, scheme=COFW_29)
    for index, sample in enumerate(faces):
        write_image(tmp_path / "own" / f"{index}_1.png", sample.image)
        (tmp_path / "own" / f"{index}_1.pts").write_text(write_pts(sample.points_xy))
    mixed = small(tmp_path / "out", data=(tmp_path / "own",), synthetic=3).train.faces
    assert mixed.scheme == COFW_29
    assert mixed.title.endswith("synthetic faces v4, seed 0, 3, cofw-29")
    with pytest.raises(ValueError, match=r"--scheme wflw-98 is for synthetic faces alone: --data has a scheme"):
        Training(out=tmp_path, data=(tmp_path / "own",), scheme="wflw-98")


def test_a_scheme_of_ones_own_is_a_file_or_its_name(tmp_path: Path) -> None:
    """Known once it was read; what nobody knows is refused with what there is."""
    points = {"name": "setup-2", "title": "two", "of": "300w-68", "points": [[36], [45]], "eyes": [0, 1]}
    points["mirror_pairs"] = [[0, 1]]
    path = tmp_path / "points.json"
    path.write_text(json.dumps(points))
    assert Training(out=tmp_path, scheme=str(path)).scheme == str(path)
    assert Training(out=tmp_path, scheme="setup-2").scheme == "setup-2"
    with pytest.raises(ValueError, match="unknown landmark scheme 'setup-3'"):
        Training(out=tmp_path, scheme="setup-3")


def photos(folder: Path, scheme: Scheme, count: int = 30) -> Path:
    """A folder of drawn faces as photos with .pts files."""
    for index, sample in enumerate(SyntheticFaces(count, size_px=64, scheme=scheme)):
        write_image(folder / f"{index}_1.png", sample.image)
        (folder / f"{index}_1.pts").write_text(write_pts(sample.points_xy))
    return folder


def test_photos_train_points_of_ones_own(tmp_path: Path) -> None:
    """Those that are labelled by them, mixed with faces of a scheme that they are picked from, or the latter alone."""
    own = own_scheme(scheme_file(tmp_path / "own.json", "setup-7", mapped=True))
    mine, known = photos(tmp_path / "mine", own), photos(tmp_path / "known", W300_68)
    shutil.copy(tmp_path / "own.json", mine / "scheme.json")
    for options in (
        {"data": (mine,)},
        {"data": (mine, known)},
        {"data": (known,), "scheme": str(tmp_path / "own.json"), "validation": "none"},
        {"data": (known,), "scheme": own.name, "synthetic": 2},
    ):
        made = small(tmp_path / "out", **options)
        assert made.train.faces.scheme == own
        assert all(held.points_xy.shape[1] == 7 for held in made.validation.values())
    assert small(tmp_path / "out", own, data=(known,)).train.faces.scheme == own  # a parent's
    assert small(tmp_path / "out", data=(known,)).train.faces.scheme == W300_68
    alone = scheme_file(tmp_path / "alone.json", "setup-alone")
    with pytest.raises(ValueError, match="is labelled by 300w-68, which has no point of setup-alone"):
        small(tmp_path / "out", data=(known,), scheme=str(alone))


def test_several_heads_are_of_known_schemes(tmp_path: Path) -> None:
    """Points of one's own are no head beside others, nor what heads are drawn by."""
    path = str(scheme_file(tmp_path / "head.json", "setup-head"))
    for options in ({"heads": ("300w-68", path)}, {"heads": ("300w-68",), "scheme": path}):
        with pytest.raises(ValueError, match="--heads are of known schemes alone"):
            Teacher(out=tmp_path, **options)


def test_the_first_faces_are_those_of_the_first_head(tmp_path: Path) -> None:
    """Others could not be scored after the first epoch; without validation any order trains."""
    options = Teacher(out=tmp_path, data=(tmp_path / "set",), heads=("wflw-98", "300w-68"), size=32)
    faces = Photos(Reading(scheme=W300_68, title="set", labels=()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setup, "open_faces", lambda *_, **__: faces)
        patch.setattr(setup, "open_folder", lambda *_, **__: faces)
        with pytest.raises(ValueError, match="set is marked by 300w-68: name 300w-68 first in --heads"):
            finish(setup.title_of_faces(options, W300_68))
        finish(setup.title_of_faces(dataclasses.replace(options, heads=("300w-68", "wflw-98")), W300_68))
        finish(setup.title_of_faces(dataclasses.replace(options, validation="none"), W300_68))


def test_smaller_sizes_are_held_against_the_parents_size(tmp_path: Path) -> None:
    """Which is known when it is read: the preset's 64 px is none."""
    options = Teacher(out=tmp_path, start=tmp_path / "of-128", preset="tiny", epochs=3, progressive=(64, 96))
    assert dataclasses.replace(options, size=128).sizes == (64, 96, 128)
    with pytest.raises(ValueError, match=r"--progressive takes rising sizes below --size, .*\(64, 96, 96\)"):
        dataclasses.replace(options, size=96)
    with pytest.raises(ValueError, match="--progressive takes rising sizes"):
        dataclasses.replace(options, start=None)
