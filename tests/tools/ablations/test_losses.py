"""The rows of losses: each names the one thing that it changes, and every run leaves a record of validation faces."""

import dataclasses
from pathlib import Path

import pytest

from tests.tools.ablations.conftest import one_after_the_other
from toolkit import bundle
from toolkit.bundle import Bundle
from toolkit.core.files import read_lines
from toolkit.core.progress import Steps, finish
from toolkit.data import Faces
from toolkit.models.building import build
from toolkit.pipelines import trials
from toolkit.pipelines.trials import Record
from toolkit.reporting.readme.ablation import ablations
from tools.ablations import comparison, losses
from tools.ablations.comparison import Comparison
from tools.ablations.losses import BEFORE, SQUARED, Losses

OF_LOSSES = ("heatmap_loss", "coordinate_loss", "coordinate_weight")


def test_rows_differ_in_their_loss_and_in_nothing_else(tmp_path: Path) -> None:
    """Every option but those of losses and the folder is that of the squared error; each loss is there."""
    options = Losses(student=tmp_path, out=tmp_path, weights=(0.5,), batch=8)
    rows = {trial.variant: trial.job.options for trial in losses._trials(options, 3) if trial.job}
    usual = dataclasses.asdict(rows.pop(SQUARED))
    assert usual["seed"] == 3 and usual["augment"]["rotation"] == 15 and usual["lr"] == options.lr
    seen = {}
    for variant, training in rows.items():
        own = dataclasses.asdict(training)
        assert {k for k in own if own[k] != usual[k]} <= {*OF_LOSSES, "out"}
        seen[variant] = tuple(own[name] for name in OF_LOSSES)
    assert seen == {
        "adaptive wing": ("awing", "smooth-l1", 0.0),
        "+ smooth L1, weight 0.5": ("mse", "smooth-l1", 0.5),
        "+ wing, weight 0.5": ("mse", "wing", 0.5),
        "+ STAR, weight 0.5": ("mse", "star", 0.5),
    }
    assert len({training.out for training in rows.values()}) == len(rows)


def test_a_weight_of_nothing_is_refused(tmp_path: Path) -> None:
    """A row without its loss would be another name for the squared error; so is what the training refuses."""
    with pytest.raises(ValueError, match="--weights must be above 0"):
        Losses(student=tmp_path, weights=(0.5, 0.0))
    with pytest.raises(ValueError, match="no augmentation 'rotate'"):
        Losses(student=tmp_path, augment={"rotate": 1.0})


def test_drawn_faces_are_scored_in_the_networks_own_scheme(
    small_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """29 points, where 68 are usual: of the losses, of cut networks, and of what is trained from scratch."""
    net = build(dataclasses.replace(small_bundle.spec, points=29))
    card = dataclasses.replace(small_bundle.card, scheme="cofw-29")
    bundle.write(bundle.of_network(net, card), tmp_path / "net")
    found: list[str] = []

    def score(_: object, faces: Faces, *__: object) -> Steps[list[Record]]:
        found.append(faces.scheme.name)
        yield from ()
        return []

    def made(*_: object) -> Steps[None]:
        yield from ()

    for module in (losses, comparison):
        monkeypatch.setattr(module, "score", score)
        monkeypatch.setattr(module, "make", made)
    monkeypatch.setattr(losses, "summary", lambda *_: "")
    finish(losses.run(Losses(student=tmp_path / "net", out=tmp_path / "l", synthetic=20)))
    compared = Comparison(supernet=(tmp_path / "net",), out=tmp_path / "c", synthetic=20)
    finish(comparison.compared(compared, ()))
    assert found == ["cofw-29"] * 3
    assert compared.from_scratch("s", "s-hrnet-cofw", 0).options.scheme == "cofw-29"


@pytest.mark.slow
def test_the_command_records_validation_scores_and_goes_on(
    small_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record a row and seed with its loss on the card, rendered as a table; run again, nothing is trained again."""
    monkeypatch.setattr(trials, "side_by_side", one_after_the_other)
    bundle.write(small_bundle, tmp_path / "student")
    options = Losses(
        student=tmp_path / "student", out=tmp_path / "l", epochs=1, batch=8, synthetic=20, seeds=1, weights=(1,)
    )
    outcome = finish(losses.run(options))
    records = read_lines(tmp_path / "l" / "results.jsonl")
    assert {r["split"] for r in records} == {"val"} and len(records) == 6 == len(outcome.records)
    assert bundle.read(tmp_path / "l" / "STAR-weight-1-0").card.config["coordinate_loss"] == "star"
    table = ablations(records)[0]
    assert [row[0] for row in table.rows] == list(dict.fromkeys(r["variant"] for r in records))
    assert table.rows[0][0] == BEFORE
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "l").rglob("weights.safetensors")}
    finish(losses.run(options))
    assert before == {path: path.stat().st_mtime_ns for path in before}
