"""The regression gate: accuracy within a margin of a baseline's, and speed relative to the other files of its run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.core.records import Fields, Key, Record, called, latest, of
from toolkit.reporting.table import number

Pair = tuple[Record, Record]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of a comparison with a baseline."""

    breaches: tuple[str, ...]
    """What got worse beyond the margins."""
    notes: tuple[str, ...]
    """What could not be compared, and why."""

    @property
    def text(self) -> str:
        """For a person."""
        lines = [*(f"worse: {b}" for b in self.breaches), *(f"not compared: {n}" for n in self.notes)]
        return "\n".join(lines or ["nothing got worse than the baseline"])


def against(now: Sequence[Fields], baseline: Sequence[Fields], nme_margin: float, latency_margin: float) -> Verdict:
    """Compare fresh records with a baseline's.

    Args:
        now: records of one run.
        baseline: records of kind `benchmark`; of one measurement the last counts.
        nme_margin: percentage points of NME that are allowed.
        latency_margin: a share of the time that is allowed. A machine is not as fast today as yesterday, so each time
            is first divided by the geometric mean over all files that both runs timed. Processor time is taken where
            both have it, since other jobs do not lengthen it.

    Raises:
        ValueError: the two have no measurement in common.
    """
    pairs, notes = _paired(of(baseline), of(now))
    breaches = []
    for old, fresh in pairs:
        before, after = old.get("nme_mean"), fresh.get("nme_mean")
        if before is not None and after is not None and after > before + nme_margin:
            breaches.append(f"{_name(fresh)}: NME {after:.2f} %, in the baseline {before:.2f} %")
        if before is not None and after is None:
            breaches.append(f"{_name(fresh)}: NME not measured, in the baseline {before:.2f} %")
    slower, why_not = _slower(pairs, latency_margin)
    return Verdict(breaches=(*breaches, *slower), notes=(*notes, *why_not))


def _paired(baseline: Sequence[Record], now: Sequence[Record]) -> tuple[list[Pair], list[str]]:
    """What was measured then and now, and what has no partner: the same file, else the only one in the same place.

    Raises:
        ValueError: the two have nothing in common.
    """
    then, fresh = _by_place(baseline), _by_place(now)
    pairs, notes, common = [], [], False
    for place, olds in then.items():
        news = {r.file_sha256: r for r in fresh.get(place, ())}
        common = common or bool(news)
        same = [(old, news.pop(old.file_sha256)) for old in olds if old.file_sha256 in news]
        left = [old for old in olds if all(old is not o for o, _ in same)]
        if len(left) == len(news) == 1:
            same.append((left.pop(), news.popitem()[1]))
        pairs += same
        several = " under several files of this name" if news and left else ""
        notes += [f"{_name(old)} is in the baseline alone{several}" for old in left]
    if not common:
        raise ValueError("the baseline has no measurement in common with this run: same models, engines and faces?")
    return pairs, notes


def _slower(pairs: Sequence[Pair], margin: float) -> tuple[list[str], list[str]]:
    timed = [(o, n) for o, n in pairs if o.get("latency_ms") and n.get("latency_ms")]
    lost = [f"{_name(n)}: time not measured" for o, n in pairs if o.get("latency_ms") and not n.get("latency_ms")]
    if any(o.get("device") != n.get("device") for o, n in timed):
        return lost, ["times, since the baseline is of another device"]
    if len({o.get("run") for o, _ in timed}) > 1:
        return lost, ["times, since the baseline's are of several runs"]
    if len(timed) < 2:
        return lost, ["times, since a ratio needs two files that both runs timed"]
    key = "cpu_median" if all(number(r["latency_ms"].get("cpu_median")) for pair in timed for r in pair) else "median"
    timed = [pair for pair in timed if all(number(r["latency_ms"].get(key)) for r in pair)]
    before, after = ([float(r["latency_ms"][key]) for r in side] for side in zip(*timed, strict=True))
    means = [math.exp(sum(map(math.log, times)) / len(times)) for times in (before, after)]
    found = []
    for (_, record), old_ms, new_ms in zip(timed, before, after, strict=True):
        change = (new_ms / means[1]) / (old_ms / means[0])
        if change > 1 + margin:
            found.append(f"{_name(record)}: {change:.2f} times the baseline's time, relative to the other files")
    return lost + found, []


def _by_place(records: Sequence[Record]) -> dict[Key, list[Record]]:
    """The benchmark's records by what a later file of the same name is measured as; of several runs the last.

    Device, engine's version and training do not belong to it: those may change between the two.
    """
    found: dict[Key, list[Record]] = {}
    for record in latest(r for r in records if r.kind == "benchmark"):
        boxes = (record.get("boxes"),)
        place = record.place()._replace(subject=None, engine=_engine(record), device=None, more=boxes)
        found.setdefault(place, []).append(record)
    return {place: [r for r in own if r.get("run") == own[-1].get("run")] for place, own in found.items()}


def _engine(record: Record) -> str:
    """Without its version."""
    return str(record.get("engine")).partition(" ")[0]


def _name(record: Record) -> str:
    return f"{called(record)} on {_engine(record)}, {record.get('threads')} threads"
