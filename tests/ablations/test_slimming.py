"""A family over budgets, ways to choose operations, rewrites and comparisons: variants differ as they say, and every
run leaves its records."""

from pathlib import Path

import pytest
import torch

from tests.conftest import SMALL
from toolkit import bundle
from toolkit.ablations import rewrites, slim, sweep
from toolkit.ablations.slim import GAMMA, PUBLISHED, RANDOM, SCRATCH, TAYLOR, UNIFORM, WEIGHTED, Slimmings
from toolkit.ablations.sweep import Sweep
from toolkit.bundle import Card
from toolkit.core.files import read_lines
from toolkit.core.progress import finish
from toolkit.models import HRSuperNet, build
from toolkit.models.spec import HRNetSpec
from toolkit.report.markdown import render
from toolkit.slimming.census import census
from toolkit.stages import compare, latency_table
from toolkit.stages.compare import Compare
from toolkit.stages.latency_table import MakeTable

CARD = Card(name="hrsupernet", stage="supernet", scheme="300w-68", size_px=32, sigma_px=1.0)


@pytest.fixture(scope="module")
def supernet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network of every kind of edge, with factors of every size."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = build(SMALL)
        assert isinstance(net, HRSuperNet)
        torch.nn.init.uniform_(net.alpha.data, 0.1, 1)
    folder = tmp_path_factory.mktemp("run") / "supernet"
    bundle.write(bundle.of_network(net, CARD), folder)
    return folder


@pytest.mark.slow
def test_a_sweep_cuts_trains_measures_and_plots(supernet: Path, tmp_path: Path) -> None:
    """Two budgets: bundles, a record each a split, two plots and a table; again, nothing is cut or trained anew."""
    options = Sweep(
        supernet=supernet, out=tmp_path / "sweep", budgets=(1.0, 0.7), epochs=1, synthetic=10, runs=3, at_once=2
    )
    finish(sweep.run(options))
    records = read_lines(tmp_path / "sweep" / "results.jsonl")
    assert [(r["budget"], r["split"]) for r in records] == [(1.0, "val"), (0.7, "val"), (1.0, "test"), (0.7, "test")]
    whole, cut = records[2:]
    assert cut["macs_paper"] <= 0.7 * whole["macs_paper"] and cut["operations"] < whole["operations"]
    assert whole["latency_ms"]["median"] > 0 and whole["nme_mean"] > 0
    for cost in ("macs", "latency"):
        text = (tmp_path / "sweep" / f"error-{cost}.svg").read_text()
        assert text.startswith("<svg") and ">supernet<" in text and ">0.7<" in text
    assert "| supernet |" in render(records) and "| 0.7 |" in render(records)
    trained = tmp_path / "sweep" / "share-0.7" / "trained" / "weights.safetensors"
    before, cut_weights = trained.stat().st_mtime_ns, bundle.read(tmp_path / "sweep" / "share-0.7" / "slim").weights
    tuned = bundle.read(trained.parent)
    assert torch.equal(tuned.weights["alpha"], cut_weights["alpha"])
    assert not torch.equal(tuned.weights["stem.0.weight"], cut_weights["stem.0.weight"])
    finish(sweep.run(options))
    assert trained.stat().st_mtime_ns == before and len(read_lines(tmp_path / "sweep" / "results.jsonl")) == 4


@pytest.mark.slow
def test_the_importances_are_compared_at_equal_macs(
    supernet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every variant's network fits one budget, random ones differ by their seed, and each leaves a record a split."""
    monkeypatch.setattr(slim, "IMPORTANCES", {UNIFORM: "alpha", RANDOM: "random"})
    monkeypatch.setattr(Slimmings, "variants", property(lambda _: (UNIFORM, RANDOM)))
    out = tmp_path / "run"
    finish(slim.run(Slimmings(supernet=supernet, share=0.8, out=out, synthetic=10, epochs=1, seeds=2, at_once=2)))
    records = read_lines(out / "results.jsonl")
    assert len(records) == 2 * 2 * 2 and {r["variant"] for r in records} == {UNIFORM, RANDOM}
    whole = census(SMALL, 32)
    limit = 0.8 * whole.macs_paper + whole.macs_full - whole.macs_paper
    assert all(0.6 * limit < r["macs_full"] <= limit for r in records)
    specs = [bundle.read(out / f"cut-random-edges-{seed}").spec for seed in range(2)]
    assert specs[0] != specs[1]


def test_variants_differ_in_what_they_are_named_for(supernet: Path, tmp_path: Path) -> None:
    """Each cut from its supernet by its importance; two networks start from scratch."""
    options = Slimmings(supernet=supernet, weighted=tmp_path / "weighted", out=tmp_path, scratch_epochs=9)
    assert options.variants == (UNIFORM, WEIGHTED, GAMMA, TAYLOR, RANDOM, SCRATCH, PUBLISHED)
    cuts = {name: slim._slim(options, name, 2, 30.0).options for name in options.variants[:5]}
    assert {name: cut["importance"] for name, cut in cuts.items()} == {
        UNIFORM: "alpha", WEIGHTED: "alpha", GAMMA: "gamma", TAYLOR: "taylor", RANDOM: "random",
    }  # fmt: skip
    assert cuts[WEIGHTED]["supernet"] == tmp_path / "weighted" and cuts[UNIFORM]["supernet"] == supernet
    assert len({cut["out"] for cut in cuts.values()}) == 5 and {cut["macs"] for cut in cuts.values()} == {30.0}
    trials = {name: slim._trial(options, name, 1).job.options for name in options.variants}
    assert [name for name, o in trials.items() if not o.get("keep_weights")] == [SCRATCH, PUBLISHED]
    assert trials[PUBLISHED]["arch"] == "s-hrnet-300w" and trials[SCRATCH]["arch"] == trials[UNIFORM]["arch"]
    assert trials[SCRATCH]["epochs"] == 9 and trials[UNIFORM]["epochs"] == 6
    assert WEIGHTED not in Slimmings(supernet=supernet).variants


@pytest.mark.slow
def test_networks_are_compared_before_and_after(supernet: Path, tmp_path: Path) -> None:
    """Counts, operations, size and time of both files; and of every rewrite of one of them."""
    results = tmp_path / "slimming" / "results.jsonl"
    other = tmp_path / "other"
    bundle.write(bundle.read(supernet), other)
    outcome = finish(compare.run(Compare(bundles=(supernet, other), runs=3, results=results)))
    first, second = outcome.records
    assert first["operations"] == second["operations"] > 50 and first["size_bytes"] == second["size_bytes"]
    assert "TFLite operations" in outcome.text and "(100 %)" in outcome.text
    outcome = finish(rewrites.run(rewrites.Rewrites(bundle=supernet, runs=3, results=results)))
    found = {r["variant"]: r for r in outcome.records}
    assert list(found) == list(rewrites.VARIANTS)
    assert max(r["relative_difference"] for r in found.values()) <= 1e-5
    assert found["as trained"]["operations"] > found["+ alpha folded"]["operations"]
    text = render(read_lines(results))
    assert "| supernet |" in text and "| + head before upsampling |" in text and "Machine" in text


@pytest.mark.slow
def test_a_latency_table_has_every_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the small network: each piece has a time, their sum is in the record, and a prediction can be made."""
    from toolkit.slimming import latency

    monkeypatch.setattr(latency_table, "hrsupernet", lambda points: SMALL)
    outcome = finish(latency_table.run(MakeTable(out=tmp_path / "table.json", size=32, runs=3)))
    table = latency.read(tmp_path / "table.json")
    assert set(latency.pieces(SMALL)) <= set(table.pieces_ms) and min(table.pieces_ms.values()) > 0
    assert sum(key.startswith("head") for key in table.pieces_ms) == 7  # every set of three final branches but none
    assert table.predict(SMALL) == pytest.approx(table.whole["measured_ms"], rel=1e-3)
    assert outcome.records[0]["kind"] == "latency-table" and outcome.records[0]["device"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"budgets": (0.5, 1.5)}, "shares above 0, at most 1"),
        ({"budgets": ()}, "shares above 0, at most 1"),
        ({"budgets": (0.5, 0.5)}, "twice"),
        ({"epochs": 0}, "at least 1"),
    ],
)
def test_impossible_families_are_refused(given: dict[str, object], message: str) -> None:
    """Before anything is read."""
    with pytest.raises(ValueError, match=message):
        Sweep(supernet=Path("x"), **given)  # type: ignore[arg-type]


def test_a_bundle_that_is_no_supernet_is_refused(tmp_path: Path) -> None:
    """By the family and by the comparison, in one line."""
    teacher = build(HRNetSpec(points=68, stem=(8, 8), layer1=(4, 8), widths=(4, 6, 8, 10), modules=(1, 1, 1), blocks=1))
    bundle.write(bundle.of_network(teacher, CARD), tmp_path / "teacher")
    for steps in (
        sweep.run(Sweep(supernet=tmp_path / "teacher", out=tmp_path / "a")),
        slim.run(Slimmings(supernet=tmp_path / "teacher", out=tmp_path / "b")),
    ):
        with pytest.raises(ValueError, match="holds no supernet"):
            finish(steps)
    with pytest.raises(ValueError, match="at least two"):
        Compare(bundles=(tmp_path,))
