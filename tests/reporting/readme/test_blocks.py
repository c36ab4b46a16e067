"""Tables in README files: rendered from records, and the committed ones are what the records give."""

from pathlib import Path
from typing import Any

import pytest

from toolkit.core.files import read_lines, write_lines
from toolkit.reporting.readme.blocks import BEGIN, END, IN_SHORT, render, short, update

ROOT = Path(__file__).resolve().parents[3]
RECORDED = sorted(path.parent.name for path in (ROOT / "results").glob("*/results.jsonl"))
PAGES = [(ROOT / "results" / name / "README.md", name) for name in RECORDED]

CONDITIONS: dict[str, Any] = {"data": "d", "split": "test", "n": 3, "device": "a machine", "commit": "f" * 40}
SCORES = {"nme_mean": 5.125, "nme_median": 4.5, "fr10": 0.0, "auc10": 51.25}
RECORDS = [
    {"kind": "evaluate", "model": "distil", "params_full": 961134, "macs_full": 60792192, **SCORES, **CONDITIONS},
    {"kind": "baseline", "model": "mean shape", **SCORES, **CONDITIONS},
    {"kind": "benchmark", "model": "a.tflite", "file_sha256": "1", "size_bytes": 1500000, "engine": "e 1",
     "latency_ms": {"median": 2.5, "p90": 3.0}, **SCORES, **CONDITIONS},
    {"kind": "benchmark", "model": "b.mlpackage", "file_sha256": "2", "size_bytes": 1, "engine": "mil",
     "latency_ms": None, **SCORES, **CONDITIONS},
    {"kind": "parity", "model": "a.tflite", "file_sha256": "1", "mean_px": 0.0123, **CONDITIONS},
]  # fmt: skip


def test_every_figure_is_a_records_figure() -> None:
    """Values are shown with their units, and what was not measured says so."""
    text = render(RECORDS)
    assert "| **distilled** | 0.96 M | 61 M | 5.12 % | 4.50 % | 0.00 % | 51.25 % |" in text
    assert "| `a.tflite` | 1.50 MB | 5.12 % | 0.0123 px | 2.50 ms | 3.00 ms | e 1 |" in text
    assert "| `b.mlpackage` | 0.00 MB | 5.12 % | not measured | not measured | not measured | mil |" in text
    assert "d (test, 3 faces)" in text and "a machine" in text and "ffffffffffff" in text


def test_every_machine_and_commit_is_named() -> None:
    """Records of one page may come from several; one alone is not said of all."""
    step = {"kind": "step", "model": "a", "stage": "distil", "size_px": 96, "epochs": 3, "seed": 0, "seconds": 9}
    here, there = ({**CONDITIONS, **step, "val_nme_mean": 5.0}, {"device": "another, 4 cores", "commit": 40 * "0"})
    assert "Machine: a machine. Commit: ffffffffffff." in render([here])
    both = "Machines: a machine, another with 4 cores. Commits: ffffffffffff, 000000000000."
    assert both in render([here, {**here, **there}, here])


def test_only_what_learned_from_more_than_the_truth_is_called_distilled() -> None:
    """The stage alone does not say it: its terms may all have been off."""
    scored = {**CONDITIONS, **SCORES, "kind": "evaluate", "model": "distil", "name": "a", "data": "d", "split": "test"}
    for taught, title in (([], "**last trained on ground truth alone**"), (["peers", "teacher"], "**distilled**")):
        assert f"| {title} |" in render([{**scored, "taught_by": taught}])


def test_a_face_seen_badly_has_a_table_behind_detectors() -> None:
    """NME of those found at the middle level, and all that failed; conditions of the box have no row there."""
    levels = {"unit": "u", "levels": [1, 2, 3]}
    own = {"unit": "u", "level": 2, "found": 3, "nme_mean": 6.25, "failed_percent": 25.0}
    hard = {
        **CONDITIONS, "kind": "robustness", "model": "m", "n": 4, "nme_plain": 4.0, "flicker_percent": None,
        "conditions": {name: {**levels, "nme_mean": [1.0, 2.0, 3.0]} for name in ("scale", "blur")},
        "own_detector": {
            "plain": {"found": 4, "nme_mean": 4.5, "failed_percent": 0.0}, "conditions": {"blur": own},
        },
    }  # fmt: skip
    same, behind = (f"| condition |{part}" for part in render([hard]).split("| condition |")[1:])
    assert "| scale, 2 u | 2.00 |" in same and "scale" not in behind
    assert "| plain | 4.50 (0.0 %) |" in behind and "| blur, 2 u | 6.25 (25.0 %) |" in behind
    assert "own face detector" not in render([{**hard, "own_detector": None}])


def test_a_bar_in_a_name_does_not_end_its_cell() -> None:
    """|alpha| stays one cell of the table."""
    trained = {**CONDITIONS, **SCORES, "kind": "ablation", "ablation": "slim", "input_px": 64, "battery": {}, "seed": 0}
    text = render([{**trained, "variant": "by |alpha|", "against": None, "epochs": 3}])
    assert r"| by \|alpha\| | 1 | 5.12 |" in text


def test_only_the_named_block_changes(tmp_path: Path) -> None:
    """Text around it stays, a second update changes nothing, and a page without the block is refused."""
    folder = tmp_path / "road"
    folder.mkdir()
    write_lines(folder / "results.jsonl", RECORDS)
    page = tmp_path / "README.md"
    page.write_text(f"before\n{BEGIN.format(name='road')}\nold\n{END.format(name='road')}\nafter\n")
    assert update(page, folder) and not update(page, folder)
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text
    page.write_text("nothing")
    with pytest.raises(ValueError, match="no block for road"):
        update(page, folder)


def test_what_one_chooses_by_is_beside_the_mesh(tmp_path: Path) -> None:
    """Times are ratios to Face Mesh's, and a page may have this table alone; without the mesh there is no ratio."""
    timed = {
        **CONDITIONS, **SCORES, "kind": "benchmark", "boxes": "same boxes", "threads": 1, "size_bytes": 2_000_000,
        "nme_regions": {"inner": 4.0},
    }  # fmt: skip
    ours = {**timed, "model": "ours.tflite", "latency_ms": {"cpu_median": 3.0}}
    found = {
        "boxes": "own detector",
        "n_faces": 4,
        "found": 3,
        "n": 3,
        "nme_mean": 5.5,
        "latency_ms": {"cpu_median": 38},
    }
    mesh = {**timed, "model": "mediapipe", "latency_ms": {"cpu_median": 1.5}}
    alone, whole = short([ours, mesh]), short([ours, mesh, {**ours, **found}])
    line = "5.12 % | 3.00 ms | 2.00 x | 2.0 MB |"
    assert f"| `ours.tflite` | not measured | not measured | not measured | {line}" in alone
    assert f"| `ours.tflite` | 5.50 % | 25.0 % | 38 ms | {line}" in whole, (
        "a face that its pipeline does not find is a failure"
    )
    write_lines(tmp_path / "results.jsonl", [ours, mesh])
    name = f"{tmp_path.name}{IN_SHORT}"
    page = tmp_path / "README.md"
    page.write_text(f"{BEGIN.format(name=name)}\n{END.format(name=name)}\n")
    assert update(page, tmp_path) and short([ours, mesh]) in page.read_text()
    with pytest.raises(ValueError, match="--competitors mediapipe"):
        short([ours])


def test_what_one_chooses_by_is_of_the_meshs_device() -> None:
    """A phone's times, which have no processor time, and another computer's are no shares of Face Mesh's here."""
    timed = {**CONDITIONS, **SCORES, "kind": "benchmark", "boxes": "same boxes", "threads": 1, "size_bytes": 2_000_000}
    mesh = {**timed, "model": "mediapipe", "latency_ms": {"cpu_median": 1.5}}
    ours = {**timed, "model": "ours.tflite", "latency_ms": {"cpu_median": 3.0}}
    phone = {**timed, "model": "ours.tflite", "device": "a phone", "latency_ms": {"median": 2.0, "p90": 2.5}}
    there = {"device": "another", "imported": True, "latency_ms": {"cpu_median": 1.0}}
    bare = {"kind": "benchmark", "model": "ours.tflite", "boxes": "same boxes", "threads": 1, "data": None, **there}
    whole = {**ours, "boxes": "own detector", "nme_mean": 5.5, "latency_ms": {"cpu_median": 38}}
    elsewhere = [bare, phone, {**mesh, **there}, {**whole, **there}]
    assert short([*elsewhere[:3], ours, mesh, whole, elsewhere[3]]) == short([ours, mesh, whole])


def test_the_steps_of_a_release_add_up() -> None:
    """Hours of each training, and of all."""
    step = {"kind": "step", "stage": "distil", "size_px": 96, "epochs": 3, "seed": 0, "val_nme_mean": 5.0, **CONDITIONS}
    text = render([{**step, "model": "a", "seconds": 3600}, {**step, "model": "b", "seconds": 1800}])
    assert "| b | distil | 96 px | 3 | 0 | 0.50 | 5.00 % | a machine |" in text and "| all |  |  |  |  | 1.50 |" in text


@pytest.mark.parametrize(("page", "name"), PAGES, ids=lambda value: str(value)[-20:])
def test_committed_tables_are_what_the_records_give(page: Path, name: str) -> None:
    """No figure in a README is typed by hand or out of date."""
    records = read_lines(ROOT / "results" / name / "results.jsonl")
    assert records and render(records) in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["release", "phones"])
def test_the_tables_of_the_front_page_are_what_the_records_give(name: str) -> None:
    """What one chooses a model by, and how its files run on phones' engines."""
    records = read_lines(ROOT / "results" / name / "results.jsonl")
    assert short(records) in (ROOT / "README.md").read_text(encoding="utf-8")


def test_a_refused_file_is_refused_in_every_table() -> None:
    """By the newest proof of its hash; one that could not even be run has a row of its own."""
    timed = next(r for r in RECORDS if r["kind"] == "benchmark")
    beside = {**timed, "boxes": "same boxes", "threads": 1}
    refused = {"kind": "parity", "model": "a.tflite", "file_sha256": "1", "reasons": ["cut off"], "ok": False}
    text = render([*RECORDS, beside, refused])
    assert text.count("| `a.tflite` (refused) |") == 2
    assert "| `a.tflite` | not measured | not measured |" in text and "| refused |" in text
    assert "refused" not in render([*RECORDS, beside, refused, {**RECORDS[-1], "data": "newer", "ok": True}])


def test_confidences_have_a_table_of_their_own() -> None:
    """A row a network, a column a set. Of faces with flags that are no test faces the error is not told: a network may
    have learned from them."""
    flags = {"visibility_auc": 0.8671, "n_seen": 30, "n_covered": 4}
    common = {**CONDITIONS, **SCORES, "kind": "evaluate"}
    rows = [
        {**common, **flags, "model": "a.tflite", "data": "turned", "split": "val", "n": 4},
        {**common, **flags, "model": "b.tflite", "data": "drawn", "split": "test", "n": 4, "visibility_auc": 0.75},
    ]
    page = render(rows)
    assert "| model | turned: 30 seen, 4 not | drawn: 30 seen, 4 not |" in page
    assert "| `a.tflite` | 0.867 | not measured |" in page and "| `b.tflite` | not measured | 0.750 |" in page
    assert page.count("b.tflite") == 2 and page.count("a.tflite") == 1
