"""The page's sentences: how the figures came about, and what was not measured or does not belong together."""

from collections.abc import Iterable

from toolkit.core.metrics import LIMIT_8, LIMIT_10
from toolkit.core.schemes import scheme
from toolkit.reporting.files import Measured
from toolkit.reporting.run import TITLES, Run


def protocol(run: Run) -> list[str]:
    """How the figures came about, in sentences."""
    cards = [part.card for part in run.parts.values()]
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


def gaps(run: Run, rows: list[Measured]) -> list[str]:
    """What was not measured, or does not belong together any more."""
    found = [f"{TITLES[s]}: there is no bundle yet." for s in TITLES if s not in run.parts]
    scored = {r.get("model") for r in run.scores()}
    found += [f"{TITLES[s]}: its accuracy was not measured." for s in run.parts if s not in scored]
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
    for stage, parents in roles.items():
        for role, parent in parents.items():
            part, above = run.parts.get(stage), run.parts.get(parent)
            if part and above and part.card.parents.get(role) not in (None, above.digest):
                yield f"{TITLES[stage]}: made from another {TITLES[parent].lower()} bundle than the one in this run."
    for record in run.scores():
        if record.get("model") in TITLES and run.stale(record):
            yield f"{TITLES[record['model']]}: its {record['kind']} record is of other weights than the bundle's."
