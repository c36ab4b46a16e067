"""The training stages end to end on a handful of synthetic faces: what they write, and who learned from what."""

from pathlib import Path

import pytest
import torch

from toolkit import bundle
from toolkit.core.progress import finish
from toolkit.data.batches import training_faces
from toolkit.data.synthetic import SyntheticFaces
from toolkit.slimming.penalty import penalty_weights
from toolkit.stages import distil, slim, supernet, teacher
from toolkit.stages.distil import Distil
from toolkit.stages.slim import Slim
from toolkit.stages.supernet import Supernet
from toolkit.stages.teacher import Teacher
from toolkit.train.setup import open_session

SMALL = {"preset": "tiny", "synthetic": 10, "epochs": 1, "batch": 5, "size": 32, "device": "cpu"}


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Teacher, supernet, slim and distil, one epoch each."""
    out = tmp_path_factory.mktemp("road")
    finish(teacher.run(Teacher(out=out / "teacher", **SMALL)))  # type: ignore[arg-type]
    finish(supernet.run(Supernet(out=out / "supernet", **SMALL)))  # type: ignore[arg-type]
    finish(slim.run(Slim(supernet=out / "supernet", out=out / "slim")))
    finish(distil.run(Distil(out=out / "distil", student=out / "slim", teacher=out / "teacher", **SMALL)))  # type: ignore[arg-type]
    return out


@pytest.mark.slow
def test_every_stage_writes_a_whole_bundle(road: Path) -> None:
    """No resume state is left, and each card names its stage, its data and its parents."""
    for name in ("teacher", "supernet", "slim", "distil"):
        assert not (road / name / "resume").exists()
        assert bundle.read(road / name).card.stage == name
    card = bundle.read(road / "distil").card
    assert card.parents == {"student": bundle.digest(road / "slim"), "teacher": bundle.digest(road / "teacher")}
    assert "synthetic" in card.data["train"] and card.config["seed"] == 0
    assert card.made_with["versions"]["torch"]


@pytest.mark.slow
def test_the_supernet_learns_alpha_and_weights(road: Path) -> None:
    """Both passes of Algorithm 1 leave their mark, and the history of alpha is in the log."""
    loaded = bundle.read(road / "supernet")
    assert bool((loaded.weights["alpha"] != 1).all())
    record = loaded.log[-1]
    assert {"alpha_mse", "alpha_l1", "weights_mse"} <= set(record) and len(record["alpha"]) == 132


@pytest.mark.slow
def test_distilling_freezes_alpha_and_teaches_both_peers(road: Path) -> None:
    """alpha stays that of the slimmed network, the weights move, and each term of equation 4 is logged."""
    student, result = bundle.read(road / "slim"), bundle.read(road / "distil")
    assert torch.equal(student.weights["alpha"], result.weights["alpha"])
    assert not torch.equal(student.weights["stem.0.weight"], result.weights["stem.0.weight"])
    terms = {f"weights_{peer}_{term}" for peer in ("peer1", "peer2") for term in ("mse", "peers", "teacher")}
    assert terms <= set(result.log[-1]) and result.card.metrics["kept"] in ("peer1", "peer2")


def test_the_teacher_sees_the_clean_crop_and_each_peer_its_own_mask(tmp_path: Path) -> None:
    """The masks differ between the peers and leave the clean batch as it was."""
    options = Supernet(out=tmp_path, **SMALL)  # type: ignore[arg-type]
    session = finish(open_session(options))
    batch = next(session.train.epoch((0, 0), 4, options.augmentation))
    clean = torch.randn(4, 3, 32, 32)
    before = clean.clone()
    first, second = (distil._masked(clean, batch.rng, 0.5) for _ in range(2))
    assert torch.equal(clean, before) and not torch.equal(first, second)
    assert bool(((first == 0) | (first == clean)).all())


def test_sizes_come_from_options_then_presets(tmp_path: Path) -> None:
    """--size wins; presets differ; the paper's is 256 px and Adam at 1e-4."""
    paper = Teacher(out=tmp_path, preset="paper")
    assert (paper.size_px, paper.optim.lr, paper.optim.epochs) == (256, 1e-4, 60)
    assert Teacher(out=tmp_path, size=96).size_px == 96
    with pytest.raises(ValueError, match="multiple of 32"):
        Teacher(out=tmp_path, size=50)


def test_the_supernet_keeps_its_last_weights(tmp_path: Path) -> None:
    """A running mean would mix scales while alpha falls."""
    assert Supernet(out=tmp_path).optim.ema == 0
    assert Teacher(out=tmp_path).optim.ema > 0


def test_a_damaged_picture_stops_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The data is read before the first step."""

    def broken(self: SyntheticFaces, index: int) -> None:
        raise ValueError("a.jpg is damaged or cut off")

    monkeypatch.setattr(SyntheticFaces, "__getitem__", broken)
    with pytest.raises(ValueError, match="damaged"):
        finish(training_faces(SyntheticFaces(3), 32))


@pytest.mark.slow
def test_a_penalty_by_cost_presses_dear_operations_harder(tmp_path: Path) -> None:
    """With all of the loss in the L1 term, factors fall in the order of their weights."""
    options = Supernet(
        out=tmp_path / "s",
        penalty="macs",
        sparsity=10.0,
        alpha_lr=1e-3,
        updates="joint",
        **SMALL,  # type: ignore[arg-type]
    )
    finish(supernet.run(options))
    loaded = bundle.read(options.out)
    assert loaded.card.config["penalty"] == "macs"
    weights = penalty_weights(loaded.spec, 32, "macs")  # type: ignore[arg-type]
    l1 = loaded.log[-1]["weights_l1"]
    assert l1 == pytest.approx(10.0 * 64 * float(weights.sum()), rel=0.05)


def test_a_latency_penalty_needs_its_table(tmp_path: Path) -> None:
    """And a table needs the penalty."""
    for given in ({"penalty": "latency"}, {"latency_table": tmp_path / "t.json"}):
        with pytest.raises(ValueError, match="go together"):
            Supernet(out=tmp_path, **given)  # type: ignore[arg-type]


def test_only_a_bundle_has_weights_to_keep(tmp_path: Path) -> None:
    """An architecture by name has none."""
    with pytest.raises(ValueError, match="needs a bundle"):
        Teacher(out=tmp_path, arch="s-hrnet-300w", keep_weights=True)
