"""Tables of what an ingredient gives: a row a variant, over its seeds."""

import statistics
from collections.abc import Sequence
from typing import Any

Record = dict[str, Any]
Rows = list[list[str]]


def ablations(records: Sequence[Record]) -> list[tuple[str, list[str], Rows]]:
    """A title, a header and rows for every ablation and split among the records; clean faces, then the battery."""
    tables = []
    kinds = dict.fromkeys((r["ablation"], r["split"], r["data"]) for r in records if r["kind"] == "ablation")
    for ablation, split, data in kinds:
        own = [r for r in records if r.get("ablation") == ablation and (r["split"], r["data"]) == (split, data)]
        conditions = list(own[0]["battery"])
        header = [ablation, "seeds", "clean", "battery, mean", *conditions]
        rows = [_row(variant, own, conditions) for variant in dict.fromkeys(r["variant"] for r in own)]
        first = own[0]
        title = f"NME in percent on {data}; {first['epochs']} epochs each, at {first['input_px']} px."
        tables.append((title, header, rows))
    return tables


def _row(variant: str, records: Sequence[Record], conditions: Sequence[str]) -> list[str]:
    own = [r for r in records if r["variant"] == variant]
    overall = [statistics.mean(r["battery"].values()) for r in own]
    by_condition = [spread([r["battery"][name] for r in own]) for name in conditions]
    return [variant, str(len(own)), spread([r["nme_mean"] for r in own]), spread(overall), *by_condition]


def spread(values: Sequence[float]) -> str:
    """The mean, and over several seeds the standard deviation."""
    mean = f"{statistics.mean(values):.2f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.2f}"
