"""The slim stage: from a supernet's bundle to a smaller one, by threshold or by budget."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.train.tiny import Blobs
from toolkit import bundle
from toolkit.bundle import Bundle, Card
from toolkit.commands.train import slim
from toolkit.commands.train.slim import Slim, run
from toolkit.core.progress import finish
from toolkit.data import Subset
from toolkit.data.batches import training_faces
from toolkit.models.building import build
from toolkit.models.spec import Edge, HRNetSpec, SuperNetSpec, hrsupernet, s_hrnet
from toolkit.models.supernet import HRSuperNet
from toolkit.slimming import latency
from toolkit.slimming.complexity import complexity
from toolkit.slimming.latency import LatencyTable, pieces
from toolkit.slimming.operations import operations


@pytest.fixture(scope="module")
def supernet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    net = build(hrsupernet(68))
    assert isinstance(net, HRSuperNet)
    torch.nn.init.uniform_(net.alpha.data, -1, 1)
    folder = tmp_path_factory.mktemp("run") / "supernet"
    card = Card(name="hrsupernet", stage="supernet", scheme="300w-68", size_px=64, sigma_px=1.0)
    bundle.write(bundle.of_network(net, card), folder)
    return folder


def with_factors(supernet: Path, out: Path, factor: Callable[[Edge], float]) -> Path:
    """The supernet with an importance factor of one's choice for every edge."""
    net = bundle.read(supernet)
    assert isinstance(net.spec, SuperNetSpec)
    alpha = torch.tensor([factor(edge) for edge in net.spec.edges])
    bundle.write(replace(net, weights=net.weights | {"alpha": alpha}), out)
    return out


def slimmed(supernet: Path, out: Path, **options: Any) -> Bundle:
    finish(run(Slim(supernet=supernet, out=out, **options)))
    return bundle.read(out)


@pytest.mark.slow
def test_the_default_budget_is_the_published_share(supernet: Path, tmp_path: Path) -> None:
    """At most 0.64 of the supernet's MACs without the head, and close to it."""
    result = slimmed(supernet, tmp_path / "slim")
    share = complexity(result.spec, 64).macs_paper / complexity(hrsupernet(68), 64).macs_paper
    assert 0.55 < share <= 0.64
    assert result.card.parents == {"supernet": bundle.digest(supernet)}


@pytest.mark.slow
@pytest.mark.parametrize(("option", "limit", "field"), [("params", 0.9, "params_full"), ("macs", 50.0, "macs_full")])
def test_budgets_are_met(supernet: Path, tmp_path: Path, option: str, limit: float, field: str) -> None:
    """Both count everything, in millions."""
    result = slimmed(supernet, tmp_path / "slim", **{option: limit})
    assert 0.7 * limit * 1e6 < getattr(complexity(result.spec, 64), field) <= limit * 1e6


@pytest.mark.slow
def test_a_head_as_published_says_what_it_costs(supernet: Path, tmp_path: Path) -> None:
    """Exact by default: the hidden layer keeps its width. As published it is narrower, and the text says by how many
    pixels the points move."""
    parent = with_factors(supernet, tmp_path / "parent", lambda e: 0.01 if (e.stage, e.target) == (10, 3) else 1.0)
    exact = slimmed(parent, tmp_path / "exact", threshold=0.1)
    outcome = finish(run(Slim(supernet=parent, out=tmp_path / "published", head="published", threshold=0.1)))
    published = bundle.read(tmp_path / "published").spec
    assert isinstance(exact.spec, SuperNetSpec) and isinstance(published, SuperNetSpec)
    assert exact.spec.head_input < exact.spec.head_width == 270 > published.head_width == published.head_input
    assert re.search(r"points move by \d+\.\d\d px on average; train it on", outcome.text)
    assert [bundle.read(tmp_path / n).card.config["head"] for n in ("exact", "published")] == ["inputs", "published"]


@pytest.mark.slow
def test_a_budget_is_filled_or_says_how_far_it_is_from_it(supernet: Path, tmp_path: Path) -> None:
    """Also where factors of two values alone leave nothing between two networks; what is more than all is told."""
    parent = with_factors(supernet, tmp_path / "level", lambda e: 1.0 if e.stage < 10 else 0.5)
    filled = finish(run(Slim(supernet=parent, out=tmp_path / "filled", macs=70.0)))
    macs = complexity(bundle.read(tmp_path / "filled").spec, 64).macs_full / 1e6
    assert 0.95 * 70 < macs <= 70 and "is filled to" not in filled.text
    whole = finish(run(Slim(supernet=supernet, out=tmp_path / "whole", macs=200.0)))
    macs = complexity(bundle.read(tmp_path / "whole").spec, 64).macs_full / 1e6
    told = f"budget of 200 M multiply-accumulates is filled to {macs / 2:.0f} % ({macs:.4g}): nothing had to go"
    assert told in whole.text


@pytest.mark.slow
def test_operations_are_a_budget(supernet: Path, tmp_path: Path) -> None:
    """At most so many in the exported file; the card says what removed them, and --json which parts."""
    outcome = finish(run(Slim(supernet=supernet, out=tmp_path / "slim", operations=430)))
    result = bundle.read(tmp_path / "slim")
    assert isinstance(result.spec, SuperNetSpec)
    left = operations(result.spec, dict(zip(result.spec.edges, result.weights["alpha"].tolist(), strict=True)))
    assert 0.9 * 430 < left <= 430 and outcome.records[0]["budget_used"] == left
    assert result.card.config["removed_by"] == "torch-pruning's dependency graph"
    assert "torch-pruning" in result.card.made_with["versions"]
    removed = outcome.records[0]["removed"]
    assert removed == result.card.config["removed"] and any(re.fullmatch(r"stages\.\d+\.\d", name) for name in removed)


@pytest.mark.slow
def test_a_threshold_keeps_what_reaches_it(supernet: Path, tmp_path: Path) -> None:
    """Every surviving |alpha| is at or above it, negative factors included."""
    result = slimmed(supernet, tmp_path / "slim", threshold=0.3)
    alpha = result.weights["alpha"]
    assert float(alpha.abs().min()) >= 0.3 and float(alpha.min()) < 0
    assert result.card.config["threshold"] == 0.3


@pytest.mark.slow
def test_a_cut_network_inherits_terms_and_no_measurements(supernet: Path, tmp_path: Path) -> None:
    """Research-only data stays named; failures that were found in the parent are not claimed of the cut."""
    loaded = bundle.read(supernet)
    data = {"train": "300W: AFW 337", "known_failures": "profiles"}
    card = replace(loaded.card, data=data, confidence_floor=0.3)
    bundle.write(replace(loaded, card=card), tmp_path / "supernet")
    card = slimmed(tmp_path / "supernet", tmp_path / "slim").card
    assert card.data["train"] == "300W: AFW 337" and "known_failures" not in card.data
    assert card.confidence_floor is None
    assert "300W and AFW, whose terms allow research use only" in card.data["licence"]


@pytest.mark.slow
def test_a_teacher_cannot_be_slimmed(tmp_path: Path) -> None:
    """Only a supernet has importance factors."""
    card = Card(name="hrnet-w18", stage="teacher", scheme="300w-68", size_px=64, sigma_px=1.0)
    bundle.write(bundle.of_network(build(HRNetSpec(points=68)), card), tmp_path / "teacher")
    with pytest.raises(ValueError, match="no supernet but hrnet-w18"):
        finish(run(Slim(supernet=tmp_path / "teacher", out=tmp_path / "slim")))
    assert not (tmp_path / "slim").exists()


def test_two_budgets_are_one_too_many() -> None:
    """Refused before anything is read."""
    with pytest.raises(ValueError, match="only one"):
        Slim(supernet=Path("runs/a"), out=Path("runs/b"), macs=3, params=2)


def test_taylor_looks_at_all_of_the_set(small_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its first face to its last, also where there are less than twice as many as are asked for."""
    monkeypatch.setattr(slim, "open_faces", lambda *given, **named: Blobs(9))
    options = Slim(supernet=Path("runs/a"), out=Path("runs/b"), share=0.5, importance="taylor", faces=5)
    (part,) = finish(slim._faces(options, small_bundle)).faces.parts
    assert isinstance(part.faces, Subset) and part.faces.indices == [0, 2, 4, 6, 8]


def test_taylor_sums_over_all_faces(small_bundle: Bundle) -> None:
    """20 are a batch of 16 and one of 4, which counts a quarter as much, for like faces within a factor of 2."""
    net, faces = small_bundle.network(), finish(training_faces(Blobs(20), 64))
    assert isinstance(net, HRSuperNet)
    first, last = (float(loss.detach()) for loss in slim._losses(net, faces, 1.0))
    assert first / 8 < last < first / 2


@pytest.mark.slow
@pytest.mark.parametrize("importance", ["gamma", "taylor", "random"])
def test_every_importance_meets_the_budget(supernet: Path, tmp_path: Path, importance: str) -> None:
    """And the card says which it was; Taylor looks at synthetic faces where none are given."""
    result = slimmed(supernet, tmp_path / "slim", macs=45.0, importance=importance, faces=16)
    assert 30e6 < complexity(result.spec, 64).macs_full <= 45e6
    assert result.card.config["importance"] == importance


@pytest.mark.slow
def test_a_latency_budget_is_met_by_the_table(supernet: Path, tmp_path: Path) -> None:
    """Pieces of 0.1 ms: at most as many of them as fit."""
    whole = hrsupernet(68)
    smaller = [s_hrnet(name, 68) for name in ("300w", "cofw", "wflw")]  # type: ignore[arg-type]
    keys = {key for spec in (whole, *smaller) for key in pieces(spec)}
    keys |= {f"head {' '.join(f'{k}:{whole.widths[k]}' for k in kept)} {whole.head_width}-68"
             for n in range(1, 5) for kept in combinations(range(4), n)}  # fmt: skip
    table = LatencyTable(size_px=64, pieces_ms=dict.fromkeys(keys, 0.1))
    latency.write(table, tmp_path / "table.json")
    result = slimmed(supernet, tmp_path / "slim", latency_ms=7.0, latency_table=tmp_path / "table.json")
    assert isinstance(result.spec, SuperNetSpec)
    assert 6.0 < table.predict(result.spec) <= 7.0 < table.predict(whole)


@pytest.mark.slow
def test_a_table_of_another_size_is_refused(supernet: Path, tmp_path: Path) -> None:
    """Times at 128 px say nothing about 64 px."""
    latency.write(LatencyTable(size_px=128, pieces_ms={}), tmp_path / "table.json")
    with pytest.raises(ValueError, match="for 128 px, the supernet takes 64 px"):
        slimmed(supernet, tmp_path / "slim", latency_ms=7.0, latency_table=tmp_path / "table.json")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "named"),
    [
        ({}, "group magnitude"),
        ({"importance": "taylor", "faces": 4}, "taylor"),
    ],
)
def test_channels_go_after_operations(supernet: Path, tmp_path: Path, how: dict[str, Any], named: str) -> None:
    """A network slimmed twice: its edges stay, its widths shrink to multiples of eight, its bundle loads strictly."""
    first = slimmed(supernet, tmp_path / "slim", macs=30.0)
    second = slimmed(tmp_path / "slim", tmp_path / "narrow", remove="channels", macs=20.0, **how)
    assert isinstance(first.spec, SuperNetSpec) and isinstance(second.spec, SuperNetSpec)
    assert second.card.config["importance"] == named
    assert [e.name for e in second.spec.edges] == [e.name for e in first.spec.edges]
    assert 15e6 < complexity(second.spec, 64).macs_full <= 20e6
    assert {width % 8 for _, _, width in second.spec.narrowed} == {0}
    assert second.network()(torch.zeros(1, 3, 64, 64)).shape == (1, 68, 16, 16)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"latency_ms": 1.0}, "--latency-ms and --latency-table go together"),
        ({"latency_table": Path("t.json")}, "--latency-ms and --latency-table go together"),
        ({"data": Path("faces")}, "--data is for --importance taylor"),
        ({"remove": "channels", "threshold": 0.1}, "channels go by their magnitude"),
        ({"remove": "channels", "importance": "random"}, "channels go by their magnitude"),
        ({"remove": "channels", "even": 64, "share": 0.5}, "give only one of"),
        ({"remove": "channels", "even": 64, "importance": "taylor"}, "--even goes by magnitude"),
        ({"remove": "channels", "operations": 300}, "channels go by their magnitude"),
        ({"operations": 0}, "above 0"),
        ({"even": 64}, "--even is for --remove channels"),
        ({"faces": 0}, "at least 1"),
        ({"share": -0.5}, "above 0"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, Any], message: str) -> None:
    """Before anything is read."""
    with pytest.raises(ValueError, match=message):
        Slim(supernet=Path("runs/a"), out=Path("runs/b"), **options)


@pytest.mark.slow
def test_a_budget_below_a_single_path_is_refused(supernet: Path, tmp_path: Path) -> None:
    """Nothing is written."""
    with pytest.raises(ValueError, match="below the cost of a single path"):
        slimmed(supernet, tmp_path / "slim", macs=1.0)
    assert not (tmp_path / "slim").exists()
