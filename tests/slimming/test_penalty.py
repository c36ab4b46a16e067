"""Weights of the sparsity term, and the latency table that some of them come from."""

from pathlib import Path

import pytest
import torch

from toolkit.core.files import read_json, write_json
from toolkit.models.spec import Edge, SuperNetSpec, hrsupernet, s_hrnet
from toolkit.slimming import latency
from toolkit.slimming.latency import LatencyTable, edge_key, pieces
from toolkit.slimming.penalty import Penalty, penalty_weights

SPEC = hrsupernet(68)


def table(spec: SuperNetSpec = SPEC, ms: float = 0.5) -> LatencyTable:
    return LatencyTable(size_px=64, pieces_ms=dict.fromkeys(pieces(spec), ms))


def weight_of(name: str, weights: torch.Tensor) -> float:
    return float(weights[[e.name for e in SPEC.edges].index(name)])


def test_the_published_penalty_weighs_all_alike() -> None:
    """1 for each of 132."""
    assert torch.equal(penalty_weights(SPEC, 64, "uniform"), torch.ones(132))


def test_a_macs_penalty_is_in_proportion_to_the_work() -> None:
    """Counted by hand: a 1x1 convolution and the sum against the sum alone; 1 on average to 1e-6."""
    weights = penalty_weights(SPEC, 64, "macs")
    assert float(weights.mean()) == pytest.approx(1, abs=1e-6)
    low = 8 * 8  # pixels of branch 1 at 64 px: the convolution runs before the upsampling
    up, identity = low * 36 * 18 + 16 * 16 * 18, 16 * 16 * 18
    assert weight_of("5.1to0", weights) / weight_of("5.0to0", weights) == pytest.approx(up / identity, rel=1e-5)


DEEP = hrsupernet(68, depth_factors=True)


@pytest.mark.parametrize("penalty", ["uniform", "macs", "operations", "latency"])
def test_layers_are_weighed_as_operations_are(penalty: Penalty) -> None:
    """One weight for each of 132 edges and 132 residual bodies, above 0, 1 on average to 1e-6."""
    weights = penalty_weights(DEEP, 64, penalty, table(DEEP))
    assert weights.shape == (264,) and float(weights.min()) > 0
    assert float(weights.mean()) == pytest.approx(1, abs=1e-6)


def test_an_operations_penalty_is_in_proportion_to_the_files_operations() -> None:
    """By hand: an identity's addition; 1x1, upsampling and addition; three paddings, convolutions and an addition; a
    body's two convolutions and addition."""
    weights = penalty_weights(DEEP, 64, "operations")
    one = float(weights[[e.name for e in DEEP.edges].index("5.0to0")])
    found = {name: float(weights[[e.name for e in DEEP.edges].index(name)]) / one for name in ("5.1to0", "5.0to3")}
    assert found == {"5.1to0": pytest.approx(3), "5.0to3": pytest.approx(7)}
    assert float(weights[-1]) / one == pytest.approx(3)


def test_a_latency_penalty_is_in_proportion_to_the_times() -> None:
    """An edge that takes twice as long as the others weighs twice as much."""
    slow = next(e for e in SPEC.edges if e.name == "2.0to3")
    times = table().pieces_ms | {edge_key(SPEC, slow): 1.0}
    weights = penalty_weights(SPEC, 64, "latency", LatencyTable(size_px=64, pieces_ms=times))
    assert weight_of("2.0to3", weights) / weight_of("2.0to2", weights) == pytest.approx(2)


def test_a_latency_penalty_without_a_table_is_refused() -> None:
    """The message names the command that makes one."""
    with pytest.raises(ValueError, match="sdhrnet latency-table"):
        penalty_weights(SPEC, 64, "latency")


def test_a_prediction_adds_up_the_pieces() -> None:
    """A single path of 1 ms a piece: stem, head, 36 layers and nine edges, and no addition anywhere."""
    edges = tuple(Edge(stage=stage, source=0, target=0) for stage in range(2, 11))
    spec = SuperNetSpec(points=68, edges=edges)
    # of nine edges, eight are identities that are their block's only one: nothing is added there
    assert table(spec, 1.0).summed(spec) == pytest.approx(1 + 1 + 36 + 9 - 9)


def test_the_whole_supernet_calibrates_the_sum() -> None:
    """Where the supernet takes twice the sum of its pieces, so does whatever is cut from it."""
    plain = table()
    doubled = LatencyTable(
        size_px=64,
        pieces_ms=plain.pieces_ms,
        whole={"measured_ms": 2.0 * plain.summed(SPEC), "summed_ms": plain.summed(SPEC)},
    )
    smaller = SuperNetSpec(points=68, edges=tuple(e for e in SPEC.edges if e.source == e.target or e.stage == 2))
    assert doubled.predict(smaller) == pytest.approx(2 * plain.predict(smaller))


def test_a_table_round_trips(tmp_path: Path) -> None:
    """What was written is read."""
    latency.write(table(), tmp_path / "t.json")
    assert latency.read(tmp_path / "t.json") == table()


@pytest.mark.parametrize("text", ["[]", "{}", '{"format": 1, "colour": 3}', '{"format": 9}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    """In one line that names the file."""
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(ValueError, match=r"t\.json.*make a table with `sdhrnet latency-table`"):
        latency.read(tmp_path / "t.json")


def test_an_unknown_piece_says_how_to_measure_it() -> None:
    """A table of another number of points has no head of this one."""
    with pytest.raises(ValueError, match=r"no 'head .* 270-29'"):
        table().predict(s_hrnet("300w", 29))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 9}, "upgrade"),
        ({"format": None}, "no format number"),
        ({"size_px": "64"}, "size_px: expected a whole number"),
        ({"pieces_ms": {"stem": -1}}, "pieces_ms.* from 0 to 1,000,000, got -1"),
        ({"pieces_ms": ["stem"]}, "pieces_ms: expected an object"),
        ({"whole": {"measured_ms": 1e308}}, "whole.*got 1e\\+308"),
        ({"whole": {"measured_ms": 1}}, "whole: expected `measured_ms` and `summed_ms`"),
        ({"whole": {"measured_ms": 1, "summed_ms": 0}}, "both above 0"),
        ({"more": 1}, 'unknown fields "more"'),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    """In a line that names the file, the field and the command that makes one."""
    latency.write(table(), tmp_path / "t.json")
    assert latency.read(tmp_path / "t.json") == table()
    write_json(tmp_path / "t.json", {**read_json(tmp_path / "t.json"), **change})
    with pytest.raises(ValueError, match=rf"t\.json.*{message}.*sdhrnet latency-table"):
        latency.read(tmp_path / "t.json")
