"""Error against cost over a family of networks, as a plot of its own (the paper's figure 6)."""

from collections.abc import Callable, Sequence
from statistics import fmean
from types import MappingProxyType
from typing import TYPE_CHECKING

from toolkit.core.records import Fields
from toolkit.reporting.chart import chart, standalone
from toolkit.reporting.palette import stand_in

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


def plots(records: Sequence[Fields]) -> dict[str, str]:
    """An SVG file's text by its name: error against each cost on the test faces, of a family and of budgets."""
    family, cuts = ([r for r in records if r["kind"] == kind and r["split"] == "test"] for kind in ("sweep", "budget"))
    drawn = {f"error-{cost}.svg": curve(family, cost) for cost in COSTS} if family else {}
    return drawn | ({f"budgets-{cost}.svg": _budgets(cuts, cost) for cost in BUDGETS} if cuts else {})


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
        for across, up, budget in dots:
            name = "supernet" if budget == 1 else f"{budget:g}"
            axes.annotate(name, (across, up), (4, 6), textcoords="offset points", color=stand_in("muted"))
        axes.set_xlim(0, 1.12 * max(x))
        axes.margins(y=0.2)
        axes.set_xlabel(axis)
        axes.set_ylabel("NME, %")

    return standalone(chart(f"sweep-{cost}", f"NME against {axis}", draw))


BUDGETS: MappingProxyType[str, tuple[str, Callable[[Fields], float]]] = MappingProxyType(
    {
        "operations": ("operations of the float32 file", lambda record: float(record["operations"])),
        "int8": ("milliseconds a face, int8, one thread", lambda record: call_ms(record, "int8_latency_ms")),
    }
)
"""As COSTS, for networks of budgets of operations."""
WAYS = (("edges", "supernet", "o"), ("edges and layers", "slim", "s"), ("edges, layers and channels", "distil", "^"))
"""What goes, its colour and its mark."""


def _budgets(records: Sequence[Fields], cost: str) -> str:
    """A line for what goes, the mean of all seeds, whose own results are faint."""
    axis, value = BUDGETS[cost]

    def draw(axes: "Axes") -> None:
        for way, colour, mark in WAYS:
            own = [r for r in records if r["variant"] == way]
            groups = [[r for r in own if r["budget"] == budget] for budget in dict.fromkeys(r["budget"] for r in own)]
            means = sorted((fmean(map(value, g)), fmean(float(r["nme_mean"]) for r in g)) for g in groups)
            axes.scatter(
                [value(r) for r in own], [r["nme_mean"] for r in own], color=stand_in(colour), marker=mark, alpha=0.35
            )
            if means:
                axes.plot(*zip(*means, strict=True), color=stand_in(colour), marker=mark, label=way)
        axes.set_xlim(left=0)
        axes.set_xlabel(axis)
        axes.set_ylabel("NME, %")

    return standalone(chart(f"budgets-{cost}", f"NME against {axis}", draw, legend=1))
