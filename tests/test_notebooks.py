"""The committed chapters: outputs of one run of their code and records, small, anonymous, seen by all; live links."""

import base64
import re
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

from toolkit.reporting import picture

nbformat = pytest.importorskip("nbformat", reason="the notebooks extra is not installed")

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
OTHERS = {".venv", ".arm", ".engines", "node_modules", "runs", "build", "dist"}
"""Folders of other people's pages, and of what is made."""
PAGES = sorted(
    page for page in [*NOTEBOOKS, *ROOT.rglob("*.md")] if not OTHERS.intersection(page.relative_to(ROOT).parts)
)
LIMIT_BYTES = 1_000_000
MOST_LINES = 12
"""Of a cell; the aim is three to eight."""
ABSOLUTE = re.compile(r"(?<![\w.:/~<)}\]*-])/[A-Za-z][\w.-]*/[\w.-]+|\b[A-Z]:\\\\?\w")
"""A path from the root of a disk, which tells of the machine and its user."""
LINK = re.compile(r"\]\(([^)\s]+)\)")


def load(name: str) -> ModuleType:
    """A module of the notebooks' folder, which is no package."""
    spec = spec_from_file_location(name, ROOT / "notebooks" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


STAMP, COURSE = load("stamp"), load("course")


def words_of(output: Any) -> str:
    """All text in an output; pictures are left out, and of drawings the paths."""
    data = output.get("data", {})
    texts = [
        output.get("text", ""),
        *(v for k, v in data.items() if k in ("text/plain", "text/markdown", "text/html", "image/svg+xml")),
    ]
    return re.sub(r'\bd="[^"]*"', "", "\n".join(texts))


FIGURE = re.compile(r"\d(?:[\d.,]*\d)? ?(?:%|ms\b|MB\b|px\b|fps\b)")
"""What a sentence may not say by itself: a share, a time, a size; those come from records."""
NAMED = re.compile(r"`[^`]*`|\$[^$]*\$|\[[^\]]*\]\([^)]*\)")
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")


def pictures(outputs: list[Any]) -> list[tuple[bytes, str]]:
    """The PNG pictures of a chapter, and what each says to those who cannot see it."""
    found = []
    for output in outputs:
        if image := output.get("data", {}).get("image/png"):
            alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
            found.append((base64.b64decode(image), alt))
    return found


def faults(notebook: Any) -> list[str]:
    """What is wrong with a notebook, but for its size."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    code = "\n".join(cell.source for cell in cells)
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    text = "\n".join([*map(words_of, outputs), *(cell.source for cell in notebook.cells)])
    first = cells[0].source if cells else ""
    shown = pictures(outputs)
    drawn = [alt for cell in prose for alt, _ in PICTURE.findall(cell)]
    marked = notebook.metadata.get(STAMP.MARK, {})
    found = {
        "stale": marked.get("code_sha256") != STAMP.digest(notebook),
        "stale records": bool(COURSE.changed(marked.get("read", {}))),
        "not run in order": [c.execution_count for c in cells] != list(range(1, len(cells) + 1)),
        "no picture": not shown,
        "no words for a picture": not all(alt.strip() for alt in [*drawn, *(alt for _, alt in shown)]),
        "a dark picture": any(picture.brightness(image) < picture.DARKEST for image, _ in shown),
        "a picture without its checks": bool(re.search(r"\bplt\b|pyplot|image/jpeg", code + text)),
        "an error": any(o.output_type == "error" for o in outputs),
        "noise": any(o.get("name") == "stderr" for o in outputs),
        "an absolute path": bool(ABSOLUTE.search(text)) or str(Path.home()) + "/" in text,
        "a figure by hand": any(FIGURE.search(NAMED.sub("", cell)) for cell in prose),
        "a long cell": any(len(cell.source.splitlines()) > MOST_LINES for cell in cells),
        "installs or sys.path": "sys.path" in code or bool(re.search(r"^\s*[!%]", code, re.MULTILINE)),
        "no check of the set-up": "find_spec" not in first or "pip install" not in first or "SIZE" not in first,
        "a dial without what the long run came to": "course.pick(" in code and 'with `SIZE = "gpu"`' not in text,
        "no summary": not any("## In five lines" in cell for cell in prose),
    }
    return [fault for fault, is_there in found.items() if is_there]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_whole_thin_and_fresh(path: Path) -> None:
    """`make notebooks` makes it so; a change of its code, without a run, is what is found most."""
    assert faults(nbformat.read(path, as_version=4)) == []
    assert path.stat().st_size < LIMIT_BYTES


def black(cell: Any) -> None:
    """A picture that shows nothing."""
    image = base64.b64encode(cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes()).decode()
    metadata = {"image/png": {"alt": "night"}}
    cell.outputs.append(nbformat.v4.new_output("display_data", data={"image/png": image}, metadata=metadata))


def unnamed(cell: Any) -> None:
    """A picture without words."""
    image = base64.b64encode(cv2.imencode(".png", np.full((8, 8, 3), 255, np.uint8))[1].tobytes()).decode()
    cell.outputs.append(nbformat.v4.new_output("display_data", data={"image/png": image}))


SPOILED: dict[str, Callable[[Any], Any]] = {
    "stale": lambda cell: cell.update(source=cell.source + "\n1"),
    "a dark picture": black,
    "no words for a picture": unnamed,
    "a picture without its checks": lambda cell: cell.update(source="import matplotlib.pyplot as plt"),
    "a long cell": lambda cell: cell.update(source="1\n" * 40),
    "not run in order": lambda cell: cell.update(execution_count=None),
    "an error": lambda cell: cell.outputs.append(nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])),
    "noise": lambda cell: cell.outputs.append(nbformat.v4.new_output("stream", name="stderr", text="a warning")),
    "an absolute path": lambda cell: cell.outputs.append(nbformat.v4.new_output("stream", text="in /home/me/x.py")),
    "installs or sys.path": lambda cell: cell.update(source="!pip install it"),
    "no check of the set-up": lambda cell: cell.update(source="import torch"),
}


@pytest.mark.parametrize("fault", SPOILED)
def test_a_spoiled_notebook_is_found_out(fault: str) -> None:
    """Each fault, put into the first code cell of a sound notebook."""
    notebook = nbformat.read(NOTEBOOKS[-1], as_version=4)
    SPOILED[fault](next(cell for cell in notebook.cells if cell.cell_type == "code"))
    assert fault in faults(notebook)


def test_a_cell_that_is_cut_in_two_is_the_same_code() -> None:
    """What runs is the same, line by line; another order of the lines is not."""
    notebook = nbformat.read(NOTEBOOKS[-1], as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    first, before = cells[0].source.splitlines(), STAMP.digest(notebook)
    cells[0].source = first[0]
    notebook.cells.insert(notebook.cells.index(cells[0]) + 1, nbformat.v4.new_code_cell("\n".join(first[1:])))
    assert STAMP.digest(notebook) == before
    cells[0].source, cells[1].source = cells[1].source, cells[0].source
    assert STAMP.digest(notebook) != before


def test_without_outputs_there_is_no_picture_and_no_long_run() -> None:
    """As an editor leaves it that strips them."""
    notebook = nbformat.read(NOTEBOOKS[-1], as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    assert faults(notebook) == ["no picture", "a dial without what the long run came to"]


@pytest.mark.parametrize(
    ("fault", "source"),
    [
        ("a figure by hand", "It takes 1.33 ms."),
        ("a figure by hand", "An error of 5.70 %."),
        ("no words for a picture", "![](pictures/01.svg)"),
    ],
)
def test_a_spoiled_text_is_found_out(fault: str, source: str) -> None:
    """Put into a cell of words."""
    notebook = nbformat.read(NOTEBOOKS[-1], as_version=4)
    notebook.cells.append(nbformat.v4.new_markdown_cell(source))
    assert fault in faults(notebook)


def test_records_that_changed_make_a_chapter_stale() -> None:
    """Its sentences and plots are of the old ones."""
    notebook = nbformat.read(NOTEBOOKS[-2], as_version=4)
    read = notebook.metadata[STAMP.MARK]["read"]
    assert read
    notebook.metadata[STAMP.MARK]["read"] = dict.fromkeys(read, "0" * 64)
    assert faults(notebook) == ["stale records"]


def test_all_chapters_together_ran_within_twenty_minutes() -> None:
    """By their stamps, on the machine that made them."""
    seconds = [nbformat.read(path, as_version=4).metadata[STAMP.MARK]["seconds"] for path in NOTEBOOKS]
    assert len(seconds) == 10 and sum(seconds) < 1200


def test_each_chapter_leads_to_the_next_and_back() -> None:
    """The last cell does, and the first chapter names all."""
    last = [nbformat.read(path, as_version=4).cells[-1].source for path in NOTEBOOKS]
    for place, text in enumerate(last):
        around = [NOTEBOOKS[i].name for i in (place - 1, place + 1) if 0 <= i < len(NOTEBOOKS)]
        assert LINK.findall(text) == around
    series = "\n".join(cell.source for cell in nbformat.read(NOTEBOOKS[0], as_version=4).cells)
    assert all(f"({path.name})" in series for path in NOTEBOOKS)


def test_only_an_executed_notebook_is_marked(tmp_path: Path) -> None:
    """The times of execution, which nbmake leaves, are the proof; they are gone once it is marked."""
    told = {STAMP.MARK: {"seconds": 3, "read": {}}}
    output = nbformat.v4.new_output("display_data", data={"text/plain": "3 s"}, metadata=told)
    cell = nbformat.v4.new_code_cell("1", execution_count=1, metadata={"execution": {}}, outputs=[output])
    path = tmp_path / "book.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    STAMP.stamp(path)
    marked = nbformat.read(path, as_version=4)
    assert marked.metadata[STAMP.MARK] == {"code_sha256": STAMP.digest(marked), "seconds": 3, "read": {}}
    with pytest.raises(ValueError, match="code cell 1 has not run well"):
        STAMP.stamp(path)


SAYS = """
import course
from IPython.display import display
told = {"seconds": 90, "came_to": [{"what": f"error at {SIZE}", "value": 3.25}]}
display({"text/plain": "done"}, raw=True, metadata={course.MARK: told})
"""


@pytest.mark.slow
def test_a_long_run_is_recorded_and_leaves_the_notebook_alone(tmp_path: Path) -> None:
    """At the dial's other place; one that has no dial, or says nothing, is told."""
    pytest.importorskip("nbclient", reason="the notebooks extra is not installed")
    long_runs = load("long_runs")

    def chapter(*cells: str) -> Path:
        path = tmp_path / "07_mine.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), path)
        return path

    path = chapter('SIZE = "tiny"  # or "gpu"', SAYS)
    before = path.read_bytes()
    (record,) = long_runs.long_run(path)
    assert (record["kind"], record["chapter"], record["seconds"]) == ("chapter", 7, 90)
    assert (record["what"], record["value"]) == ("error at gpu", 3.25)
    assert record["device"] and "commit" in record and path.read_bytes() == before
    with pytest.raises(ValueError, match="does not say what it came to"):
        long_runs.long_run(chapter('SIZE = "tiny"'))
    with pytest.raises(ValueError, match='has no `SIZE = "tiny"`'):
        long_runs.long_run(chapter("1"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    """Those within the repository; pages of the web are not asked."""
    if page.suffix == ".ipynb":
        cells = nbformat.read(page, as_version=4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    else:
        text = page.read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in LINK.findall(text) if "://" not in link]
    missing = [link for link in links if link and not (page.parent / link).exists()]
    assert missing == []
