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
    cpu_median: float
    """Processor time of this process, all threads together. Other jobs on the machine lengthen a call, the longer ones
    most, but hardly this: for one thread it is what the call takes on an idle machine."""
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
    times_ms, cpu_ms = np.empty((2, len(calls), runs))
    for turn in range(runs):
        for index, call in enumerate(calls):
            cpu_started, started = time.process_time_ns(), time.perf_counter_ns()
            call()
            times_ms[index, turn] = (time.perf_counter_ns() - started) / 1e6
            cpu_ms[index, turn] = (time.process_time_ns() - cpu_started) / 1e6
        yield Progress(task="timing", done=turn + 1, total=runs)
    return [
        Latency(
            median=round(float(np.median(row)), 4),
            p90=round(float(np.quantile(row, 0.9)), 4),
            cpu_median=round(float(np.median(cpu)), 4),
            runs=runs,
            warmup=warmup,
        )
        for row, cpu in zip(times_ms, cpu_ms, strict=True)
    ]
