"""Tables of what slimming saves: before and after, each exact rewrite, and a family over budgets."""

from collections.abc import Sequence
from statistics import fmean

from toolkit.core.records import Record
from toolkit.reporting.curves import call_ms

Rows = list[list[str]]
Titled = tuple[str, list[str], Rows]


def slimming(records: Sequence[Record]) -> list[Titled]:
    """A title, a header and rows for every table that the records have something for."""
    made = ((_compared, "compare"), (_rewritten, "rewrite"), (_swept, "sweep"), (_budgets, "budget"))
    tables = []
    for make, kind in made:
        own = [r for r in records if r["kind"] == kind]
        if own:
            tables += make(own)
    return tables


def _compared(records: list[Record]) -> list[Titled]:
    """One table an input size; shares are of its first network."""
    tables = []
    for size in dict.fromkeys(r["input_px"] for r in records):
        own = [r for r in records if r["input_px"] == size]
        first = own[0]
        rows = [
            [
                r["bundle"],
                f"{r['params_full'] / 1e6:.2f} M",
                f"{r['params_paper'] / 1e6:.2f} M",
                _share(r["macs_full"], first["macs_full"], f"{r['macs_full'] / 1e6:.1f} M"),
                _share(r["macs_paper"], first["macs_paper"], f"{r['macs_paper'] / 1e6:.1f} M"),
                _share(r["operations"], first["operations"], str(r["operations"])),
                f"{r['size_bytes'] / 1e6:.2f} MB",
                _share(call_ms(r), call_ms(first), f"{call_ms(r):.2f} ms"),
            ]
            for r in own
        ]
        header = ["network", "parameters", "without stem and head", "MACs", "without head", "TFLite operations"]
        header += ["float32 file", "one call (processor time)"]
        tables.append((f"Before and after, {size} px; shares are of the first row.", header, rows))
    return tables


def _rewritten(records: list[Record]) -> list[Titled]:
    """One table a network and input size."""
    tables = []
    for name, size in dict.fromkeys((r["name"], r["input_px"]) for r in records):
        own = [r for r in records if (r["name"], r["input_px"]) == (name, size)]
        first = own[0]
        rows = [
            [
                r["variant"],
                f"{r['relative_difference']:.1e}",
                _share(call_ms(r, "torch_ms"), call_ms(first, "torch_ms"), f"{call_ms(r, 'torch_ms'):.2f} ms"),
                _share(call_ms(r), call_ms(first), f"{call_ms(r):.2f} ms"),
                str(r["operations"]),
                f"{r['size_bytes'] / 1e6:.2f} MB",
            ]
            for r in own
        ]
        header = [f"{name}, {size} px", "heatmaps off by (relative)", "torch", "TFLite", "TFLite operations", "file"]
        tables.append(("Exact rewrites, each added to those above it; float32, one thread.", header, rows))
    return tables


def _swept(records: list[Record]) -> list[Titled]:
    """One table a split and importance."""
    tables = []
    for split, data, importance in dict.fromkeys((r["split"], r["data"], r["importance"]) for r in records):
        own = [r for r in records if (r["split"], r["data"], r["importance"]) == (split, data, importance)]
        rows = [
            [
                "supernet" if r["budget"] == 1 else f"{r['budget']:g}",
                f"{r['params_full'] / 1e6:.2f} M",
                f"{r['macs_full'] / 1e6:.1f} M",
                f"{call_ms(r):.2f} ms",
                str(r["operations"]),
                f"{r['nme_mean']:.2f} %",
                f"{r['nme_median']:.2f} %",
            ]
            for r in own
        ]
        first = own[0]
        title = f"A family by {importance}: {data} ({split}), {first['epochs']} epochs after the cut, "
        title += f"{first['input_px']} px."
        header = [
            "share of MACs without head",
            "parameters",
            "MACs",
            "one call (processor time)",
            "TFLite operations",
            "NME mean",
        ]
        tables.append((title, [*header, "median"], rows))
    return tables


def _budgets(records: list[Record]) -> list[Titled]:
    """One table a split: a row for what goes and its budget, the mean over seeds; losses are against the unslimmed."""
    tables = []
    for split, data in dict.fromkeys((r["split"], r["data"]) for r in records):
        own = [r for r in records if (r["split"], r["data"]) == (split, data)]
        whole = [r for r in own if r["budget"] is None and r["variant"] == "edges"]
        groups = [[r for r in own if (r["variant"], r["budget"]) == key] for key in dict.fromkeys(map(_what, own))]
        rows = [
            [
                group[0]["variant"] if group[0]["budget"] else f"unslimmed ({group[0]['variant']})",
                str(group[0]["budget"] or "-"),
                f"{fmean(r['operations'] for r in group):.0f}",
                f"{fmean(call_ms(r, 'int8_latency_ms') for r in group):.2f} ms",
                f"{fmean(r['macs_full'] for r in group) / 1e6:.1f} M",
                f"{fmean(r['nme_mean'] for r in group):.2f} %",
                _lost(group, whole),
                str(len(group)),
            ]
            for group in groups
        ]
        header = ["what goes", "budget", "TFLite operations", "int8, one call (processor time)", "MACs", "NME"]
        title = f"Budgets of operations: {data} ({split}), {own[0]['epochs']} epochs after the cut, "
        tables.append((f"{title}{own[0]['input_px']} px.", [*header, "against unslimmed", "seeds"], rows))
    return tables


def _what(record: Record) -> tuple[str, int | None]:
    return record["variant"], record["budget"]


def _lost(group: list[Record], whole: list[Record]) -> str:
    """Relative change of NME, seed by seed."""
    base = {r["seed"]: r["nme_mean"] for r in whole}
    changes = [r["nme_mean"] / base[r["seed"]] - 1 for r in group if r["seed"] in base]
    return f"{100 * fmean(changes):+.1f} %" if changes else "-"


def _share(value: float, whole: float, text: str) -> str:
    return text if value == whole else f"{text} ({100 * value / whole:.0f} %)"
