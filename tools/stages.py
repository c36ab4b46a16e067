"""Stage: where the time of a photo goes, and that of Face Mesh's own pipeline on the same photo in the same run."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import cv2
import numpy as np
from PIL import Image

from toolkit.benchmarking.end_to_end import MeshPipeline
from toolkit.benchmarking.results import columns
from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append, called
from toolkit.core.stopwatch import Stopwatch
from toolkit.core.zoo import ModelPath
from toolkit.detect import FaceDetector, landmarks_in
from toolkit.detect.landmarks import PASSES
from toolkit.landmarkers import identify, open_model

SIZE_WH = (640, 480)
STAGES = ("decode", "detect", "crop", "network", "the rest")
WARMUP = 3


@dataclass(frozen=True, kw_only=True)
class Stages(Options):
    """Processor time of each stage of a photo of one face, 640 x 480, one thread, in turns with Face Mesh's pipeline.

    The photo is scikit-image's astronaut as JPEG. Decoding is timed for all, and counts for none of the sums.
    """

    models: tuple[ModelPath, ...]
    """Converted files and released models by name (as float16 TFLite)."""
    runs: int = 50
    """Photos for each."""
    passes: int = PASSES
    """Predictions a face, as in `photo`."""
    results: OutRecords | None = None
    """The .jsonl file that the records are added to."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "runs", "passes")


def run(options: Stages) -> Steps[Outcome]:
    """Take turns, and say what each took; see Stages."""
    check_outputs(options)
    image = portrait()
    landmarkers = [open_model(path) for path in options.models]
    laps: list[list[dict[str, float]]] = [[] for _ in landmarkers]
    mesh_ms: list[float] = []
    decode_ms: list[float] = []
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=90)
    with closing(FaceDetector()) as detector, closing(MeshPipeline(corrected=True)) as mesh:
        for done in range(1, options.runs + WARMUP + 1):
            decode_ms.append(_ms(lambda: np.asarray(Image.open(BytesIO(buffer.getvalue())).convert("RGB"))))
            for own, landmarker in zip(laps, landmarkers, strict=True):
                watch = Stopwatch(time.process_time_ns)
                whole = _ms(lambda: landmarks_in(image, detector, landmarker, options.passes, watch))  # noqa: B023
                parts = {name: row["mean_ms_per_frame"] for name, row in watch.summary(1).items()}
                own.append({**parts, "the rest": whole - sum(parts.values()), "photo": whole})
            mesh_ms.append(_ms(lambda: mesh(image)))
            yield Progress(task="photos", done=done, total=options.runs + WARMUP)
    found = conditions(1)
    records = tuple(
        {
            "kind": "photo stages",
            **identify(path),
            "engine": landmarker.engine,
            "data": "scikit-image's astronaut, 640 x 480",
            "runs": options.runs,
            "passes": options.passes,
            "clock": "process",
            "stages_ms_median": {
                "decode": _median(decode_ms),
                **{key: _median([lap[key] for lap in own]) for key in own[0]},
            },
            "face_mesh_photo_ms_median": _median(mesh_ms),
            **found,
        }
        for path, landmarker, own in zip(options.models, landmarkers, laps, strict=True)
    )
    if options.results is not None:
        append(options.results, records)
    return Outcome(text=_table(records), records=records)


def portrait() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """(480, 640, 3): the astronaut, whose face is a third of the width."""
    from skimage import data

    return np.asarray(cv2.resize(data.astronaut()[20:260, 64:384], SIZE_WH, interpolation=cv2.INTER_LINEAR), np.uint8)


def _ms(call: Callable[[], object]) -> float:
    began = time.process_time_ns()
    call()
    return (time.process_time_ns() - began) / 1e6


def _median(times_ms: list[float]) -> float:
    """Without the warm-up."""
    return round(float(np.median(times_ms[WARMUP:])), 3)


def _table(records: tuple[dict[str, Any], ...]) -> str:
    rows = [["model", *STAGES, "photo", "Face Mesh's"]]
    for record in records:
        stages = record["stages_ms_median"]
        told = [*(stages.get(name, 0.0) for name in (*STAGES, "photo")), record["face_mesh_photo_ms_median"]]
        rows.append([called(record), *(f"{ms:.2f}" for ms in told)])
    return "\n".join([*columns(rows, left=1), "median ms of processor time; the photo without its decoding"])
