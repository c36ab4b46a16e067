"""Budgets of operations: what is trained and cut from what, and the records, table and plots of it all."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SMALL, Converted
from tests.tools.ablations.conftest import one_after_the_other
from toolkit import bundle
from toolkit.commands.train import supernet
from toolkit.core.files import read_lines
from toolkit.core.progress import Outcome, Steps, finish
from toolkit.models.spec import SuperNetSpec
from toolkit.pipelines import trials
from toolkit.reporting.readme.blocks import render
from toolkit.slimming.operations import operations
from tools.ablations import budgets
from tools.ablations.budgets import Budgets, Variant


def test_every_cut_has_its_parent_and_all_train_alike(tmp_path: Path) -> None:
    """Edges from the plain supernet, layers from that of depth factors, channels from what layers left."""
    options = Budgets(out=tmp_path, budgets=(300, 200), seeds=2, epochs=3, synthetic=20)
    variants = [one for seed in range(2) for one in budgets._variants(options, seed)]
    assert len(variants) == len({one.folder for one in variants}) == 2 * (2 + 2 * 3)
    cuts = {one: budgets._cut(options, one).options for one in variants if one.budget}
    for one, slim in cuts.items():
        parent = {"edges": f"supernet-plain-{one.seed}", "layers": f"supernet-deep-{one.seed}"}
        expected = tmp_path / parent.get(one.way, f"layers-{one.budget}-{one.seed}/cut")
        assert slim.supernet == expected and slim.remove == ("channels" if one.way == "channels" else "operations")
        assert slim.operations == (None if one.way == "channels" else one.budget)
    trained = [budgets._trained_on(options, one).options for one in variants]
    assert {(stage.optim.epochs, stage.lambdas, stage.mask) for stage in trained} == {(3, (0.0, 0.0), 0.0)}
    deep = budgets._supernet(options, True, 1).options
    assert deep.depth and deep.penalty == "operations" and deep.seed == 1


def test_only_the_ways_that_are_asked_for_are_gone(tmp_path: Path) -> None:
    """Layers alone need one supernet a seed, whose unslimmed network they are compared with."""
    options = Budgets(out=tmp_path, budgets=(300,), ways=("layers",), synthetic=20)
    assert [(one.way, one.budget) for one in budgets._variants(options, 0)] == [("layers", None), ("layers", 300)]
    assert budgets._depths(options) == [True]
    for ways in ((), ("edges", "edges"), ("edges", "channels")):
        with pytest.raises(ValueError, match="--ways"):
            Budgets(out=tmp_path, ways=ways, synthetic=20)


@pytest.mark.slow
def test_budgets_leave_records_a_table_and_plots(
    converted: Converted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One budget, one seed, on a small supernet; again, nothing is made anew. Files are the shared network's."""

    class Copied:
        def __init__(self, options: Budgets, one: Variant) -> None:
            self.folder = one.folder

        def steps(self) -> Steps[Outcome]:
            shutil.copytree(converted.models, self.folder / "models")
            yield from ()
            return Outcome(text="")

    def small(points: int, *, depth_factors: bool) -> SuperNetSpec:
        return replace(SMALL, depth_factors=depth_factors)

    monkeypatch.setattr(supernet, "hrsupernet", small)
    monkeypatch.setattr(budgets, "_converted", Copied)
    for module in (budgets, trials):
        monkeypatch.setattr(module, "side_by_side", one_after_the_other)
    whole = operations(SMALL, dict.fromkeys(SMALL.edges, 1.0))
    common: dict[str, Any] = {"supernet_epochs": 1, "epochs": 1, "synthetic": 10, "batch": 5, "size": 32, "seeds": 1}
    options = Budgets(out=tmp_path, budgets=(whole - 20,), even=8, runs=2, **common)
    outcome = finish(budgets.run(options))
    records = read_lines(tmp_path / "results.jsonl")
    assert len(records) == 2 * 5 and {r["kind"] for r in records} == {"budget"}
    layers = bundle.read(tmp_path / f"layers-{whole - 20}-0" / "cut")
    assert isinstance(layers.spec, SuperNetSpec) and layers.spec.depth_factors
    alphas = dict(zip(layers.spec.edges, layers.weights["alpha"].tolist(), strict=True))
    assert operations(layers.spec, alphas) <= whole - 20
    assert "edges, layers and channels" in outcome.text and "unslimmed" in outcome.text
    assert "| unslimmed (edges) |" in render(records) and "+0.0 %" in render(records)
    for cost in ("operations", "int8"):
        assert ">edges and layers<" in (tmp_path / f"budgets-{cost}.svg").read_text()
    before = (tmp_path / f"layers-{whole - 20}-0" / "trained" / "weights.safetensors").stat().st_mtime_ns
    finish(budgets.run(options))
    assert (tmp_path / f"layers-{whole - 20}-0" / "trained" / "weights.safetensors").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "given", [{"budgets": ()}, {"budgets": (0,)}, {"budgets": (300, 300)}, {"seeds": 0}, {"even": 0}]
)
def test_impossible_budgets_are_refused(given: dict[str, Any], tmp_path: Path) -> None:
    """Before anything is trained."""
    with pytest.raises(ValueError, match="at least 1"):
        Budgets(out=tmp_path, **given)
