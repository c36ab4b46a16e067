"""The report's other tables: the road, how each stage was trained, and what measured what."""

from dataclasses import replace

from toolkit.core.records import Fields
from toolkit.models.spec import SuperNetSpec
from toolkit.reporting.run import TITLES, Group, Part, Run, group
from toolkit.reporting.table import (
    NOT_APPLICABLE,
    NOT_MEASURED,
    Cell,
    Column,
    Table,
    cell,
    duration,
    mapping,
    short_commit,
    words,
)

COSTS = ("params_full", "params_paper", "macs_full", "macs_paper")
SCORES = ("nme_mean", "nme_median", "fr8", "fr10", "auc10")


def road(run: Run, where: Group | None) -> Table:
    """Cost and accuracy of every stage's bundle, and of predictors that look at no pixel."""
    rows = [_stage(run, stage, where) for stage in TITLES]
    for record in run.of_kind("baseline"):
        if group(record) == where:
            name = words(_capital(record.get("model")), note="looks at no pixel")
            rows.append(
                (name, *[NOT_APPLICABLE] * len(COSTS), *(cell(record.get(key)) for key in SCORES), _faces(record))
            )
    return Table(
        caption=f"Accuracy on {where[0]}, {where[1]}" if where else "Cost of every network; accuracy was not measured",
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
    )


def _stage(run: Run, stage: str, where: Group | None) -> tuple[Cell, ...]:
    part, score = run.parts.get(stage), run.score(stage, where) if where else None
    record: Fields = score or {}
    count = {key: getattr(part.complexity, key) for key in COSTS} if part else {}
    count |= {key: value for key, value in record.items() if key in COSTS and value is not None}
    if part is None and not record:
        return (
            words(TITLES[stage]),
            Cell(text="not there yet", tone="missing"),
            *[NOT_APPLICABLE] * (len(COSTS) + len(SCORES)),
        )
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


def _capital(name: object) -> str:
    return str(name)[:1].upper() + str(name)[1:]


def training(run: Run) -> Table:
    """How each bundle came about."""
    columns = [("Trained on", False), ("Validated on", False), ("Input", True), ("Epochs", True), ("Batch", True)]
    columns += [("Seed", True), ("Time", True), ("Device", False), ("Commit", False)]
    return Table(
        caption="How each stage was made",
        columns=(
            Column(label="Stage", numeric=False),
            *(Column(label=label, unit="px" if label == "Input" else "", numeric=n) for label, n in columns),
        ),
        rows=tuple(_training(run.title(stage), part) for stage, part in run.parts.items()),
    )


def _training(title: str, part: Part) -> tuple[Cell, ...]:
    card = part.card
    trained = bool(part.log)
    optim = mapping(card.config.get("optim"))
    threads = card.made_with.get("threads")
    skipped = NOT_MEASURED if trained else NOT_APPLICABLE
    return (
        words(title, note=_edges(part)),
        words(card.data.get("train")),
        words(card.data.get("val")),
        cell(card.size_px, 0),
        cell(optim.get("epochs") if trained else None, 0, missing=skipped),
        cell(optim.get("batch") if trained else None, 0, missing=skipped),
        cell(card.config.get("seed") if trained else None, 0, missing=skipped),
        duration(card.made_with.get("train_seconds")) if trained else NOT_APPLICABLE,
        words(card.made_with.get("device"), note=f"threads: {threads}" if threads is not None else "")
        if trained
        else skipped,
        words(short_commit(card.made_with.get("commit"))),
    )


def _edges(part: Part) -> str:
    return f"{len(part.spec.edges)} operations" if isinstance(part.spec, SuperNetSpec) else ""


def engines(run: Run) -> Table | None:
    """Which engine measured what, where and how."""
    kept: dict[tuple[str, ...], tuple[Cell, ...]] = {}
    for record in run.scores():
        times = mapping(record.get("latency_ms"))
        row = (
            words(record.get("engine")),
            words(record.get("kind")),
            words(record.get("device")),
            cell(record.get("threads"), 0),
            cell(times.get("warmup"), 0, missing=NOT_APPLICABLE),
            cell(times.get("runs"), 0, missing=NOT_APPLICABLE),
            words(short_commit(record.get("commit"))),
        )
        kept[tuple(c.text for c in row)] = row
    columns = [("Engine", False), ("Record", False), ("Device", False), ("Threads", True), ("Warm-up calls", True)]
    columns += [("Timed calls", True), ("Commit", False)]
    heads = tuple(Column(label=label, numeric=numeric) for label, numeric in columns)
    return Table(caption="What measured what", columns=heads, rows=tuple(kept.values())) if kept else None


def versions(run: Run) -> Table | None:
    """Every version of every library that had a part in the run."""
    found: dict[str, set[str]] = {}
    sources = [part.card.made_with for part in run.parts.values()] + list(run.records)
    for source in sources:
        named = source.get("versions")
        for name, version in named.items() if isinstance(named, dict) else ():
            found.setdefault(str(name), set()).add(str(version))
    rows = tuple((words(name), words(", ".join(sorted(found[name])))) for name in sorted(found))
    columns = (Column(label="Library", numeric=False), Column(label="Version", numeric=False))
    return Table(caption="Versions", columns=columns, rows=rows) if rows else None
