"""The timed part of a benchmark: every candidate's call and its stages, in one interleaved run; and the machine."""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from toolkit.benchmarking.candidates import Candidate, Decoding
from toolkit.benchmarking.framing import Framing
from toolkit.core import heatmap
from toolkit.core.geometry import cut
from toolkit.core.progress import Steps
from toolkit.core.provenance import cores, processor
from toolkit.data.crops import PlainCrops
from toolkit.data.sample import Sample
from toolkit.detect import FaceDetector
from toolkit.runtime.landmarker import Landmarker
from toolkit.runtime.timing import Latency, interleaved

Call = Callable[[], object]


class StageTime(TypedDict):
    """Milliseconds."""

    median: float
    p90: float
    cpu_median: float


class StageTimes(TypedDict):
    """Where the time of one face goes; `detect` is null where there is no detector, `decode` where the file decodes."""

    detect: StageTime | None
    crop: StageTime
    network: StageTime
    decode: StageTime | None


@dataclass(frozen=True, kw_only=True)
class Timing:
    """What was timed of a candidate."""

    call: Latency
    """Crop in, points out."""
    stages: StageTimes


def timed(
    candidates: Sequence[Candidate], crops: Mapping[Framing, PlainCrops], runs: int, warmup: int
) -> Steps[list[Timing | None]]:
    """For each candidate the time of a call, crop in and points out, and of its stages; None for what is not timed.

    `detect` is MediaPipe's short-range detector on the whole picture, `crop` cuts the candidate's crop out of it,
    `network` is the call without `decode`, and `decode` reads points from heatmaps where the file does not do that
    itself. Detection is the same for all, and is timed once in every round, where there is a detector's file.
    """
    sample = next(iter(crops.values())).faces[0] if crops else None
    if sample is None:
        return [None for _ in candidates]
    calls: dict[tuple[int, str], Call] = {}
    with ExitStack() as stack:
        with suppress(FileNotFoundError):
            detector = stack.enter_context(closing(FaceDetector(finest=0)))
            calls[-1, "detect"] = lambda: detector(sample.image)
        for index, candidate in enumerate(candidates):
            if candidate.landmarker is not None and candidate.landmarker.timed:
                calls |= {(index, name): call for name, call in _calls(candidate, sample, crops).items()}
        found = dict(zip(calls, (yield from interleaved(list(calls.values()), runs, warmup)), strict=True))
    detect = found.get((-1, "detect"))
    return [_split({n: t for (i, n), t in found.items() if i == index}, detect) for index in range(len(candidates))]


def _calls(candidate: Candidate, sample: Sample, crops: Mapping[Framing, PlainCrops]) -> dict[str, Call]:
    framing, landmarker = candidate.framing, candidate.landmarker
    assert landmarker is not None
    image = np.ascontiguousarray(crops[framing].images[0])
    found: dict[str, Call] = {
        "call": lambda: landmarker(image),
        "crop": lambda: cut(sample.image, framing.crop(sample.box_xyxy)),
    }
    if candidate.decoding is not None:
        found["decode"] = _decode(landmarker, candidate.decoding)
    return found


def _decode(landmarker: Landmarker, how: Decoding) -> Call:
    """Reading points from maps of the network's size; what stands in them does not change how long it takes."""
    side = landmarker.size_px
    points = np.random.default_rng(0).uniform(0.2 * side, 0.8 * side, (landmarker.scheme.points, 2))
    maps = heatmap.encode(points, side, how.sigma_px)
    return lambda: heatmap.decode(maps, how.decoder, how.sigma_px)


def _split(found: dict[str, Latency], detect: Latency | None) -> Timing | None:
    if "call" not in found:
        return None
    call, decode = found["call"], found.get("decode")
    stages: StageTimes = {
        "detect": None if detect is None else _times(detect),
        "crop": _times(found["crop"]),
        "network": _times(call, decode),
        "decode": None if decode is None else _times(decode),
    }
    return Timing(call=call, stages=stages)


def _times(latency: Latency, without: Latency | None = None) -> StageTime:
    """Of a call, or of what is left of it without a part."""
    if without is None:
        return {"median": latency.median, "p90": latency.p90, "cpu_median": latency.cpu_median}
    return {
        "median": round(latency.median - without.median, 4),
        "p90": round(latency.p90 - without.p90, 4),
        "cpu_median": round(latency.cpu_median - without.cpu_median, 4),
    }


FREQUENCY, CPUINFO = Path("/sys/devices/system/cpu/cpu0/cpufreq"), Path("/proc/cpuinfo")
INT8 = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"})
"""What Linux calls the instructions that multiply and add int8 numbers: x86's VNNI and AMX, Arm's dot product and
matrices. Without them int8 was no faster than float32 (results/convert)."""


def host() -> dict[str, Any]:
    """What of the machine sways a timing; null where the system does not tell."""
    return {
        "cpu": processor(),
        "cores": cores(),
        "clock_mhz": _clock_mhz(),
        "clock_max_mhz": _kilohertz(FREQUENCY / "cpuinfo_max_freq"),
        "governor": _text(FREQUENCY / "scaling_governor"),
        "memory_bytes": _memory_bytes(),
        "load_1min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "int8_instructions": _int8_instructions(),
        "system": f"{platform.system()} {platform.release()}",
    }


def _int8_instructions() -> list[str] | None:
    """Those of the first core; none is an empty list."""
    lines = CPUINFO.read_text().splitlines() if CPUINFO.is_file() else []
    flags = [line.partition(":")[2].split() for line in lines if line.startswith(("flags", "Features"))]
    return sorted(INT8.intersection(flags[0])) if flags else None


def _clock_mhz() -> float | None:
    """The mean of all cores' clocks right now."""
    lines = CPUINFO.read_text().splitlines() if CPUINFO.is_file() else []
    found = [float(line.partition(":")[2]) for line in lines if line.startswith("cpu MHz")]
    return round(sum(found) / len(found), 1) if found else None


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _kilohertz(path: Path) -> float | None:
    text = _text(path)
    return float(text) / 1000 if text is not None and text.isdigit() else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
