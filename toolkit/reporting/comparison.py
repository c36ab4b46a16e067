"""Every model beside its competitors: tables of one benchmark, and their error curves."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.core.records import Fields, Record
from toolkit.reporting.accuracy import FIGURES, ErrorCurve, ced_plot, errors_of
from toolkit.reporting.charts import Plot
from toolkit.reporting.converted import threads_note
from toolkit.reporting.run import OWN_DETECTOR, DataSplit, Run, behind, data_split
from toolkit.reporting.table import NOT_APPLICABLE, Cell, Column, Table, cell, headings, mapping, number, size, words

if TYPE_CHECKING:
    pass

LINES = (("distil", "-"), ("teacher", (0, (5, 2))), ("supernet", (0, (4, 2, 1, 2))), ("baseline", (0, (1, 1.6))),
         ("slim", (0, (6, 2))), ("ink", (0, (2, 1))))  # fmt: skip
"""Colour and dashes of one curve after the other."""
Title = Callable[[Record], str]
"""What to call a record's model."""
ALIKE = 0.25
"""Mean difference of a face's NME, in percentage points, below which two files are of one network."""


def tables(run: Run, groups: Iterable[DataSplit]) -> list[Table]:
    """All tables of the groups that were benchmarked; none for records from before boxes were told apart."""
    found = []
    for where in groups:
        same, own = of(run, where, "same boxes"), of(run, where, OWN_DETECTOR)
        found += [side_by_side(same, where, run.named), stages(same, run.named)] if same else []
        found += [behind_detectors(own, where, run.named)] if own else []
        found += [regions(same, where, run.named), *subsets(same, where, run.named)] if same else []
    return [table for table in found if table is not None]


def of(run: Run, where: DataSplit, boxes: str) -> list[Record]:
    """The benchmark's records on one set, on these boxes."""
    return of_boxes([r for r in run.of_kind("benchmark") if data_split(r) == where], boxes)


def of_boxes(records: Iterable[Record], boxes: str) -> list[Record]:
    """Those on these boxes."""
    return [r for r in records if r.get("boxes") == boxes]


def side_by_side(records: Sequence[Record], where: DataSplit, title: Title) -> Table:
    """Accuracy and every cost of every model on every engine."""
    heads = [("Engine", "", False), ("NME", "%", True), ("FR@10", "%", True), ("Time", "ms, median", True)]
    heads += [("Time", "ms, p90", True), ("Processor time", "ms, median", True)]
    heads += [("Time", "times our fastest", True), ("Cold start", "ms", True)]
    heads += [("Memory", "MB", True), ("Size", "MB", True), ("MACs", "million", True), ("Operations", "", True)]
    heads += [("Delegated", "%", True)]
    faces = any(number(r.get("nme_mean")) is not None for r in records)
    caption = f"Side by side on {where}: the same boxes for all" if faces else "Timed without faces"
    return Table(
        caption=caption,
        columns=(Column(label="Model", numeric=False), *headings(heads)),
        rows=tuple(_row(r, title(r), _fastest(records, r)) for r in records),
    ).lean


def _row(r: Record, title: str, fastest: float | None) -> tuple[Cell, ...]:
    times, start = mapping(r.get("latency_ms")), mapping(r.get("cold_start_ms"))
    median, share = number(times.get("median")), number(r.get("delegated_share"))
    spent = one_call(r)
    note = str(r["not_measured"]) if r.get("not_measured") else ""
    return (
        words(title, note=str(r.get("device")) if r.get("imported") else "a competitor" if r.get("peer") else ""),
        words(r.get("engine"), note=threads_note(r)),
        cell(r.get("nme_mean")),
        cell(r.get("fr10")),
        cell(median) if median is not None or not note else Cell(text="not measured", tone="missing", note=note),
        cell(times.get("p90")),
        cell(times.get("cpu_median")),
        cell(spent / fastest if spent is not None and fastest else None),
        cell(start.get("total"), 0),
        cell(r.get("memory_bytes"), 1, scale=1e6),
        size(r.get("size_bytes")),
        cell(r.get("macs") or r.get("macs_full"), 1, scale=1e6),
        cell(r.get("operations"), 0),
        cell(None if share is None else 100 * share, 1),
    )


def one_call(record: Record) -> float | None:
    """Milliseconds of one call: on the processor, which other jobs do not lengthen, else on the clock."""
    return _shorter(mapping(record.get("latency_ms")))


def _fastest(records: Sequence[Record], like: Record) -> float | None:
    """The least time of our own models in the same run on the same device, one thread."""
    same = [r for r in records if (r.get("run"), r.get("device")) == (like.get("run"), like.get("device"))]
    own = [r for r in same if not r.get("peer") and r.get("threads") == 1]
    times = [t for r in own if (t := one_call(r)) is not None]
    return min(times) if times else None


def stages(records: Sequence[Record], title: Title) -> Table | None:
    """Where the time of one face goes, on one thread."""
    timed = [r for r in records if r.get("threads") == 1 and r.get("stages_ms")]
    if not timed:
        return None
    rows = []
    for r in timed:
        parts = mapping(r["stages_ms"])
        found = [mapping(parts.get(name)) for name in ("detect", "crop", "network")]
        decode = parts.get("decode")
        inside = Cell(text="inside the network", tone="missing")
        rows.append(
            (
                words(title(r)),
                words(r.get("engine")),
                *(cell(_shorter(p)) for p in found),
                cell(_shorter(mapping(decode))) if decode else inside,
            )
        )
    heads = [("Engine", "", False), *((n, "ms", True) for n in ("Detect", "Crop", "Network", "Decode"))]
    return Table(
        caption="Where the time goes: processor time of one face in one picture, one thread",
        columns=(Column(label="Model", numeric=False), *headings(heads)),
        rows=tuple(rows),
    )


def _shorter(times: Mapping[str, Any]) -> float | None:
    """Processor time where it was measured."""
    return number(times.get("cpu_median")) or number(times.get("median"))


def behind_detectors(records: Sequence[Record], where: DataSplit, title: Title) -> Table:
    """Each model as a user meets it: its own detector on the whole picture; faces that are not found count."""
    rows = []
    for r in records:
        times, total, found = mapping(r.get("latency_ms")), number(r.get("n_faces")), number(r.get("found"))
        rows.append(
            (
                words(title(r), note="a competitor" if r.get("peer") else ""),
                words(r.get("engine")),
                Cell(text=f"{found:g} of {total:g}") if total and found is not None else cell(None),
                *(cell(r.get(key)) for key in ("nme_mean", "nme_median")),
                cell(lost(r)),
                *(cell(times.get(key), 1) for key in ("median", "p90", "cpu_median")),
            )
        )
    heads = [("Engine", "", False), ("Found", "", True), ("NME", "%, of those", True), ("NME", "%, median", True)]
    heads += [("Failed", "% not found or above 10 %", True), ("Picture to points", "ms, median", True)]
    heads += [("Picture to points", "ms, p90", True), ("Processor time", "ms, median", True)]
    return Table(
        caption=f"Each {behind(records)} on {where}",
        columns=(Column(label="Model", numeric=False), *headings(heads)),
        rows=tuple(rows),
    )


def lost(record: Fields) -> float | None:
    """Percent of the faces that a pipeline does not find, or finds with an NME above 10 %."""
    total, found = number(record.get("n_faces")), number(record.get("found"))
    if not total or found is None:
        return None
    failed, scored = number(record.get("fr10")), number(record.get("n"))
    return 100 * (total - found + ((failed or 0) / 100) * (scored or 0)) / total


def one_each(records: Sequence[Record]) -> list[Record]:
    """A record for each model that differs from the others by ALIKE or more: engines and precisions mostly agree."""
    kept: list[Record] = []
    for r in sorted(records, key=lambda r: not str(r.get("model")).endswith(".tflite")):
        errors = errors_of(r)
        known = [errors_of(k) for k in kept]
        alike = any(len(k) == len(errors) and abs(k - errors).mean() < ALIKE for k in known)
        if len(errors) and not alike:
            kept.append(r)
    return kept


def regions(records: Sequence[Record], where: DataSplit, title: Title) -> Table | None:
    """NME by region of the face."""
    chosen = one_each(records)
    names = list(dict.fromkeys(n for r in chosen for n in mapping(r.get("nme_regions"))))
    if not names:
        return None
    rows = [(words(title(r)), *(cell(mapping(r.get("nme_regions")).get(n)) for n in names)) for r in chosen]
    heads = [(n.capitalize(), "all but contour" if n == "inner" else "", True) for n in names]
    return Table(
        caption=f"Side by side by region, NME in percent, on {where}",
        columns=(Column(label="Model", numeric=False), *headings(heads)),
        rows=tuple(rows),
    )


def subsets(records: Sequence[Record], where: DataSplit, title: Title) -> list[Table]:
    """Scores on each published subset."""
    chosen = one_each(records)
    found = []
    for name in dict.fromkeys(n for r in chosen for n in mapping(r.get("subsets"))):
        rows = []
        for r in chosen:
            own = mapping(mapping(r.get("subsets")).get(name))
            cells = (cell(own.get(k), 0 if k == "n" else 2, missing=NOT_APPLICABLE) for k in FIGURES)
            rows.append((words(title(r)), *cells))
        columns = (Column(label="Model", numeric=False), *FIGURES.values())
        caption = f"Side by side on the subset {name} of {where}"
        found.append(Table(caption=caption, columns=columns, rows=tuple(rows)))
    return found


def curves(run: Run, where: DataSplit) -> Plot | None:
    """CED curves of the models that differ; None unless there are two."""
    lines = [
        ErrorCurve(name=run.named(r), errors=errors_of(r), colour=colour, dashes=dashes)
        for r, (colour, dashes) in zip(one_each(of(run, where, "same boxes")), LINES, strict=False)
    ]
    return ced_plot(
        lines if len(lines) > 1 else (),
        key="comparison-ced",
        title="How many faces are how good, side by side (CED)",
        text="For every error on the horizontal axis, the share of faces that are at least as good: a curve nearer to "
        "the upper left is better. Files of one network that say the same are drawn once.",
        caption=f"Share of faces, in percent, with an NME of at most ..., side by side on {where}",
        legend=2,
    )
