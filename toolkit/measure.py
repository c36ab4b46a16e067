"""Measuring a landmarker: its points on a set of faces, its scores, and the record that keeps them."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.core import metrics
from toolkit.core.files import read_lines, write_lines
from toolkit.core.progress import Progress, Steps
from toolkit.core.provenance import commit, processor, versions
from toolkit.data.batches import PlainCrops
from toolkit.runtime.landmarker import Landmarker

VERSIONED = ("torch", "numpy", "ai-edge-litert", "tflite-runtime", "onnxruntime", "coremltools", "mediapipe")


def errors_on(landmarker: Landmarker, crops: PlainCrops, task: str) -> Steps[NDArray[np.float64]]:
    """Per-face NME (N,) as fractions.

    Raises:
        ValueError: the landmarker's scheme is not the faces'.
    """
    scheme = crops.faces.scheme
    if landmarker.scheme != scheme:
        raise ValueError(f"the model predicts {landmarker.scheme.name}, the faces are labelled {scheme.name}")
    points = []
    for index, image in enumerate(crops.images):
        points.append(landmarker(image).points_xy)
        if index % 10 == 0 or index == len(crops.images) - 1:
            yield Progress(task=task, done=index + 1, total=len(crops.images))
    return metrics.nme(np.stack(points), crops.points_xy, scheme)


def scored(errors: NDArray[np.float64]) -> dict[str, Any]:
    """The accuracy fields of a record, errors included so that curves can be drawn from it."""
    figures = {k: round(v, 4) for k, v in dataclasses.asdict(metrics.scores(errors)).items()}
    return figures | {"errors_percent": [round(100 * e, 3) for e in errors.tolist()]}


def conditions(threads: int) -> dict[str, Any]:
    """The fields of a record that say where and with what it was measured."""
    return {"device": processor(), "threads": threads, "commit": commit(), "versions": versions(*VERSIONED)}


def append(path: Path, records: tuple[dict[str, Any], ...]) -> None:
    """Add records to a results file; one about the same measurement replaces the older one."""
    fresh = {_key(r): r for r in records}
    kept = [r for r in read_lines(path) if _key(r) not in fresh]
    write_lines(path, [*kept, *fresh.values()])


def _key(record: dict[str, Any]) -> tuple[Any, ...]:
    names = ["kind", "model", "engine", "threads", "data", "split"]
    if record["kind"] == "ablation":
        names += ["ablation", "variant", "seed"]
    return tuple(record.get(name) for name in names)
