"""The regression gate: accuracy within a margin of a baseline's, and speed relative to the other files of its run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.report.table import number

Record = dict[str, Any]
Key = tuple[Any, ...]


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


def against(now: Sequence[Record], baseline: Sequence[Record], nme_margin: float, latency_margin: float) -> Verdict:
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
    fresh, old = _by_key(now), _by_key(baseline)
    common = [key for key in old if key in fresh]
    if not common:
        raise ValueError("the baseline has no measurement in common with this run: same models, engines and faces?")
    breaches, notes = [], [f"{_name(old[key])} is in the baseline alone" for key in old if key not in fresh]
    for key in common:
        before, after = old[key].get("nme_mean"), fresh[key].get("nme_mean")
        if before is not None and after is not None and after > before + nme_margin:
            breaches.append(f"{_name(fresh[key])}: NME {after:.2f} %, in the baseline {before:.2f} %")
        if before is not None and after is None:
            breaches.append(f"{_name(fresh[key])}: NME not measured, in the baseline {before:.2f} %")
    slower, why_not = _slower([(old[key], fresh[key]) for key in common], latency_margin)
    return Verdict(breaches=(*breaches, *slower), notes=(*notes, *why_not))


def _slower(pairs: Sequence[tuple[Record, Record]], margin: float) -> tuple[list[str], list[str]]:
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


def _by_key(records: Sequence[Record]) -> dict[Key, Record]:
    fields = ("model", "threads", "data", "split", "boxes")
    return {(*(r.get(f) for f in fields), _engine(r)): r for r in records if r.get("kind") == "benchmark"}


def _engine(record: Record) -> str:
    """Without its version, which may change between the two."""
    return str(record.get("engine")).partition(" ")[0]


def _name(record: Record) -> str:
    return f"{record.get('model')} on {_engine(record)}, {record.get('threads')} threads"
