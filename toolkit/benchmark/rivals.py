"""The second table: each model behind its own face detector, found faces counted, the whole pipeline timed."""

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from toolkit.benchmark import accuracy
from toolkit.benchmark.contender import Contender
from toolkit.benchmark.pipelines import LookOnce, Name, Pipeline, found_points, pipelines_of
from toolkit.benchmark.rows import OWN
from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.progress import Steps
from toolkit.data.sample import Faces
from toolkit.runtime.timing import interleaved

WARMUP = 2


def behind_detectors(able: Sequence[Contender], faces: Faces, runs: int) -> Steps[list[dict[str, Any]]]:
    """A record for each model that is timed, on the first engine and number of threads that it was given."""
    chosen: dict[Name, Contender] = {}
    for contender in able:
        if contender.landmarker is not None and contender.landmarker.timed:
            chosen.setdefault((contender.identity["model"], contender.identity["file_sha256"]), contender)
    with pipelines_of(list(chosen.values())) as (found, once):
        pipelines = dict(zip(chosen, found, strict=True))
        points = yield from found_points(pipelines, faces)
        image = faces[0].image
        calls = [partial(_afresh, once, pipeline, image) for pipeline in found]
        times = yield from interleaved(calls, runs, WARMUP)
    truth = np.stack([faces[i].points_xy for i in range(len(faces))])
    return [
        {
            **_identity(chosen[name], pipelines[name]),
            **_scores(points[name], truth, faces),
            "latency_ms": dataclasses.asdict(latency),
        }
        for name, latency in zip(pipelines, times, strict=True)
    ]


def _afresh(once: LookOnce, pipeline: Pipeline, image: ImageArray) -> object:
    once.forget()
    return pipeline(image)


def _identity(contender: Contender, pipeline: Pipeline) -> dict[str, Any]:
    named = {k: v for k, v in contender.identity.items() if k != "size_px"}
    engine = getattr(pipeline, "engine", contender.engine)
    return {
        "kind": "benchmark", **named, "engine": engine, "threads": contender.source.threads, "boxes": OWN,
        "not_measured": None,
    }  # fmt: skip


def _scores(points: FloatArray, truth: FloatArray, faces: Faces) -> dict[str, Any]:
    """Accuracy over the faces that were found; the others are counted."""
    there = np.isfinite(points).all(axis=(1, 2))
    counts = {"n_faces": len(points), "found": int(there.sum())}
    if not there.any():
        nothing = dict.fromkeys(("nme_mean", "nme_median", "fr8", "fr10", "auc10"))
        return {**counts, "n": 0, **nothing}
    return {**counts, **accuracy.accuracy(points[there], truth[there], faces.scheme, {})}
