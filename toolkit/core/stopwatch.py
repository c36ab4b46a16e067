"""Where the time of a loop goes, stage by stage."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

KEPT = 10_000
"""Laps of a stage that are remembered for its median; a camera may run for days."""


class Stopwatch:
    """Time by the name of a stage."""

    def __init__(self, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        """Begin with no stage.

        Args:
            clock: nanoseconds; of the wall, or with time.process_time_ns of the processor, on a machine that is busy.
        """
        self._clock = clock
        self._laps_ms: dict[str, deque[float]] = {}
        self._totals_ms: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time the block as one lap of a stage; a block that raises counts too."""
        started = self._clock()
        try:
            yield
        finally:
            lap_ms = (self._clock() - started) / 1e6
            self._laps_ms.setdefault(stage, deque(maxlen=KEPT)).append(lap_ms)
            self._totals_ms[stage] = self._totals_ms.get(stage, 0.0) + lap_ms
            self._counts[stage] = self._counts.get(stage, 0) + 1

    def latest_ms(self, stage: str, laps: int = 30) -> float:
        """The mean of a stage's last laps; 0 where it has none."""
        latest = list(self._laps_ms.get(stage, ()))[-laps:]
        return sum(latest) / len(latest) if latest else 0.0

    def summary(self, frames: int) -> dict[str, dict[str, float]]:
        """Of each stage, in the order in which they first ended: laps, median of a lap, and the mean over all frames.

        The means add up to the time of a frame, also where a stage runs in a few frames only.
        """
        return {
            stage: {
                "laps": self._counts[stage],
                "median_ms": round(float(np.median(laps)), 4),
                "mean_ms_per_frame": round(self._totals_ms[stage] / max(frames, 1), 4),
            }
            for stage, laps in self._laps_ms.items()
        }
