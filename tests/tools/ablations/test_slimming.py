"""A family over budgets, ways to choose operations, rewrites and comparisons: variants differ as they say, and every
run leaves its records."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import SMALL
from tests.official import write_300w
from tests.tools.ablations.conftest import one_after_the_other
from toolkit import bundle
from toolkit.bundle import Card
from toolkit.commands.convert import compare
from toolkit.commands.convert.compare import Compare
from toolkit.commands.train import latency_table
from toolkit.commands.train.latency_table import MakeTable
from toolkit.commands.train.teacher import Teacher
from toolkit.core.files import read_lines
from toolkit.core.progress import finish
from toolkit.data.formats.w300 import TEST
from toolkit.models.building import build
from toolkit.models.spec import HRNetSpec
from toolkit.models.supernet import HRSuperNet
from toolkit.pipelines import sweep, trials
from toolkit.pipelines.sweep import Sweep
from toolkit.reporting.readme.blocks import render
from toolkit.slimming.complexity import complexity
from tools.ablations import channels, comparison, distillation, importances, rewrites
from tools.ablations.importances import (
    CONTROLS,
    PUBLISHED,
    RANDOM,
    SCRATCH,
    SUPERNET,
    WEIGHTED,
    WEIGHTED_SUPERNET,
    Slimmings,
)

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
        supernet=supernet, out=tmp_path / "sweep", budgets=(1.0, 0.7), epochs=1, synthetic=40, runs=3, at_once=2
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
    monkeypatch.setattr(trials, "side_by_side", one_after_the_other)
    monkeypatch.setattr(importances, "IMPORTANCES", {"|alpha|": "alpha", "Taylor": "taylor"})
    monkeypatch.setattr(importances, "CONTROLS", (RANDOM,))
    out = tmp_path / "run"
    finish(importances.run(Slimmings(supernet=(supernet,), keep=0.8, out=out, synthetic=10, epochs=1, seeds=2)))
    records = read_lines(out / "results.jsonl")
    counted = {name: sum(r["variant"] == name for r in records) for name in ("|alpha|", "Taylor", RANDOM)}
    assert set(counted.values()) == {4}
    whole = complexity(SMALL, 32)
    limit = 0.8 * whole.macs_paper + whole.macs_full - whole.macs_paper
    cut = [r for r in records if r["variant"] != "supernet"]
    assert len(cut) == 12 + 4  # and what each importance left, before it was trained on
    assert all(0.6 * limit < r["macs_full"] <= limit for r in cut)
    assert bundle.read(out / "cut-random-0").spec != bundle.read(out / "cut-random-1").spec


def test_variants_differ_in_what_they_are_named_for(supernet: Path, tmp_path: Path) -> None:
    """Each cut from its supernet by its importance; two networks start from scratch; all train alike."""
    common: dict[str, Any] = {"supernet": (supernet,), "out": tmp_path, "size": 32, "seeds": 1, "importance": "gamma"}
    common["keep"] = 0.8
    options = Slimmings(**common, weighted=(tmp_path / "weighted",), epochs=4)
    assert options.ways == ("|alpha|", "|alpha| x |gamma|", "Taylor", WEIGHTED)
    assert options.base == "|alpha| x |gamma|" and WEIGHTED not in Slimmings(**common).ways
    made = [job.options for by in ("alpha", "gamma", "taylor", "random") for job in comparison.cuts(options, by)]
    made += [job.options for job in importances._weighted(options)]
    assert [o.importance for o in made] == ["alpha", "gamma", "taylor", "random", "alpha"]
    assert [o.supernet for o in made] == [supernet] * 4 + [tmp_path / "weighted"]
    students = {"|alpha|": 0, "|alpha| x |gamma|": 1, "Taylor": 2, RANDOM: 3, WEIGHTED: 4}
    for variant, number in students.items():
        assert importances._student(options, variant, 0) == made[number].out
    own = {t.variant: (t.bundle, t.against) for t in importances._parents(options)}
    assert own["slimmed by Taylor"][1] == SUPERNET
    assert own[f"slimmed by {WEIGHTED}"] == (made[4].out, WEIGHTED_SUPERNET)
    assert own[WEIGHTED_SUPERNET] == (tmp_path / "weighted", None)
    jobs = {name: importances._trial(options, name, 0).job for name in (*options.ways, *CONTROLS)}
    stages = {name: job.options for name, job in jobs.items() if job is not None}
    scratch = {name: stage.arch for name, stage in stages.items() if isinstance(stage, Teacher)}
    assert scratch == {SCRATCH: str(made[1].out), PUBLISHED: "s-hrnet-300w"}
    assert {stage.optim.epochs for stage in stages.values()} == {4} and len({s.out for s in stages.values()}) == 7


def test_ablations_share_what_they_have_in_common(supernet: Path, tmp_path: Path) -> None:
    """The network of one importance, trained on, and both controls are one bundle for Table 6 and for this one."""
    common: dict[str, Any] = {"supernet": (supernet,), "out": tmp_path, "size": 32, "seeds": 1, "importance": "gamma"}
    mine, table_6 = Slimmings(**common), distillation.Distillation(**common, teacher=tmp_path / "teacher")
    for own, theirs in ((mine.base, distillation.TRAINED_ON), (RANDOM, RANDOM), (SCRATCH, SCRATCH)):
        assert importances._trial(mine, own, 0).job == distillation._trial(table_6, theirs, 0).job


@pytest.mark.slow
def test_networks_are_compared_before_and_after(supernet: Path, tmp_path: Path) -> None:
    """Counts, operations, size and time of both files; and of every rewrite of one of them."""
    results = tmp_path / "slimming" / "results.jsonl"
    other = tmp_path / "other"
    bundle.write(bundle.read(supernet), other)
    outcome = finish(compare.run(Compare(bundles=(supernet, other), runs=3, results=results)))
    first, second = outcome.records
    assert first["operations"] == second["operations"] > 50
    assert first["size_bytes"] == pytest.approx(second["size_bytes"], rel=0.01)  # a name is longer than the other
    assert "TFLite operations" in outcome.text and "(100 %)" in outcome.text
    outcome = finish(rewrites.run(rewrites.Rewrites(bundle=supernet, runs=3, results=results)))
    found = {r["variant"]: r for r in outcome.records}
    assert list(found) == list(rewrites.VARIANTS)
    assert max(r["relative_difference"] for r in found.values()) <= 1e-5
    assert found["as trained"]["operations"] > found["+ alpha folded"]["operations"]
    text = render(read_lines(results))
    assert "| supernet |" in text and "| + head before upsampling |" in text and "Machine" in text


@pytest.mark.slow
def test_channels_are_cut_in_both_ways(supernet: Path, tmp_path: Path) -> None:
    """To the same budget, other channels go; the whole network is scored beside both, and a second run replaces."""
    results = tmp_path / "slimming" / "results.jsonl"
    wanted = channels.Channels(
        bundle=supernet, shares=(0.8,), faces=4, synthetic=4, out=tmp_path / "cut", results=results
    )
    for _ in range(2):
        whole, *cut = finish(channels.run(wanted)).records
    assert [r["importance"] for r in cut] == list(channels.WAYS) and len(read_lines(results)) == 3
    assert all(0.7 * whole["macs_full"] < r["macs_full"] <= 0.8 * whole["macs_full"] for r in cut)
    assert len({r["nme_mean"] for r in (whole, *cut)}) == 3
    text = render(read_lines(results))
    assert "| 100 % | as it is |" in text and "| 80 % | Taylor over cost |" in text
    with pytest.raises(ValueError, match="above 0 and below 1"):
        channels.Channels(bundle=supernet, shares=(1.0,))


@pytest.mark.slow
def test_a_latency_table_has_every_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the small network: each piece has a time, their sum is in the record, and a prediction can be made."""
    from toolkit.slimming import latency

    monkeypatch.setattr(latency_table, "hrsupernet", lambda points: SMALL)
    outcome = finish(latency_table.run(MakeTable(out=tmp_path / "table.json", size=32, runs=3, precision="int8")))
    table = latency.read(tmp_path / "table.json")
    assert set(latency.pieces(SMALL)) <= set(table.pieces_ms) and min(table.pieces_ms.values()) > 0
    # every set of three final branches but none, with the whole hidden layer and with the published one
    assert sum(key.startswith("head") for key in table.pieces_ms) == 7 + 6
    assert table.precision == outcome.records[0]["precision"] == "int8"
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
        Sweep(supernet=Path("runs/x"), **given)  # type: ignore[arg-type]


def test_a_bundle_that_is_no_supernet_is_refused(tmp_path: Path) -> None:
    """By the family and by the comparison, in one line."""
    teacher = build(HRNetSpec(points=68, stem=(8, 8), layer1=(4, 8), widths=(4, 6, 8, 10), modules=(1, 1, 1), blocks=1))
    bundle.write(bundle.of_network(teacher, CARD), tmp_path / "teacher")
    for steps in (
        sweep.run(Sweep(supernet=tmp_path / "teacher", out=tmp_path / "a")),
        importances.run(Slimmings(supernet=(tmp_path / "teacher",), out=tmp_path / "b")),
    ):
        with pytest.raises(ValueError, match="holds no supernet"):
            finish(steps)
    with pytest.raises(ValueError, match="at least two"):
        Compare(bundles=(tmp_path,))


def test_missing_test_faces_are_told_before_anything_is_cut(supernet: Path, tmp_path: Path) -> None:
    """They are read last."""
    write_300w(tmp_path / "photos", train=20)  # one of them is held out
    for part in TEST:
        shutil.rmtree(tmp_path / "photos" / part, ignore_errors=True)
    with pytest.raises(FileNotFoundError, match="helen/testset"):
        finish(sweep.run(Sweep(supernet=supernet, out=tmp_path / "sweep", data=(tmp_path / "photos",))))
    assert not (tmp_path / "sweep").exists()
