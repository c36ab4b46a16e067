"""The second table: each model behind its own face detector, found faces counted, the whole pipeline timed."""

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from toolkit import measure
from toolkit.bench.contender import Contender
from toolkit.bench.pipelines import DlibPipeline, LookOnce, MeshPipeline, OwnPipeline, Pipeline, found_points
from toolkit.bench.rows import OWN
from toolkit.core.geometry import cut
from toolkit.core.progress import Steps
from toolkit.data.sample import Faces, FloatArray
from toolkit.detect import FaceDetector, calibrate
from toolkit.detect.landmarks import Detector
from toolkit.runtime.landmarker import ImageArray
from toolkit.runtime.timing import interleaved

WARMUP = 2


def behind_detectors(able: Sequence[Contender], faces: Faces, runs: int) -> Steps[list[dict[str, Any]]]:
    """A record for each model that is timed, on the first engine and number of threads that it was given."""
    chosen: dict[str, Contender] = {}
    for contender in able:
        if contender.landmarker is not None and contender.landmarker.timed:
            chosen.setdefault(contender.identity["model"], contender)
    detector = FaceDetector()
    once = LookOnce(detector)
    pipelines = {model: _pipeline(c, once) for model, c in chosen.items()}
    try:
        points = yield from found_points(pipelines, faces)
        image = faces[0].image
        calls = [partial(_afresh, once, pipeline, image) for pipeline in pipelines.values()]
        times = yield from interleaved(calls, runs, WARMUP)
    finally:
        detector.close()
        for pipeline in pipelines.values():
            if isinstance(pipeline, MeshPipeline):
                pipeline.close()
    truth = np.stack([faces[i].points_xy for i in range(len(faces))])
    return [
        {
            **_identity(chosen[model], pipelines[model]),
            **_scores(points[model], truth, faces),
            "latency_ms": dataclasses.asdict(latency),
        }
        for model, latency in zip(pipelines, times, strict=True)
    ]


def _afresh(once: LookOnce, pipeline: Pipeline, image: ImageArray) -> object:
    once.forget()
    return pipeline(image)


def _pipeline(contender: Contender, detector: Detector) -> Pipeline:
    if contender.source.what == "dlib":
        return DlibPipeline()
    if contender.source.what.startswith("mediapipe"):
        return MeshPipeline(corrected=contender.source.what == "mediapipe")
    assert contender.landmarker is not None
    if contender.identity.get("peer"):
        return FramedPipeline(contender, detector)
    return OwnPipeline(contender.landmarker, detector)


class FramedPipeline:
    """A described model, which has no detector of its own, behind ours: one pass in the crop that it wants."""

    def __init__(self, contender: Contender, detector: Detector) -> None:
        self._contender, self._detector = contender, detector

    def __call__(self, image: ImageArray) -> list[FloatArray]:
        found = []
        for detection in self._detector(image):
            crop = self._contender.frame.crop(calibrate(detection.box_xyxy))
            assert self._contender.landmarker is not None
            found.append(crop.to_image(self._contender.landmarker(cut(image, crop)).points_xy))
        return found


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
    return {**counts, **measure.accuracy(points[there], truth[there], faces.scheme, {})}
