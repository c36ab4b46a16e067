"""Ablations: variants differ in what they are named for and in nothing else, and every run leaves a record."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.conftest import SMALL
from tests.tools.ablations.conftest import one_after_the_other
from toolkit import bundle
from toolkit.benchmarking import accuracy
from toolkit.bundle import Bundle, Card
from toolkit.commands.train.distil import Distil
from toolkit.core import metrics
from toolkit.core.files import read_lines
from toolkit.core.progress import finish
from toolkit.core.schemes import COFW_29
from toolkit.data import open_faces
from toolkit.data.augment import PUBLISHED, Augment
from toolkit.data.corruptions import CORRUPTIONS
from toolkit.data.crops import plain_crops
from toolkit.export.deployed import TorchLandmarker
from toolkit.models.building import build
from toolkit.models.spec import HRNetSpec
from toolkit.models.supernet import HRSuperNet
from toolkit.pipelines import trials
from toolkit.train.options import Training
from toolkit.train.setup import set_up
from tools.ablations import augment, distillation, masks, techniques
from tools.ablations.comparison import folder

TEACHER = HRNetSpec(points=68, stem=(8, 8), layer1=(4, 8), widths=(4, 6, 8, 10), modules=(1, 1, 1), blocks=1)


def test_a_group_adds_its_kinds_and_nothing_else(tmp_path: Path) -> None:
    """Every other kind keeps the published strength; `all` is the usual augmentation."""
    options = augment.Augmentations(out=tmp_path)
    strengths = {}
    for variant in augment.GROUPS:
        job = augment._trial(options, variant, 0).job
        assert job is not None
        strengths[variant] = job.options.augment
    for variant, kinds in augment.GROUPS.items():
        changed = {k for k, v in strengths[variant].items() if v != getattr(PUBLISHED, k)}
        assert changed == set(kinds), variant
    assert Augment(**strengths["all"]) == Augment()


def test_a_technique_changes_one_thing(tmp_path: Path) -> None:
    """The running mean, the input sizes or the patience."""
    options = techniques.Techniques(out=tmp_path, epochs=4)
    stages = dict(options.variants(1))
    usual = stages.pop(techniques.USUAL)
    changed = {}
    for name, stage in stages.items():
        settings, theirs = dataclasses.asdict(usual.optim), dataclasses.asdict(stage.optim)
        changed[name] = {k for k in settings if settings[k] != theirs[k]}
        if stage.sizes != usual.sizes:
            changed[name].add("sizes")
        assert (stage.augmentation, stage.seed) == (usual.augmentation, 1)
    assert changed == {"no running mean": {"ema"}, "rising input sizes": {"sizes"}, "best epoch kept": {"patience"}}
    with pytest.raises(ValueError, match="half of --size must be a multiple of 32"):
        techniques.Techniques(out=tmp_path, size=96)


def table_6(tmp_path: Path, **options: Any) -> distillation.Distillation:
    return distillation.Distillation(
        supernet=(tmp_path / "a",), teacher=tmp_path / "t", out=tmp_path, size=32, **options
    )


@pytest.mark.parametrize(
    ("variant", "terms"),
    [
        ("slimmed, trained on", (0, 0, 0, "same", 1)),
        ("+ teacher", (0, 1, 0, "same", 1)),
        ("+ teacher + peers (mirrored views)", (4, 1, 0, "mirrored", 1)),
        ("+ teacher + peers + masks", (4, 1, 0.5, "same", 1)),
        ("+ masks alone", (0, 0, 0.5, "same", 1)),
        ("+ teacher (sharp)", (0, 0.2, 0, "same", 0.1)),
        ("+ teacher + peers + masks (sharp)", (0.8, 0.2, 0.5, "same", 0.1)),
        (distillation.RANDOM, (0, 0, 0, "same", 1)),
    ],
)
def test_rows_of_table_6(tmp_path: Path, variant: str, terms: tuple[float, float, float, str, float]) -> None:
    """Each term of the loss is switched off or has its weight, and a row without peers trains one student."""
    job = distillation._trial(table_6(tmp_path), variant, 1).job
    assert job is not None
    stage = job.options
    assert isinstance(stage, Distil)
    assert (stage.peers_weight, stage.teacher_weight, stage.mask, stage.views, stage.temperature) == terms
    assert len(stage.peers) == (2 if stage.peers_weight else 1) and stage.seed == 1


def test_variants_share_everything_but_what_they_are_named_for(tmp_path: Path, small_bundle: Bundle) -> None:
    """Data, epochs, sizes and the published augmentation; only the control from scratch has its own learning rate."""
    bundle.write(small_bundle, tmp_path / "a")
    options = table_6(tmp_path, epochs=7, lr=5e-4, scratch_lr=3e-3, augment={"jpeg": 0.5}, seeds=2)
    stages = {
        v: distillation._trial(options, v, 0).job
        for v in (*distillation.PARTS, distillation.SCRATCH, distillation.RANDOM)
    }
    seen = {}
    for variant, job in stages.items():
        assert job is not None
        stage = job.options
        assert stage.augmentation == dataclasses.replace(PUBLISHED, jpeg=0.5)
        seen[variant] = (stage.optim.lr, stage.optim.epochs, stage.size, stage.synthetic, stage.seed)
    assert seen.pop(distillation.SCRATCH) == (3e-3, 7, 32, 2000, 0)
    assert set(seen.values()) == {(5e-4, 7, 32, 2000, 0)}


def test_a_seed_has_its_own_parent(tmp_path: Path) -> None:
    """Three supernets make three seeds, one supernet is shared, and two cannot be shared by three seeds."""
    three = tuple(tmp_path / name for name in "abc")
    several = distillation.Distillation(supernet=three, teacher=tmp_path, out=tmp_path)
    assert [several.parent(seed) for seed in range(several.count)] == list(three)
    single = distillation.Distillation(supernet=three[:1], teacher=tmp_path, out=tmp_path)
    assert [single.parent(seed) for seed in range(single.count)] == [three[0]] * 3
    with pytest.raises(ValueError, match="one for each of 3 seeds"):
        distillation.Distillation(supernet=three[:2], teacher=tmp_path, out=tmp_path, seeds=3)


def test_seeds_differ_in_order_and_augmentation(tmp_path: Path) -> None:
    """Two seeds show the same faces in another order and other crops of them; one seed shows the same again."""
    batches = []
    for seed in (0, 1, 1):
        options = Training(**table_6(tmp_path, synthetic=10).training(1e-3, seed), out=tmp_path)
        with finish(set_up(options, stage="teacher", run=len)) as setup:
            faces = setup.train
        batches.append(faces.epoch((options.seed, 0, 0), 10, options.augmentation)[0])
    assert not np.array_equal(np.sort(batches[0].images, axis=0), np.sort(batches[1].images, axis=0))
    np.testing.assert_array_equal(batches[1].images, batches[2].images)


def test_many_faces_at_a_time_score_as_each_alone(small_bundle: bundle.Bundle, tmp_path: Path) -> None:
    """The scores of a trial are those that `evaluate` finds face by face; faces of another scheme are refused."""
    bundle.write(small_bundle, tmp_path / "small")
    crops = finish(plain_crops(open_faces(None, "test", 5), small_bundle.card.size_px))
    alone = finish(accuracy.points_on(TorchLandmarker(small_bundle), crops, ""))
    expected = metrics.nme(alone, crops.points_xy, small_bundle.scheme)
    np.testing.assert_allclose(trials.errors_of(tmp_path / "small", crops), expected, atol=1e-4)  # 0.01 % of NME
    others = finish(plain_crops(open_faces(None, "test", 5, scheme=COFW_29), small_bundle.card.size_px))
    with pytest.raises(ValueError, match="predicts 300w-68, the faces are labelled cofw-29"):
        trials.errors_of(tmp_path / "small", others)


def supernets(parent: Path, count: int) -> tuple[Path, ...]:
    """Small supernets whose factors tell their operations apart."""
    for seed in range(count):
        torch.manual_seed(seed)
        net = build(SMALL)
        assert isinstance(net, HRSuperNet)
        torch.nn.init.uniform_(net.alpha.data, 0.1, 1)
        card = Card(name="hrsupernet", stage="supernet", scheme="300w-68", size_px=32, sigma_px=1.0)
        bundle.write(bundle.of_network(net, card), parent / f"supernet{seed}")
    return tuple(parent / f"supernet{seed}" for seed in range(count))


@pytest.mark.slow
def test_table_6_in_one_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From two supernets and a teacher: every row and both controls for both seeds, and the parents as they are."""
    monkeypatch.setattr(trials, "side_by_side", one_after_the_other)
    teacher = Card(name="hrnet-w18", stage="teacher", scheme="300w-68", size_px=32, sigma_px=1.0)
    bundle.write(bundle.of_network(build(TEACHER), teacher), tmp_path / "teacher")
    options = distillation.Distillation(
        supernet=supernets(tmp_path, 2),
        teacher=tmp_path / "teacher",
        out=tmp_path / "run",
        importance="gamma",
        keep=0.8,
        epochs=1,
        synthetic=10,
    )
    outcome = finish(distillation.run(options))
    records = read_lines(tmp_path / "run" / "results.jsonl")
    assert len(records) == len(outcome.records) == 2 * (2 + 2 + 1 + 2 * 9)  # splits, supernets, slimmed, teacher, rows
    for record in records:
        assert set(record["battery"]) == {"occlusion", "face mask"} and record["nme_mean"] > 0
    epochs = {record["variant"]: record["epochs"] for record in records}
    assert epochs["slimmed"] == epochs["supernet"] == 0 and epochs["+ teacher"] == epochs[distillation.SCRATCH] == 1
    cost = {(r["variant"], r["seed"]): r["macs_full"] for r in records}
    assert 0.7 < cost[distillation.RANDOM, 1] / cost["slimmed", 1] < 1.4
    with pytest.raises(ValueError, match=r"other settings or parents \(optim\)"):
        finish(distillation.run(dataclasses.replace(options, lr=0.5)))


@pytest.mark.slow
def test_an_ablation_trains_scores_and_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two variants on a handful of synthetic faces: a record each with all corruptions; again, nothing is trained."""
    monkeypatch.setattr(augment, "GROUPS", {"published": (), "+ jitter": ("jitter",)})
    options = augment.Augmentations(out=tmp_path / "run", size=32, epochs=1, synthetic=10, at_once=2)
    outcome = finish(augment.run(options))
    records = read_lines(tmp_path / "run" / "results.jsonl")
    assert [r["variant"] for r in records] == ["published", "+ jitter"]
    for record in records:
        assert set(record["battery"]) == set(CORRUPTIONS) and record["nme_mean"] > 0 and record["split"] == "val"
    written = (tmp_path / "run" / "jitter-0" / "weights.safetensors").stat().st_mtime_ns
    assert finish(augment.run(options)).text == outcome.text
    assert (tmp_path / "run" / "jitter-0" / "weights.safetensors").stat().st_mtime_ns == written


@pytest.mark.slow
def test_masks_are_all_that_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One student and the truth, without masks or with those of a fill; scored on more and more hidden faces."""
    monkeypatch.setattr(trials, "side_by_side", one_after_the_other)
    small: dict[str, Any] = {"keep": 0.8, "epochs": 1, "synthetic": 10, "seeds": 1}
    options = masks.Masks(supernet=supernets(tmp_path, 1), out=tmp_path / "run", **small)
    records = finish(masks.run(options)).records
    assert [r["split"] for r in records] == ["val"] * 3 + ["test"] * 3
    assert all(list(r["battery"]) == list(masks.HIDDEN) for r in records)
    names = [r["variant"] for r in records[:3]]
    configs = {name: dict(bundle.read(folder(options.out, name, 0)).card.config) for name in names}
    seen = {name: (config.pop("mask"), config.pop("mask_fill")) for name, config in configs.items()}
    unmasked, coloured, plain = configs
    assert seen == {unmasked: (0, "mean"), coloured: (0.75, "random"), plain: (0.75, "mean")}
    assert configs[unmasked] == configs[coloured] == configs[plain]
    assert configs[unmasked]["peers_weight"] == configs[unmasked]["teacher_weight"] == 0


def test_no_masks_to_compare_are_refused(tmp_path: Path) -> None:
    """Before anything is trained."""
    for wrong in ({"fills": ()}, {"mask": 0.0}, {"mask": 1.5}):
        with pytest.raises(ValueError, match="give --fills, and a --mask above 0"):
            masks.Masks(supernet=(tmp_path,), out=tmp_path, **wrong)  # type: ignore[arg-type]
