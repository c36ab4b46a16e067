"""HRNet with factors on its fusion, and residual units: cut, folded, counted, drawn, trained and exported as HRSuperNet
is."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.slimming.conftest import STEM, WIDTHS, lively
from toolkit import bundle
from toolkit.bundle import Card
from toolkit.commands.convert import convert
from toolkit.commands.convert.convert import Convert
from toolkit.commands.train import slim, supernet
from toolkit.commands.train.slim import Slim
from toolkit.commands.train.supernet import Supernet
from toolkit.core.progress import finish
from toolkit.models.spec import ARCHITECTURES, SuperNetSpec, from_json, to_json
from toolkit.reporting.architecture import draw
from toolkit.slimming.complexity import ComplexityTable, complexity
from toolkit.slimming.edges import SuperNetGraph, at_threshold
from toolkit.slimming.fold import fold
from toolkit.slimming.importance import by_alpha, by_gamma

OTHERS = ["hrnet-supernet", "hrnet-supernet-mbconv", "hrsupernet-residual"]


def little(arch: str) -> SuperNetSpec:
    """Every edge, a tenth of the widths, one unit a block."""
    spec = ARCHITECTURES[arch](68)
    assert isinstance(spec, SuperNetSpec)
    first = STEM[1] if spec.bottlenecks is None else 8
    edges = tuple(replace(e, inner=(first if e.stage == 2 else WIDTHS[e.source],) * len(e.inner)) for e in spec.edges)
    bottlenecks = spec.bottlenecks and (3, 8)
    return replace(spec, edges=edges, stem=STEM, widths=WIDTHS, depth=1, bottlenecks=bottlenecks)


@pytest.mark.slow
@pytest.mark.parametrize("arch", OTHERS)
def test_a_cut_network_computes_what_the_whole_one_does_without_what_went(arch: str) -> None:
    """To 1e-5, folded too; its table counts it to the digit, its spec goes through JSON, and it can be drawn."""
    net = lively(little(arch))
    scores = by_alpha(net.spec, net.state_dict())
    graph = SuperNetGraph(net)
    threshold = float(scores.sort().values[len(scores) // 4])
    off = at_threshold(graph, scores, threshold)
    smaller = graph.without(off)
    assert len(smaller.spec.edges) <= len(net.spec.edges) - len(off) < len(net.spec.edges)
    whole = lively(little(arch))
    with torch.no_grad():
        whole.alpha[[edge not in smaller.spec.edges for edge in net.spec.edges]] = 0  # what died with them, too
        image = torch.randn(1, 3, 64, 96)
        expected = whole(image)
        for found in (smaller(image), fold(smaller)(image)):
            assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert ComplexityTable(net.spec, 64).complexity(smaller.spec) == complexity(smaller.spec, 64)
    assert from_json(to_json(smaller.spec)) == smaller.spec
    drawn = draw(smaller.spec, smaller.alpha.tolist())
    assert drawn.count(": alpha") == len(smaller.spec.edges)
    assert drawn.count(": dropped") >= len(net.spec.edges) - len(smaller.spec.edges)


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["hrnet-supernet", "hrsupernet-residual"])
def test_what_is_known_of_hrsupernets_mbconvs_alone_is_refused(arch: str, tmp_path: Path) -> None:
    """The importance gamma and single channels, where there are other units."""
    spec = little(arch)
    net = lively(spec)
    with pytest.raises(ValueError, match="MBConvs"):
        by_gamma(spec, net.state_dict())
    card = Card(name="little", stage="supernet", scheme="300w-68", size_px=32, sigma_px=1.0)
    bundle.write(bundle.of_network(net, card), tmp_path / "s")
    with pytest.raises(ValueError, match="--remove operations"):
        finish(slim.run(Slim(supernet=tmp_path / "s", out=tmp_path / "cut", remove="channels", share=0.5)))


@pytest.mark.slow
def test_hrnet_is_trained_as_a_supernet_cut_and_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the commands: its factors move, a budget is met, and the ONNX file gives its points."""
    small = little("hrnet-supernet")
    monkeypatch.setitem(supernet.ARCHITECTURES, "hrnet-supernet", lambda points: small)
    few = {"preset": "tiny", "synthetic": 6, "epochs": 1, "batch": 3, "size": 32, "device": "cpu"}
    finish(supernet.run(Supernet(out=tmp_path / "s", arch="hrnet-supernet", **few)))  # type: ignore[arg-type]
    whole = bundle.read(tmp_path / "s")
    assert whole.card.name == "hrnet-supernet" and bool((whole.weights["alpha"] != 1).all())
    finish(slim.run(Slim(supernet=tmp_path / "s", out=tmp_path / "cut", share=0.7)))
    cut = bundle.read(tmp_path / "cut")
    assert complexity(cut.spec, 32).macs_paper <= 0.7 * complexity(whole.spec, 32).macs_paper
    outcome = finish(
        convert.run(Convert(bundle=tmp_path / "cut", out=tmp_path / "m", to=("onnx",), precision=("float32",), faces=4))
    )
    assert outcome.ok
