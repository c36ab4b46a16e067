"""Cold start and memory of a candidate in its own process: `python -m toolkit.benchmarking.startup '{"what": ...}'`."""

import dataclasses
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np

from toolkit.benchmarking.candidates import Source, open_source
from toolkit.core.progress import Progress, Steps

CALLS = 10
"""Calls before memory is read."""
LIMIT_S = 300


class ColdStart(TypedDict):
    """Milliseconds: medians over so many starts."""

    load: float
    first: float
    total: float
    starts: int


class StartFields(TypedDict):
    """What a record says of a model's start; null where none was measured."""

    cold_start_ms: ColdStart | None
    memory_bytes: int | None


NO_START: StartFields = {"cold_start_ms": None, "memory_bytes": None}


def starts(sources: Sequence[Source], times: int) -> Steps[list[StartFields]]:
    """Medians over `times` fresh processes of each source, in rounds: milliseconds from before its engine is imported
    to its first answer, and the growth of the process's largest memory over that and CALLS calls.

    Raises:
        OSError: a process failed.
    """
    if not times:
        return [NO_START for _ in sources]
    found: list[list[dict[str, float]]] = [[] for _ in sources]
    for turn in range(times):
        for index, source in enumerate(sources):
            found[index].append(_measured(source))
            yield Progress(task="cold starts", done=turn * len(sources) + index + 1, total=times * len(sources))
    return [
        {
            "cold_start_ms": {
                "load": _median(own, "load"),
                "first": _median(own, "first"),
                "total": _median(own, "total"),
                "starts": times,
            },
            "memory_bytes": round(statistics.median(r["memory_bytes"] for r in own)),
        }
        for own in found
    ]


def _median(own: Sequence[dict[str, float]], name: str) -> float:
    return round(statistics.median(r[name] for r in own), 1)


def _measured(source: Source) -> dict[str, float]:
    command = [sys.executable, "-m", "toolkit.benchmarking.startup", json.dumps(dataclasses.asdict(source))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise OSError(f"{source.what} could not be started in a process of its own: {last}")
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def main(argument: str) -> dict[str, float]:
    """Open, call, and measure."""
    source = Source(**json.loads(argument))
    before = _largest_memory()
    began = time.perf_counter()
    landmarker, _, _ = open_source(source)
    loaded = time.perf_counter()
    crop = np.full((landmarker.size_px, landmarker.size_px, 3), 128, np.uint8)
    landmarker(crop)
    answered = time.perf_counter()
    for _ in range(CALLS):
        landmarker(crop)
    times = {"load": loaded - began, "first": answered - loaded, "total": answered - began}
    return {**{k: 1000 * v for k, v in times.items()}, "memory_bytes": _largest_memory() - before}


def _largest_memory() -> int:
    """The most resident memory that this process has had, in bytes."""
    status = Path("/proc/self/status")
    if status.is_file():  # getrusage would begin with what the parent had
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
