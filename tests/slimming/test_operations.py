"""Operations predicted from the spec, against what converters write."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import Converted
from tests.slimming.conftest import lively, small_supernet
from tests.slimming.test_other_supernets import little
from toolkit import bundle
from toolkit.bundle import Bundle, Card
from toolkit.export.deployed import Decode, DeployedNetwork
from toolkit.export.lint import operations as counted
from toolkit.export.pieces import Piece, convert_pieces
from toolkit.models.spec import Edge, SuperNetSpec, hrsupernet, s_hrnet
from toolkit.slimming.edges import SuperNetGraph
from toolkit.slimming.operations import DECODING, of_gated, operations

CARD = Card(name="small", stage="slim", scheme="300w-68", size_px=64, sigma_px=1.0)


def predicted(loaded: Bundle) -> int:
    assert isinstance(loaded.spec, SuperNetSpec)
    return operations(loaded.spec, dict(zip(loaded.spec.edges, loaded.weights["alpha"].tolist(), strict=True)))


def random_networks(count: int) -> list[Bundle]:
    """Small ones, of any shape: every kind of edge, factors of both signs, blocks without any layer."""
    spec = replace(small_supernet(), depth_factors=True)
    net = lively(spec)
    net.alpha.data[::9] *= -1
    graph, found = SuperNetGraph(net), []
    draw = random.Random(0)
    while len(found) < count:
        share = draw.uniform(0.7, 0.85)
        try:
            found.append(bundle.of_network(graph.without(one for one in spec.gated if draw.random() < share), CARD))
        except ValueError:  # no path was left
            continue
    return found


@pytest.mark.slow
def test_the_prediction_is_the_exported_files_count(tmp_path: Path) -> None:
    """Ten random networks as TFLite, without decoding: equal, or within 2 %."""
    bundles = {str(i): one for i, one in enumerate(random_networks(10))}
    paths = convert_pieces(
        {k: Piece(DeployedNetwork(one).eval(), ((3, 64, 64),)) for k, one in bundles.items()}, tmp_path
    )
    found = {k: sum(counted(path).values()) for k, path in paths.items()}
    expected = {k: predicted(one) - DECODING["dark"] for k, one in bundles.items()}
    assert len(set(expected.values())) > 5
    assert all(abs(found[k] - expected[k]) <= 0.02 * found[k] for k in found), (found, expected)


@pytest.mark.slow
def test_residual_units_and_bottlenecks_are_counted_too(tmp_path: Path) -> None:
    """HRNet and HRSuperNet of residual units, whole and cut: equal."""
    draw, bundles = random.Random(1), {}
    for arch in ("hrnet-supernet", "hrsupernet-residual"):
        net = lively(little(arch))
        cut = SuperNetGraph(net).without(edge for edge in net.spec.edges if draw.random() < 0.3)
        assert len(cut.spec.edges) < len(net.spec.edges)
        bundles |= {arch: bundle.of_network(net, CARD), f"{arch}-cut": bundle.of_network(cut, CARD)}
    paths = convert_pieces(
        {k: Piece(DeployedNetwork(one).eval(), ((3, 64, 64),)) for k, one in bundles.items()}, tmp_path
    )
    expected = {k: predicted(one) - DECODING["dark"] for k, one in bundles.items()}
    assert {k: sum(counted(path).values()) for k, path in paths.items()} == expected


@pytest.mark.slow
@pytest.mark.parametrize("points", [29, 98])
def test_each_decoder_has_the_operations_of_its_file(tmp_path: Path, points: int) -> None:
    """However many points there are: by TFLite files of the decoding alone."""
    pieces = {name: Piece(Decode(replace(CARD, decoder=name), points).eval(), ((points, 16, 16),)) for name in DECODING}
    found = {name: sum(counted(path).values()) for name, path in convert_pieces(pieces, tmp_path).items()}
    assert found == DECODING


def test_decoding_has_a_fixed_number_of_operations(converted: Converted) -> None:
    """The shared small network's whole file: equal in float32, and in int8 but for what goes between number formats."""
    expected = predicted(bundle.read(converted.bundle))
    assert sum(counted(converted.file("float32.tflite")).values()) == expected
    counts = counted(converted.file("int8.tflite"))
    between = counts.pop("QUANTIZE") + counts.pop("DEQUANTIZE")
    assert between >= 2 and sum(counts.values()) == expected


def test_a_network_without_what_goes_has_that_much_less() -> None:
    """What an edge or a body counts for in a penalty is what the whole supernet loses with it, sums and all."""
    whole = hrsupernet(68, depth_factors=True)
    ones = dict.fromkeys(whole.edges, 1.0)
    before = operations(whole, ones)
    for edge in (e for e in whole.edges if e.stage == 6):
        left = replace(whole, edges=tuple(e for e in whole.edges if e != edge))
        shared = edge.kind == "down" and edge.source < 2  # other edges down keep the padding
        assert before - operations(left, ones) == of_gated(edge) - shared
    assert before - operations(replace(whole, depths=((5, 1, 3),)), ones) == of_gated(whole.bodies[0]) == 3


def test_a_published_network_counted_by_hand() -> None:
    """A chain on branch 0: stem, nine edges of which one has a convolution, 36 layers of three, head and decoding."""
    edges = tuple(Edge(stage=stage, source=0, target=0) for stage in range(2, 11))
    assert operations(SuperNetSpec(points=68, edges=edges), dict.fromkeys(edges, 1.0)) == 5 + 1 + 36 * 3 + 2 + 40
    spec = s_hrnet("300w", 68)
    assert operations(spec, dict.fromkeys(spec.edges, 1.0)) > 300


def test_an_unknown_decoder_is_refused() -> None:
    """In one line."""
    with pytest.raises(ValueError, match="decode by dark, centroid, not by argmax"):
        operations(s_hrnet("300w", 68), {}, "argmax")
