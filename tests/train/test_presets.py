"""The paper's presets against its text (section 4.3), typed here once more, and what they do to every stage."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import SMALL as SPEC
from tests.official import write_300w
from toolkit import bundle
from toolkit.bundle import Card
from toolkit.commands.train import distil
from toolkit.commands.train.distil import Distil
from toolkit.commands.train.slim import Slim
from toolkit.commands.train.supernet import Supernet
from toolkit.commands.train.teacher import Teacher
from toolkit.core.geometry import BOX_SCALE
from toolkit.core.progress import Progress, Steps
from toolkit.data import open_folder
from toolkit.models.building import build
from toolkit.train.presets import PRESETS, PresetName

PAPER: dict[PresetName, dict[str, float]] = {
    "paper-300w": {
        **{"alpha_lr": 1.8e-4, "lr": 1e-4, "threshold": 0.0017, "batch": 16, "lambda1": 4, "lambda2": 1, "sigma": 1},
    },
    "paper-cofw": {
        **{
            "alpha_lr": 3.5e-4,
            "lr": 1e-4,
            "threshold": 0.0042,
            "batch": 16,
            "lambda1": 3,
            "lambda2": 0.1,
            "sigma": 1.5,
        },
    },
    "paper-wflw": {
        **{
            "alpha_lr": 1.8e-4,
            "lr": 2e-4,
            "threshold": 0.002,
            "batch": 32,
            "lambda1": 0.3,
            "lambda2": 0.1,
            "sigma": 1.5,
        },
    },
}
"""Sections 4.1 and 4.3; sigma, which the paper does not name, is HRNet's."""


@pytest.mark.parametrize("preset", PAPER)
def test_every_published_setting_is_that_of_the_paper(preset: PresetName, tmp_path: Path) -> None:
    """Of all four stages; 60 epochs, Adam, x 0.1 at 40 and 50, the published augmentation and decoding, 256 px, lambda
    5e-5, all faces trained on."""
    paper = PAPER[preset]
    supernet = Supernet(out=tmp_path, preset=preset)
    taught = Distil(out=tmp_path, preset=preset, student=tmp_path, teacher=tmp_path)
    for options in (supernet, taught, Teacher(out=tmp_path, preset=preset)):
        optim = options.optim
        assert (optim.epochs, optim.batch, optim.lr) == (60, paper["batch"], paper["lr"])
        assert (optim.rule, optim.weight_decay, optim.warmup, optim.ema) == ("adam", 4e-5, 0, 0)
        rates = [optim.factor(epoch / 60) for epoch in (0, 39, 40, 49, 50, 59)]
        assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])
        group = optim.optimiser([torch.nn.Parameter(torch.zeros(1))]).param_groups[0]
        assert group["betas"][0] == 0.9
        on = {name: value for name, value in vars(options.augmentation).items() if value}
        assert on == {"scale": 0.25, "rotation": 30.0, "flip": 0.5}
        assert (options.size_px, options.sigma_px, options.decoded) == (256, paper["sigma"], "quarter")
        assert options.validated == "none" and BOX_SCALE == 1.25
        assert (options.heatmap_loss, options.coordinate_weight, options.visibility) == ("mse", 0, 1)
    assert (supernet.own_alpha_lr, supernet.sparsity, supernet.updates) == (paper["alpha_lr"], 5e-5, "alternating")
    assert (supernet.penalty, supernet.depth, supernet.alpha_start) == ("uniform", False, 1)
    assert taught.lambdas == (paper["lambda1"], paper["lambda2"]) and taught.keeps_both
    assert (taught.temperature, taught.mask, taught.views) == (1, 0.5, "same")
    cut = Slim(supernet=tmp_path, out=tmp_path, preset=preset)
    assert (cut.least, cut.importance, cut.head_cut) == (paper["threshold"], "alpha", "published")


def test_an_option_goes_before_the_preset(tmp_path: Path) -> None:
    """And a budget before its threshold; what is no paper's has none."""
    asked = Supernet(out=tmp_path, preset="paper-wflw", sigma=2.0, alpha_lr=0.5, validation="held-out", decoder="dark")
    assert (asked.sigma_px, asked.own_alpha_lr, asked.validated, asked.decoded) == (2, 0.5, "held-out", "dark")
    assert Slim(supernet=tmp_path, out=tmp_path, preset="paper-cofw", share=0.5, head="inputs").least is None
    with pytest.raises(ValueError, match="one of paper-300w"):
        Slim(supernet=tmp_path, out=tmp_path, preset="cpu")
    assert [name for name, preset in PRESETS.items() if preset.published] == list(PAPER)


def test_without_validation_faces_what_needs_them_is_refused(tmp_path: Path) -> None:
    """Early stopping, one tenth of every set, and the better of two students."""
    for wrong in ({"patience": 2}, {"hold_out": "all"}):
        with pytest.raises(ValueError, match="--validation held-out"):
            Teacher(out=tmp_path, validation="none", **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="give --keep both"):
        Distil(out=tmp_path, student=tmp_path, teacher=tmp_path, validation="none", keep="better")


@pytest.fixture
def student(tmp_path: Path) -> Path:
    """A little network's bundle."""
    torch.manual_seed(1)
    card = Card(name="little", stage="slim", scheme="300w-68", size_px=32, sigma_px=1.0)
    bundle.write(bundle.of_network(build(SPEC), card), tmp_path / "student")
    return tmp_path / "student"


def told(steps: Steps[Any]) -> list[str]:
    """The texts that a run shows, in order, and the name of its first task that has steps."""
    found = []
    for now in steps:
        assert isinstance(now, Progress)
        if now.text or now.task.startswith("epoch"):
            found.append(now.text or now.task)
    return found


@pytest.mark.slow
def test_all_is_shown_before_the_first_step_and_all_faces_are_trained_on(student: Path, tmp_path: Path) -> None:
    """Both students are written, SD-HRNet 1 and 2; nothing is validated; the bundles decode as published."""
    options = Distil(
        out=tmp_path / "out", student=student, preset="paper-cofw", teacher_weight=0.0, synthetic=6, size=32, epochs=1,
        batch=3, device="cpu",
    )  # fmt: skip
    first, *rest = told(distil.run(options))
    lines = dict(line.split(" ", 1) for line in first.splitlines())
    assert rest[0].startswith("epoch 1/1")
    assert (lines["sigma"], lines["validation"], lines["peers_weight"]) == ("1.5", "none", "3.0")
    assert (lines["optim.rule"], lines["augment.rotation"], lines["decoder"]) == ("adam", "30.0", "quarter")
    one, two = (bundle.read(path) for path in (options.out, options.out / "peer2"))
    assert [net.card.metrics for net in (one, two)] == [{"kept": "peer1"}, {"kept": "peer2"}]
    assert one.card.decoder == "quarter" and "val" not in one.card.data and "val_peer1" not in one.log[-1]
    assert not torch.equal(one.weights["stem.0.weight"], two.weights["stem.0.weight"])
    assert not (options.out / "resume").exists()


@pytest.mark.slow
def test_no_face_is_held_out(student: Path, tmp_path: Path) -> None:
    """The title of the training faces is that of the whole folder; a finished run says that nothing was validated."""
    write_300w(tmp_path / "300w", train=4)
    options = Distil(
        out=tmp_path / "out", student=student, preset="paper-300w", teacher_weight=0.0, peers_weight=0.0, size=32,
        data=(tmp_path / "300w",), epochs=1, batch=2, device="cpu",
    )  # fmt: skip
    told(distil.run(options))
    whole = open_folder(tmp_path / "300w", test=False)
    assert len(whole) == 4 and bundle.read(options.out).card.data["train"] == whole.title
