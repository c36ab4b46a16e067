"""The report itself: a run in, one HTML page out that needs no network, no script and no other file."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from toolkit.core.records import Fields
from toolkit.core.schemes import scheme
from toolkit.reporting import (
    accuracy,
    alphas,
    charts,
    choice,
    comparison,
    conditions,
    converted,
    pareto,
    regions,
    robustness,
    training,
)
from toolkit.reporting.architecture import draw
from toolkit.reporting.charts import Plot
from toolkit.reporting.converted import MeasuredFile
from toolkit.reporting.run import ALONE, TITLES, DataSplit, Run
from toolkit.reporting.table import Cell, Table, cell, number, short_commit, size

MARK = '<meta name="generator" content="sdhrnet-toolkit">'
"""What its template has at the head, to tell the page from what somebody else put in its place."""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One of the numbers at the top."""

    label: str
    cell: Cell
    unit: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class ArchitectureDrawing:
    """One architecture."""

    title: str
    words: str
    svg: str


def render(run: Run) -> str:
    """The page; the same run gives the same bytes."""
    rows = converted.measured(run)
    groups = run.data_splits()
    main = groups[0] if groups else None
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(_text("report.html.j2"))
    return template.render(
        css=Markup(charts.css() + "\n" + _text("report.css")),  # noqa: S704  # both are the package's own
        svg=Markup,
        headline=headline(run),
        ship=choice.table(rows, main) if rows else None,
        facts=facts(run, rows, main),
        photo=_data_uri(run.photo),
        own_photo=_data_uri(run.own_photo),
        alone=run.title("distil") == ALONE,
        compared=bool(run.compared),
        networks=[accuracy.networks(run, where) for where in _scored(run, groups)],
        breakdowns=accuracy.tables(run, groups),
        training_plots=_there(training.validation(run), training.losses(run)),
        curves=_there(*(make(run, where) for where in groups[:1] for make in (accuracy.curves, regions.face))),
        search_plots=_there(alphas.trajectories(run), alphas.histogram(run)),
        drawings=drawings(run),
        file_tables=_file_tables(run, rows, groups),
        pareto_plots=_pareto(run, rows, main),
        comparison=comparison.tables(run, groups),
        comparison_plots=_there(*(comparison.curves(run, where) for where in groups[:1])),
        robustness=[
            (
                robustness.plots(run, where),
                robustness.behind_detectors(run, where),
                robustness.flicker(run, where),
                where,
            )
            for where in robustness.groups(run)
        ],
        worst=_data_uri(run.worst),
        machines=conditions.machines(run),
        training=training.training(run) if run.bundles else None,
        engines=conditions.engines(run),
        versions=conditions.versions(run),
        protocol=conditions.protocol(run),
        gaps=conditions.gaps(run, rows),
    )


def headline(run: Run) -> dict[str, str]:
    """What was trained on what, where and when: the first lines of the page."""
    stage = run.final()
    written = f"files last written: {run.written:%Y-%m-%d}" if run.written else ""
    if run.compared:
        names = "; ".join(filter(None, [", ".join(run.compared), written]))
        return {
            "title": f"{len(run.compared)} networks compared",
            "about": f"{names}.",
            "run": run.folder.resolve().name,
        }
    if stage is None:
        return {"title": "Nothing trained yet", "about": "This run holds no bundle.", "run": run.folder.resolve().name}
    part = run.bundles[stage]
    made = part.card.made_with
    trained = next((p.card.made_with for p in run.bundles.values() if p.card.made_with.get("device")), {})
    title = f"{part.card.name}: {scheme(part.card.scheme).title}, {part.card.size_px} x {part.card.size_px} px"
    about = [
        f"Trained on {part.card.data.get('train') or 'data that the bundle does not name'}",
        f"machine: {trained.get('device') or 'not recorded'}",
        f"commit: {short_commit(made.get('commit'))}",
        written,
    ]
    return {"title": title, "about": "; ".join(filter(None, about)) + ".", "run": run.folder.resolve().name}


def facts(run: Run, rows: list[MeasuredFile], where: DataSplit | None) -> list[Fact]:
    """The strip of key numbers."""
    if run.compared:
        return [_nearest(rows, where), *_file_facts(rows, where)]
    stage = run.final() or "distil"
    record: Fields = (run.score(stage, where) if where else None) or {}
    part, teacher = run.bundles.get(stage), run.bundles.get("teacher")
    ratio = None
    if teacher and part and stage != "teacher":
        ratio = teacher.complexity.params_full / part.complexity.params_full
    found = [
        Fact(
            label=f"Error of the network: {run.title(stage).lower()} (NME)",
            cell=cell(record.get("nme_mean")),
            unit="%",
            note=f"of the distance between the outer eye corners; {where}" if where and record else "",
        ),
        Fact(
            label="Parameters",
            cell=cell(part.complexity.params_full if part else None, 0),
            note=f"{ratio:.1f} times fewer than the teacher" if ratio else "",
        ),
        Fact(
            label="Multiply-accumulates",
            cell=cell(part.complexity.macs_full if part else None, 1, scale=1e6),
            unit="million a face",
        ),
    ]
    return [*found, *_file_facts(rows, where)]


def _nearest(rows: list[MeasuredFile], where: DataSplit | None) -> Fact:
    sound = [r for r in rows if r.sound and r.where == where]
    scored = [(error, r) for r in sound if (error := number(r.record.get("nme_mean"))) is not None]
    error, row = min(scored, key=lambda pair: pair[0], default=(None, None))
    note = f"{row.record.model}; {where}" if row else ""
    return Fact(label="Most accurate proven file (NME)", cell=cell(error), unit="%", note=note)


def _file_facts(rows: list[MeasuredFile], where: DataSplit | None) -> Iterable[Fact]:
    sound = [r for r in rows if r.sound]
    sized = [r for r in sound if number(r.record.get("size_bytes")) is not None]
    least = min(sized, key=lambda r: float(r.record["size_bytes"])) if sized else None
    yield Fact(
        label="Smallest proven file",
        cell=size(least.record["size_bytes"] if least else None),
        unit="MB",
        note=str(least.record["model"]) if least else "",
    )
    timed = [(t, r) for r in converted.timed(sound, where) if (t := choice.call_ms(r)) is not None]
    best = min(timed, key=lambda pair: pair[0]) if timed else None
    yield Fact(
        label="Fastest proven file",
        cell=cell(best[0] if best else None),
        unit="ms a face",
        note=f"{best[1].record['model']}, {best[1].record.get('engine')}, one thread" if best else "",
    )
    judged = {(r.record.model, r.record.file_sha256): r.sound for r in rows if r.sound or (r.refused and not r.stale)}
    share = Cell(text=f"{sum(judged.values())} of {len(judged)}") if judged else cell(None)
    yield Fact(label="Files that keep their budget", cell=share, note="same points as their bundle" if judged else "")


def drawings(run: Run) -> list[ArchitectureDrawing]:
    """The supernet and what slimming left of it."""
    found = []
    before, after = run.bundles.get("supernet"), run.bundles.get("slim") or run.bundles.get("distil")
    if before is not None:
        found.append(
            ArchitectureDrawing(
                title="Before: the supernet",
                words="Every block may read every block of the stage before. The wider and stronger a line, the larger "
                "the importance factor that training gave it. Hold the pointer on a line to read it.",
                svg=draw(before.spec, before.alpha),
            )
        )
    if after is not None:
        found.append(
            ArchitectureDrawing(
                title="After: the slimmed network",
                words="What was kept, and faintly what went. Columns are stages, rows are branches: each row has half "
                "the resolution of the one above it. The number in a block is its channels.",
                svg=draw(after.spec, after.alpha),
            )
        )
    return found


def _scored(run: Run, groups: list[DataSplit]) -> list[DataSplit | None]:
    with_bundles = [g for g in groups if any(run.score(stage, g) for stage in TITLES)]
    return [*with_bundles] or ([None] if run.bundles else [])


def _file_tables(run: Run, rows: list[MeasuredFile], groups: list[DataSplit]) -> list[Table]:
    found = [converted.table(run, rows, where) for where in [*groups, None]]
    return [table for table in found if table.rows]


def _pareto(run: Run, rows: list[MeasuredFile], where: DataSplit | None) -> list[Plot]:
    if where is None:
        return []
    every = [*rows, *converted.competitors(run)]
    return _there(pareto.latency(every, where), pareto.size(run, every, where), pareto.macs(run, every, where))


def _there(*plots: Plot | None) -> list[Plot]:
    return [plot for plot in plots if plot is not None]


def _data_uri(png: bytes | None) -> str | None:
    return None if png is None else "data:image/png;base64," + base64.b64encode(png).decode()


def _text(name: str) -> str:
    return resources.files("toolkit.reporting").joinpath(name).read_text(encoding="utf-8")
