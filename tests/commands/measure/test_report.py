"""The report stage: writes one page as a whole, and fails in one line."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from toolkit import bundle
from toolkit.commands.measure.report import Report, run
from toolkit.core.files import write_lines
from toolkit.core.progress import finish
from toolkit.models.building import build
from toolkit.models.spec import HRNetSpec

RESULTS = Path(__file__).parents[3] / "results"


def write_teacher(folder: Path) -> None:
    """A small random teacher."""
    spec = HRNetSpec(points=68, stem=(4, 4), layer1=(2, 4), widths=(2, 3, 4, 5), modules=(1, 1, 1), blocks=1)
    card = bundle.Card(name="hrnet-w18", stage="teacher", scheme="300w-68", size_px=64, sigma_px=1.0)
    log = ({"epoch": 1, "seconds": 1.0, "val_teacher": {"nme_mean": 31.25}},)
    bundle.write(bundle.of_network(build(spec), card, log), folder)


def test_writes_the_page_beside_the_records(tmp_path: Path) -> None:
    """Also for a run that has only begun; a second run replaces the page and leaves nothing else."""
    write_teacher(tmp_path / "teacher")
    outcome = finish(run(Report(run=tmp_path)))
    outcome = finish(run(Report(run=tmp_path)))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert outcome.ok and str(tmp_path / "report.html") in outcome.text
    assert outcome.records[0]["stages"] == ["teacher"]
    assert 'value="31.25"' in page
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.html", "teacher"]


@pytest.mark.parametrize("out", [None, "mine.html"])
def test_a_page_of_somebody_else_is_kept(tmp_path: Path, out: str | None) -> None:
    """In the run's folder too, but for --overwrite; a page of the toolkit's is rendered anew."""
    write_teacher(tmp_path / "teacher")
    page = tmp_path / (out or "report.html")
    page.write_text("<!DOCTYPE html>\n<title>my notes</title>")
    options = Report(run=tmp_path, out=page if out else None)
    with pytest.raises(FileExistsError, match=rf"--out \S+{page.name} is there already"):
        finish(run(options))
    assert "my notes" in page.read_text()
    finish(run(dataclasses.replace(options, overwrite=True)))
    first = page.read_bytes()
    finish(run(options))
    assert page.read_bytes() == first and b"my notes" not in first


def test_a_plot_of_somebody_else_is_kept(tmp_path: Path) -> None:
    """And the page's tables stay as they were; plots that were drawn before are drawn anew."""
    folder = tmp_path / "phones"
    shutil.copytree(RESULTS / "phones", folder)
    page, plot = folder / "README.md", folder / "latency.svg"
    ours, table = plot.read_bytes(), page.read_bytes()
    assert "up to date" in finish(run(Report(run=folder, markdown=page))).text
    assert plot.read_bytes() == ours and page.read_bytes() == table
    begin = b"<!-- begin: phones (rendered by `sdhrnet report --markdown`; do not edit) -->\n"
    page.write_bytes(table.replace(begin, begin + b"old\n"))
    plot.write_text('<svg xmlns="http://www.w3.org/2000/svg"><title>my drawing</title></svg>')
    with pytest.raises(FileExistsError, match=r"the plot \S+latency\.svg is there already"):
        finish(run(Report(run=folder, markdown=page)))
    assert "my drawing" in plot.read_text() and b"old" in page.read_bytes()
    assert "refreshed" in finish(run(Report(run=folder, markdown=page, overwrite=True))).text
    assert plot.read_bytes() == ours and page.read_bytes() == table


def test_markdown_leaves_the_page_alone(tmp_path: Path) -> None:
    """A hand-written report.html is no hindrance, since it is not written."""
    folder = tmp_path / "phones"
    shutil.copytree(RESULTS / "phones", folder)
    (folder / "report.html").write_text("my notes")
    finish(run(Report(run=folder, markdown=folder / "README.md")))
    assert (folder / "report.html").read_text() == "my notes"


def test_out_chooses_the_page(tmp_path: Path) -> None:
    """Folders on the way are made."""
    write_teacher(tmp_path / "run" / "teacher")
    finish(run(Report(run=tmp_path / "run", out=tmp_path / "pages" / "mine.html")))
    assert (tmp_path / "pages" / "mine.html").read_text().startswith("<!DOCTYPE html>")


def test_no_run_folder(tmp_path: Path) -> None:
    """The message names the folder and what belongs there."""
    with pytest.raises(FileNotFoundError, match=r"no run at .*nowhere: give the folder that holds"):
        finish(run(Report(run=tmp_path / "nowhere")))


def test_a_folder_without_a_run_gets_no_page(tmp_path: Path) -> None:
    """Nor tables: neither bundle nor records are there."""
    (tmp_path / "thesis.txt").touch()
    (tmp_path / "page.md").write_text("a page")
    with pytest.raises(FileNotFoundError, match=r"holds no run: neither teacher, .* nor results\.jsonl"):
        finish(run(Report(run=tmp_path)))
    with pytest.raises(FileNotFoundError, match=r"has no results\.jsonl"):
        finish(run(Report(run=tmp_path, markdown=tmp_path / "page.md")))
    assert {path.name for path in tmp_path.iterdir()} == {"thesis.txt", "page.md"}


def test_tables_and_a_page_are_not_made_at_once() -> None:
    """One of the two would be left out without a word."""
    with pytest.raises(ValueError, match="--markdown refreshes tables in place of the page that --out names"):
        Report(run=Path("run"), out=Path("a.html"), markdown=Path("a.md"))


@pytest.mark.parametrize("text", ['{"kind": "evaluate"', "[1, 2]\n", '{"model": "teacher"}\n', "\x00"])
def test_damaged_records_are_named_by_file_and_line(tmp_path: Path, text: str) -> None:
    """And no page is written."""
    (tmp_path / "results.jsonl").write_text('{"kind": "slim"}\n' + text)
    with pytest.raises(ValueError, match=r"results\.jsonl:2 is not ") as caught:
        finish(run(Report(run=tmp_path)))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "report.html").exists()


def test_damaged_bundle_and_picture_are_named(tmp_path: Path) -> None:
    """One line that says which."""
    (tmp_path / "photo.png").write_bytes(b"GIF89a")
    with pytest.raises(ValueError, match=r"photo\.png is not a PNG picture"):
        finish(run(Report(run=tmp_path)))
    (tmp_path / "photo.png").unlink()
    write_teacher(tmp_path / "teacher")
    (tmp_path / "teacher" / "weights.safetensors").write_bytes(b"cut off")
    with pytest.raises(ValueError, match=r"weights\.safetensors is damaged"):
        finish(run(Report(run=tmp_path)))


def test_unfinished_training_is_not_there_yet(tmp_path: Path) -> None:
    """A stage's folder that only holds the state to resume from is no bundle."""
    (tmp_path / "teacher" / "resume").mkdir(parents=True)
    write_lines(tmp_path / "results.jsonl", [])
    outcome = finish(run(Report(run=tmp_path)))
    assert outcome.records[0]["stages"] == []


def test_options_are_frozen() -> None:
    """A stage cannot change what it was asked."""
    options = Report(run=Path("x"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.run = Path("y")  # type: ignore[misc]
