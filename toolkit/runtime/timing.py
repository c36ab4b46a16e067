"""Latency as the benchmark's protocol measures it: warm-up, then runs of all candidates interleaved, median and p90."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.core.progress import Progress, Steps


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Milliseconds for one call."""

    median: float
    p90: float
    runs: int
    warmup: int


def interleaved(calls: Sequence[Callable[[], object]], runs: int, warmup: int) -> Steps[list[Latency]]:
    """Time every call `runs` times, in rounds, so that a drifting machine cannot favour one of them.

    Args:
        calls: what to time; each does the same work every time.
        runs: timed calls of each, at least 1.
        warmup: untimed calls of each before.
    """
    for call in calls:
        for _ in range(warmup):
            call()
    times_ms = np.empty((len(calls), runs))
    for turn in range(runs):
        for index, call in enumerate(calls):
            started = time.perf_counter_ns()
            call()
            times_ms[index, turn] = (time.perf_counter_ns() - started) / 1e6
        yield Progress(task="timing", done=turn + 1, total=runs)
    return [
        Latency(
            median=round(float(np.median(row)), 4),
            p90=round(float(np.quantile(row, 0.9)), 4),
            runs=runs,
            warmup=warmup,
        )
        for row in times_ms
    ]
