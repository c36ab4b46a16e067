"""The plots of the search: how the importance factors moved, and what slimming made of them."""

from typing import TYPE_CHECKING

import numpy as np

from toolkit.models.spec import Body, Gated, SuperNetSpec
from toolkit.reporting.charts import Plot, bent_scale, chart, stand_in
from toolkit.reporting.run import BundleSummary, Run
from toolkit.reporting.table import Column, Table, cell, number, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TABLE_EPOCHS = 8
"""Columns of the table of importance factors; the plot shows every epoch."""
BINS = 33
SMALL = 0.2
"""Factors that end below this share of their largest value are shown on a scale that is logarithmic beyond a band."""
ZOOM = " The scale is linear around 0 and logarithmic beyond, since the factors end far below where they started."
_FATE = {"kept": "kept", "dropped": "dropped", "dead": "led nowhere", "open": "not yet slimmed"}
_COLOUR = {"open": "supernet"}


def trajectories(run: Run) -> Plot | None:
    """Importance factors of the supernet after every epoch."""
    return history_of(run.bundles.get("supernet"), fate(run) if "supernet" in run.bundles else [], threshold(run))


def history_of(part: BundleSummary | None, fates: list[str], limit: float | None) -> Plot | None:
    """Importance factors of a supernet after every epoch, each by its fate; None where its log has none."""
    history = [r for r in part.log if isinstance(r.get("alpha"), list)] if part else []
    gated = getattr(part.spec, "gated", ()) if part else ()
    if not history or any(len(r["alpha"]) != len(gated) for r in history):
        return None
    alphas = np.array([r["alpha"] for r in history], dtype=np.float64)  # (epochs, edges)
    epochs = [r.get("epoch", i + 1) for i, r in enumerate(history)]
    largest = float(np.abs(alphas[-1]).max())
    near = limit or largest / 10
    zoomed = near > 0 and largest < SMALL * np.abs(alphas).max()

    def draw(axes: "Axes") -> None:
        for kind in ("dropped", "dead", "open", "kept"):
            columns = [i for i, f in enumerate(fates) if f == kind]
            if columns:
                colour = stand_in(_COLOUR.get(kind, kind))
                axes.plot(epochs, alphas[:, columns], color=colour, linewidth=0.8, alpha=0.6)
                axes.plot([], [], color=colour, label=f"{_FATE[kind]} ({len(columns)})")
        if limit is not None:
            axes.axhspan(-limit, limit, color=stand_in("baseline"), alpha=0.25, linewidth=0)
        if zoomed:
            bent_scale(axes, near, alphas.min(), alphas.max())
        axes.set_xlabel("epoch")
        axes.set_ylabel("alpha")

    picked = sorted({round(i) for i in np.linspace(0, len(history) - 1, min(TABLE_EPOCHS, len(history)))})
    rows = tuple(
        (words(one.name), words(_FATE[fates[i]]), *(cell(float(alphas[e, i]), 4) for e in picked))
        for i, one in enumerate(gated)
    )
    names = (Column(label="Operation", unit="stage.from to branch", numeric=False), Column(label="Fate", numeric=False))
    columns = (*names, *(Column(label=f"Epoch {epochs[e]}") for e in picked))
    return Plot(
        title="Importance factors while training",
        words="Every connection of the supernet is multiplied by a learned factor, alpha, that starts at 1. The L1 "
        "penalty pulls all of them towards 0, and the landmarks hold on to those they need. The grey band, where there "
        "is one, is the threshold of slimming." + (ZOOM if zoomed else ""),
        svg=chart("alpha", "Importance factor of every operation and layer after each epoch", draw, legend=2),
        table=Table(caption="Importance factors by epoch", columns=columns, rows=rows),
    )


def fate(run: Run) -> list[str]:
    """What slimming did with each operation: kept, dropped (below the threshold) or dead (its path led nowhere)."""
    part, slim = run.bundles["supernet"], run.bundles.get("slim")
    assert part.alpha is not None
    if slim is None:
        return ["open"] * len(part.alpha)
    assert isinstance(part.spec, SuperNetSpec) and isinstance(slim.spec, SuperNetSpec)
    kept = {edge.name for edge in slim.spec.edges}
    blocks = {(1, 0), *((stage, k) for stage in range(2, slim.spec.stages) for k in slim.spec.branches(stage))}
    limit = threshold(run)

    def of(one: Gated, low: bool) -> str:
        if isinstance(one, Body):  # those that are left are counted anew: a body stays unless it or its block went
            there = (one.stage, one.branch) in blocks and not (low and limit is not None)
        else:
            there = one.name in kept
        return "kept" if there else "dropped" if low else "dead"

    return [
        of(one, limit is None or abs(alpha) < limit) for one, alpha in zip(part.spec.gated, part.alpha, strict=True)
    ]


def threshold(run: Run) -> float | None:
    """The |alpha| below which slimming dropped an operation; None where it went by another importance."""
    slim = run.bundles.get("slim")
    if slim is None or slim.card.config.get("importance", "alpha") != "alpha":
        return None
    return number(slim.card.config.get("threshold"))


def histogram(run: Run) -> Plot | None:
    """The final importance factors, and where the threshold fell."""
    part = run.bundles.get("supernet")
    if part is None or not part.alpha:
        return None
    values = np.abs(part.alpha)
    fates = np.array(fate(run))
    limit = threshold(run)
    kinds = [kind for kind in ("kept", "open", "dead", "dropped") if (fates == kind).any()]
    top = float(values.max()) or 1.0
    edges = np.linspace(0, top, BINS + 1)
    hatches = {"kept": None, "open": None, "dead": "....", "dropped": "////"}

    def draw(axes: "Axes") -> None:
        base = np.zeros(BINS)
        for kind in kinds:
            height = np.histogram(values[fates == kind], edges)[0]
            colour, count = stand_in(_COLOUR.get(kind, kind)), int((fates == kind).sum())
            axes.bar(
                edges[:-1], height, np.diff(edges) * 0.9, base, align="edge", label=f"{_FATE[kind]} ({count})",
                facecolor=colour if kind in ("kept", "open") else "none", edgecolor=colour, linewidth=0.8,
                hatch=hatches[kind],
            )  # fmt: skip
            base += height
        if limit is not None:
            axes.axvline(
                limit, color=stand_in("ink"), linewidth=1.2, linestyle=(0, (4, 2)), label=f"threshold {limit:.4g}"
            )
        axes.grid(visible=False, axis="x")
        axes.set_xlabel("|alpha| at the end")
        axes.set_ylabel("operations")

    shares = [(name, (fates == name)) for name in kinds]
    rows = tuple(
        (
            words(_FATE[name]),
            cell(int(chosen.sum()), 0),
            *(cell(float(f(values[chosen])), 4) for f in (np.min, np.median, np.max)),
        )
        for name, chosen in shares
    )
    return Plot(
        title="Importance factors at the end",
        words="How many operations ended with which factor. Slimming drops those left of the threshold, and then every "
        "operation whose path leads nowhere any more.",
        svg=chart("histogram", "Histogram of the final importance factors", draw, legend=2),
        table=Table(
            caption="Final importance factors by what became of the operation",
            columns=(
                Column(label="Operations", numeric=False), Column(label="Number"),
                *(Column(label=f"{which} |alpha|") for which in ("Lowest", "Median", "Highest")),
            ),
            rows=rows,
        ),
    )  # fmt: skip
