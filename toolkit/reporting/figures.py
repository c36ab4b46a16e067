"""The plots of accuracy: each is a drawing, a sentence for a learner, and its numbers as a table."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.core.metrics import LIMIT_10, ced
from toolkit.core.records import Record
from toolkit.reporting.chart import chart, end_labels, log_scale
from toolkit.reporting.palette import stand_in
from toolkit.reporting.run import TITLES, Group, Run, group
from toolkit.reporting.table import Column, Table, cell, mapping, number, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DASHES: dict[str, Any] = {
    "teacher": "-",
    "supernet": (0, (5, 2)),
    "slim": (0, (1, 1.6)),
    "distil": "-",
    "baseline": (0, (4, 2, 1, 2)),
}


@dataclass(frozen=True, kw_only=True)
class Plot:
    """One figure of the page."""

    title: str
    words: str
    """What it shows and how to read it, for someone who has not seen one."""
    svg: str
    table: Table


def validation(run: Run) -> Plot | None:
    """Validation NME after every epoch of every trained stage."""
    lines: list[tuple[str, str, list[float], list[float]]] = []
    for stage, part in run.parts.items():
        for name in dict.fromkeys(key[4:] for record in part.log for key in record if key.startswith("val_")):
            found = [(number(r.get("epoch")), number(mapping(r.get(f"val_{name}")).get("nme_mean"))) for r in part.log]
            pairs = [(x, y) for x, y in found if x is not None and y is not None and y > 0]
            if pairs:
                title = TITLES[stage] if name == stage else f"{TITLES[stage]}, {name.replace('peer', 'peer ')}"
                lines.append((stage, title, [x for x, _ in pairs], [y for _, y in pairs]))
    if not lines:
        return None

    def draw(axes: "Axes") -> None:
        for index, (stage, title, x, y) in enumerate(lines):
            second = index > 0 and lines[index - 1][0] == stage
            dashes = (0, (3, 1.5)) if second else DASHES[stage]
            dot = "o" if len(x) == 1 else None
            axes.plot(x, y, color=stand_in(stage), linestyle=dashes, marker=dot, label=title)
        log_scale(axes, "y", [v for _, _, _, y in lines for v in y])
        axes.set_xlabel("epoch")
        axes.set_ylabel("validation NME, %")
        end_labels(axes, [(x[-1], y[-1], f"{y[-1]:.2f}", stand_in(stage)) for stage, _, x, y in lines])

    rows = tuple((words(title), cell(x[-1], 0), *(cell(v) for v in (y[0], min(y), y[-1]))) for _, title, x, y in lines)
    moments = [Column(label=label, unit="NME %") for label in ("After the first", "Lowest", "After the last")]
    columns = (Column(label="Network", numeric=False), Column(label="Epochs"), *moments)
    return Plot(
        title="Error while training",
        words="After each pass over the training faces (an epoch) every network is tried on validation faces that it "
        "never learns from; lower is better. The scale is logarithmic: equal steps are equal ratios.",
        svg=chart("validation", "Validation NME after each epoch, one line a network", draw, legend=2),
        table=Table(caption="Validation NME of each network", columns=columns, rows=rows),
    )


def curves(run: Run, where: Group) -> Plot | None:
    """CED curves of the bundles and of the baselines on one set."""
    found = [r for s in TITLES if (r := run.score(s, where)) is not None]
    found += [r for r in run.of_kind("baseline") if group(r) == where]
    lines = [(r, e) for r in found if len(e := errors_of(r)) > 0]
    if not lines:
        return None

    def draw(axes: "Axes") -> None:
        dashed = [DASHES["baseline"], (0, (1, 1.6)), (0, (6, 2))]
        for index, (record, errors) in enumerate(lines):
            stage = str(record["model"]) if record["model"] in TITLES else "baseline"
            dashes = dashed[index % len(dashed)] if stage == "baseline" else DASHES[stage]
            x, share = ced(errors / 100)
            axes.plot(100 * x, 100 * share, color=stand_in(stage), linestyle=dashes, label=_name(record))
        axes.set_xlim(0, 100 * LIMIT_10)
        axes.set_ylim(0, 100)
        axes.set_xlabel("NME of a face, %")
        axes.set_ylabel("faces at or below it, %")

    limits = range(1, round(100 * LIMIT_10) + 1)
    rows = tuple((words(_name(r)), *(cell(100 * float((e <= x).mean()), 1) for x in limits)) for r, e in lines)
    return Plot(
        title="How many faces are how good (CED)",
        words="For every error on the horizontal axis, the share of faces that are at least as good. A curve nearer to "
        "the upper left is better; what is missing from 100 % at the right end failed (FR@10), and the share of the "
        "plot below a curve is AUC@10.",
        svg=chart("ced", "Cumulative error distribution, one curve a model", draw, legend=3),
        table=Table(
            caption=f"Share of faces, in percent, with an NME of at most ... on {where[0]}, {where[1]}",
            columns=(Column(label="Model", numeric=False), *(Column(label=f"{x} %") for x in limits)),
            rows=rows,
        ),
    )


def errors_of(record: Record) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """The errors in percent of the faces that have one."""
    values = record.get("errors_percent")
    numbers = [number(v) for v in values] if isinstance(values, list) else []
    return np.array([v for v in numbers if v is not None], dtype=np.float64)


def _name(record: Record) -> str:
    model = str(record.get("model"))
    return TITLES.get(model, model[:1].upper() + model[1:])
