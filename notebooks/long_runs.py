"""Run chapters at the dial's other place, and keep what their trainings came to in results/training.

A chapter shows that figure beside its own. The notebooks stay as they are.

    python notebooks/long_runs.py notebooks/01_find_a_nose.ipynb ...
"""

import sys
from pathlib import Path
from typing import Any

import nbformat
import torch
from nbclient import NotebookClient
from stamp import MARK

from toolkit.core import records
from toolkit.core.provenance import conditions

HERE = Path(__file__).parent
SHORT, LONG = 'SIZE = "tiny"', 'SIZE = "gpu"'
RESULTS = HERE.parent / "results" / "training" / "results.jsonl"


def long_run(path: Path) -> list[dict[str, Any]]:
    """The records of one chapter.

    Raises:
        ValueError: it has no dial, or does not say what it came to.
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    notebook = nbformat.read(path, as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    if SHORT not in first.source:
        raise ValueError(f"{path}: its first cell has no `{SHORT}`")
    first.source = first.source.replace(SHORT, LONG)
    NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(HERE)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    told = [output.metadata[MARK] for output in outputs if MARK in output.get("metadata", {})]
    if not told or not told[-1]["came_to"]:
        raise ValueError(f"{path}: does not say what it came to")
    about = {"kind": "chapter", "chapter": int(path.name[:2]), "seconds": told[-1]["seconds"]}
    about |= conditions(torch.get_num_threads())
    if torch.cuda.is_available():
        about["device"] = torch.cuda.get_device_name()
    return [about | figure for figure in told[-1]["came_to"]]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        made = long_run(Path(name))
        records.append(RESULTS, made)
        print(*(f"{name}: {record['what']} {record['value']:g}, {record['seconds']} s" for record in made), sep="\n")
