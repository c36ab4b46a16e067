"""How the figures came about: protocol, engines, machines and versions, and what was not measured."""

from collections.abc import Iterable

from toolkit.core.metrics import LIMIT_8, LIMIT_10
from toolkit.core.schemes import scheme
from toolkit.reporting.converted import MeasuredFile
from toolkit.reporting.run import TITLES, Run
from toolkit.reporting.table import (
    NOT_APPLICABLE,
    Cell,
    Column,
    Table,
    cell,
    headings,
    mapping,
    short_commit,
    words,
)


def protocol(run: Run) -> list[str]:
    """How the figures came about, in sentences."""
    cards = [part.card for part in run.bundles.values()]
    eyes = sorted({" and ".join(map(str, scheme(card.scheme).eyes)) for card in cards})
    return [
        "NME: the mean distance of a face's points from their labels over the distance between the labelled outer eye "
        + (f"corners (0-based points {', '.join(eyes)})." if eyes else "corners."),
        f"FR@8 and FR@10: the share of faces whose NME is above {100 * LIMIT_8:g} % and {100 * LIMIT_10:g} %. AUC@10: "
        f"the area under the CED curve up to {100 * LIMIT_10:g} %, as a share of the whole.",
        "By region: the mean distance of the region's points over the same eye distance. By the box: that of all "
        "points over the root of the area of the labels' tight box, which a face in profile has too. Points that are "
        "not labelled count nowhere; a face without both eye corners has no NME.",
        "Parameters and multiply-accumulates (MACs) stand in two counts. Full counts everything. The paper's count "
        "leaves out stem and head for parameters, and the head for MACs.",
        "Time is that of one call for one face: crop in, points out, without face detection. All files of a benchmark "
        "take turns. Compare times of one machine and one benchmark only.",
        "Proof: the converted file and its bundle see the same crops. ok means: points, confidences and NME moved "
        "by no more than the budget of the file's precision; a refused file names what did. The newest proof of just "
        "these bytes counts.",
        "Every figure comes from results.jsonl, the bundles or the sidecars of this run; the recorded digits stand in "
        "the page's source beside the rounded ones.",
    ]


def gaps(run: Run, rows: list[MeasuredFile]) -> list[str]:
    """What was not measured, or does not belong together any more."""
    found = [f"{TITLES[s]}: there is no bundle yet." for s in run.stages if s not in run.bundles]
    scored = {r.get("model") for r in run.scores()}
    found += [f"{TITLES[s]}: its accuracy was not measured." for s in run.bundles if s not in scored]
    found += [
        f"{TITLES[str(r['model'])]}: errors by region were not measured on {r.get('data')}: evaluate again."
        for r in run.of_kind("evaluate")
        if r.get("model") in TITLES and not r.get("nme_regions")
    ]
    if not run.of_kind("baseline"):
        found.append("Baselines that look at no pixel: not measured.")
    if not rows:
        found.append("Converted files: none were measured.")
    for row in rows:
        lacks = [what for what, key in (("accuracy", "nme_mean"), ("latency", "latency_ms")) if not row.record.get(key)]
        lacks += ["parity"] if row.proof is None else []
        if row.refused and row.proof is not None:
            found.append(f"{row.title}: {'; '.join(row.proof.reasons)}.")
        if lacks:
            engine = row.record.get("engine")
            on = f" on {engine}" if engine else ""
            found.append(f"{row.record.get('model')}{on}: {', '.join(lacks)} not measured.")
    return [*found, *_mismatches(run)]


def _mismatches(run: Run) -> Iterable[str]:
    roles = {"slim": {"supernet": "supernet"}, "distil": {"student": "slim", "teacher": "teacher"}}
    roles |= {"shape": {"network": "distil"}}
    for stage, parents in roles.items():
        for role, parent in parents.items():
            part, above = run.bundles.get(stage), run.bundles.get(parent)
            if part and above and part.card.parents.get(role) not in (None, above.digest):
                yield f"{TITLES[stage]}: made from another {TITLES[parent].lower()} bundle than the one in this run."
    for record in run.scores():
        if record.get("model") in TITLES and run.stale(record):
            yield f"{TITLES[record['model']]}: its {record['kind']} record is of other weights than the bundle's."


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
    sources = [part.card.made_with for part in run.bundles.values()] + list(run.records)
    for source in sources:
        named = source.get("versions")
        for name, version in named.items() if isinstance(named, dict) else ():
            found.setdefault(str(name), set()).add(str(version))
    rows = tuple((words(name), words(", ".join(sorted(found[name])))) for name in sorted(found))
    columns = (Column(label="Library", numeric=False), Column(label="Version", numeric=False))
    return Table(caption="Versions", columns=columns, rows=rows) if rows else None


def machines(run: Run) -> Table | None:
    """The machine during each run: what its times are worth."""
    rows = {}
    for r in run.of_kind("benchmark"):
        host = mapping(r.get("host"))
        if host:
            before, after = host.get("load_1min"), host.get("load_1min_after")
            rows[(r.get("run"), r.get("device"))] = (
                words(r.get("run")),
                words(r.get("device"), note=str(host.get("system") or "")),
                cell(host.get("cores"), 0),
                cell(host.get("clock_mhz"), 0),
                words(host.get("governor")),
                cell(before),
                cell(after),
                cell(host.get("memory_bytes"), 1, scale=1e9),
            )
    heads = [("Device", "", False), ("Cores", "", True), ("Clock", "MHz", True), ("Governor", "", False)]
    heads += [("Load", "before", True), ("Load", "after", True), ("Memory", "GB", True)]
    columns = (Column(label="Run", unit="UTC", numeric=False), *headings(heads))
    return Table(caption="The machine while it measured", columns=columns, rows=tuple(rows.values())) if rows else None
