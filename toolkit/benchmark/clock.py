"""The timed part of a benchmark: every contender's call and its stages, all in one interleaved run."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from toolkit.benchmark.contender import Contender
from toolkit.benchmark.frame import Frame
from toolkit.core import heatmap
from toolkit.core.geometry import cut
from toolkit.core.progress import Steps
from toolkit.data.batches import PlainCrops
from toolkit.data.sample import Sample
from toolkit.detect import FaceDetector
from toolkit.runtime.landmarker import Landmarker
from toolkit.runtime.timing import Latency, interleaved

Times = dict[str, dict[str, Any] | None]
Call = Callable[[], object]


def timed(
    contenders: Sequence[Contender], crops: Mapping[Frame, PlainCrops], runs: int, warmup: int
) -> Steps[list[tuple[Latency | None, Times]]]:
    """For each contender the time of a call, crop in and points out, and of its stages; None for what is not timed.

    `detect` is MediaPipe's short-range detector on the whole picture, `crop` cuts the contender's crop out of it,
    `network` is the call without `decode`, and `decode` reads points from heatmaps where the file does not do that
    itself. Detection is the same for all, and is timed once in every round.
    """
    sample = next(iter(crops.values())).faces[0] if crops else None
    if sample is None:
        return [(None, {}) for _ in contenders]
    detector = FaceDetector(finest=0)
    calls: dict[tuple[int, str], Call] = {(-1, "detect"): lambda: detector(sample.image)}
    for index, contender in enumerate(contenders):
        if contender.landmarker is not None and contender.landmarker.timed:
            calls |= {(index, name): call for name, call in _calls(contender, sample, crops).items()}
    try:
        found = dict(zip(calls, (yield from interleaved(list(calls.values()), runs, warmup)), strict=True))
    finally:
        detector.close()
    detect = found[-1, "detect"]
    return [_split({n: t for (i, n), t in found.items() if i == index}, detect) for index in range(len(contenders))]


def _calls(contender: Contender, sample: Sample, crops: Mapping[Frame, PlainCrops]) -> dict[str, Call]:
    frame, landmarker = contender.frame, contender.landmarker
    assert landmarker is not None
    image = np.ascontiguousarray(crops[frame].images[0])
    found: dict[str, Call] = {
        "call": lambda: landmarker(image),
        "crop": lambda: cut(sample.image, frame.crop(sample.box_xyxy)),
    }
    if contender.decodes_outside:
        found["decode"] = _decoding(landmarker)
    return found


def _decoding(landmarker: Landmarker) -> Call:
    """Reading points from maps of the network's size; what stands in them does not change how long it takes."""
    side = landmarker.size_px
    points = np.random.default_rng(0).uniform(0.2 * side, 0.8 * side, (landmarker.scheme.points, 2))
    maps = heatmap.encode(points, side, 1.0)
    return lambda: heatmap.decode(maps, "dark", 1.0)


def _split(found: dict[str, Latency], detect: Latency) -> tuple[Latency | None, Times]:
    if "call" not in found:
        return None, {}
    call, decode = found["call"], found.get("decode")
    network = _times(call)
    if decode is not None:
        network = {key: round(network[key] - _times(decode)[key], 4) for key in network}
    return call, {
        "detect": _times(detect),
        "crop": _times(found["crop"]),
        "network": network,
        "decode": None if decode is None else _times(decode),
    }


def _times(latency: Latency) -> dict[str, float]:
    fields = dataclasses.asdict(latency)
    return {key: fields[key] for key in ("median", "p90", "cpu_median")}
