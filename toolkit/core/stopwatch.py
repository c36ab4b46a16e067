"""Where the time of a loop goes, stage by stage."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


class Stopwatch:
    """Wall-clock time by the name of a stage."""

    def __init__(self) -> None:
        self._laps_ms: dict[str, list[float]] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time the block as one lap of a stage; a block that raises counts too."""
        started = time.perf_counter_ns()
        try:
            yield
        finally:
            self._laps_ms.setdefault(stage, []).append((time.perf_counter_ns() - started) / 1e6)

    def summary(self, frames: int) -> dict[str, dict[str, float]]:
        """Of each stage, in the order in which they first ran: laps, median of a lap, and the mean over all frames.

        The means add up to the time of a frame, also where a stage runs in a few frames only.
        """
        return {
            stage: {
                "laps": len(laps),
                "median_ms": round(float(np.median(laps)), 4),
                "mean_ms_per_frame": round(sum(laps) / max(frames, 1), 4),
            }
            for stage, laps in self._laps_ms.items()
        }
