"""Stage: the accuracy of one model when the boxes come from the face detector, as they do on a device."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tyro.conf import Positional

from toolkit.benchmarking import accuracy
from toolkit.core import metrics
from toolkit.core.arrays import FloatArray
from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append
from toolkit.core.zoo import ModelPath
from toolkit.data import Sample, open_faces
from toolkit.data.audit import told
from toolkit.detect import Detection, FaceDetector, landmarks_of, landmarks_of_detection
from toolkit.landmarkers import identify, open_model
from toolkit.runtime.landmarker import Landmarker

BOXES = {
    "truth": "tight around the true points, as in training",
    "detector": "MediaPipe's as they are",
    "calibrated": "MediaPipe's, calibrated (what photo, video and webcam do)",
}
PASSES = (1, 2)
"""The second crops around the points of the first."""


@dataclass(frozen=True, kw_only=True)
class Detected(Options):
    """Accuracy with boxes from the true points, from MediaPipe's detector, and from the detector by our calibration.

    On the faces that the detector finds, each with one and with two predictions a face.
    """

    model: Positional[ModelPath]
    """A .tflite, .onnx or .mlpackage, a bundle's folder, or the name of a released model (its float16 TFLite file)."""
    data: Path
    """Labelled photos of any format that `sdhrnet data check` knows."""
    split: str = "test"
    """test, val or train, or a published subset of the test faces."""
    results: OutRecords | None = None
    """Add the records to this .jsonl file."""
    threads: int = 1
    """CPU threads of the engine."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "threads")


def run(options: Detected) -> Steps[Outcome]:
    """Detect, predict and score; see Detected."""
    check_outputs(options)
    model = open_model(options.model, options.threads)
    faces = open_faces(options.data, options.split, 0, scheme=model.scheme)
    if faces.scheme != model.scheme:
        raise ValueError(f"the model predicts {model.scheme.name}, the faces are labelled {faces.scheme.name}")
    yield from told(faces)
    points: dict[tuple[str, int], list[FloatArray]] = {(boxes, passes): [] for boxes in BOXES for passes in PASSES}
    truth = []
    with closing(FaceDetector()) as detector:
        for index in range(len(faces)):
            sample = faces[index]
            found = face_at(sample, detector(sample.image))
            if found is not None:
                truth.append(sample.points_xy)
                for (boxes, passes), into in points.items():
                    into.append(_points(sample, found, model, boxes, passes))
            yield Progress(task="detecting and predicting", done=index + 1, total=len(faces))
    if not truth:
        raise ValueError(f"{faces.title}: the detector finds none of {len(faces)} faces")
    records = tuple(
        {
            "kind": "detected",
            **identify(options.model),
            "engine": model.engine,
            "data": faces.title,
            "split": options.split,
            "boxes": boxes,
            "passes": passes,
            "looked_at": len(faces),
            **accuracy.scored(metrics.nme(np.stack(found_points), np.stack(truth), faces.scheme)),
            **conditions(options.threads),
        }
        for (boxes, passes), found_points in points.items()
    )
    if options.results is not None:
        append(options.results, records)
    return Outcome(text=_text(records), records=records)


def face_at(sample: Sample, detections: Sequence[Detection]) -> Detection | None:
    """The largest detection that holds the middle of the labelled face."""
    centre = (sample.box_xyxy[:2] + sample.box_xyxy[2:]) / 2
    holding = [d for d in detections if (d.box_xyxy[:2] < centre).all() and (centre < d.box_xyxy[2:]).all()]
    return holding[0] if holding else None


def _points(sample: Sample, found: Detection, model: Landmarker, boxes: str, passes: int) -> FloatArray:
    if boxes == "calibrated":
        return landmarks_of_detection(sample.image, found, model, passes).seen.points_xy
    box_xyxy = {"truth": sample.box_xyxy, "detector": found.box_xyxy}[boxes]
    return landmarks_of(sample.image, box_xyxy, model, passes).seen.points_xy


def _text(records: Sequence[dict[str, Any]]) -> str:
    first = records[0]
    found = first["n"] + first["n_unscored"]
    lines = [f"{first['model']} on {first['data']}, {first['split']}: {found} of {first['looked_at']} faces found"]
    lines += [
        f"NME {r['nme_mean']:.2f} % (median {r['nme_median']:.2f}), FR@10 {r['fr10']:.2f} %  "
        f"{r['passes']} pass{'es' if r['passes'] > 1 else ''}, boxes {BOXES[r['boxes']]}"
        for r in records
    ]
    return "\n".join(lines)
