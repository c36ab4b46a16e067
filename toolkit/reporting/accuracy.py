"""The accuracy of the networks: what each costs and scores, where its error lies, and its error curve."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.core.arrays import FloatArray
from toolkit.core.metrics import LIMIT_10, ced
from toolkit.core.records import Fields, Record
from toolkit.reporting.charts import DASHES, Plot, chart, stand_in
from toolkit.reporting.run import TITLES, DataSplit, Run, data_split
from toolkit.reporting.table import (
    NOT_APPLICABLE,
    NOT_MEASURED,
    Cell,
    Column,
    Table,
    cell,
    mapping,
    number,
    words,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COSTS = ("params_full", "params_paper", "macs_full", "macs_paper")
SCORES = ("nme_mean", "nme_median", "fr8", "fr10", "auc10")
FIGURES = {
    "n": Column(label="Faces"),
    "nme_mean": Column(label="NME", unit="%, mean"),
    "nme_median": Column(label="NME", unit="%, median"),
    "fr8": Column(label="FR@8", unit="%"),
    "fr10": Column(label="FR@10", unit="%"),
    "auc10": Column(label="AUC@10", unit="%"),
}


@dataclass(frozen=True, kw_only=True)
class ErrorCurve:
    """A line of a CED plot."""

    name: str
    errors: FloatArray
    """(N,) in percent."""
    colour: str
    dashes: Any


def networks(run: Run, where: DataSplit | None) -> Table:
    """Cost and accuracy of every stage's bundle, and of predictors that look at no pixel."""
    found = {stage: _stage(run, stage, where) for stage in run.stages}
    rows = [row for row in found.values() if row is not None]
    missing = ", ".join(TITLES[stage].lower() for stage, row in found.items() if row is None)
    caption = f"Accuracy on {where}" if where else "Cost of every network; accuracy was not measured"
    for record in run.of_kind("baseline"):
        if data_split(record) == where:
            name = words(_name(record), note="looks at no pixel")
            rows.append(
                (name, *[NOT_APPLICABLE] * len(COSTS), *(cell(record.get(key)) for key in SCORES), _faces(record))
            )
    return Table(
        caption=caption + (f"; not there yet: {missing}" if missing else ""),
        columns=(
            Column(label="Network", numeric=False),
            Column(label="Parameters", unit="full"),
            Column(label="Parameters", unit="paper's count"),
            Column(label="MACs", unit="million, full"),
            Column(label="MACs", unit="million, paper's"),
            Column(label="NME", unit="%, mean"),
            Column(label="NME", unit="%, median"),
            Column(label="FR@8", unit="%"),
            Column(label="FR@10", unit="%"),
            Column(label="AUC@10", unit="%"),
            Column(label="Faces"),
        ),
        rows=tuple(rows),
    ).lean


def _stage(run: Run, stage: str, where: DataSplit | None) -> tuple[Cell, ...] | None:
    part, score = run.bundles.get(stage), run.score(stage, where) if where else None
    record: Fields = score or {}
    count = {key: getattr(part.complexity, key) for key in COSTS} if part else {}
    count |= {key: value for key, value in record.items() if key in COSTS and value is not None}
    if part is None and not record:
        return None
    note = "measured on other weights: evaluate again" if score and run.stale(score) else part.card.name if part else ""
    return (
        words(run.title(stage), note=note),
        *(cell(count.get(key), 0) for key in COSTS[:2]),
        *(cell(count.get(key), 1, scale=1e6) for key in COSTS[2:]),
        *(cell(record.get(key)) for key in SCORES),
        _faces(record),
    )


def _faces(record: Fields) -> Cell:
    unscored = record.get("n_unscored")
    count = cell(record.get("n"), 0)
    return replace(count, note=f"{unscored} more lack an eye corner") if unscored else count


def tables(run: Run, groups: Iterable[DataSplit]) -> list[Table]:
    """Both tables of every set, as far as there are any."""
    found = [make(run, where) for where in groups for make in (regions, subsets)]
    return [table for table in found if table is not None]


def regions(run: Run, where: DataSplit) -> Table | None:
    """Mean NME of every bundle and baseline by region; None where no record has regions."""
    records = _records(run, where)
    names = _names(records, "nme_regions")
    if not names:
        return None
    rows = []
    for record in records:
        found = mapping(record.get("nme_regions"))
        rows.append((words(_name(record)), *(cell(found.get(name)) for name in names), cell(record.get("nme_box"))))
    return Table(
        caption=f"NME by region, in percent, on {where}",
        columns=(
            Column(label="Network", numeric=False),
            *(Column(label=name.capitalize(), unit="all but contour" if name == "inner" else "") for name in names),
            Column(label="Whole face", unit="% of the box"),
        ),
        rows=tuple(rows),
    )


def subsets(run: Run, where: DataSplit) -> Table | None:
    """Scores of every bundle and baseline on each published subset; None where no record has subsets."""
    records = _records(run, where)
    names = _names(records, "subsets")
    if not names:
        return None
    rows = [
        (words(name.capitalize()), words(_name(record)), *_figures(record, name))
        for name in names
        for record in records
    ]
    return Table(
        caption=f"Scores by subset on {where}",
        columns=(Column(label="Subset", numeric=False), Column(label="Network", numeric=False), *FIGURES.values()),
        rows=tuple(rows),
    )


def _figures(record: Record, name: str) -> Iterable[Cell]:
    found = mapping(mapping(record.get("subsets")).get(name))
    # without a face that has both eye corners there is no figure to measure
    missing = NOT_APPLICABLE if found.get("n") == 0 else NOT_MEASURED
    return (cell(found.get(key), 0 if key == "n" else 2, missing=missing) for key in FIGURES)


def _records(run: Run, where: DataSplit) -> list[Record]:
    found = [record for stage in TITLES if (record := run.score(stage, where)) is not None]
    return found + [r for r in run.of_kind("baseline") if data_split(r) == where]


def _names(records: list[Record], key: str) -> list[str]:
    return list(dict.fromkeys(str(name) for record in records for name in mapping(record.get(key))))


def curves(run: Run, where: DataSplit) -> Plot | None:
    """CED curves of the bundles and of the baselines on one set."""
    found = [r for s in TITLES if (r := run.score(s, where)) is not None]
    found += [r for r in run.of_kind("baseline") if data_split(r) == where]
    dashed = [DASHES["baseline"], (0, (1, 1.6)), (0, (6, 2))]
    lines: list[ErrorCurve] = []
    for record in found:
        errors = errors_of(record)
        stage = str(record["model"]) if record["model"] in TITLES else "baseline"
        dashes = dashed[len(lines) % len(dashed)] if stage == "baseline" else DASHES[stage]
        if len(errors):
            lines.append(ErrorCurve(name=_name(record), errors=errors, colour=stage, dashes=dashes))
    return ced_plot(
        lines,
        key="ced",
        title="How many faces are how good (CED)",
        text="For every error on the horizontal axis, the share of faces that are at least as good. A curve nearer to "
        "the upper left is better; what is missing from 100 % at the right end failed (FR@10), and the share of the "
        "plot below a curve is AUC@10.",
        caption=f"Share of faces, in percent, with an NME of at most ... on {where}",
        legend=3,
    )


def ced_plot(lines: Sequence[ErrorCurve], *, key: str, title: str, text: str, caption: str, legend: int) -> Plot | None:
    """Cumulative error distributions in one plot; None without a line."""
    if not lines:
        return None

    def draw(axes: "Axes") -> None:
        for line in lines:
            x, share = ced(line.errors / 100)
            axes.plot(100 * x, 100 * share, color=stand_in(line.colour), linestyle=line.dashes, label=line.name)
        axes.set_xlim(0, 100 * LIMIT_10)
        axes.set_ylim(0, 100)
        axes.set_xlabel("NME of a face, %")
        axes.set_ylabel("faces at or below it, %")

    limits = range(1, round(100 * LIMIT_10) + 1)
    rows = tuple((words(n.name), *(cell(100 * float((n.errors <= x).mean()), 1) for x in limits)) for n in lines)
    columns = (Column(label="Model", numeric=False), *(Column(label=f"{x} %") for x in limits))
    return Plot(
        title=title,
        words=text,
        svg=chart(key, "Cumulative error distribution, one curve a model", draw, legend=legend),
        table=Table(caption=caption, columns=columns, rows=rows),
    )


def errors_of(record: Record) -> FloatArray:
    """The errors in percent of the faces that have one."""
    values = record.get("errors_percent")
    numbers = [number(v) for v in values] if isinstance(values, list) else []
    return np.array([v for v in numbers if v is not None], dtype=np.float64)


def _name(record: Record) -> str:
    model = str(record.get("model"))
    return TITLES.get(model, model[:1].upper() + model[1:])
