"""The training stages end to end on a handful of synthetic faces: what they write, and who learned from what."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tests.conftest import SMALL as SPEC
from tests.slimming.conftest import lively
from toolkit import bundle
from toolkit.bundle import Card
from toolkit.commands.train import distil, slim, supernet, teacher
from toolkit.commands.train.distil import Distil
from toolkit.commands.train.slim import Slim
from toolkit.commands.train.supernet import Supernet
from toolkit.commands.train.teacher import Teacher
from toolkit.core.progress import finish
from toolkit.core.schemes import COFW_29, W300_68, WFLW_98
from toolkit.data.batches import random_masks, training_faces
from toolkit.data.synthetic import SyntheticFaces
from toolkit.models.building import build
from toolkit.models.imagenet import published_name
from toolkit.models.spec import ARCHITECTURES, HRNetSpec, SuperNetSpec
from toolkit.models.supernet import HRSuperNet
from toolkit.slimming import latency
from toolkit.slimming.importance import factors
from toolkit.slimming.latency import LatencyTable
from toolkit.slimming.penalty import penalty_weights
from toolkit.train.inference import inputs
from toolkit.train.losses import masked
from toolkit.train.setup import set_up

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


@pytest.mark.slow
def test_the_teacher_sees_the_clean_crop_and_each_peer_its_own_mask(tmp_path: Path) -> None:
    """The masks differ between the peers and leave the clean batch as it was."""
    options = Supernet(out=tmp_path, **SMALL)  # type: ignore[arg-type]
    with finish(set_up(options, stage="supernet", run=supernet.run)) as setup:
        faces = setup.train
    batch = faces.epoch((0, 0), 4, options.augmentation)[0]
    clean = torch.randn(4, 3, 32, 32)
    before = clean.clone()
    first, second = (masked(clean, torch.from_numpy(random_masks(batch.rngs, 32, 0.5))) for _ in range(2))
    assert torch.equal(clean, before) and not torch.equal(first, second)
    assert bool(((first.abs() < 0.01) | (first == clean)).all())  # the mean colour, in whole numbers


def peers_trained(road: Path, names: tuple[str, ...], **options: Any) -> tuple[dict[str, HRSuperNet], dict[str, float]]:
    """Networks after two steps, and the terms of their losses at the first one."""
    chosen = Distil(out=road / "none", student=road / "student", teacher=road / "teacher", **options, **SMALL)  # type: ignore[arg-type]
    setup = finish(set_up(chosen, stage="distil", run=distil.run))
    student = bundle.read(chosen.student)
    nets = {name: student.network().train() for name in names}
    step = distil._pass(chosen, setup, nets, distil._teacher(chosen))
    terms: dict[str, float] = {}
    for batch in setup.train.epoch((0, 0), 5, chosen.augmentation):
        losses = step.step(inputs(batch, step.draw))
        terms = terms or {name: value.item() for name, value in losses.items()}
        step.optimiser.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        step.optimiser.step()
    setup.undo.close()
    return nets, terms


@pytest.fixture(scope="module")
def parents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student and a teacher with random weights."""
    out = tmp_path_factory.mktemp("parents")
    for name, arch in (("student", "s-hrnet-300w"), ("teacher", "hrnet-w18")):
        torch.manual_seed(len(name))
        card = Card(name=arch, stage="teacher", scheme="300w-68", size_px=32, sigma_px=1.0)
        bundle.write(bundle.of_network(build(ARCHITECTURES[arch](68)), card), out / name)
    return out


def same(first: nn.Module, second: nn.Module) -> bool:
    return all(torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())


@pytest.mark.slow
def test_without_peers_one_student_is_trained_as_it_would_be_beside_another(parents: Path) -> None:
    """Bit for bit, masks included; its loss has no term for peers, and none for a teacher of weight 0."""
    alone = Distil(out=parents, student=parents, teacher=parents, peers_weight=0)
    assert alone.peers == ("peer1",)
    one, terms = peers_trained(parents, alone.peers, peers_weight=0.0)
    two, _ = peers_trained(parents, distil.PEERS, peers_weight=0.0)
    assert same(one["peer1"], two["peer1"]) and not same(two["peer1"], two["peer2"])
    assert terms.keys() == {"peer1_mse", "peer1_teacher"}
    _, terms = peers_trained(parents, distil.PEERS, teacher_weight=0.0, coordinate_weight=0.5, visibility=0.5)
    assert terms.keys() == {
        f"{peer}_{term}" for peer in distil.PEERS for term in ("mse", "coordinate", "hidden", "peers")
    }
    assert peers_trained(parents, alone.peers, peers_weight=0.0, teacher_weight=0.0)[1].keys() == {"peer1_mse"}


@pytest.mark.slow
def test_a_teacher_is_read_only_where_its_term_is(parents: Path) -> None:
    """Without the term no bundle is needed, and a bundle that is given is no parent."""
    with pytest.raises(ValueError, match="--teacher-weight 0"):
        Distil(out=parents, student=parents)
    untaught = Distil(out=parents, student=parents, teacher=parents / "nowhere", teacher_weight=0)
    assert distil._teacher(untaught) is None and set(distil._parents(untaught)) == {"student"}
    assert set(distil._parents(Distil(out=parents, student=parents, teacher=parents))) == {"student", "teacher"}


@pytest.mark.slow
def test_peers_that_see_the_same_are_refused_and_mirrored_views_set_them_apart(parents: Path) -> None:
    """Equal starts stay equal without masks (Algorithm 1), which is a waste; a mirror image is a difference."""
    with pytest.raises(ValueError, match="--views mirrored"):
        Distil(out=parents, student=parents, teacher=parents, mask=0)
    _, equal = peers_trained(parents, distil.PEERS, peers_weight=0.0, mask=0.0)
    assert equal["peer1_mse"] == pytest.approx(equal["peer2_mse"], rel=1e-5)
    _, apart = peers_trained(parents, distil.PEERS, mask=0.0, views="mirrored")
    assert apart["peer1_mse"] != pytest.approx(apart["peer2_mse"], rel=1e-4)
    assert min(apart["peer1_peers"], apart["peer2_peers"]) > 0


def test_sizes_come_from_options_then_presets(tmp_path: Path) -> None:
    """--size wins; presets differ."""
    assert Teacher(out=tmp_path, preset="paper-300w").size_px == 256
    assert Teacher(out=tmp_path, size=96).size_px == 96
    with pytest.raises(ValueError, match="multiple of 32"):
        Teacher(out=tmp_path, size=50)


def test_an_explicit_weight_of_equation_4_goes_before_the_published_one(tmp_path: Path) -> None:
    """0 included; without a paper's preset they are those of 300W."""
    parents: dict[str, Any] = {"out": tmp_path, "student": tmp_path, "teacher": tmp_path}
    assert Distil(**parents).lambdas == (4, 1)
    assert Distil(**parents, preset="paper-wflw", teacher_weight=0.0).lambdas == (0.3, 0)


def test_the_learning_rate_grows_with_the_root_of_the_batch(tmp_path: Path) -> None:
    """Four times the preset's batch, twice its rate; an explicit rate is taken as it is."""
    assert Teacher(out=tmp_path, batch=64).optim.lr == 2 * Teacher(out=tmp_path).optim.lr
    assert Teacher(out=tmp_path, batch=64, lr=0.1).optim.lr == 0.1


def test_a_supernet_has_no_patience(tmp_path: Path) -> None:
    """Its factors are sparse at the end alone, so that its best epoch is no supernet to slim."""
    assert Teacher(out=tmp_path, patience=3).optim.patience == 3
    with pytest.raises(ValueError, match="no best epoch"):
        Supernet(out=tmp_path, patience=3)


@pytest.mark.slow
def test_a_control_is_named_for_its_architecture(tmp_path: Path) -> None:
    """--arch with a bundle's folder trains its architecture from scratch; the card has its name and not the path."""
    card = Card(name="little", stage="slim", scheme="300w-68", size_px=32, sigma_px=1.0)
    bundle.write(bundle.of_network(build(SPEC), card), tmp_path / "cut")
    finish(teacher.run(Teacher(out=tmp_path / "fresh", arch=str(tmp_path / "cut"), **SMALL)))  # type: ignore[arg-type]
    fresh = bundle.read(tmp_path / "fresh")
    assert (fresh.card.name, fresh.spec, fresh.card.parents) == ("little", SPEC, {})


@pytest.mark.slow
def test_a_network_is_trained_on(tmp_path: Path) -> None:
    """--start takes a bundle's architecture, scheme, size and weights; the card names its parent.

    Faces with other landmarks leave all but the maps of points that it did not know, and the card says how many.
    """
    torch.manual_seed(5)
    seen = {"train": "COFW: 1345 faces"}
    card = Card(name="little", stage="distil", scheme="cofw-29", size_px=32, sigma_px=1.0, data=seen)
    start = bundle.of_network(build(dataclasses.replace(SPEC, points=29)), card)
    bundle.write(start, tmp_path / "start")
    short = {**SMALL, "size": None, "lr": 1e-9, "ema": 0.0}
    finish(teacher.run(Teacher(out=tmp_path / "more", start=tmp_path / "start", **short)))  # type: ignore[arg-type]
    more = bundle.read(tmp_path / "more")
    assert (more.spec, more.card.name, more.card.size_px, more.scheme) == (start.spec, "little", 32, start.scheme)
    assert more.card.parents == {"start": bundle.digest(tmp_path / "start")}
    assert more.card.data["licence"].startswith("Made from faces of COFW, whose terms allow research use only")
    moved = (more.weights["stem.0.weight"] - start.weights["stem.0.weight"]).abs().max()
    assert 0 < float(moved) < 1e-6 and torch.equal(more.weights["alpha"], start.weights["alpha"])
    other = Teacher(out=tmp_path / "other", start=tmp_path / "start", scheme="wflw-98", **short)  # type: ignore[arg-type]
    finish(teacher.run(other))
    learned = bundle.read(tmp_path / "other")
    assert (learned.scheme.points, learned.spec) == (98, dataclasses.replace(start.spec, points=98))
    assert float((learned.weights["stem.0.weight"] - start.weights["stem.0.weight"]).abs().max()) < 1e-6
    assert learned.card.config["fresh_maps"] == 98 - 25
    ours, theirs = learned.weights["head.out.weight"], start.weights["head.out.weight"]
    assert float((ours[60] - theirs[8]).abs().max()) < 1e-6  # the left eye's outer corner
    with pytest.raises(ValueError, match="leave --arch and --weights out"):
        Teacher(out=tmp_path / "no", start=tmp_path / "start", arch="s-hrnet-300w")


@pytest.mark.slow
def test_a_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    """Refused without a word on it; --resume says that it is finished, or names what is asked for otherwise;
    --overwrite trains anew, and leaves alone what is not the run's."""
    card = Card(name="little", stage="slim", scheme="300w-68", size_px=32, sigma_px=1.0)
    bundle.write(bundle.of_network(build(SPEC), card), tmp_path / "cut")
    first = Teacher(out=tmp_path / "t", start=tmp_path / "cut", **SMALL)  # type: ignore[arg-type]
    finish(teacher.run(first))
    (first.out / "thesis.txt").write_text("mine")
    before = {path: path.read_bytes() for path in first.out.rglob("*") if path.is_file()}
    with pytest.raises(FileExistsError, match=r"holds a bundle: .*--overwrite"):
        finish(teacher.run(first))
    outcome = finish(teacher.run(dataclasses.replace(first, resume=True)))
    assert "is finished" in outcome.text and outcome.records[0]["epoch"] == 1
    with pytest.raises(ValueError, match=r"another --size, --seed, --epochs: give the same"):
        finish(teacher.run(dataclasses.replace(first, resume=True, size=64, seed=1, epochs=2)))
    with pytest.raises(ValueError, match=r"another --data \(or --synthetic\): give the same"):
        finish(teacher.run(dataclasses.replace(first, resume=True, synthetic=12)))
    with pytest.raises(ValueError, match=r"another --arch, --start: give the same"):
        finish(teacher.run(dataclasses.replace(first, resume=True, start=None, arch=str(tmp_path / "cut"))))
    assert {path: path.read_bytes() for path in first.out.rglob("*") if path.is_file()} == before
    finish(teacher.run(dataclasses.replace(first, overwrite=True, seed=1)))
    assert bundle.read(first.out).card.config["seed"] == 1
    assert (first.out / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": 0}, "--epochs must be at least 1, got 0"),
        ({"batch": 0}, "--batch must be at least 1, got 0"),
        ({"synthetic": 0}, "--synthetic must be at least 1, got 0"),
        ({"threads": 0}, "--threads must be at least 1, got 0"),
        ({"lr": 0.0}, "learning rate above 0"),
        ({"size": 0}, "multiple of 32"),
        (
            {"preset": "huge"},
            '--preset: expected one of "cpu", "paper-300w", "paper-cofw", "paper-wflw", "tiny", got "huge"',
        ),
        ({"resume": True, "overwrite": True}, "give one of them"),
    ],
)
def test_zero_is_no_default(tmp_path: Path, wrong: dict[str, Any], message: str) -> None:
    """What was asked for is refused, and not replaced in silence; in a notebook too."""
    with pytest.raises(ValueError, match=message):
        Teacher(out=tmp_path, **wrong)


def test_a_run_of_a_single_step_has_a_rate(tmp_path: Path) -> None:
    """That of the factors is what lets them travel 2 in all."""
    options = Supernet(out=tmp_path, preset="tiny", epochs=1)
    one_step: Any = SimpleNamespace(train=SimpleNamespace(batches=lambda _: 1))
    assert supernet._alpha_lr(options, one_step) == supernet.ALPHA_TRAVEL


@pytest.mark.slow
def test_a_batch_of_one_face_is_refused_where_no_norm_can_take_it(tmp_path: Path) -> None:
    """At 32 px the smallest map has one pixel; with two faces, or at 64 px, there is a spread."""
    for wrong in ({"batch": 1}, {"synthetic": 1}):
        with pytest.raises(ValueError, match=r"leaves a norm one value: give --batch 2, or --size 64"):
            finish(set_up(Supernet(out=tmp_path, **SMALL | wrong), stage="supernet", run=supernet.run))  # type: ignore[arg-type]
    larger = Supernet(out=tmp_path, **SMALL | {"batch": 1, "size": 64})  # type: ignore[arg-type]
    with finish(set_up(larger, stage="supernet", run=supernet.run)) as setup:
        assert setup.validation[64].images.shape == (1, 64, 64, 3)


@pytest.mark.slow
def test_one_network_learns_several_schemes(tmp_path: Path) -> None:
    """--heads gives a network maps for each scheme, and each head is a bundle of its own; coordinates are of all."""
    heads = ("300w-68", "cofw-29")
    options = Teacher(
        out=tmp_path / "t", arch="s-hrnet-cofw", heads=heads, coordinate_weight=0.5, visibility=0.5, **SMALL
    )  # type: ignore[arg-type]
    finish(teacher.run(options))
    made = bundle.read(tmp_path / "t")
    assert made.card.config["visibility"] == 0.5 and 0 < made.card.metrics["visibility_auc"] < 1
    assert 0 < made.log[-1]["weights_coordinate"] < 1 and made.card.config["coordinate_weight"] == 0.5
    assert made.scheme.name == "300w-68+cofw-29" and made.spec.points == 97
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        whole, head = made.network()(image), bundle.part(made, COFW_29).network()(image)
    torch.testing.assert_close(head, whole[:, 68:], rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match="has no points of wflw-98"):
        bundle.part(made, WFLW_98)
    with pytest.raises(ValueError, match="unknown landmark scheme 'cofw-30'"):
        Teacher(out=tmp_path / "no", heads=("cofw-30",))


@pytest.mark.slow
def test_a_teacher_from_imagenet(tmp_path: Path) -> None:
    """It starts from the file's weights, and its card says which file and what was not in it."""
    torch.manual_seed(5)
    net = build(ARCHITECTURES["hrnet-w18"](68))
    given = {place: v for k, v in net.state_dict().items() if (place := published_name(k)) is not None}
    save_file(given, tmp_path / "w18.safetensors")
    options = Teacher(out=tmp_path / "t", weights=tmp_path / "w18.safetensors", lr=1e-12, **SMALL)  # type: ignore[arg-type]
    outcome = finish(teacher.run(options))
    made = bundle.read(tmp_path / "t")
    torch.testing.assert_close(made.weights["stem.0.weight"], given["conv1.weight"], rtol=0, atol=1e-6)
    about = made.card.config["weights"]
    assert about["tensors"] == len(given) and about["file"] == "w18.safetensors" and "head.out.bias" in about["fresh"]
    assert "from ImageNet" in outcome.text
    with pytest.raises(ValueError, match="those of hrnet-w18"):
        Teacher(out=tmp_path, arch="s-hrnet-300w", weights=tmp_path / "w18.safetensors")


def test_the_supernet_keeps_its_last_weights(tmp_path: Path) -> None:
    """An EMA would mix scales while alpha falls."""
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


@pytest.mark.slow
def test_depth_factors_are_learned_and_cut_as_alpha_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """L1 takes hold of them, the log has them, slimming to operations takes out layers, and distilling leaves their
    factors as they are."""
    monkeypatch.setattr(
        supernet, "hrsupernet", lambda points, *, depth_factors: dataclasses.replace(SPEC, depth_factors=depth_factors)
    )
    own = {"depth": True, "penalty": "operations", "sparsity": 3.0, "alpha_lr": 0.1, "updates": "joint"}
    finish(supernet.run(Supernet(out=tmp_path / "s", **own, **SMALL)))  # type: ignore[arg-type]
    whole = bundle.read(tmp_path / "s")
    assert isinstance(whole.spec, SuperNetSpec)
    learned = factors(whole.spec, whole.weights)
    assert len(learned) == len(whole.spec.edges) + len(whole.spec.bodies) and bool((learned < 0.96).all())
    assert whole.log[-1]["alpha"] == pytest.approx(learned.tolist(), abs=1e-5) and whole.card.config["depth"]
    finish(slim.run(Slim(supernet=tmp_path / "s", out=tmp_path / "cut", operations=120)))
    cut = bundle.read(tmp_path / "cut")
    assert isinstance(cut.spec, SuperNetSpec) and len(cut.spec.bodies) < len(whole.spec.bodies)
    finish(distil.run(Distil(out=tmp_path / "d", student=tmp_path / "cut", teacher_weight=0.0, **SMALL)))  # type: ignore[arg-type]
    assert torch.equal(factors(cut.spec, bundle.read(tmp_path / "d").weights), factors(cut.spec, cut.weights))


def test_an_ema_is_refused_for_a_supernet(tmp_path: Path) -> None:
    """Its factors fall too far for one; other stages take any decay."""
    assert Supernet(out=tmp_path, ema=0).optim.ema == 0 and Supernet(out=tmp_path).optim.ema == 0
    assert Teacher(out=tmp_path, ema=0.5).optim.ema == 0.5 and Teacher(out=tmp_path).optim.ema == 0.999
    with pytest.raises(ValueError, match="no EMA"):
        Supernet(out=tmp_path, ema=0.9)


def test_a_latency_penalty_needs_its_table(tmp_path: Path) -> None:
    """And a table needs the penalty."""
    for given in ({"penalty": "latency"}, {"latency_table": tmp_path / "t.json"}):
        with pytest.raises(ValueError, match="go together"):
            Supernet(out=tmp_path, **given)  # type: ignore[arg-type]


def test_a_latency_table_of_another_size_is_refused(tmp_path: Path) -> None:
    """Before any face is read."""
    latency.write(LatencyTable(size_px=128, pieces_ms={}), tmp_path / "t.json")
    options = Supernet(out=tmp_path / "s", penalty="latency", latency_table=tmp_path / "t.json", size=64)
    with pytest.raises(ValueError, match=r"t\.json is for 128 px, the supernet takes 64 px"):
        next(supernet.run(options))


def supernet_bundle(out: Path, spec: SuperNetSpec, **card: Any) -> bundle.Bundle:
    """A network of a spec whose factors and norms are those of a trained one, written to a folder."""
    net = lively(spec)
    about = {"name": "s-hrnet", "stage": "slim", "scheme": "300w-68", "size_px": 32, "sigma_px": 1.0} | card
    written = bundle.of_network(net, Card(**about))
    bundle.write(written, out)
    return written


@pytest.mark.parametrize("depth", [False, True])
def test_a_supernet_that_is_trained_on_starts_as_its_parent(tmp_path: Path, depth: bool) -> None:
    """A slimmed one too: the first heatmaps are the parent's to 1e-6; factors of depth that it lacks are 1."""
    parent = supernet_bundle(tmp_path / "slim", SPEC)
    options = Supernet(out=tmp_path / "out", start=tmp_path / "slim", depth=depth)
    net = supernet._network(options, W300_68, parent).eval()
    image = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(net(image), parent.network()(image), rtol=0, atol=1e-6)
    assert net.spec == dataclasses.replace(SPEC, depth_factors=depth)
    assert len(net.factors()) == 1 + depth * len(net.spec.bodies)
    assert all(bool((factor == 1).all()) for factor in net.factors()[1:])


def test_what_a_supernet_cannot_start_from_is_refused(tmp_path: Path) -> None:
    """Other landmarks, no supernet, factors of one's own: one line each that says why."""
    slimmed = supernet_bundle(tmp_path / "slim", SPEC)
    with pytest.raises(ValueError, match=r"slim predicts 300w-68, the faces are labelled cofw-29"):
        supernet._network(Supernet(out=tmp_path / "out", start=tmp_path / "slim"), COFW_29, slimmed)
    with pytest.raises(ValueError, match="leave --alpha-start out"):
        Supernet(out=tmp_path / "out", start=tmp_path / "slim", alpha_start=0.5)
    card = dataclasses.replace(slimmed.card, name="hrnet-w18")
    teacher_net = build(HRNetSpec(points=68, modules=(1, 1, 1), blocks=1, layer1=(8, 16), widths=(4, 4, 4, 4)))
    bundle.write(bundle.of_network(teacher_net, card), tmp_path / "teacher")
    with pytest.raises(ValueError, match="holds no supernet but hrnet-w18"):
        finish(supernet.run(Supernet(out=tmp_path / "out", start=tmp_path / "teacher", **SMALL)))  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_card_of_a_supernet_that_was_trained_on_names_its_parent(tmp_path: Path) -> None:
    """With the parent's size and scheme where the options say nothing of them; it goes on only from the same one."""
    parent = supernet_bundle(tmp_path / "slim", SPEC, size_px=64)
    few = {name: value for name, value in SMALL.items() if name != "size"}
    options = Supernet(out=tmp_path / "out", start=tmp_path / "slim", depth=True, **few)  # type: ignore[arg-type]
    finish(supernet.run(options))
    trained = bundle.read(tmp_path / "out")
    assert trained.card.parents == {"start": bundle.digest(tmp_path / "slim")} and trained.card.size_px == 64
    assert isinstance(trained.spec, SuperNetSpec) and trained.spec.edges == SPEC.edges and trained.spec.depth_factors
    assert not torch.equal(trained.weights["alpha"], parent.weights["alpha"])
    again = dataclasses.replace(options, resume=True)
    assert "nothing was changed" in finish(supernet.run(again)).text
    supernet_bundle(tmp_path / "other", dataclasses.replace(SPEC, head=24), size_px=64)
    with pytest.raises(ValueError, match="another"):
        finish(supernet.run(dataclasses.replace(again, start=tmp_path / "other")))
