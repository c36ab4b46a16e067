"""Bundles that are there: used again where they were made as asked, refused where not."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.faces import face_points
from toolkit import bundle
from toolkit.bundle import Bundle
from toolkit.commands.train import slim, teacher
from toolkit.commands.train.slim import Slim
from toolkit.commands.train.teacher import Teacher
from toolkit.core.images import write_image
from toolkit.core.progress import finish
from toolkit.data.formats.pts import write_pts
from toolkit.pipelines.jobs import Job
from toolkit.pipelines.trials import make


def photos(folder: Path) -> Path:
    """Twenty faces."""
    rng = np.random.default_rng(0)
    for name in "abcdefghijklmnopqrst":
        write_image(folder / f"{name}.png", rng.integers(0, 256, (90, 80, 3), dtype=np.uint8))
        (folder / f"{name}.pts").write_text(write_pts(face_points((20, 25, 60, 70))))
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, small_bundle: Bundle) -> Teacher:
    """A training of one epoch on photos and drawn faces, which is done."""
    root = tmp_path_factory.mktemp("trials")
    bundle.write(small_bundle, root / "small")
    options = Teacher(
        out=root / "teacher",
        arch=str(root / "small"),
        data=(photos(root / "photos"),),
        preset="tiny",
        synthetic=4,
        size=32,
        epochs=1,
        batch=8,
        device="cpu",
        threads=1,
        samples=0,
    )
    photos(root / "more")
    finish(make([Job(teacher.run, options, "teacher")], 1))
    return options


def test_what_was_made_as_asked_is_used_again(trained: Teacher) -> None:
    """Also where bad annotations may be left out, of which there is none."""
    before = (trained.out / "weights.safetensors").stat().st_mtime_ns
    for options in (trained, dataclasses.replace(trained, skip_bad=True)):
        finish(make([Job(teacher.run, options, "teacher")], 1))
    assert (trained.out / "weights.safetensors").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "other", [{"data": ("more",)}, {"data": ("photos", "more")}, {"synthetic": 5}, {"share": (0.5,)}, {"fresh": True}]
)
def test_what_was_trained_on_other_faces_is_refused(trained: Teacher, other: dict[str, Any]) -> None:
    """Other folders, another number or share of them, and drawn ones anew in each epoch."""
    if "data" in other:
        other = {"data": tuple(trained.out.parent / name for name in other["data"])}
    options = dataclasses.replace(trained, **other)
    with pytest.raises(ValueError, match=r"made with other settings or parents \(data\): choose another --out"):
        finish(make([Job(teacher.run, options, "teacher")], 1))


def test_what_was_trained_on_all_annotations_is_none_without_the_bad_ones(trained: Teacher) -> None:
    """A picture that was sound when it was trained on."""
    picture = trained.data[0] / "a.png"
    whole = picture.read_bytes()
    picture.write_bytes(b"damaged")
    try:
        with pytest.raises(ValueError, match=r"other settings or parents \(data\)"):
            finish(make([Job(teacher.run, dataclasses.replace(trained, skip_bad=True), "teacher")], 1))
    finally:
        picture.write_bytes(whole)


def test_what_was_cut_by_another_importance_is_refused(small_bundle: Bundle, tmp_path: Path) -> None:
    """The same budget, and another network."""
    bundle.write(small_bundle, tmp_path / "small")
    options = Slim(supernet=tmp_path / "small", out=tmp_path / "cut", share=0.9)
    for _ in range(2):
        finish(make([Job(slim.run, options, "slim")], 1))
    with pytest.raises(ValueError, match=r"other settings or parents \(importance\)"):
        finish(make([Job(slim.run, dataclasses.replace(options, importance="gamma"), "slim")], 1))
