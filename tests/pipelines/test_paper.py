"""Every table and figure of the paper in small: tiny networks, a few synthetic faces in the official formats."""

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.official import write_300w, write_cofw, write_masked_300w, write_wflw
from tests.slimming.test_other_supernets import little
from toolkit import bundle
from toolkit.bundle import Bundle
from toolkit.commands.train import supernet
from toolkit.core.files import read_lines
from toolkit.core.progress import Steps, finish
from toolkit.core.records import Record
from toolkit.models.spec import ARCHITECTURES, HRNetSpec, SuperNetSpec
from toolkit.pipelines import paper, paper_runs
from toolkit.pipelines.paper import ITEMS, Item, Paper, run
from toolkit.reporting.paper import BY_BOTH, BY_TEACHER, MASKED, NOTHING
from toolkit.reporting.readme.blocks import render

TEACHER = {"modules": (1, 1, 1), "blocks": 1, "layer1": (8, 16), "widths": (4, 4, 4, 4)}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paper]:
    """Options for an epoch at 32 px; networks a tenth as wide."""
    root = tmp_path_factory.mktemp("paper")
    write_300w(root / "data/300w")
    write_masked_300w(root / "data/300w")
    write_cofw(root / "data/cofw")
    write_wflw(root / "data/wflw")

    def supernet_of(points: int, depth_factors: bool = False) -> SuperNetSpec:
        return dataclasses.replace(little("hrsupernet"), points=points, depth_factors=depth_factors)

    with pytest.MonkeyPatch.context() as patch:
        others = {name: little(name) for name in paper_runs.SUPERNETS}
        patch.setitem(ARCHITECTURES, "hrnet-w18", lambda points: HRNetSpec(points=points, **TEACHER))  # type: ignore[arg-type]
        for name, spec in others.items():
            patch.setitem(ARCHITECTURES, name, lambda points, spec=spec: dataclasses.replace(spec, points=points))
        patch.setattr(supernet, "hrsupernet", supernet_of)
        for module in (paper, paper_runs):
            patch.setattr(module, "SHARES", (1.0, 0.7))
        patch.setattr(paper, "BATCHES", (1, 2))
        yield Paper(
            item="table1", data=root / "data", out=root / "out", seeds=2, epochs=1, size=32, device="cpu", threads=1
        )


@pytest.mark.slow
@pytest.mark.parametrize("item", ITEMS)
def test_every_item_is_made_and_says_that_it_is_not_the_papers(small: Paper, item: Item) -> None:
    """A page with the paper's figures, and ours; whatever it shows is there."""
    options = dataclasses.replace(small, item=item)
    finish(run(options))
    page = (options.out / f"{item}.md").read_text()
    assert ("NOT the paper's recipe: epochs 1, size 32" in page) == bool(ITEMS[item].waves(options))
    shown = [line.split("(")[1].rstrip(")") for line in page.splitlines() if line.startswith("![")]
    assert bool(shown) is (item.startswith("figure") and item != "figure4")
    assert all((options.out / name).stat().st_size > 500 for name in shown)
    assert ("not measured" in page) is (item == "figure1")
    assert ("±" in page) == (item in ("table2", "table3", "table4", "table5", "table6"))
    assert finish(run(dataclasses.replace(options, list=True))).records[0]["left"] == 0


@pytest.mark.slow
def test_what_is_done_is_not_made_again(small: Paper) -> None:
    """Table 3 uses Table 2's networks; a second run scores nothing anew. SD-HRNet 1 and 2 are two networks."""
    options = dataclasses.replace(small, item="table3")
    finish(run(options))
    records = read_lines(options.out / "results.jsonl")
    before = {path: path.read_bytes() for path in options.out.rglob("*") if path.is_file()}
    finish(run(options))
    assert read_lines(options.out / "results.jsonl") == records
    assert {path: path.read_bytes() for path in options.out.rglob("*") if path.is_file()} == before
    first, second = (options.bundles("300w")[name][0] for name in ("SD-HRNet 1", "SD-HRNet 2"))
    assert bundle.digest(first) != bundle.digest(second)
    with pytest.raises(ValueError, match="made with other settings"):
        finish(run(dataclasses.replace(options, epochs=2)))


def test_an_item_says_what_it_wants_and_where_that_can_be_had(tmp_path: Path) -> None:
    """Without data, or a GPU; and which trainings it takes. Asked to make it, it says what is missing."""
    options = Paper(item="table3", out=tmp_path / "out", list=True)
    outcome = finish(run(options))
    assert "300W in --data/300w (not there): train 3148, test 689" in outcome.text
    assert "github.com/zhuccly/GlomFace" in outcome.text
    assert outcome.records[0]["jobs"] == outcome.records[0]["left"] == 3 + 1 + 5
    with pytest.raises(FileNotFoundError, match="table3 wants 300W: --data names no folder"):
        finish(run(dataclasses.replace(options, list=False)))
    (tmp_path / "data/300w").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"table3 wants Masked 300W: .*masked is not there"):
        finish(run(dataclasses.replace(options, list=False, data=tmp_path / "data")))


def test_the_rows_of_table_6(tmp_path: Path) -> None:
    """Each adds a part; where peers have no masks, one sees mirror images. All else is as published."""
    options = Paper(item="table6", out=tmp_path, data=tmp_path)
    rows = {row: options.student("300w", row, 3).options for row in (NOTHING, BY_TEACHER, BY_BOTH, MASKED)}
    assert {row: (o.lambdas, o.mask, o.views) for row, o in rows.items()} == {
        NOTHING: ((0, 0), 0, "same"),
        BY_TEACHER: ((0, 1), 0, "same"),
        BY_BOTH: ((4, 1), 0, "mirrored"),
        MASKED: ((4, 1), 0.5, "same"),
    }
    assert all((o.preset, o.seed, o.size_px, o.optim.epochs) == ("paper-300w", 3, 256, 60) for o in rows.values())


def test_importance_factors_come_as_far_in_fewer_epochs(tmp_path: Path) -> None:
    options = Paper(item="figure6", out=tmp_path, data=tmp_path)
    short = dataclasses.replace(options, epochs=20)
    assert options.supernet("cofw").options.own_alpha_lr == 3.5e-4
    assert short.supernet("cofw").options.own_alpha_lr == pytest.approx(3 * 3.5e-4)
    for whole, faster in zip(options.families()[0], short.families()[0], strict=True):
        assert isinstance(whole.options, supernet.Supernet) and isinstance(faster.options, supernet.Supernet)
        assert (whole.options.own_alpha_lr, faster.options.own_alpha_lr) == (1.8e-4, pytest.approx(5.4e-4))


def test_each_data_set_is_trained_by_its_own_preset(tmp_path: Path) -> None:
    """Teacher, supernet, threshold and students; Figure 6's supernets start from nothing."""
    options = Paper(item="table5", out=tmp_path, data=tmp_path, weights=tmp_path / "w18.safetensors")
    for on in ("300w", "cofw", "wflw"):
        jobs = [job.options for wave in options.networks(on) for job in wave]  # type: ignore[arg-type]
        assert {job.preset for job in jobs} == {f"paper-{on}"}  # type: ignore[attr-defined]
        assert {job.weights for job in jobs if hasattr(job, "weights")} == {options.weights}
    supernets = [job.options for job in options.families()[0]]
    assert [job.arch for job in supernets] == list(paper_runs.SUPERNETS)  # type: ignore[attr-defined]
    assert {job.weights for job in supernets} == {None}  # type: ignore[attr-defined]


def test_a_page_says_what_its_own_networks_start_from(small: Paper, small_bundle: Bundle, tmp_path: Path) -> None:
    """Figure 6 trains from scratch whatever weights are given."""
    options = dataclasses.replace(small, out=tmp_path, weights=tmp_path / "w18.safetensors")
    pretrained = dataclasses.replace(small_bundle.card, config={"weights": {"file": "w18.safetensors"}})
    items: tuple[Item, Item] = ("table2", "figure6")
    for item, card in zip(items, (pretrained, small_bundle.card), strict=True):
        for wave in ITEMS[item].waves(options):
            for job in wave:
                bundle.write(dataclasses.replace(small_bundle, card=card), job.options.out)
    said = [paper._conditions(options, ITEMS[item]) for item in items]
    assert "From ImageNet weights." in said[0] and "From scratch, without ImageNet weights." in said[1]


def test_an_item_is_a_record_that_readmes_render(tmp_path: Path) -> None:
    """With its table and its conditions; made again, it replaces the older one."""
    for _ in range(2):
        finish(run(Paper(item="table1", out=tmp_path)))
    lines = read_lines(tmp_path / "results.jsonl")
    assert [(line["kind"], line["item"]) for line in lines] == [("paper", "table1")]
    page = (tmp_path / "table1.md").read_text()
    assert lines[0]["text"] in page and lines[0]["text"] in render(lines)


def test_a_part_of_300w_is_not_told_as_the_whole(small: Paper, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the faces of Challenge there is neither its figure nor one of all faces, but that of Common."""
    scored = {"nme_mean": 5.0, "subsets": {"common": {"n": 4, "nme_mean": 5.0}}}

    def score(*_: object) -> Steps[Record]:
        yield from ()
        return Record({"kind": "evaluate", **scored})

    monkeypatch.setattr(paper, "_score", score)
    table = finish(ITEMS["table2"].write(dataclasses.replace(small, item="table2", seeds=1)))
    assert "| SD-HRNet 1 | 2.93 | 5.00 | +2.07 | 5.32 | not measured | - | 3.40 | not measured | - |" in table


@pytest.mark.parametrize("item", ["table6", "figure1", "figure6"])
def test_what_is_about_all_of_300w_trains_nothing_on_a_part(item: Item, tmp_path: Path) -> None:
    """It is refused before the first step."""
    write_300w(tmp_path / "300w")
    shutil.rmtree(tmp_path / "300w/ibug")
    with pytest.raises(ValueError, match=rf"{item} is about all test faces of 300W, and those of Challenge \(ibug\)"):
        finish(run(Paper(item=item, data=tmp_path, out=tmp_path / "out")))
    assert not (tmp_path / "out").exists()
