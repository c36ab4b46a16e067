"""Corruption robustness and flicker: a plot for each condition, and how much points tremble over time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from toolkit.core.records import Fields, Record
from toolkit.reporting.charts import Plot, chart, stand_in
from toolkit.reporting.comparison import LINES
from toolkit.reporting.run import DataSplit, Run, behind, data_split
from toolkit.reporting.table import Cell, Column, Table, cell, mapping, number, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHAPES = "osD^vP"
SIZE_IN = (4.4, 2.9)
LONG, LINE_IN = 28, 0.2
"""Letters of a name from which on two do not fit side by side into a legend, whose lines are then so high."""
WORDS = {
    "box jitter": "The box is moved and scaled at random, in multiples of what MediaPipe's detector errs by.",
    "scale": "The box is too wide or too narrow, so that the face is shown smaller or larger.",
    "rotation": "The picture is turned to either side, and the box stays upright.",
    "blur": "Out of focus.",
    "motion": "A hand that shook while it was taken.",
    "low resolution": "Fewer pixels, sampled and not averaged.",
    "noise": "Few photons: a sensor's noise; their number falls to the right.",
    "compression": "Strong compression by WebP; quality falls to the right.",
    "darkness": "Less light, with the noise that comes with it.",
    "shadow": "Shadows in patches, as of leaves.",
    "occlusion": "A thing of irregular outline in front of the face, at a random place.",
    "face mask": "A pleated mask over nose and mouth.",
}


def groups(run: Run) -> list[DataSplit]:
    """The sets that robustness was measured on."""
    return list(dict.fromkeys(data_split(r) for r in run.of_kind("robustness")))


def plots(run: Run, where: DataSplit) -> list[Plot]:
    """One for each condition, every model a line over its levels."""
    records = [r for r in run.of_kind("robustness") if data_split(r) == where][: len(LINES)]
    names = dict.fromkeys(n for r in records for n in mapping(r.get("conditions")))
    return [_plot(run, records, name) for name in names if len(_values(records[0], name)[0])]


def _values(record: Record, name: str) -> tuple[list[float], list[float]]:
    """Levels and their NME."""
    own = mapping(mapping(record.get("conditions")).get(name))
    levels, errors = own.get("levels"), own.get("nme_mean")
    pairs = zip(levels, errors, strict=True) if isinstance(levels, list) and isinstance(errors, list) else ()
    found = [(x, y) for x, y in pairs if number(x) is not None and number(y) is not None]
    return [x for x, _ in found], [y for _, y in found]


def _plot(run: Run, records: Sequence[Record], name: str) -> Plot:
    levels, _ = _values(records[0], name)
    unit = str(mapping(mapping(records[0].get("conditions")).get(name)).get("unit") or "")

    def draw(axes: "Axes") -> None:
        places = range(len(levels) + 1)
        for record, (colour, dashes), shape in zip(records, LINES, SHAPES, strict=False):
            plain, errors = number(record.get("nme_plain")), _values(record, name)[1]
            start = float("nan") if plain is None else plain
            style: dict[str, Any] = {"color": stand_in(colour), "linestyle": dashes, "marker": shape, "markersize": 5}
            axes.plot(places, [start, *errors], label=run.named(record), **style)
        axes.set_xticks(places, ["plain", *(f"{level:g}" for level in levels)])
        axes.set_ylim(bottom=0)
        axes.set_xlabel(f"{name}, {unit}")
        axes.set_ylabel("NME, %")

    columns = (
        Column(label="Model", numeric=False),
        Column(label="Plain"),
        *(Column(label=f"{level:g}", unit=unit) for level in levels),
    )
    rows = tuple(
        (words(run.named(r)), cell(r.get("nme_plain")), *(cell(v) for v in _values(r, name)[1])) for r in records
    )
    key, label = f"robustness-{name.replace(' ', '-')}", f"NME against {name}"
    long = max(len(run.named(r)) for r in records) > LONG
    size_in = (SIZE_IN[0], SIZE_IN[1] + long * LINE_IN * (len(records) // 2))
    return Plot(
        title=name[:1].upper() + name[1:],
        words=WORDS.get(name, ""),
        svg=chart(key, label, draw, legend=1 if long else 2, size_in=size_in),
        table=Table(caption=f"NME in percent under {name}", columns=columns, rows=rows),
    )


def behind_detectors(run: Run, where: DataSplit) -> Table | None:
    """The same pictures, each model behind its own detector, at each condition's middle level; misses count."""
    records = [r for r in run.of_kind("robustness") if data_split(r) == where and r.get("own_detector")]
    if not records:
        return None
    names = list(dict.fromkeys(n for r in records for n in mapping(mapping(r["own_detector"]).get("conditions"))))
    rows = tuple(
        (words(name or "plain"), *(c for r in records for c in _behind(mapping(r["own_detector"]), name)))
        for name in ("", *names)
    )
    heads = ((run.named(r), unit) for r in records for unit in ("NME, % of those found", "% not found or above 10 %"))
    return Table(
        caption=f"Under corruptions, each {behind(records)}",
        columns=(Column(label="Condition", numeric=False), *(Column(label=t, unit=unit) for t, unit in heads)),
        rows=rows,
    )


def _behind(own: Fields, name: str) -> tuple[Cell, Cell]:
    """NME and failures of one model under a condition's middle level, or on plain faces."""
    scores = mapping(mapping(own.get("conditions")).get(name)) if name else mapping(own.get("plain"))
    return cell(scores.get("nme_mean")), cell(scores.get("failed_percent"), 1)


def flicker(run: Run, where: DataSplit) -> Table | None:
    """How much points tremble between frames, with nothing smoothed."""
    records = [r for r in run.of_kind("robustness") if data_split(r) == where and r.get("flicker_percent")]
    if not records:
        return None
    kinds = list(dict.fromkeys(kind for r in records for kind in mapping(r["flicker_percent"])))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            words(run.named(r)),
            *(cell(mapping(r["flicker_percent"]).get(kind), 3) for kind in kinds),
            cell(r.get("clips"), 0),
        )
        for r in records
    )
    columns = (Column(label="Model", numeric=False), *(Column(label=k.capitalize(), unit="%") for k in kinds))
    return Table(
        caption="Flicker, % of the eye distance a frame",
        columns=(*columns, Column(label="Clips", unit="of each kind")),
        rows=rows,
    )
