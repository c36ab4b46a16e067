"""What slimming saves: before and after, each exact rewrite, a family over budgets; error against cost as plots."""

from collections.abc import Callable, Sequence
from itertools import cycle
from statistics import fmean
from types import MappingProxyType
from typing import TYPE_CHECKING

from toolkit.core.records import Fields, Record
from toolkit.reporting.charts import chart, dot_labels, stand_in, standalone
from toolkit.reporting.table import TextTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def call_ms(record: Fields, key: str = "latency_ms") -> float:
    """Processor time of one call on one thread; in records from before that was measured, the time on the clock."""
    times = record[key]
    return float(times.get("cpu_median", times["median"]))


COSTS: MappingProxyType[str, tuple[str, Callable[[Fields], float]]] = MappingProxyType(
    {
        "macs": ("million multiply-accumulates a face", lambda record: float(record["macs_full"]) / 1e6),
        "latency": ("milliseconds a face, TFLite, one thread", call_ms),
    }
)
"""Axis label and value of each cost, by its name in a file name."""
BUDGETS: MappingProxyType[str, tuple[str, Callable[[Fields], float]]] = MappingProxyType(
    {
        "operations": ("operations of the float32 file", lambda record: float(record["operations"])),
        "int8": ("milliseconds a face, int8, one thread", lambda record: call_ms(record, "int8_latency_ms")),
    }
)
"""As COSTS, for networks of budgets of operations."""
WAYS = (("edges", "supernet", "o"), ("edges and layers", "slim", "s"), ("edges, layers and channels", "distil", "^"))
"""What goes, its colour and its mark."""


def slimming(records: Sequence[Record]) -> list[TextTable]:
    """A title, a header and rows for every table that the records have something for."""
    made = (
        *((_compared, "compare"), (_rewritten, "rewrite"), (_channels, "channels")),
        *((_swept, "sweep"), (_budgets, "budget")),
    )
    tables = []
    for make, kind in made:
        own = [r for r in records if r["kind"] == kind]
        if own:
            tables += make(own)
    return tables


def _compared(records: list[Record]) -> list[TextTable]:
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
        tables.append(TextTable(f"Before and after, {size} px; shares are of the first row.", header, rows))
    return tables


def _rewritten(records: list[Record]) -> list[TextTable]:
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
        tables.append(TextTable("Exact rewrites, each added to those above it; float32, one thread.", header, rows))
    return tables


def _channels(records: list[Record]) -> list[TextTable]:
    """One table a network and set of faces."""
    tables = []
    for name, size, data in dict.fromkeys((r["bundle"], r["input_px"], r["data"]) for r in records):
        own = [r for r in records if (r["bundle"], r["input_px"], r["data"]) == (name, size, data)]
        rows = [
            [
                f"{100 * r['budget']:g} %",
                r["importance"] or "as it is",
                f"{r['macs_full'] / 1e6:.1f} M",
                f"{r['params_full'] / 1e6:.2f} M",
                f"{r['nme_mean']:.2f} %",
                f"{r['fr10']:.2f} %",
            ]
            for r in own
        ]
        title = f"Channels cut from {name}, {size} px, before any further training: {data} (val)."
        header = ["of its MACs at most", "channels chosen by", "MACs", "parameters", "NME mean", "FR@10"]
        tables.append(TextTable(title, header, rows))
    return tables


def _swept(records: list[Record]) -> list[TextTable]:
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
        tables.append(TextTable(title, [*header, "median"], rows))
    return tables


def _budgets(records: list[Record]) -> list[TextTable]:
    """One table a split and length of training: a row for what goes and its budget, the mean over seeds; losses are
    against the supernet that it was cut from, trained on as long, and against the one without depth factors."""
    tables = []
    for split, data, epochs in dict.fromkeys((r["split"], r["data"], r["epochs"]) for r in records):
        own = [r for r in records if (r["split"], r["data"], r["epochs"]) == (split, data, epochs)]
        unslimmed = [r for r in own if r["budget"] is None]
        plain, deep = ([r for r in unslimmed if (r["variant"] == "edges") == edges] for edges in (True, False))
        groups = [[r for r in own if (r["variant"], r["budget"]) == key] for key in dict.fromkeys(map(_what, own))]
        rows = [
            [
                group[0]["variant"] if group[0]["budget"] else f"unslimmed ({group[0]['variant']})",
                str(group[0]["budget"] or "-"),
                f"{fmean(r['operations'] for r in group):.0f}",
                f"{fmean(call_ms(r, 'int8_latency_ms') for r in group):.2f} ms",
                f"{fmean(r['macs_full'] for r in group) / 1e6:.1f} M",
                f"{fmean(r['nme_mean'] for r in group):.2f} %",
                _lost(group, plain if group[0]["variant"] == "edges" else deep),
                _lost(group, plain),
                str(len(group)),
            ]
            for group in groups
        ]
        header = ["what goes", "budget", "TFLite operations", "int8, one call (processor time)", "MACs", "NME"]
        title = f"Budgets of file operations: {data} ({split}), {epochs} epochs after the cut, "
        tables.append(
            TextTable(
                f"{title}{own[0]['input_px']} px.", [*header, "against its supernet", "the plain one", "seeds"], rows
            )
        )
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


def plots(records: Sequence[Fields]) -> dict[str, str]:
    """An SVG file's text by its name: error against each cost on the test faces, of a family and of budgets."""
    family, cuts = ([r for r in records if r["kind"] == kind and r["split"] == "test"] for kind in ("sweep", "budget"))
    drawn = {f"error-{cost}.svg": curve(family, cost) for cost in COSTS} if family else {}
    return drawn | ({f"budgets-{cost}.svg": _budget_plot(cuts, cost) for cost in BUDGETS} if cuts else {})


def curve(records: Sequence[Fields], cost: str) -> str:
    """NME of a family's networks against one cost, as an SVG file's text.

    Args:
        records: of kind `sweep`, of one split.
        cost: a key of COSTS.
    """
    axis, value = COSTS[cost]
    dots = sorted(((value(r), float(r["nme_mean"]), float(r["budget"])) for r in records), reverse=True)

    def draw(axes: "Axes") -> None:
        x, y = [dot[0] for dot in dots], [dot[1] for dot in dots]
        axes.plot(x, y, color=stand_in("slim"), marker="o")
        axes.set_xlim(0, 1.12 * max(x))
        axes.margins(y=0.2)
        axes.set_xlabel(axis)
        axes.set_ylabel("NME, %")
        names = ["supernet" if budget == 1 else f"{budget:g}" for _, _, budget in dots]
        dot_labels(axes, [(*dot[:2], name, stand_in("muted")) for dot, name in zip(dots, names, strict=True)])

    return standalone(chart(f"sweep-{cost}", f"NME against {axis}", draw))


def _budget_plot(records: Sequence[Fields], cost: str) -> str:
    """A line for what goes and how long the networks train on, the mean of all seeds, whose own results are faint."""
    axis, value = BUDGETS[cost]
    lengths = sorted({r["epochs"] for r in records})
    lines = [
        (*way, epochs, dash) for way in WAYS for epochs, dash in zip(lengths, cycle(("-", "--", ":")), strict=False)
    ]

    def draw(axes: "Axes") -> None:
        for way, colour, mark, epochs, dash in lines:
            own = [r for r in records if r["variant"] == way and r["epochs"] == epochs]
            groups = [[r for r in own if r["budget"] == budget] for budget in dict.fromkeys(r["budget"] for r in own)]
            means = sorted((fmean(map(value, g)), fmean(float(r["nme_mean"]) for r in g)) for g in groups)
            axes.scatter(
                [value(r) for r in own], [r["nme_mean"] for r in own], color=stand_in(colour), marker=mark, alpha=0.35
            )
            label = way if len(lengths) == 1 else f"{way}, {epochs} epochs"
            if means:
                axes.plot(*zip(*means, strict=True), color=stand_in(colour), marker=mark, linestyle=dash, label=label)
        axes.set_xlim(left=0)
        axes.set_xlabel(axis)
        axes.set_ylabel("NME, %")

    return standalone(chart(f"budgets-{cost}", f"NME against {axis}", draw, legend=1))
