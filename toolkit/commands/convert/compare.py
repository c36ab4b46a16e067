"""Stage: bundles beside each other: what was saved, counted and measured on the exported file."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tyro.conf import Positional

from toolkit import bundle
from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append
from toolkit.core.zoo import BundlePath
from toolkit.export.deployed import Deployed
from toolkit.export.pieces import MeasuredFile, measure_files
from toolkit.landmarkers import identify


@dataclass(frozen=True, kw_only=True)
class Compare(Options):
    """Before and after: parameters and MACs in both counts, and operations, size and time of the TFLite file.

    Each bundle is converted to float32 TFLite, as it would ship, and all take turns on one thread.
    """

    bundles: Positional[tuple[BundlePath, ...]]
    """Bundles or released models by name, the first to compare with: a supernet, then what was slimmed."""
    runs: int = 100
    """Timed calls of each."""
    results: OutRecords | None = None
    """Add the records to this .jsonl file; an older record of the same measurement is replaced."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.bundles) < 2:
            raise ValueError("give at least two bundles to compare")
        if len(set(self.bundles)) < len(self.bundles):
            raise ValueError("the same bundle was given twice")
        if self.runs < 1:
            raise ValueError("--runs must be at least 1")


def run(options: Compare) -> Steps[Outcome]:
    """Convert, count and time; see Compare."""
    check_outputs(options)
    loaded = {str(path): bundle.read(path) for path in options.bundles}
    modules = {name: Deployed(b) for name, b in loaded.items()}
    sizes = {name: b.card.size_px for name, b in loaded.items()}
    measured = yield from measure_files(modules, sizes, options.runs)
    records = [_record(Path(name), sizes[name], found) for name, found in measured.items()]
    if options.results is not None:
        append(options.results, tuple(records))
    return Outcome(text=_table(records), records=tuple(records))


def _record(path: Path, size_px: int, found: MeasuredFile) -> dict[str, Any]:
    return {
        "kind": "compare",
        **identify(path),
        "input_px": size_px,
        "operations": found.operations,
        "size_bytes": found.size_bytes,
        "latency_ms": dataclasses.asdict(found.latency),
        "engine": found.engine,
        **conditions(1),
    }


def _table(records: list[dict[str, Any]]) -> str:
    names = [f"{r['bundle']} ({r['name']})" for r in records]
    width = max(24, *map(len, names))
    rows = [
        ("parameters", "params_full", 1, ",.0f"),
        ("  without stem, head", "params_paper", 1, ",.0f"),
        ("MACs, million", "macs_full", 1e6, ",.1f"),
        ("  without head", "macs_paper", 1e6, ",.1f"),
        ("TFLite operations", "operations", 1, ",.0f"),
        ("TFLite file, MB", "size_bytes", 1e6, ",.2f"),
        ("processor time, ms", "latency_ms", 1, ",.2f"),
    ]
    lines = ["".ljust(24) + "".join(name.rjust(width + 2) for name in names)]
    for label, key, scale, form in rows:
        values = [(r[key]["cpu_median"] if key == "latency_ms" else r[key]) / scale for r in records]
        shares = ["", *(f" ({100 * v / values[0]:.0f} %)" for v in values[1:])]
        cells = [f"{value:{form}}{share}" for value, share in zip(values, shares, strict=True)]
        lines.append(label.ljust(24) + "".join(cell.rjust(width + 2) for cell in cells))
    return "\n".join(lines)
