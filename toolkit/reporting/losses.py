"""The plot of what training minimised: every term of every stage's loss, epoch by epoch."""

import statistics
from typing import TYPE_CHECKING, Any

from toolkit.core.records import Fields
from toolkit.reporting.chart import chart, log_scale
from toolkit.reporting.figures import Plot
from toolkit.reporting.palette import stand_in
from toolkit.reporting.run import TITLES, Run
from toolkit.reporting.table import Column, Table, cell, number, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TERMS = {"mse": "squared error", "l1": "L1 on the factors", "peers": "from the peers", "teacher": "from the teacher"}
DASHES: dict[str, Any] = {"mse": "-", "l1": (0, (1, 1.6)), "peers": (0, (5, 2)), "teacher": (0, (1, 1.6))}


def losses(run: Run) -> Plot | None:
    """Every term's mean over each epoch; of two peers, the mean of both."""
    lines: list[tuple[str, str, list[float], list[float]]] = []
    for stage, part in run.parts.items():
        for term in TERMS:
            found = [(number(record.get("epoch")), _value(record, term)) for record in part.log]
            pairs = [(x, y) for x, y in found if x is not None and y is not None and y > 0]
            if pairs:
                lines.append((stage, term, [x for x, _ in pairs], [y for _, y in pairs]))
    if not lines:
        return None

    def draw(axes: "Axes") -> None:
        for stage, term, x, y in lines:
            dot = "o" if len(x) == 1 else None
            axes.plot(x, y, color=stand_in(stage), linestyle=DASHES[term], marker=dot, label=_title(stage, term))
        log_scale(axes, "y", [value for _, _, _, y in lines for value in y])
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss")

    columns = (Column(label="Term", numeric=False), Column(label="After the first"), Column(label="After the last"))
    rows = tuple((words(_title(stage, term)), cell(y[0], 6), cell(y[-1], 6)) for stage, term, _, y in lines)
    return Plot(
        title="What training minimised",
        words="The mean of each term of the loss over an epoch, as it is weighted in the sum. Heatmaps are mostly "
        "zeros, hence the small squared error from the start; how it falls is what counts. The scale is logarithmic.",
        svg=chart("losses", "Terms of the loss after each epoch, one line a term", draw, legend=2),
        table=Table(caption="Terms of the loss", columns=columns, rows=rows),
    )


def _title(stage: str, term: str) -> str:
    return f"{TITLES[stage]}: {TERMS[term]}"


def _value(record: Fields, term: str) -> float | None:
    """A term in the pass over the weights, or, where it is not in it, in the pass over the factors."""
    for passed in ("weights", "alpha"):
        values = [number(v) for k, v in record.items() if k.startswith(f"{passed}_") and k.endswith(f"_{term}")]
        known = [value for value in values if value is not None]
        if known:
            return statistics.mean(known)
    return None
