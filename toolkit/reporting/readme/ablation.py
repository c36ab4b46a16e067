"""What an ingredient gives: a row a variant, over its seeds, as tables and as a plot."""

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.core.files import check_file_name
from toolkit.core.records import Record
from toolkit.reporting.charts import chart, log_scale, stand_in, standalone
from toolkit.reporting.table import TextTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKS = (("slim", "o"), ("distil", "s"), ("teacher", "^"))
"""Colour and shape of the dots for clean faces and for the first two conditions."""
ROW_IN = 0.32


def ablations(records: Sequence[Record]) -> list[TextTable]:
    """A title, a header and rows for every ablation and split among the records; clean faces, then corrupted ones."""
    return [_table(ablation, own) for ablation, _, own in _groups(records)]


def plots(records: Sequence[Record]) -> dict[str, str]:
    """An SVG file's text by its name, for every ablation and split that was repeated with several seeds.

    Raises:
        ValueError: a record's ablation or split cannot be part of a file's name.
    """
    drawn = {}
    for ablation, split, own in _groups(records):
        if len({r["seed"] for r in own}) > 1:
            graded = len(_conditions(own)) >= len(MARKS) >= len(_variants(own))
            name = f"{ablation}-{split}.svg"
            check_file_name(name)
            drawn[name] = (_lines if graded else _dots)(f"{ablation}-{split}", own)
    return drawn


def _groups(records: Sequence[Record]) -> Iterator[tuple[str, str, list[Record]]]:
    kinds = dict.fromkeys((r["ablation"], r["split"], r["data"]) for r in records if r["kind"] == "ablation")
    for ablation, split, data in kinds:
        own = [r for r in records if r.get("ablation") == ablation and (r["split"], r["data"]) == (split, data)]
        yield ablation, split, own


def _table(ablation: str, own: list[Record]) -> TextTable:
    conditions = _conditions(own)
    epochs = sorted({r["epochs"] for r in own})
    first = own[0]
    length = f"{first['epochs']} epochs each, " if len(epochs) == 1 else ""
    title = f"NME in percent on {first['data']}; {length}at {first['input_px']} px."
    columns: list[tuple[str, Any]] = [("seeds", lambda mine: str(len(mine)))]
    if not length:
        columns.append(("epochs", lambda mine: str(mine[0]["epochs"])))
    columns.append(("clean", lambda mine: spread([r["nme_mean"] for r in mine])))
    if any(r.get("against") for r in own):
        title += _explained(own)
        columns.append(("change", lambda mine: _change(mine, own)))
    if len(conditions) > len(MARKS) - 1:
        columns.append(("corruptions, mean", lambda mine: spread([_corrupted(r) for r in mine])))
    for name in conditions:
        columns.append((name, lambda mine, name=name: spread([r["battery"][name] for r in mine])))
    rows = []
    for variant in _variants(own):
        mine = [r for r in own if r["variant"] == variant]
        rows.append([variant, *(column(mine) for _, column in columns)])
    return TextTable(title, [ablation, *(name for name, _ in columns)], rows)


def _variants(records: Sequence[Record]) -> list[str]:
    return list(dict.fromkeys(r["variant"] for r in records))


def _conditions(records: Sequence[Record]) -> list[str]:
    return [name for name in records[0]["battery"] if all(name in r["battery"] for r in records)]


def _explained(records: Sequence[Record]) -> str:
    """What the changes are measured against."""
    bases = {r["variant"]: r["against"] for r in records if r.get("against")}
    usual = Counter(bases.values()).most_common(1)[0][0]
    others = "".join(f"; of *{variant}*, against *{base}*" for variant, base in bases.items() if base != usual)
    return f" Change: of the clean NME against *{usual}* of the same seed{others}."


def _change(mine: Sequence[Record], every: Sequence[Record]) -> str:
    """Relative change of the clean NME, seed by seed."""
    base = {r["seed"]: r["nme_mean"] for r in every if r["variant"] == mine[0].get("against")}
    changes = [100 * (r["nme_mean"] / base[r["seed"]] - 1) for r in mine if r["seed"] in base]
    if not changes:
        return ""
    deviation = f" ± {statistics.stdev(changes):.1f}" if len(changes) > 1 else ""
    return f"{statistics.mean(changes):+.1f}{deviation} %".replace("-", "\N{MINUS SIGN}")


def spread(values: Sequence[float]) -> str:
    """The mean, and over several seeds the standard deviation."""
    mean = f"{statistics.mean(values):.2f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.2f}"


def _points(records: list[Record], variants: list[str], series: list[str]) -> dict[str, list[tuple[float, float]]]:
    """Mean and standard deviation over the seeds: for clean faces and each condition, one a variant."""
    points: dict[str, list[tuple[float, float]]] = {}
    for name in series:
        for variant in variants:
            mine = [r for r in records if r["variant"] == variant]
            values = [r["nme_mean"] if name == "clean" else r["battery"][name] for r in mine]
            deviation = statistics.stdev(values) if len(values) > 1 else 0.0
            points.setdefault(name, []).append((statistics.mean(values), deviation))
    return points


def _lines(key: str, records: list[Record]) -> str:
    """A line a variant over clean faces and all conditions, in the records' order, for a few variants."""
    variants, series = _variants(records), ["clean", *_conditions(records)]
    points = _points(records, variants, series)

    def draw(axes: "Axes") -> None:
        places = range(len(series))
        for i, (variant, (colour, shape)) in enumerate(zip(variants, MARKS, strict=False)):
            means, deviations = zip(*(points[name][i] for name in series), strict=True)
            axes.errorbar(
                places, means, yerr=deviations, fmt=f"{shape}-", color=stand_in(colour), capsize=3, label=variant
            )
        axes.set_xticks(places, series)
        axes.set_ylabel("NME, %")
        axes.set_ylim(0)

    label = f"NME of {len(variants)} variants under {len(series)} conditions, mean and standard deviation over seeds"
    return standalone(chart(f"ablation-{key}", label, draw, legend=len(variants), size_in=(7.2, 3.6)))


def _dots(key: str, records: list[Record]) -> str:
    """A row of dots a variant, with its standard deviation over seeds: clean faces and the first conditions."""
    variants = _variants(records)
    series = ["clean", *_conditions(records)[: len(MARKS) - 1]]
    points = _points(records, variants, series)

    def draw(axes: "Axes") -> None:
        rows = range(len(variants))
        for name, (colour, shape) in zip(series, MARKS, strict=False):
            means, deviations = zip(*points[name], strict=True)
            axes.errorbar(
                means, rows, xerr=deviations, fmt=shape, color=stand_in(colour), markersize=6, capsize=3, label=name
            )
        log_scale(axes, "x", [mean for found in points.values() for mean, _ in found])
        axes.set_yticks(rows, variants)
        axes.invert_yaxis()
        axes.set_xlabel("NME, %")

    label = f"NME of {len(variants)} variants, mean and standard deviation over seeds"
    size_in = (7.2, 1.1 + ROW_IN * len(variants))
    return standalone(chart(f"ablation-{key}", label, draw, legend=len(series), size_in=size_in))


def _corrupted(record: Record) -> float:
    """Mean NME over all corruptions, in percent."""
    return float(statistics.mean(record["battery"].values()))
