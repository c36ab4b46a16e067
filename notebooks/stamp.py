"""Mark freshly executed chapters with the code and the records that gave their outputs, and how long they ran;
`make notebooks` runs it after nbmake.

nbmake leaves the times of execution in each cell. They are taken as the proof that all of it ran, and removed, so that
a cell that was changed since cannot be marked.

    python notebooks/stamp.py notebooks/*.ipynb
"""

import hashlib
import sys
from pathlib import Path
from typing import Any

import nbformat

MARK = "sdhrnet"
"""The entry in a notebook's metadata."""


def digest(notebook: Any) -> str:
    """SHA-256 of all lines of code that are not blank, whichever cells they stand in."""
    lines = [line for cell in notebook.cells if cell.cell_type == "code" for line in cell.source.splitlines()]
    code = "\n".join(line for line in lines if line.strip())
    return hashlib.sha256(code.encode()).hexdigest()


def stamp(path: Path) -> None:
    """Mark one notebook.

    Raises:
        ValueError: a cell has not run, or not in this order, or raised an error.
    """
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(cells, start=1):
        ran = cell.metadata.pop("execution", None)
        if ran is None or cell.execution_count != number or any(o.output_type == "error" for o in cell.outputs):
            raise ValueError(f"{path}: code cell {number} has not run well: make notebooks runs all of them")
    told: dict[str, Any] = next(
        (o.metadata[MARK] for cell in cells for o in cell.outputs if MARK in o.get("metadata", {})), {}
    )
    notebook.metadata[MARK] = {"code_sha256": digest(notebook), **told}
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        stamp(Path(name))
