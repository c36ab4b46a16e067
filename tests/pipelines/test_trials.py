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
from toolkit.core.files import sha256
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


@pytest.mark.parametrize(
    ("made", "other", "named"),
    [
        ({}, {"importance": "gamma"}, "importance"),
        ({}, {"share": 0.8}, "budget"),
        ({}, {"share": None, "macs": 100.0}, "budget, budget_unit"),
        ({}, {"share": None, "threshold": 0.01}, "budget, threshold"),
        ({}, {"head": "published"}, "head"),
        ({}, {"decoder": "argmax"}, "decoder"),
        ({"importance": "random"}, {"seed": 1}, "seed"),
        ({"importance": "taylor", "faces": 2}, {"faces": 3}, "importance_faces"),
        ({"remove": "channels"}, {"round_to": 4}, "round_to"),
        ({"remove": "channels"}, {"share": None, "even": 8}, "budget, even"),
    ],
)
def test_what_was_cut_otherwise_is_refused(
    small_bundle: Bundle, tmp_path: Path, made: dict[str, Any], other: dict[str, Any], named: str
) -> None:
    """By importance, budget, head, decoder or widths; what was cut as asked is used again."""
    bundle.write(small_bundle, tmp_path / "small")
    options = dataclasses.replace(Slim(supernet=tmp_path / "small", out=tmp_path / "cut", share=0.9), **made)
    for _ in range(2):
        finish(make([Job(slim.run, options, "slim")], 1))
    with pytest.raises(ValueError, match=rf"other settings or parents \({named}\)"):
        finish(make([Job(slim.run, dataclasses.replace(options, **other), "slim")], 1))


def test_a_cut_whose_card_does_not_say_its_budget_is_used_again(small_bundle: Bundle, tmp_path: Path) -> None:
    """Those of 0.1.0 say importance and threshold alone."""
    bundle.write(small_bundle, tmp_path / "small")
    options = Slim(supernet=tmp_path / "small", out=tmp_path / "cut", share=0.9)
    finish(slim.run(options))
    cut = bundle.read(tmp_path / "cut")
    config = {name: cut.card.config[name] for name in ("remove", "edges", "importance", "threshold")}
    bundle.write(dataclasses.replace(cut, card=dataclasses.replace(cut.card, config=config)), tmp_path / "cut")
    finish(make([Job(slim.run, options, "slim")], 1))
    with pytest.raises(ValueError, match=r"other settings or parents \(threshold\)"):
        finish(make([Job(slim.run, dataclasses.replace(options, share=None, threshold=0.5), "slim")], 1))


def test_imagenet_weights_that_are_not_asked_for_or_were_not_given_are_refused(
    trained: Teacher, tmp_path: Path
) -> None:
    """Whichever of both has them."""
    weights = tmp_path / "w18.safetensors"
    weights.write_bytes(b"weights")
    with pytest.raises(ValueError, match=r"other settings or parents \(arch, weights\)"):
        finish(make([Job(teacher.run, dataclasses.replace(trained, arch="hrnet-w18", weights=weights), "teacher")], 1))
    done = bundle.read(trained.out)
    config = done.card.config | {"weights": {"file_sha256": sha256(weights)}}
    bundle.write(dataclasses.replace(done, card=dataclasses.replace(done.card, config=config)), tmp_path / "pretrained")
    with pytest.raises(ValueError, match=r"other settings or parents \(weights\)"):
        finish(make([Job(teacher.run, dataclasses.replace(trained, out=tmp_path / "pretrained"), "teacher")], 1))


def test_another_network_to_start_from_is_refused(trained: Teacher, tmp_path: Path) -> None:
    """Where there was none, and where none is asked for."""
    small = trained.out.parent / "small"
    with pytest.raises(ValueError, match=r"other settings or parents \(arch, start\)"):
        finish(make([Job(teacher.run, dataclasses.replace(trained, arch="hrnet-w18", start=small), "teacher")], 1))
    done = bundle.read(trained.out)
    card = dataclasses.replace(done.card, parents={"start": bundle.digest(small)})
    bundle.write(dataclasses.replace(done, card=card), tmp_path / "on")
    with pytest.raises(ValueError, match=r"other settings or parents \(start\)"):
        finish(make([Job(teacher.run, dataclasses.replace(trained, out=tmp_path / "on"), "teacher")], 1))


def test_the_size_of_the_network_that_is_trained_on_is_known(small_bundle: Bundle, tmp_path: Path) -> None:
    """It is 32 px where the preset has another one, and none is asked for."""
    card = dataclasses.replace(small_bundle.card, size_px=32)
    bundle.write(dataclasses.replace(small_bundle, card=card), tmp_path / "small")
    options = Teacher(
        out=tmp_path / "on", start=tmp_path / "small", preset="tiny", synthetic=4, epochs=1, batch=4, device="cpu",
        threads=1, samples=0,
    )  # fmt: skip
    assert options.size_px != 32
    for _ in range(2):
        finish(make([Job(teacher.run, options, "teacher")], 1))
    assert bundle.read(tmp_path / "on").card.size_px == 32
