"""The comparison with other people's models on the page: from records, and left out of what it does not belong to."""

import shutil
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from tests.reporting.conftest import scores
from tests.reporting.test_page import Tables
from toolkit.benchmarking.competitors import CompetitorName
from toolkit.core.files import write_bytes, write_lines
from toolkit.core.images import png
from toolkit.core.records import of
from toolkit.reporting.comparison import one_each
from toolkit.reporting.page import render
from toolkit.reporting.readme.benchmark import plots
from toolkit.reporting.readme.blocks import render as markdown
from toolkit.reporting.readme.blocks import short
from toolkit.reporting.run import WITH_A_DETECTOR, load

WHERE = {"data": "made-up faces", "split": "test", "device": "Made-up CPU, 2 cores", "commit": "0" * 40}
HOST = {
    "cores": 2,
    "clock_mhz": 2500.0,
    "load_1min": 1.5,
    "load_1min_after": 2.25,
    "system": "Linux 6",
    "governor": None,
}


def row(model: str, nme: float, ms: float | None, seed: int, **more: Any) -> dict[str, Any]:
    """A record of the benchmark."""
    times = None if ms is None else {"median": ms, "p90": 1.5 * ms, "cpu_median": ms / 2, "runs": 50, "warmup": 5}
    stages = {"detect": {"median": 9.5}, "crop": {"median": 0.25}, "network": {"median": ms}, "decode": None}
    return {
        "kind": "benchmark", "model": model, "file_sha256": f"{seed:064x}", "engine": "engine 1.0", "precision": None,
        "threads": 1, "peer": False, "boxes": "same boxes", "run": "2026-01-01T00:00:00+00:00", "host": HOST,
        **WHERE, **scores(nme, seed), "latency_ms": times, "stages_ms": None if ms is None else stages,
        "cold_start_ms": {"load": 10.0, "first": 2.0, "total": 12.0, "starts": 3}, "memory_bytes": 8_000_000,
        "size_bytes": 1_750_000, "operations": 504, "macs": 44_000_000, "delegated_share": 0.976, "not_measured": None,
        **more,
    }  # fmt: skip


RECORDS = [
    row("face-float32.tflite", 5.0, 4.0, 1, precision="float32"),
    row("face-int8.tflite", 5.0, 2.0, 1, precision="int8"),
    row("face-float16.mlpackage", 5.0, None, 1, not_measured="CoreML runs on macOS only", stages_ms=None),
    row("mediapipe", 4.0, 3.0, 2, peer=True),
    row("dlib", 6.0, 6.0, 3, peer=True, operations=None, macs=None, delegated_share=None),
    row("face-int8.tflite", 5.5, 40.0, 4, boxes="own detector", found=160, n_faces=165, stages_ms=None) | {"fr10": 2.5},
]
CORRUPTED = [
    {"kind": "robustness", "model": model, "engine": "engine 1.0", "threads": 1, "n": 165, "clips": 4, **WHERE,
     "nme_plain": nme, "flicker_percent": {"still face moved": 0.5, "synthetic clip": 1.25 * nme},
     "conditions": {"blur": {"unit": "sigma", "levels": [0.01, 0.02], "nme_mean": [nme + 1, nme + 2]}},
     "own_detector": {"plain": {"nme_mean": nme + 0.5, "failed_percent": 0.0}, "conditions": {
        "blur": {"unit": "sigma", "level": 0.02, "nme_mean": None, "failed_percent": 100.0}}}}
    for model, nme in (("face-int8.tflite", 5.0), ("dlib", 6.0))
]  # fmt: skip


@pytest.fixture
def page(tmp_path: Path) -> str:
    """Of a folder that holds records alone."""
    write_lines(tmp_path / "results.jsonl", [*RECORDS, *CORRUPTED])
    return render(load(tmp_path))


@pytest.mark.slow
def test_side_by_side_equals_the_records(page: str) -> None:
    """Every figure to the recorded digit; the ratio is to our fastest file; what cannot run says why."""
    rows = Tables(page).tables["Side by side on made-up faces, test: the same boxes for all"]
    assert list(rows)[1:] == [r["model"] for r in RECORDS[:5]]
    for record in RECORDS[:5]:
        cells = [v for _, v in rows[record["model"]]]
        times = record["latency_ms"] or {}
        shown = [record["nme_mean"], record["fr10"], times.get("median"), times.get("p90")]
        assert cells[1:5] == [None if v is None else repr(v) for v in shown]
        assert cells[7:10] == ["12.0", "8000000", "1750000"]
    assert [rows[m][6][0] for m in ("face-float32.tflite", "face-int8.tflite", "dlib")] == ["2.00", "1.00", "3.00"]
    assert rows["face-float16.mlpackage"][3] == ("not measured", None)
    assert "CoreML runs on macOS only" in page
    assert rows["dlib"][-1][0] == "not measured" and rows["mediapipe"][-1][0] == "97.6"


@pytest.mark.slow
def test_a_competitor_is_no_file_of_ours(page: str) -> None:
    """It lacks a proof by nature: it is in no table of converted files and in no list of gaps, but on the plots."""
    files = Tables(page).tables["Converted files on made-up faces, test"]
    assert "dlib" not in files and "face-int8.tflite" in files
    gaps = page[page.index("What was not measured") :]
    assert "dlib" not in gaps
    for key in ("latency", "size", "macs"):
        plot = page[page.index(f'data-plot="{key}"') :]
        assert ">mediapipe<" in plot[: plot.index("</svg>")]


@pytest.mark.slow
def test_own_detectors_have_a_table_of_their_own(page: str) -> None:
    """Faces that were not found count as failed: 5 of 165, and 2.5 % of the 165 scored ones."""
    (cells,) = [v for k, v in Tables(page).tables["Each behind its own face detector on made-up faces, test"].items()
                if k == "face-int8.tflite"]  # fmt: skip
    assert cells[1][0] == "160 of 165"
    assert float(cells[4][1] or 0) == pytest.approx(100 * (5 + 0.025 * 165) / 165)
    times = Tables(page).tables["Converted files on made-up faces, test"]["face-int8.tflite"]
    assert "40.0" not in [v for _, v in times], "the pipeline's time is not the network's"


@pytest.mark.slow
def test_stages_say_where_decoding_happens(page: str) -> None:
    """Inside the network, unless it was timed."""
    (caption,) = [c for c in Tables(page).tables if c.startswith("Where the time goes")]
    rows = Tables(page).tables[caption]
    assert [text for text, _ in rows["dlib"]] == ["engine 1.0", "9.50", "0.25", "6.00", "inside the network"]
    assert "face-float16.mlpackage" not in rows


def test_models_that_say_the_same_are_drawn_once() -> None:
    """Files of one network have the same errors; another network's are others."""
    assert [r["model"] for r in one_each(RECORDS[:5])] == ["face-float32.tflite", "mediapipe", "dlib"]


@pytest.mark.slow
def test_a_corruption_is_a_plot_each_with_its_numbers(page: str) -> None:
    """The plain error first; flicker as a table; every plot's table a click away."""
    assert 'data-plot="robustness-blur"' in page and 'data-plot="comparison-ced"' in page
    rows = Tables(page).tables["NME in percent under blur"]
    assert [text for text, _ in rows["dlib"]] == ["6.00", "7.00", "8.00"]
    (caption,) = [c for c in Tables(page).tables if c.startswith("Flicker")]
    assert Tables(page).tables[caption]["dlib"][1] == ("7.500", "7.5")
    assert page.count("<details>") == page.count('class="plot"')
    machines = Tables(page).tables["The machine while it measured"]["2026-01-01T00:00:00+00:00"]
    assert [text for text, _ in machines[3:6]] == ["not measured", "1.50", "2.25"]


@pytest.mark.slow
def test_behind_detectors_a_miss_is_a_failure(page: str) -> None:
    """The middle level of each condition; no error is given where no face was found."""
    rows = Tables(page).tables["Under corruptions, each behind its own face detector"]
    assert [text for text, _ in rows["plain"]] == ["5.50", "0.0", "6.50", "0.0"]
    assert [text for text, _ in rows["blur"]] == ["not measured", "100.0", "not measured", "100.0"]


@pytest.mark.slow
def test_the_worst_faces_are_shown_with_a_warning(tmp_path: Path, page: str) -> None:
    """Only where a benchmark drew them."""
    assert "The worst faces" not in page
    write_bytes(tmp_path / "worst.png", png(np.zeros((4, 6, 3), np.uint8)))
    shown = render(load(tmp_path))
    assert "keep this page to yourself" in shown and shown.count("data:image/png;base64,") == 1


@pytest.mark.slow
def test_a_run_from_before_has_no_such_section(whole_run: Path, tmp_path: Path) -> None:
    """Records without boxes stay where they were; a phone's record stands beside them."""
    folder = Path(shutil.copytree(whole_run, tmp_path / "run"))
    assert 'id="comparison"' not in render(load(folder))
    lines = (folder / "results.jsonl").read_text()
    (folder / "results.jsonl").write_text(lines)
    phone = {"kind": "benchmark", "model": "face.tflite", "engine": "litertjs 1", "device": "Phone", "threads": 1,
             "data": None, "split": None, "nme_mean": None, "boxes": "same boxes", "imported": True, "peer": False,
             "latency_ms": {"median": 7.5, "p90": None, "runs": 5, "warmup": 1}}  # fmt: skip
    write_lines(folder / "results.jsonl", [phone])
    page = render(load(folder))
    rows = Tables(page).tables["Timed without faces"]
    assert rows["face.tflite"][1:] == [("7.50", "7.5"), ("1.00", "1.0")]
    assert "Not measured: NME, FR@10, time (ms, p90), processor time" in page


def test_a_readme_gets_a_plot_of_its_own() -> None:
    """Accuracy against time, with competitors, as a file that stands alone; none without times on the same boxes."""
    drawn = plots([*RECORDS, *CORRUPTED])
    assert list(drawn) == ["latency.svg"]
    assert drawn["latency.svg"].startswith("<svg") and ">dlib<" in drawn["latency.svg"]
    assert plots(CORRUPTED) == {} and plots([{k: v for k, v in r.items() if k != "boxes"} for r in RECORDS]) == {}


def test_markdown_has_the_same_figures() -> None:
    """Side by side, behind detectors, the middle level of each condition, flicker, and the load."""
    text = markdown([*RECORDS, *CORRUPTED])
    assert (
        "| `face-int8.tflite` | engine 1.0 | 1 |" in text
        and "| 2.00 ms | 3.00 ms | 1.00 ms | 12 ms | 8 MB | 1.75 MB |" in text
    )
    assert "load 1.5 before, 2.2 after" in text
    assert "160 of 165" in text and "| blur, 0.02 sigma | 7.00 | 8.00 |" in text
    assert "| synthetic clip | 6.250 % | 7.500 % |" in text
    assert "CoreML" not in text and "not measured" in text
    phone = {k: v for k, v in RECORDS[0].items() if k not in ("host", "run", "stages_ms", "cold_start_ms")}
    assert "| `phone.tflite` |" in markdown([*RECORDS, phone | {"model": "phone.tflite", "imported": True}])


def test_a_network_without_a_detector_is_said_to_have_been_behind_ours() -> None:
    """Wherever models stand behind their own; competitors that bring one are not named."""
    assert get_args(CompetitorName) == WITH_A_DETECTOR
    named = "behind its own face detector (`pfld`: behind ours, crops not turned upright)"
    own = row("pfld", 3.0, 50.0, 5, peer=True, boxes="own detector", found=165, n_faces=165)
    hard = [*CORRUPTED, {**CORRUPTED[1], "model": "pfld", "peer": True}]
    text = markdown([*RECORDS, own, *hard])
    assert f"Each {named}, on the whole pictures." in text and f"The same pictures, each model {named}: NME" in text
    assert "behind ours" not in markdown([*RECORDS, *CORRUPTED])
    assert named in short(of([*RECORDS, row("pfld", 3.0, 50.0, 5, peer=True), own]))


@pytest.mark.parametrize(
    ("instructions", "told"),
    [([], "CPU, 2 cores, without instructions for int8."), (["avx_vnni"], "CPU, 2 cores, int8 by avx_vnni.")],
)
def test_a_readme_tells_what_the_processor_does_with_int8(instructions: list[str], told: str) -> None:
    """Ratios hang on it; records of before do not say."""
    host = HOST | {"int8_instructions": instructions}
    rows = [each | {"host": host} for each in RECORDS]
    assert told in short(of(rows)) and told.removeprefix("CPU, 2 cores") in markdown(rows)
    assert "int8 by" not in short(of(RECORDS)) and "instructions" not in short(of(RECORDS))
