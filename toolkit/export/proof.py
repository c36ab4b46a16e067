"""Parity of one file on disk, and its record."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toolkit import runtime
from toolkit.core.files import size_bytes
from toolkit.export import lint
from toolkit.export.parity import Golden, Parity, compare
from toolkit.runtime import sidecar
from toolkit.runtime.landmarker import Prediction


def prove(path: Path, reference: Sequence[Prediction], golden: Golden, threads: int) -> tuple[Parity, dict[str, Any]]:
    """Load a converted file as a user would, compare it with its bundle's predictions, and say how it went.

    Raises:
        ValueError: the file or its sidecar is damaged, or it does not run.
        FileNotFoundError: it has no sidecar.
    """
    about = sidecar.read(path)
    landmarker = runtime.load(path, threads=threads)
    parity = compare(landmarker, reference, golden, about.precision)
    counts = lint.operations(path)
    record = {
        "kind": "parity",
        "model": path.name,
        "file_sha256": about.file_sha256,
        "engine": landmarker.engine,
        "precision": about.precision,
        "size_bytes": size_bytes(path),
        "operations": sum(counts.values()) if counts else None,
        "transposes": counts.get("TRANSPOSE", counts.get("Transpose", 0)) if counts else None,
        **parity.record(),
    }
    return parity, record


def keep(path: Path, parity: Parity) -> None:
    """Write a file's parity into its sidecar."""
    sidecar.write(path, dataclasses.replace(sidecar.read(path), parity=parity.record()))


def table(records: Sequence[dict[str, Any]]) -> str:
    """Parity records as lines for a person, with the reasons of a breach below."""
    width = max(len(r["model"]) for r in records)
    head = f"{'file'.ljust(width)}  {'mean px':>8}  {'worst px':>8}  {'> 1 px':>7}  {'NME change':>10}  {'MB':>6}"
    lines = [head]
    for r in records:
        delta = "not measured" if r.get("nme_delta") is None else f"{r['nme_delta']:+.3f} pp"
        if "mean_px" in r:
            figures = f"{r['mean_px']:8.4f}  {r['worst_px']:8.3f}  {100 * r['moved_over_1px']:5.2f} %  {delta:>10}"
            lines.append(f"{r['model'].ljust(width)}  {figures}  {r['size_bytes'] / 1e6:6.2f}")
        else:
            lines.append(r["model"])
        lines += [f"  FAILED: {reason}" for reason in r["reasons"]]
    return "\n".join(lines)
