"""The page of a fabricated run: every number from its record, whole without a network, honest about what is missing."""

import dataclasses
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit import bundle
from toolkit.core.files import write_lines
from toolkit.core.records import Record
from toolkit.export.proof import refusal
from toolkit.reporting.accuracy import networks
from toolkit.reporting.page import render
from toolkit.reporting.pareto import Dot, frontier
from toolkit.reporting.run import Run, load


class Tables(HTMLParser):
    """Every table of a page: its caption, and rows of (text, recorded value) by row name."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: dict[str, dict[str, list[tuple[str, str | None]]]] = {}
        self.open: list[str] = []
        self.caption, self.row = "", ""
        self.cells: list[list[Any]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        if tag == "caption":
            self.caption = ""
        if tag == "tr":
            self.cells = []
        if tag in ("td", "th"):
            self.cells.append(["", None])
        if tag == "data" and self.cells:
            self.cells[-1][1] = dict(attrs)["value"]

    def handle_data(self, data: str) -> None:
        if "caption" in self.open:
            self.caption += data
        elif ("td" in self.open or "th" in self.open) and "small" not in self.open:
            self.cells[-1][0] += data.strip()

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass
        if tag == "tr" and self.cells:
            name, *cells = self.cells
            self.tables.setdefault(self.caption, {})[name[0]] = [tuple(c) for c in cells]


@pytest.fixture(scope="module")
def page(whole_run: Path) -> str:
    """The page of the whole run."""
    return render(load(whole_run))


@pytest.fixture
def copy(whole_run: Path, tmp_path: Path) -> Path:
    """A run to change."""
    return Path(shutil.copytree(whole_run, tmp_path / "run"))


def records(folder: Path) -> list[dict[str, Any]]:
    """The lines of results.jsonl."""
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_table_of_networks_equals_the_records(page: str, whole_run: Path) -> None:
    """Each figure of each stage and baseline, to the digit that was recorded."""
    rows = Tables(page).tables["Accuracy on fabricated faces, test"]
    titles = {"teacher": "Teacher", "supernet": "Supernet", "slim": "Slimmed", "distil": "Distilled"}
    keys = ["params_full", "params_paper", "macs_full", "macs_paper", "nme_mean", "nme_median", "fr8", "fr10", "auc10"]
    keys += ["n"]
    for record in records(whole_run):
        if record["kind"] in ("evaluate", "baseline"):
            name = titles.get(record["model"], record["model"].capitalize())
            values = [None if v is None else float(v) for _, v in rows[name]]
            assert values == [record.get(key) for key in keys], name
    assert rows["Teacher"][0][0] == "9,654,398"
    assert rows["Teacher"][2][0] == "291.4"
    assert rows["Mean shape"][0][0] == "–"  # noqa: RUF001


@pytest.mark.slow
def test_the_terms_of_the_losses_are_plotted(page: str, copy: Path) -> None:
    """Of every stage, from its first epoch to its last; of two peers their mean; none where no log has a loss."""
    terms = Tables(page).tables["Terms of the loss"]
    assert terms["Teacher: squared error"] == [("0.010000", "0.01"), ("0.000833", repr(0.01 / 12))]
    assert 'data-plot="losses"' in page
    log = [{"epoch": 1, "weights_peer1_peers": 0.3, "weights_peer2_peers": 0.5, "alpha_l1": 0.125}]
    write_lines(copy / "distil" / "log.jsonl", log)
    changed = Tables(render(load(copy))).tables["Terms of the loss"]
    assert changed["Distilled: from the peers"] == [("0.400000", "0.4")] * 2
    assert changed["Distilled: L1 on the factors"] == [("0.125000", "0.125")] * 2
    for stage in ("teacher", "supernet", "distil"):
        write_lines(copy / stage / "log.jsonl", [])
    assert "What training minimised" not in render(load(copy))


@pytest.mark.slow
def test_a_shape_layers_bundle_is_a_stage_where_there_is_one(page: str, copy: Path) -> None:
    """The last one, which the headline is about; a run without one lacks nothing."""
    assert "With a shape layer" not in page and "shape layer: there is no bundle" not in page
    last = bundle.read(copy / "distil")
    card = dataclasses.replace(last.card, stage="shape", parents={"network": "0" * 64})
    bundle.write(dataclasses.replace(last, card=card, log=()), copy / "shape")
    run = load(copy)
    assert run.final() == "shape" and run.title("shape") == "With a shape layer"
    changed = render(run)
    assert "With a shape layer" in Tables(changed).tables["How each stage was made"]
    assert "With a shape layer: its accuracy was not measured." in changed
    assert "With a shape layer: made from another distilled bundle than the one in this run." in changed


def test_region_and_subset_tables_equal_the_records(page: str, whole_run: Path) -> None:
    """Each network and baseline, each region and each figure of each subset, to the digit that was recorded."""
    regions = Tables(page).tables["NME by region, in percent, on fabricated faces, test"]
    scored = [r for r in records(whole_run) if r["kind"] in ("evaluate", "baseline")]
    titles = {"teacher": "Teacher", "supernet": "Supernet", "slim": "Slimmed", "distil": "Distilled"}
    for record in scored:
        name = titles.get(record["model"], record["model"].capitalize())
        assert [float(v or 0) for _, v in regions[name]] == [*record["nme_regions"].values(), record["nme_box"]]
    assert len(regions) == len(scored) + 1  # the head
    (caption,) = [c for c in Tables(page).tables if c.startswith("Scores by subset")]
    rows = re.findall(r"<tr>(.*?)</tr>", page[page.index(caption, page.index("<caption>" + caption)) :], re.DOTALL)
    keys = ("n", "nme_mean", "nme_median", "fr8", "fr10", "auc10")
    shown = [[float(v) for v in re.findall(r'<data value="([^"]+)"', row)] for row in rows[1 : 1 + 2 * len(scored)]]
    assert shown == [[r["subsets"][name][key] for key in keys] for name in ("common", "challenge") for r in scored]


@pytest.mark.slow
def test_records_without_the_newer_figures_are_shown(copy: Path) -> None:
    """What an older release wrote reads not measured, alone in its row; with no other record there is no table."""
    newer = {"fr8", "n_unscored", "nme_regions", "nme_box", "subsets"}
    everything = records(copy)
    old = [{k: v for k, v in r.items() if k not in newer} for r in everything]
    write_lines(
        copy / "results.jsonl", [o if r["model"] == "slim" else r for o, r in zip(old, everything, strict=True)]
    )
    found = render(load(copy))
    tables = Tables(found).tables
    assert [t for t, _ in tables["NME by region, in percent, on fabricated faces, test"]["Slimmed"]] == [
        "not measured"
    ] * 7
    assert tables["Accuracy on fabricated faces, test"]["Slimmed"][6][0] == "not measured"
    assert "Slimmed: errors by region were not measured on fabricated faces: evaluate again." in found
    write_lines(copy / "results.jsonl", old)
    assert "by region, in percent" not in render(load(copy)) and "Scores by subset" not in render(load(copy))


@pytest.mark.slow
def test_faces_without_a_score_are_told(copy: Path) -> None:
    """How many beside the count; a subset of nothing else has no figures; null errors leave the curve alone."""
    lines = records(copy)
    for record in lines:
        if record["model"] == "distil":
            record["n_unscored"] = 7
            record["errors_percent"] += [None] * 7
            record["subsets"] = {"profile": dict.fromkeys(record["subsets"]["common"]) | {"n": 0, "n_unscored": 7}}
    write_lines(copy / "results.jsonl", lines)
    found = render(load(copy))
    assert "<small>7 more lack an eye corner</small>" in found
    rows = [re.findall(r">([^<>]+)<", row) for row in re.findall(r"<tr>.*?</tr>", found.replace("\n", ""))]
    assert ["Profile", "Distilled", "0", *["–"] * 5] in rows  # noqa: RUF001  # en dashes
    assert ["Profile", "Slimmed", *["not measured"] * 6] in rows


def test_file_table_equals_the_records(page: str, whole_run: Path) -> None:
    """Size, NME, latency and parity of each file; what is null reads not measured; a breach says why."""
    rows = Tables(page).tables["Converted files on fabricated faces, test"]
    everything = records(whole_run)
    base = next(r for r in everything if r["model"] == "distil")
    parity = {r["model"]: r for r in everything if r["kind"] == "parity"}
    measured = [r for r in everything if r["kind"] == "benchmark"]
    assert {r["latency_ms"] is None for r in measured} == {True, False}
    for record in measured:
        precision, engine, size, nme, change, median, p90, mean, worst, proof = rows[record["model"]]
        assert (precision[0], engine[0]) == (record["precision"], record["engine"])
        assert (float(size[1] or 0), float(nme[1] or 0)) == (record["size_bytes"], record["nme_mean"])
        assert float(change[1] or 0) == pytest.approx(record["nme_mean"] - base["nme_mean"], abs=1e-9)
        times = record["latency_ms"]
        assert [median[1], p90[1]] == ([None, None] if times is None else [repr(times["median"]), repr(times["p90"])])
        assert (median[0] == "not measured") is (times is None)
        assert [mean[1], worst[1]] == [repr(parity[record["model"]][key]) for key in ("mean_px", "worst_px")]
        assert proof[0] == ("refused" if record["precision"] == "int8" else "ok")
    assert "points move by 0.41 px on average; the budget of int8 is 0.35 px" in page


def test_headline_never_praises_a_file_in_breach(page: str) -> None:
    """The int8 file is the smallest and fastest, but it breaches."""
    facts = page[page.index('<dl class="facts">') : page.index("</dl>")]
    assert "int8" not in facts
    assert "4 of 5" in facts
    assert "sd-hrnet-68pt-64-float16.mlpackage" in facts


def test_page_needs_no_network_and_no_script(page: str) -> None:
    """No address but the SVG namespace, no script, and a policy that forbids loading anything."""
    assert "http" not in page.replace('xmlns="http://www.w3.org/2000/svg"', "").replace("http-equiv", "")
    assert not re.search(r"<script|<link|<iframe|@import|src=\"(?!data:image/png;base64,)|url\((?!#)", page)
    assert "default-src 'none'" in page


def test_names_are_unique_and_references_resolve(page: str) -> None:
    """Inline drawings share one page: no id twice, no reference to an id that is not there."""
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', page)) <= set(ids)


def test_tables_and_drawings_are_accessible(page: str) -> None:
    """Every table has a caption and scoped heads; every drawing and picture has words."""
    assert page.count("<table>") == page.count("<caption>")
    assert not re.search(r"<th(?! scope=)[ >]", page)
    drawings = re.findall(r"<svg[^>]*>", page)
    assert len(drawings) >= 9
    for tag in drawings:
        assert 'role="img"' in tag and re.search(r'aria-label="[^"]{10,}"', tag)
    assert page.count("<details>") == len(re.findall('class="plot"', page)) == 9
    assert 'lang="en"' in page and "width=device-width" in page and "prefers-color-scheme: dark" in page


@pytest.mark.slow
def test_same_run_gives_the_same_bytes(page: str, whole_run: Path) -> None:
    """Rendering twice."""
    assert render(load(whole_run)) == page


@pytest.mark.slow
def test_hostile_names_are_text(copy: Path) -> None:
    """Markup and mathematics in a record stay words, in tables and in drawings."""
    evil = "<script>alert(1)</script>\"'&$\\frac{$--><img src=x onerror=1>"
    lines = [
        {**r, "model": evil + r["model"]} if r["kind"] == "baseline" else {**r, "data": evil} for r in records(copy)
    ]
    lines = [{**r, "data": evil, "engine": evil, "precision": evil} if "model" in r else r for r in lines]
    write_lines(copy / "results.jsonl", lines)
    found = render(load(copy))
    assert "<script" not in found and "<img src=x" not in found
    assert "&lt;script&gt;" in found


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["teacher", "supernet", "slim", "distil"])
def test_any_stage_may_be_missing(copy: Path, stage: str) -> None:
    """Its row says so, and so does the list of gaps."""
    shutil.rmtree(copy / stage)
    write_lines(copy / "results.jsonl", [r for r in records(copy) if r["model"] != stage])
    found = render(load(copy))
    assert "not there yet" in found
    assert ": there is no bundle yet." in found


def test_empty_run_names_the_next_commands(tmp_path: Path) -> None:
    """Nothing but a folder."""
    found = render(load(tmp_path))
    for command in ("quickstart", "supernet", "slim", "convert", "benchmark"):
        assert f"<code>sdhrnet {command}</code>" in found
    assert "Nothing trained yet" in found


def test_records_without_bundles_and_with_odd_values(tmp_path: Path) -> None:
    """Null, text within a list, and keys and kinds from a later release; text for a number is refused with its line."""
    lines = [
        {
            "kind": "evaluate",
            "model": "distil",
            "data": None,
            "nme_mean": 5.0,
            "errors_percent": [5.0, None, "x"],
            "new": 1,
        },
        {"kind": "benchmark", "model": "a.tflite", "nme_mean": None, "latency_ms": {"median": None}, "threads": 1},
        {"kind": "benchmark", "model": "c.tflite", "nme_mean": 4.0, "latency_ms": None, "versions": {"new": 1}},
        {"kind": "parity", "model": "b.onnx", "ok": False, "mean_px": 1.5},
        {"kind": "a later kind"},
    ]
    write_lines(tmp_path / "results.jsonl", lines)
    page = render(load(tmp_path))
    tables = Tables(page).tables
    accuracy = "Accuracy on data not recorded, split not recorded; not there yet: teacher, supernet, slimmed"
    assert [text for text, _ in tables[accuracy]["Distilled"]] == ["5.00"]
    assert "Not measured: parameters, MACs, NME (%, median), FR@8, FR@10, AUC@10, faces." in page
    assert tables["Converted files without a measurement"]["b.onnx"][-1][0] == "refused"
    write_lines(tmp_path / "results.jsonl", [*lines, lines[1] | {"nme_mean": "high"}])
    with pytest.raises(ValueError, match=r"results\.jsonl:6 is not a measurement record: nme_mean"):
        load(tmp_path)


@pytest.mark.slow
def test_later_records_replace_earlier_ones(copy: Path) -> None:
    """Same kind, model, engine, data, split and threads."""
    fresh = next(r for r in records(copy) if r["model"] == "teacher") | {"nme_mean": 3.25}
    write_lines(copy / "results.jsonl", [*records(copy), fresh])
    run = load(copy)
    assert networks(run, run.data_splits()[0]).rows[0][5].value == "3.25"
    assert len(run.records) == len(records(copy)) - 1


@pytest.mark.slow
def test_what_does_not_belong_together_is_said(copy: Path, whole_run: Path) -> None:
    """Weights and files that changed after they were measured."""
    shutil.rmtree(copy / "slim")
    shutil.copytree(whole_run / "supernet", copy / "slim")
    lines = [r | ({"file_sha256": "f" * 64} if r["model"].endswith("int8.tflite") else {}) for r in records(copy)]
    write_lines(copy / "results.jsonl", lines)
    found = render(load(copy))
    assert "Distilled: made from another slimmed bundle than the one in this run." in found
    assert "Slimmed: its evaluate record is of other weights" in found
    assert Tables(found).tables["Converted files on fabricated faces, test"]["sd-hrnet-68pt-64-int8.tflite"][-1][0] == (
        "out of date"
    )


def named(run: Run, *names: str, **more: Any) -> tuple[str, ...]:
    """The networks that a run compares once files of these names and precisions were scored, too."""
    about = {"kind": "benchmark", "engine": "e", "nme_mean": 5.0, **more}
    scored = [Record({**about, "model": name, "precision": name.split("-")[-1].split(".")[0]}) for name in names]
    chips = [Record({**r, "precision": "int8"}) if "-sm" in r.model else r for r in scored]
    return dataclasses.replace(run, records=(*run.records, *chips)).compared


def test_all_files_of_a_network_are_one_networks(whole_run: Path) -> None:
    """Heatmaps, what was compiled for a chip, and a file of another name whose sidecar names the same bundle."""
    run = load(whole_run)
    ours = "sd-hrnet-68pt-64"
    assert named(run, f"{ours}-heatmaps-float32.tflite", f"{ours}-int8-sm8650.tflite", f"{ours}-float16.onnx") == ()
    assert named(run, "other-int8.tflite") == (ours, "other")
    assert named(run, "other-int8.tflite", kind="parity") == (ours, "other")
    about = next(iter(run.proofs.present.values()))
    run.proofs.present["other-int8.tflite"] = about
    assert named(run, "other-int8.tflite") == ()


FILES = "Converted files on fabricated faces, test"
UNMEASURED = "Converted files without a measurement"
FLOAT16 = "sd-hrnet-68pt-64-float16.tflite"


@pytest.mark.slow
def test_the_newest_proof_of_a_hash_counts(copy: Path) -> None:
    """On whichever faces or engine it failed: refused in the table, the plots, the comparison and the headline."""
    first = next(r for r in records(copy) if r["kind"] == "parity" and r["model"] == FLOAT16)
    again = first | {"data": "other faces", "ok": False, "reasons": ["points move by 9 px"]}
    boxes = [r | {"boxes": "same boxes"} if r["kind"] == "benchmark" else r for r in records(copy)]
    write_lines(copy / "results.jsonl", [*boxes, again])
    found = render(load(copy))
    assert Tables(found).tables[FILES][FLOAT16][-1][0] == "refused"
    assert f"{FLOAT16} (refused)" in Tables(found).tables["Error against size"]
    assert any(
        f"{FLOAT16} (refused)" in rows for caption, rows in Tables(found).tables.items() if "Side by side" in caption
    )
    assert "3 of 5" in found[found.index('<dl class="facts">') : found.index("</dl>")]
    write_lines(copy / "results.jsonl", [*boxes, again, first | {"data": "third faces"}])
    assert Tables(render(load(copy))).tables[FILES][FLOAT16][-1][0] == "ok"


@pytest.mark.slow
def test_a_file_that_was_damaged_since_is_refused(copy: Path) -> None:
    """Its bytes are held against its sidecar; figures of the file that it was are out of date."""
    path = copy / "models" / FLOAT16
    path.write_bytes(b"cut off")
    run = load(copy)
    tables = Tables(render(run)).tables
    assert tables[FILES][FLOAT16][-1][0] == "out of date"
    assert tables[UNMEASURED][FLOAT16][-1][0] == "refused"
    facts = render(run)[: render(run).index("</dl>")]
    assert "3 of 5" in facts and f"{FLOAT16}" not in facts
    record = refusal(path, "it is damaged")
    write_lines(copy / "results.jsonl", [*records(copy), record])
    assert Tables(render(load(copy))).tables[UNMEASURED][FLOAT16][-1][0] == "refused"


@pytest.mark.slow
def test_files_of_one_name_are_both_shown(copy: Path) -> None:
    """With the hash that tells them apart; of two seeds of a stage the one that is in the run is scored."""
    benchmark = next(r for r in records(copy) if r["kind"] == "benchmark" and r["model"] == FLOAT16)
    shutil.rmtree(copy / "models")
    seed = next(r for r in records(copy) if r["model"] == "slim") | {"file_sha256": "e" * 64, "nme_mean": 99.0}
    write_lines(copy / "results.jsonl", [*records(copy), benchmark | {"file_sha256": "e" * 64, "nme_mean": 8.0}, seed])
    run = load(copy)
    shown = Tables(render(run)).tables[FILES]
    assert {name for name in shown if name.startswith(FLOAT16)} == {f"{FLOAT16} (0000000)", f"{FLOAT16} (eeeeeee)"}
    score = run.score("slim", run.data_splits()[0])
    assert score is not None and score["nme_mean"] != 99.0


@pytest.mark.slow
def test_fates_add_up_to_all_operations(page: str, whole_run: Path) -> None:
    """kept + dropped + led nowhere = 132, and kept is what the slimmed bundle holds."""
    rows = Tables(page).tables["Final importance factors by what became of the operation"]
    counts = {name: int(cells[0][0]) for name, cells in rows.items() if name != "Operations"}
    assert sum(counts.values()) == 132
    spec = load(whole_run).bundles["slim"].spec
    assert counts["kept"] == len(getattr(spec, "edges", ()))
    assert set(counts) == {"kept", "dropped", "led nowhere"}


def test_curve_table_is_the_share_of_faces(page: str, whole_run: Path) -> None:
    """Counted from the record's errors."""
    errors = np.array(next(r for r in records(whole_run) if r["model"] == "distil")["errors_percent"])
    rows = Tables(page).tables["Share of faces, in percent, with an NME of at most ... on fabricated faces, test"]
    expected = [100 * float((errors <= limit).mean()) for limit in range(1, 11)]
    assert [float(v or 0) for _, v in rows["Distilled"]] == pytest.approx(expected, abs=1e-9)


def test_frontier_keeps_what_nothing_beats() -> None:
    """A slower and worse dot goes; so does an equal one."""
    dots = [
        Dot(name=str(i), colour="slim", marker="o", cost=c, nme=n)
        for i, (c, n) in enumerate([(2, 5), (1, 6), (3, 5.5), (4, 4), (5, 4)])
    ]
    assert [d.name for d in frontier(dots)] == ["1", "0", "3"]


@pytest.mark.slow
def test_factors_that_fell_far_are_shown_on_a_bent_scale(copy: Path) -> None:
    """A thousandth of where they started, and a sentence that says what the scale is."""
    assert "linear around 0 and logarithmic beyond" not in render(load(copy))
    lines = [json.loads(line) for line in (copy / "supernet" / "log.jsonl").read_text().splitlines()]
    lines[-1]["alpha"] = [0.001 * a for a in lines[-1]["alpha"]]
    write_lines(copy / "supernet" / "log.jsonl", lines)
    assert "linear around 0 and logarithmic beyond" in render(load(copy))
