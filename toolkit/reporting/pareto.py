"""The plots that weigh accuracy against cost: latency, size and multiply-accumulates."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from toolkit.core.records import Fields
from toolkit.reporting.charts import Plot, chart, dot_labels, log_scale, stand_in
from toolkit.reporting.converted import MeasuredFile, timed
from toolkit.reporting.run import TITLES, DataSplit, Run
from toolkit.reporting.table import Column, Table, cell, mapping, number, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"float32": "teacher", "float16": "slim", "int8": "distil"}
MARKERS = {".tflite": "o", ".onnx": "s", ".mlpackage": "D"}
COMPETITORS = "XPH8d<>"
"""Shapes of other people's models, by their names."""
COLOURED = (
    "Files are blue in float32, green in float16, orange in int8; other people's models are gray, and so are files "
    "that were refused or replaced."
)
"""How to read the dots, whose names stand beside them."""
MAY_HAVE_SEEN = ("dlib",)
"""Peers that may have been trained on the test faces: dlib's author names 300-W, and none of its parts."""
HOLLOW = "A hollow one may have been trained on these faces."
_FILE = re.compile(r"(?P<stem>[^ ]+)\.(?P<suffix>tflite|onnx|mlpackage)(?: \((?P<engine>[^ )]+).*)?")
"""A file's name, and the engine that it ran on."""
LOG_FROM = 8.0
"""Costs that differ by more than this factor are shown on a logarithmic scale."""

LEAST_SPAN = 0.3
"""Of the error axis, as a share of the error: a smaller one would blow up differences that mean nothing."""


@dataclass(frozen=True, kw_only=True)
class Dot:
    """One model in a trade-off."""

    name: str
    colour: str
    marker: str
    cost: float
    nme: float
    high: float | None = None
    """The cost's 90th percentile."""
    hollow: bool = False
    """Whether it may have been trained on the faces that it is tried on."""
    counts: bool = True
    """Whether it can be chosen: it is no refused file, and no other than the run holds now."""


def latency(rows: Sequence[MeasuredFile], where: DataSplit) -> Plot | None:
    """NME against the time of one face, on one thread."""
    dots = []
    for row in timed([row for row in rows if number(row.record.get("nme_mean")) is not None], where):
        times = mapping(row.record.get("latency_ms"))
        spent, nme = number(times.get("cpu_median")), number(row.record.get("nme_mean"))
        median = spent or number(times.get("median"))
        if median is not None and nme is not None:
            dot = _file(row, median, nme, None if spent else number(times.get("p90")))
            engine = row.record.get("engine") or "engine not recorded"
            dots.append(replace(dot, name=f"{dot.name} ({engine})"))
    return _plot(
        dots,
        key="latency",
        title="Error against time",
        axis="milliseconds a face, one thread",
        scale=1.0,
        text="Each dot is a model on one engine: further left is faster, lower is more accurate. It is processor time, "
        "which other jobs do not lengthen; in older records it is time on the clock, with a whisker to the 90th "
        "percentile. The stepped line joins those that no other beats in both.",
    )


def size(run: Run, rows: Sequence[MeasuredFile], where: DataSplit) -> Plot | None:
    """NME against the size on disk, bundles included."""
    found = [*_bundles(run, where, "size_bytes"), *(
        _file(row, cost, nme)
        for row in rows
        if row.where == where
        and (cost := number(row.record.get("size_bytes"))) is not None
        and (nme := number(row.record.get("nme_mean"))) is not None
    )]  # fmt: skip
    return _plot(
        list(dict.fromkeys(found)),
        key="size",
        title="Error against size",
        axis="megabytes",
        scale=1e6,
        text="What a download costs: further left is smaller, lower is more accurate.",
    )


def macs(run: Run, rows: Sequence[MeasuredFile], where: DataSplit) -> Plot | None:
    """NME of the bundles, and of files whose graph was counted, against their multiply-accumulates."""
    found = [*_bundles(run, where, "macs_full"), *(
        _file(row, cost, nme)
        for row in rows
        if row.where == where
        and (cost := number(row.record.get("macs"))) is not None
        and (nme := number(row.record.get("nme_mean"))) is not None
    )]  # fmt: skip
    return _plot(
        list(dict.fromkeys(found)),
        key="macs",
        title="Error against arithmetic",
        axis="million multiply-accumulates a face",
        scale=1e6,
        text="What slimming saves and distillation wins back: further left is less arithmetic, lower is more accurate.",
    )


def _bundles(run: Run, where: DataSplit, key: str) -> list[Dot]:
    if run.compared:  # a stage's record does not say of which network
        return []
    dots = []
    markers = dict(zip(TITLES, "p^v*P", strict=True))
    for stage, title in TITLES.items():
        record: Fields = run.score(stage, where) or {}
        cost, nme = number(record.get(key)), number(record.get("nme_mean"))
        if cost is not None and nme is not None:
            dots.append(Dot(name=title, colour=stage, marker=markers[stage], cost=cost, nme=nme))
    return dots


def _file(row: MeasuredFile, cost: float, nme: float, high: float | None = None) -> Dot:
    name, precision = row.record.model, str(row.record.get("precision") or "other")
    suffix = PurePath(name).suffix
    if row.record.get("peer"):
        marker = COMPETITORS[sum(map(ord, name)) % len(COMPETITORS)]
        return Dot(
            name=name, colour="baseline", marker=marker, cost=cost, nme=nme, high=high, hollow=name in MAY_HAVE_SEEN
        )
    if row.refused or row.stale:
        return Dot(name=row.title, colour="faint", marker="X", cost=cost, nme=nme, high=high, counts=False)
    return Dot(
        name=row.title,
        colour=COLOURS.get(precision, "baseline"),
        marker=MARKERS.get(suffix, "X"),
        cost=cost,
        nme=nme,
        high=high,
    )


def frontier(dots: Sequence[Dot]) -> list[Dot]:
    """Those that no other beats in cost and error, by rising cost; refused files are left out."""
    best: list[Dot] = []
    for dot in sorted((d for d in dots if d.counts), key=lambda d: (d.cost, d.nme)):
        if not best or dot.nme < best[-1].nme:
            best.append(dot)
    return best


def _plot(dots: list[Dot], *, key: str, title: str, axis: str, scale: float, text: str) -> Plot | None:
    if not dots:
        return None
    columns = (Column(label="Model", numeric=False), Column(label=axis.capitalize()), Column(label="NME", unit="%"))
    rows = tuple((words(d.name), cell(d.cost, 2, scale=scale), cell(d.nme)) for d in sorted(dots, key=lambda d: d.cost))
    return Plot(
        title=title,
        words=" ".join([text, COLOURED, *([HOLLOW] if any(d.hollow for d in dots) else [])]),
        svg=chart(key, f"{title}: NME against {axis}", lambda axes: _draw(axes, dots, axis, scale)),
        table=Table(caption=title, columns=columns, rows=rows),
    )


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Names for a plot: of files, the words that are not alike in all of them, and the engine where it is not."""
    parts = {name: _FILE.fullmatch(name) for name in names}
    files = {name: found for name, found in parts.items() if found}
    stems = {name: found["stem"].split("-") for name, found in files.items()}
    alike = [len(set(words)) == 1 for words in zip(*stems.values(), strict=False)]
    shared = alike.index(False) if False in alike else 0
    telling = [key for key in ("suffix", "engine") if len({found[key] for found in files.values()}) > 1]
    short = {name: name.split(" (")[0] for name in names}
    for name, found in files.items():
        short[name] = " ".join([*stems[name][shared:], *(found[key] for key in telling if found[key])])
    return short


def _draw(axes: "Axes", dots: Sequence[Dot], axis: str, scale: float) -> None:
    best = frontier(dots)
    axes.step(
        [d.cost / scale for d in best], [d.nme for d in best], where="post", color=stand_in("faint"), linewidth=1.2
    )
    for dot in dots:
        if dot.high is not None:
            axes.plot([dot.cost / scale, dot.high / scale], [dot.nme] * 2, color=stand_in(dot.colour), linewidth=1.1)
        axes.scatter(
            [dot.cost / scale],
            [dot.nme],
            s=130 if dot.marker == "*" else 60,
            marker=dot.marker,
            facecolors="none" if dot.hollow else stand_in(dot.colour),
            edgecolors=stand_in(dot.colour if dot.hollow else "paper"),
            linewidths=1.4 if dot.hollow else 0.8,
            zorder=3,
        )
    costs = [d.cost for d in dots]
    if min(costs) > 0 and max(costs) / min(costs) > LOG_FROM:
        log_scale(axes, "x", [c / scale for c in costs])
    else:
        axes.set_xlim(0, 1.08 * max(d.high or d.cost for d in dots) / scale)
    middle = (min(d.nme for d in dots) + max(d.nme for d in dots)) / 2
    half = max(0.7 * (max(d.nme for d in dots) - min(d.nme for d in dots)), LEAST_SPAN * middle / 2) or 1.0
    axes.set_ylim(middle - half, middle + half)
    axes.set_xlabel(axis)
    axes.set_ylabel("NME, %")
    names = short_names([d.name for d in dots])
    order = sorted(dots, key=lambda d: (d not in best, d.nme))
    named = {names[d.name]: d for d in reversed(order)}  # one dot for each name: the engines that read a file are many
    dot_labels(axes, [(d.cost / scale, d.nme, name, stand_in(d.colour)) for name, d in reversed(named.items())])
