"""Timing: what a call takes, by the clock and in processor time."""

import time

from toolkit.core.progress import finish
from toolkit.runtime.timing import interleaved


def busy() -> None:
    """20 ms of processor time, however long that takes."""
    until = time.process_time() + 0.02
    while time.process_time() < until:
        pass


def test_waiting_costs_no_processor_time() -> None:
    """A call that sleeps takes as long by the clock as it sleeps; only one that computes takes processor time."""
    calls: list[int] = []
    asleep, awake = finish(interleaved([lambda: time.sleep(0.03), lambda: (calls.append(0), busy())], runs=3, warmup=1))
    assert asleep.median >= 30 and asleep.cpu_median < 10
    assert awake.cpu_median >= 20 and awake.p90 >= awake.median >= 20
    assert (awake.runs, awake.warmup, len(calls)) == (3, 1, 4)
