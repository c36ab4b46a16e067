"""Converted files: their accuracy, latency and parity brought together from records and sidecars."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.core.records import Key, Record
from toolkit.reporting.proofs import REFUSED, REPLACED, Proof
from toolkit.reporting.run import TITLES, DataSplit, Run, data_split
from toolkit.reporting.table import NOT_MEASURED, Cell, Column, Table, cell, mapping, number, size, words


@dataclass(frozen=True, kw_only=True)
class MeasuredFile:
    """One converted file under one set of conditions."""

    record: Record
    """Accuracy and latency: the newest value of every field."""
    proof: Proof | None = None
    """The newest one of just this file."""
    source: str | None = None
    """The stage whose bundle it was made from."""
    stale: bool = False
    """Whether the run holds another file of this name now."""
    title: str
    """What to call it where nothing else says what is to be said of it."""

    @property
    def where(self) -> DataSplit:
        """The faces it was measured on."""
        return data_split(self.record)

    @property
    def sound(self) -> bool:
        """Whether it is proven, and is the file that is in the run now."""
        return self.proof is not None and self.proof.ok is True and not self.stale

    @property
    def refused(self) -> bool:
        """Whether its newest proof failed."""
        return self.proof is not None and self.proof.ok is False


def measured(run: Run) -> list[MeasuredFile]:
    """Every file under every condition, in the records' order, then files that only have a proof or a refusal."""
    merged: dict[Key, dict[str, Any]] = {}
    for record in run.scores():
        if record.get("model") not in TITLES and not record.get("peer"):
            key = record.key()._replace(kind="", more=())
            merged[key] = merged.get(key, {}) | {name: value for name, value in record.items() if value is not None}
    rows = [Record(fields) for fields in merged.values()]
    seen = {(r.model, r.file_sha256) for r in rows}
    there = [{"model": name, **f.about, "file_sha256": f.sha256} for name, f in run.proofs.present.items()]
    for fields in [*run.of_kind("parity"), *there]:
        bare = Record({"kind": "parity", **{name: fields.get(name) for name in _IDENTITY}})
        if (bare.model, bare.file_sha256) not in seen:
            seen.add((bare.model, bare.file_sha256))
            rows.append(bare)
    return [_measured(run, record) for record in rows]


_IDENTITY = ("model", "file_sha256", "engine", "precision", "size_bytes")


def _measured(run: Run, record: Record) -> MeasuredFile:
    stale = run.stale(record)
    source = None if stale else _source(run, record)
    title = run.named(record)
    return MeasuredFile(record=record, proof=run.proofs.of(record), source=source, stale=stale, title=title)


def competitors(run: Run) -> list[MeasuredFile]:
    """Other people's models, which have no bundle and no proof here."""
    return [MeasuredFile(record=r, title=run.named(r)) for r in run.scores() if r.get("peer")]


def timed(rows: Sequence[MeasuredFile], where: DataSplit | None) -> list[MeasuredFile]:
    """Those timed on one thread, with these faces, on one device, since times of several do not compare.

    It is the newest row's, of rows that were not imported where there are any, and a competitor's where there are no
    others.
    """
    found = [
        row
        for row in rows
        if row.where == where and row.record.get("threads") == 1
        if number(mapping(row.record.get("latency_ms")).get("median")) is not None
    ]
    order = sorted(found, key=lambda row: (not row.record.get("peer"), not row.record.get("imported")))
    return [row for row in found if row.record.get("device") == order[-1].record.get("device")]


def _source(run: Run, record: Record) -> str | None:
    """The stage a file comes from: by the hash in its sidecar, else by the bundle's name that its own starts with."""
    name, now = record.model, run.proofs.present.get(record.model)
    source = now.about.get("source_bundle") if now else None
    if source is not None:
        return next((s for s, part in run.bundles.items() if part.digest == source), None)
    fitting = [(len(part.card.name), s) for s, part in run.bundles.items() if name.startswith(part.card.name)]
    return max(fitting)[1] if fitting else None


def delta(run: Run, row: MeasuredFile) -> float | None:
    """NME of a file minus that of its bundle on the same faces, in percentage points."""
    base = run.score(row.source, row.where) if row.source else None
    ours, theirs = number(row.record.get("nme_mean")), number(base.get("nme_mean")) if base else None
    if base is None or ours is None or theirs is None or base.get("n") != row.record.get("n"):
        return None
    return ours - theirs


def table(run: Run, rows: Sequence[MeasuredFile], where: DataSplit | None) -> Table:
    """The files that were measured on one set, or with `None` those that were not measured at all."""
    chosen = [r for r in rows if (r.where == where if where else r.record.get("nme_mean") is None)]
    caption = f"Converted files on {where}" if where else "Converted files without a measurement"
    columns = (
        Column(label="File", numeric=False),
        Column(label="Precision", numeric=False),
        Column(label="Engine", numeric=False),
        Column(label="Size", unit="MB"),
        Column(label="NME", unit="%"),
        Column(label="NME change", unit="% points"),
        Column(label="Time", unit="ms, median"),
        Column(label="Time", unit="ms, p90"),
        Column(label="Moved", unit="px, mean"),
        Column(label="Moved", unit="px, worst"),
        Column(label="Proof", numeric=False),
    )
    return Table(caption=caption, columns=columns, rows=tuple(_row(run, row) for row in chosen)).lean


def _row(run: Run, row: MeasuredFile) -> tuple[Cell, ...]:
    record, times = row.record, mapping(row.record.get("latency_ms"))
    moved = row.proof.figures if row.proof else {}
    return (
        words(
            run.proofs.title(record, judged=False),
            note=f"from the {TITLES[row.source].lower()} bundle" if row.source else "",
        ),
        words(record.get("precision")),
        words(record.get("engine"), note=threads_note(record)),
        size(record.get("size_bytes")),
        cell(record.get("nme_mean")),
        cell(delta(run, row), 3, sign=True),
        cell(times.get("median")),
        cell(times.get("p90")),
        cell(moved.get("mean_px"), 3),
        cell(moved.get("worst_px"), 3),
        _proof(row),
    )


def threads_note(record: Record) -> str:
    """The number of threads, in words."""
    threads = record.get("threads")
    return "" if number(threads) is None else f"{threads} thread" + ("" if threads == 1 else "s")


def _proof(row: MeasuredFile) -> Cell:
    if row.stale:
        return Cell(text="out of date", tone="bad", note=f"its figures are of {REPLACED}: benchmark again")
    if row.proof is None or row.proof.ok is None:
        return NOT_MEASURED
    if row.proof.ok:
        return Cell(text="ok", tone="good")
    return Cell(text=REFUSED, tone="bad", note="; ".join(row.proof.reasons))
