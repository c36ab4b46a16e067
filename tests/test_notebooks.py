"""The committed notebooks: outputs of one run of the code beside them, thin, small and anonymous; live links."""

import ast
import re
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat", reason="the notebooks extra is not installed")

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = sorted(
    page
    for page in [*NOTEBOOKS, *ROOT.rglob("*.md")]
    if not {".venv", ".arm", "node_modules", "runs", "build", "dist"}.intersection(page.relative_to(ROOT).parts)
)
LIMIT_BYTES = 1_000_000
ABSOLUTE = re.compile(r"(?<![\w.:/~<)}\]*-])/[A-Za-z][\w.-]*/[\w.-]+|\b[A-Z]:\\\\?\w")
"""A path from the root of a disk, which tells of the machine and its user."""
LINK = re.compile(r"\]\(([^)\s]+)\)")


def load_stamp() -> ModuleType:
    """notebooks/stamp.py, which is no part of the package."""
    spec = spec_from_file_location("stamp", ROOT / "notebooks" / "stamp.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


STAMP = load_stamp()


def words_of(output: Any) -> str:
    """All text in an output; pictures are left out, and of drawings the paths."""
    data = output.get("data", {})
    texts = [output.get("text", ""), *(v for k, v in data.items() if k in ("text/plain", "text/html", "image/svg+xml"))]
    return re.sub(r'\bd="[^"]*"', "", "\n".join(texts))


def defines(code: str) -> bool:
    """Whether code defines a function or class, or is not plain Python."""
    try:
        tree = ast.parse(code)
    except SyntaxError:  # a magic, such as !pip
        return True
    return any(isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for n in ast.walk(tree))


def faults(notebook: Any) -> list[str]:
    """What is wrong with a notebook, but for its size."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    code = "\n".join(cell.source for cell in cells)
    text = "\n".join([*map(words_of, outputs), *(cell.source for cell in notebook.cells)])
    first = cells[0].source if cells else ""
    found = {
        "stale": notebook.metadata.get(STAMP.MARK) != {"code_sha256": STAMP.digest(notebook)},
        "not run in order": [c.execution_count for c in cells] != list(range(1, len(cells) + 1)),
        "no picture": not any({"image/png", "image/jpeg"}.intersection(o.get("data", {})) for o in outputs),
        "an error": any(o.output_type == "error" for o in outputs),
        "noise": any(o.get("name") == "stderr" for o in outputs),
        "an absolute path": bool(ABSOLUTE.search(text)) or str(Path.home()) + "/" in text,
        "definitions": any(defines(cell.source) for cell in cells),
        "installs or sys.path": "sys.path" in code or bool(re.search(r"^\s*[!%]", code, re.MULTILINE)),
        "no check of the set-up": "find_spec" not in first or "pip install" not in first,
    }
    return [fault for fault, is_there in found.items() if is_there]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_whole_thin_and_fresh(path: Path) -> None:
    """`make notebooks` makes it so; a change of its code, without a run, is what is found most."""
    assert faults(nbformat.read(path, as_version=4)) == []
    assert path.stat().st_size < LIMIT_BYTES


SPOILED: dict[str, Callable[[Any], Any]] = {
    "stale": lambda cell: cell.update(source=cell.source + "\n"),
    "not run in order": lambda cell: cell.update(execution_count=None),
    "an error": lambda cell: cell.outputs.append(nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])),
    "noise": lambda cell: cell.outputs.append(nbformat.v4.new_output("stream", name="stderr", text="a warning")),
    "an absolute path": lambda cell: cell.outputs.append(nbformat.v4.new_output("stream", text="in /home/me/x.py")),
    "definitions": lambda cell: cell.update(source="def f(): ..."),
    "installs or sys.path": lambda cell: cell.update(source="!pip install it"),
    "no check of the set-up": lambda cell: cell.update(source="import torch"),
}


@pytest.mark.parametrize("fault", SPOILED)
def test_a_spoiled_notebook_is_found_out(fault: str) -> None:
    """Each fault, put into the first code cell of a sound notebook."""
    notebook = nbformat.read(NOTEBOOKS[-1], as_version=4)
    SPOILED[fault](next(cell for cell in notebook.cells if cell.cell_type == "code"))
    assert fault in faults(notebook)


def test_without_outputs_there_is_no_picture() -> None:
    """As an editor leaves it that strips them."""
    notebook = nbformat.read(NOTEBOOKS[-1], as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    assert faults(notebook) == ["no picture"]


def test_only_an_executed_notebook_is_marked(tmp_path: Path) -> None:
    """The times of execution, which nbmake leaves, are the proof; they are gone once it is marked."""
    cell = nbformat.v4.new_code_cell("1", execution_count=1, metadata={"execution": {}})
    path = tmp_path / "book.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    STAMP.stamp(path)
    marked = nbformat.read(path, as_version=4)
    assert marked.metadata[STAMP.MARK] == {"code_sha256": STAMP.digest(marked)}
    with pytest.raises(ValueError, match="code cell 1 has not run well"):
        STAMP.stamp(path)


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
