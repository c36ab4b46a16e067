"""The shape stage: a layer fitted, chosen and written; what later stages make of a bundle that has one."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import toolkit
from tests.train.tiny import Blobs
from toolkit import bundle, runtime
from toolkit.bundle import Bundle
from toolkit.commands.convert.convert import Convert
from toolkit.commands.convert.convert import run as convert
from toolkit.commands.convert.describe import Describe
from toolkit.commands.convert.describe import run as describe
from toolkit.commands.measure.evaluate import Evaluate
from toolkit.commands.measure.evaluate import run as evaluate
from toolkit.commands.train import shape
from toolkit.commands.train.distil import ALONE, Distil
from toolkit.commands.train.distil import run as distil
from toolkit.commands.train.shape import Shape, run
from toolkit.commands.train.slim import Slim
from toolkit.commands.train.slim import run as slim
from toolkit.commands.train.teacher import Teacher
from toolkit.commands.train.teacher import run as teacher
from toolkit.core.progress import Progress, finish
from toolkit.core.schemes import COFW_29, W300_68, joint
from toolkit.data.batches import training_faces
from toolkit.landmarkers import open_model
from toolkit.models.building import build
from toolkit.models.spec import SuperNetSpec
from toolkit.slimming.complexity import complexity

LAYER = [f"shape.{name}" for name in ("mean", "hidden_weight", "hidden_bias", "weight", "bias")]
FEW: dict[str, Any] = {"synthetic": 200, "rounds": 1, "hidden": 32, "epochs": 15}


@pytest.fixture(scope="module")
def plain(small_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small network."""
    folder = tmp_path_factory.mktemp("shape") / "plain"
    bundle.write(small_bundle, folder)
    return folder


@pytest.fixture(scope="module")
def shaped(plain: Path) -> Path:
    """The small network with a layer fitted to a few synthetic faces."""
    finish(run(Shape(bundle=plain, out=plain.with_name("shaped"), **FEW)))
    return plain.with_name("shaped")


def test_every_face_is_looked_at(plain: Path) -> None:
    """Once a round, also those that fill no batch."""
    faces = finish(training_faces(Blobs(20), 32))
    epochs = shape._epochs(Shape(bundle=plain, out=plain.with_name("out")), faces, range(2))
    assert [[len(batch.images) for batch in epoch] for epoch in epochs] == [[16, 4], [16, 4]]


@pytest.mark.slow
def test_the_card_says_what_was_fitted_chosen_and_gained(plain: Path, shaped: Path) -> None:
    """Scores before and after of the validation faces; how it was fitted; the parent."""
    card, before = bundle.read(shaped).card, bundle.read(plain).card
    assert (card.stage, card.name, card.parents) == ("shape", before.name, {"network": bundle.digest(plain)})
    after, alone = (
        sum(found[name]["nme_mean"] for name in ("val", "val_augmented"))
        for found in (card.metrics, card.metrics["before"])
    )
    assert after < alone  # what a layer is judged by
    assert "synthetic" in card.data["shape"]
    assert [card.config["shape"][name] for name in ("rounds", "hidden", "epochs")] == [1, 32, 15]


@pytest.mark.slow
def test_the_network_is_left_as_it_is(plain: Path, shaped: Path) -> None:
    """Its weights stand beside those of the layer, whose spec is data; counts hold both."""
    before, after = bundle.read(plain), bundle.read(shaped)
    own = {name for name in after.weights if name.startswith("shape.")}
    assert own == set(LAYER)
    assert all(torch.equal(before.weights[name], after.weights[name]) for name in before.weights)
    costs = [complexity(loaded.spec, 64) for loaded in (before, after)]
    assert costs[1].params_full - costs[0].params_full == 2 * 136 * 32 + 32 + 2 * 136
    assert costs[1].params_paper == costs[0].params_paper and costs[1].macs_paper == costs[0].macs_paper


@pytest.mark.slow
def test_evaluate_and_the_card_agree(shaped: Path) -> None:
    """The validation error of the card is that of `evaluate` on the same faces."""
    outcome = finish(evaluate(Evaluate(model=shaped, split="val", synthetic=FEW["synthetic"] // 10)))
    expected = bundle.read(shaped).card.metrics["val"]["nme_mean"]
    assert outcome.records[0]["n"] == 20
    assert outcome.records[0]["nme_mean"] == pytest.approx(expected, abs=2e-3)


@pytest.mark.slow
def test_fitting_anew_starts_from_the_network_alone(plain: Path, shaped: Path, tmp_path: Path) -> None:
    """A layer on a layer is none: the same options give the same layer."""
    finish(run(Shape(bundle=shaped, out=tmp_path / "again", **FEW)))
    first, second = bundle.read(shaped).weights, bundle.read(tmp_path / "again").weights
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.slow
def test_every_file_has_the_layer_inside(shaped: Path, tmp_path: Path) -> None:
    """All formats and precisions keep their budgets against the bundle's corrected points, and the sidecar says so."""
    wanted = ("float32", "float16", "int8", "int8io")
    outcome = finish(convert(Convert(bundle=shaped, out=tmp_path, precision=wanted, faces=16, calibration=32)))
    assert outcome.ok, outcome.text
    assert len(outcome.records) == 7
    crop = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    expected = open_model(shaped)(crop).points_xy
    alone = open_model(shaped.with_name("plain"))(crop).points_xy
    assert np.abs(expected - alone).max() > 0.1
    for path in runtime.models_in(tmp_path):
        if "float32" in path.name:
            np.testing.assert_allclose(runtime.load(path)(crop).points_xy, expected, atol=0.02)
        assert "shape layer" in runtime.sidecar.read(path).outputs["points"]
    counted = finish(describe(Describe(what=str(shaped)))).records[0]
    written = next(r for r in outcome.records if r["model"].endswith("float32.tflite"))
    assert counted["operations"] == written["operations"]


@pytest.mark.slow
def test_heatmaps_are_refused_before_anything_is_read(shaped: Path, tmp_path: Path) -> None:
    """They would give other points than the bundle's."""
    with pytest.raises(ValueError, match="--output points"):
        finish(convert(Convert(bundle=shaped, out=tmp_path / "models", output="heatmaps")))
    assert not (tmp_path / "models").exists()


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"share": 0.9}, {"remove": "channels", "share": 0.9}], ids=["edges", "channels"])
def test_slimming_keeps_the_layer(shaped: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    """Whatever goes of the network, its points are corrected as before."""
    outcome = finish(slim(Slim(supernet=shaped, out=tmp_path / "slim", **options)))
    assert "fit it anew (sdhrnet shape)" in outcome.text
    before, after = bundle.read(shaped), bundle.read(tmp_path / "slim")
    assert after.spec.shape == before.spec.shape and after.spec != before.spec
    for name in LAYER:
        assert torch.equal(before.weights[name], after.weights[name])


@pytest.mark.slow
def test_training_on_keeps_the_layer(shaped: Path, tmp_path: Path) -> None:
    """The heatmaps are trained, and validated with the layer behind them; it stays to the bit, also under an EMA."""
    few: dict[str, Any] = {"preset": "tiny", "synthetic": 10, "epochs": 1, "batch": 5, "ema": 0.9, "device": "cpu"}
    finish(distil(Distil(out=tmp_path / "distil", student=shaped, **ALONE, **few)))
    before, after = bundle.read(shaped), bundle.read(tmp_path / "distil")
    assert not torch.equal(before.weights["head.out.weight"], after.weights["head.out.weight"])
    assert after.spec == before.spec
    for name in LAYER:
        assert torch.equal(before.weights[name], after.weights[name])


@pytest.mark.slow
def test_other_landmarks_start_without_the_layer(shaped: Path, tmp_path: Path) -> None:
    """It is of the points that it was fitted to."""
    few: dict[str, Any] = {"preset": "tiny", "synthetic": 10, "epochs": 1, "batch": 5, "size": 64, "device": "cpu"}
    finish(teacher(Teacher(out=tmp_path / "other", start=shaped, scheme="cofw-29", **few)))
    assert bundle.read(tmp_path / "other").spec.shape is None


@pytest.mark.slow
def test_where_nothing_helps_nothing_is_written(plain: Path, tmp_path: Path) -> None:
    """Many passes over few faces learn their noise by heart."""
    options = Shape(bundle=plain, out=tmp_path / "out", synthetic=20, rounds=0, epochs=2000)
    with pytest.raises(ValueError, match=r"a shape layer does no better.*nothing is written"):
        finish(run(options))
    assert not (tmp_path / "out").exists()


def test_a_network_with_several_heads_is_refused(plain: Path, tmp_path: Path) -> None:
    """Its points are several shapes."""
    whole = joint([W300_68, COFW_29])
    spec = bundle.read(plain).spec
    assert isinstance(spec, SuperNetSpec)
    net = build(dataclasses.replace(spec, points=whole.points))
    card = dataclasses.replace(bundle.read(plain).card, scheme=whole.name)
    bundle.write(bundle.of_network(net, card), tmp_path / "heads")
    with pytest.raises(ValueError, match="heads for several schemes"):
        finish(run(Shape(bundle=tmp_path / "heads", out=tmp_path / "out", **FEW)))


@pytest.mark.parametrize(("wrong", "message"), [({"hidden": 0}, "--hidden"), ({"epochs": 0}, "--epochs"),
                                                ({"rounds": -1}, "--rounds")])  # fmt: skip
def test_options_that_mean_nothing_are_refused(
    plain: Path, tmp_path: Path, wrong: dict[str, Any], message: str
) -> None:
    """Before anything is read."""
    with pytest.raises(ValueError, match=message):
        Shape(bundle=plain, out=tmp_path / "out", **wrong)


@pytest.mark.slow
def test_the_function_is_the_command(plain: Path, tmp_path: Path) -> None:
    """toolkit.shape tells how far it is."""
    seen: list[Progress] = []
    outcome = toolkit.shape(toolkit.Shape(bundle=plain, out=tmp_path / "out", **FEW), progress=seen.append)
    assert "validation NME" in outcome.text and outcome.records[0]["kind"] == "shape"
    assert any("predicting training faces" in now.task and now.done == now.total for now in seen)
