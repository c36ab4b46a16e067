"""Converted files: their accuracy, latency and parity brought together from records and sidecars."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from toolkit.report.run import TITLES, Group, Record, Run, group
from toolkit.report.table import NOT_MEASURED, Cell, Column, Table, cell, mapping, number, size, words

OTHER_FILE = "of an older file"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One converted file under one set of conditions."""

    record: Record
    """Accuracy and latency: the newest value of every field."""
    parity: Record = field(default_factory=dict)
    source: str | None = None
    """The stage whose bundle it was made from."""
    stale: bool = False

    @property
    def where(self) -> Group:
        """The faces it was measured on."""
        return group(self.record)

    @property
    def status(self) -> bool | None:
        """Whether the file stays within its budget; None where that was not measured."""
        ok = self.parity.get("ok")
        return ok if isinstance(ok, bool) else None


def measured(run: Run) -> list[Measured]:
    """Every file under every condition, in the records' order, then files that only have a parity."""
    merged: dict[tuple[str, ...], Record] = {}
    for record in run.scores():
        if record.get("model") in TITLES or record.get("peer"):
            continue
        key = tuple(str(record.get(name)) for name in ("model", "engine", "data", "split", "threads", "device"))
        older = merged.get(key, {})
        if older.get("file_sha256") != record.get("file_sha256"):
            older = {}
        merged[key] = older | {name: value for name, value in record.items() if value is not None}
    seen = {str(r["model"]) for r in merged.values() if "model" in r}
    rest = [r for r in [*run.of_kind("parity"), *run.sidecars.values()] if str(r.get("model")) not in seen]
    unmeasured = {str(r.get("model")): {k: r.get(k) for k in _IDENTITY} for r in rest}
    return [_measured(run, record) for record in [*merged.values(), *unmeasured.values()]]


_IDENTITY = ("model", "file_sha256", "engine", "precision", "size_bytes")


def _measured(run: Run, record: Record) -> Measured:
    name = str(record.get("model"))
    sidecar = run.sidecars.get(name, {})
    found = [r for r in run.of_kind("parity") if r.get("model") == name]
    same = [r for r in found if r.get("engine") == record.get("engine")] or found
    held = sidecar.get("parity")
    parity = same[-1] if same else {**held, "file_sha256": sidecar.get("file_sha256")} if isinstance(held, dict) else {}
    stale = run.stale(record) or _differs(parity.get("file_sha256"), record.get("file_sha256"))
    return Measured(
        record=record, parity=parity if "ok" in parity else {}, source=_source(run, name, sidecar), stale=stale
    )


def rivals(run: Run) -> list[Measured]:
    """Other people's models, which have no bundle and no proof here."""
    return [Measured(record=r) for r in run.scores() if r.get("peer")]


def _differs(a: Any, b: Any) -> bool:
    return a is not None and b is not None and a != b


def _source(run: Run, name: str, sidecar: Record) -> str | None:
    """The stage a file comes from: by the hash in its sidecar, else by the bundle's name that its own starts with."""
    if sidecar.get("source_bundle") is not None:
        return next((s for s, part in run.parts.items() if part.digest == sidecar["source_bundle"]), None)
    fitting = [(len(part.card.name), s) for s, part in run.parts.items() if name.startswith(part.card.name)]
    return max(fitting)[1] if fitting else None


def delta(run: Run, row: Measured) -> float | None:
    """NME of a file minus that of its bundle on the same faces, in percentage points."""
    base = run.score(row.source, row.where) if row.source else None
    ours, theirs = number(row.record.get("nme_mean")), number(base.get("nme_mean")) if base else None
    if base is None or ours is None or theirs is None or base.get("n") != row.record.get("n"):
        return None
    return ours - theirs


def table(run: Run, rows: Sequence[Measured], where: Group | None) -> Table:
    """The files that were measured on one set, or with `None` those that were not measured at all."""
    chosen = [r for r in rows if (r.where == where if where else r.record.get("nme_mean") is None)]
    caption = f"Converted files on {where[0]}, {where[1]}" if where else "Converted files without a measurement"
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
    return Table(caption=caption, columns=columns, rows=tuple(_row(run, row) for row in chosen))


def _row(run: Run, row: Measured) -> tuple[Cell, ...]:
    record, times = row.record, mapping(row.record.get("latency_ms"))
    return (
        words(record.get("model"), note=f"from the {TITLES[row.source].lower()} bundle" if row.source else ""),
        words(record.get("precision")),
        words(record.get("engine"), note=_threads(record)),
        size(record.get("size_bytes")),
        cell(record.get("nme_mean")),
        cell(delta(run, row), 3, sign=True),
        cell(times.get("median")),
        cell(times.get("p90")),
        cell(row.parity.get("mean_px"), 3),
        cell(row.parity.get("worst_px"), 3),
        _proof(row),
    )


def _threads(record: Record) -> str:
    threads = record.get("threads")
    return "" if number(threads) is None else f"{threads} thread" + ("" if threads == 1 else "s")


def _proof(row: Measured) -> Cell:
    if row.stale:
        return Cell(text="out of date", tone="bad", note=f"a figure is {OTHER_FILE}: verify and benchmark again")
    if row.status is None:
        return NOT_MEASURED
    if row.status:
        return Cell(text="ok", tone="good")
    reasons = row.parity.get("reasons")
    return Cell(text="breach", tone="bad", note="; ".join(map(str, reasons)) if isinstance(reasons, list) else "")
