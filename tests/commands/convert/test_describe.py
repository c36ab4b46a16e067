"""The describe stage: drawings, the factors' history, and costs by stage and kind."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from toolkit import bundle
from toolkit.bundle import Bundle
from toolkit.commands.convert.describe import Describe, _slower, run
from toolkit.core.files import read_json, write_json
from toolkit.core.progress import Outcome, finish
from toolkit.core.zoo import released
from toolkit.models.building import build
from toolkit.models.supernet import HRSuperNet
from toolkit.runtime import sidecar
from toolkit.runtime.timing import Latency
from toolkit.slimming.edges import SuperNetGraph
from toolkit.slimming.operations import operations

SMALL = released("float16", "sdhrnet-68pt-128")


def describe(what: Path | str, **options: Path) -> Outcome:
    return finish(run(Describe(what=str(what), **options)))  # type: ignore[arg-type]


@pytest.fixture
def trained(small_bundle: Bundle, tmp_path: Path) -> Path:
    """A supernet's bundle with three epochs of factors in its log."""
    alpha = small_bundle.weights["alpha"].tolist()
    log = tuple({"epoch": i + 1, "alpha": [a / (i + 1) for a in alpha]} for i in range(3))
    bundle.write(replace(small_bundle, log=log), tmp_path / "supernet")
    return tmp_path / "supernet"


@pytest.mark.slow
def test_architecture_and_history_are_drawn(trained: Path, tmp_path: Path) -> None:
    """SVG and PNG by the file's ending; the history stands alone with colours of its own."""
    describe(trained, draw=tmp_path / "a.svg", history=tmp_path / "alpha.svg")
    describe(trained, draw=tmp_path / "a.png")
    assert (tmp_path / "a.svg").read_text().startswith("<svg") and (tmp_path / "a.png").read_bytes()[1:4] == b"PNG"
    history = (tmp_path / "alpha.svg").read_text()
    assert history.startswith("<svg") and "--supernet:" in history and "not yet slimmed (" in history


@pytest.mark.slow
def test_layers_and_operations_are_described(small_bundle: Bundle, tmp_path: Path) -> None:
    """A network that lost residual layers says how many each block has left, and its file's operations."""
    whole = small_bundle.network()
    assert isinstance(whole, HRSuperNet)
    net = build(replace(whole.spec, depth_factors=True))
    net.load_state_dict(whole.state_dict(), strict=False)
    assert isinstance(net, HRSuperNet)
    graph = SuperNetGraph(net)
    cut = graph.without([body for body in net.spec.bodies if body.stage in (1, 4)])
    bundle.write(bundle.of_network(cut, small_bundle.card), tmp_path / "cut")
    outcome = describe(tmp_path / "cut", draw=tmp_path / "a.svg")
    assert f"  {len(cut.spec.bodies)} residual layers; columns: branch 0 to 3" in outcome.text
    assert (
        "    stage  1   0      -      -      -" in outcome.text
        and "    stage  4   0      0      0      -" in outcome.text
    )
    assert "    stage  3   1      1      1      -" in outcome.text
    alphas = dict(zip(cut.spec.edges, cut.alpha.tolist(), strict=True))
    assert outcome.records[0]["operations"] == operations(cut.spec, alphas)
    assert "layer 1: dropped" in (tmp_path / "a.svg").read_text()


def test_costs_by_stage_and_kind_add_up() -> None:
    """The head of the published 300W network is 375 of its 973 million MACs; the record has every part."""
    outcome = describe("s-hrnet-300w")
    assert "    head            -        -        -        -        -   375.19     92.1" in outcome.text
    (record,) = outcome.records
    assert sum(part["macs"] for part in record["parts"]) == record["macs_full"] == 972_675_072


@pytest.mark.parametrize(
    ("what", "options", "message"),
    [
        ("hrsupernet", {"draw": Path("a.pdf")}, ".svg or .png"),
        ("hrsupernet", {"history": Path("a.png")}, "an .svg file"),
        ("hrsupernet", {"history": Path("a.svg")}, "trained supernet's bundle"),
    ],
)
def test_what_cannot_be_drawn_is_refused(what: str, options: dict[str, Path], message: str) -> None:
    """In one line."""
    with pytest.raises(ValueError, match=message):
        describe(what, **options)


def test_a_bundle_without_history_says_so(small_bundle: Bundle, tmp_path: Path) -> None:
    """Only a supernet's log has factors."""
    bundle.write(small_bundle, tmp_path / "slim")
    with pytest.raises(ValueError, match="no importance factors in its log"):
        describe(tmp_path / "slim", history=tmp_path / "alpha.svg")


@pytest.mark.slow
def test_a_converted_file_is_described_with_its_operations(converted) -> None:
    """What the precision means, the complexity, XNNPACK's parts, and its time beside the float32 file's."""
    outcome = describe(converted.file("int8.tflite"))
    (record,) = outcome.records
    assert "static int8 from the normalised image to the heatmaps" in outcome.text
    assert f"XNNPACK takes it in {record['parts']} parts; left outside: " in outcome.text
    assert record["operations"]["CONV_2D"] > 0 and record["outside"]["ARG_MAX"] == 1
    assert "by rule a GPU would leave nothing, an NPU nothing to the processor" in outcome.text
    assert record["latency_ms"]["median"] > 0 and "of the float32 file beside it" in outcome.text
    assert record["breaches"] == ()


def test_a_file_that_is_slower_than_float32_is_warned_of() -> None:
    """In words, with both times."""
    slow, plain = (Latency(median=ms, p90=ms, cpu_median=ms, runs=1, warmup=0) for ms in (3.0, 2.0))
    assert _slower((slow, plain)) == ["slower than float32 here, 3.00 against 2.00 ms: ship that one"]
    assert _slower((plain, slow)) == [] == _slower(())


@pytest.mark.parametrize("wrong", [{"size_px": 160}, {"scheme": "wflw-98", "points": 98}])
def test_a_file_that_is_not_as_its_sidecar_says_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    """As the runtime refuses it."""
    for path in (SMALL, sidecar.path_of(SMALL)):
        shutil.copy(path, tmp_path / path.name)
    about = tmp_path / sidecar.path_of(SMALL).name
    write_json(about, read_json(about) | wrong)
    with pytest.raises(ValueError, match="convert it again"):
        describe(tmp_path / SMALL.name)
