"""Stage: how a face detector's boxes differ from the boxes of the landmarks, which is what networks train on."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tyro.conf import Positional

from toolkit.core.arrays import FloatArray
from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append
from toolkit.data import Photos, open_folder
from toolkit.detect import FaceDetector
from toolkit.detect.boxes import calibrate, fit_calibration


@dataclass(frozen=True, kw_only=True)
class Boxes(Options):
    """Fit the calibration of MediaPipe's boxes to labelled training faces, and measure the error that is left.

    The calibration is what `photo` uses (toolkit/detect/boxes.py); the error is what the augmentation `jitter`
    repeats (toolkit/data/augment.py).
    """

    data: Positional[Path]
    """Labelled faces of any format that `sdhrnet data check` knows; their training part is used."""
    every: int = 1
    """Use one face in this many."""
    results: OutRecords | None = None
    """Add the record to this .jsonl file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.every < 1:
            raise ValueError(f"--every must be at least 1, got {self.every}")


def run(options: Boxes) -> Steps[Outcome]:
    """Detect, fit and measure; see Boxes."""
    check_outputs(options)
    photos = open_folder(options.data, test=False)
    chosen = list(range(0, len(photos), options.every))
    found, truth = yield from _pairs(photos, chosen)
    if len(found) < 2:
        raise ValueError(f"{photos.title}: the detector finds {len(found)} of {len(chosen)} faces, too few to fit")
    calibration = fit_calibration(found, truth)
    error = residual(np.stack([calibrate(box, calibration) for box in found]), truth)
    record = {
        "kind": "boxes",
        "model": "mediapipe face detection",
        "data": photos.title,
        "split": "train",
        "n": len(chosen),
        "found": len(found),
        **dataclasses.asdict(calibration),
        "error_sd": [round(float(v), 4) for v in error.std(axis=0)],
        **conditions(1),
    }
    if options.results is not None:
        append(options.results, (record,))
    across, down, size = error.std(axis=0)
    return Outcome(
        text=f"{len(found)} of {len(chosen)} faces found ({photos.title})\n"
        f"calibration: shift {_pair(calibration.shift_xy)}, scale {_pair(calibration.scale_xy)}\n"
        f"error left (deviation, in box sides): centre {across:.3f} across and {down:.3f} down, size {size:.3f}",
        records=(record,),
    )


def _pairs(photos: Photos, chosen: list[int]) -> Steps[tuple[FloatArray, FloatArray]]:
    """The detector's boxes and the landmarks' boxes (N, 4) of the faces that are found."""
    detector, found, truth = FaceDetector(), [], []
    for done, index in enumerate(chosen):
        sample = photos[index]
        centre = (sample.box_xyxy[:2] + sample.box_xyxy[2:]) / 2
        boxes = [d.box_xyxy for d in detector(sample.image)]
        holding = [box for box in boxes if (box[:2] < centre).all() and (centre < box[2:]).all()]
        if holding:
            found.append(holding[0])
            truth.append(sample.box_xyxy)
        if done % 10 == 0 or done == len(chosen) - 1:
            yield Progress(task="detecting faces", done=done + 1, total=len(chosen))
    detector.close()
    return np.array(found).reshape(-1, 4), np.array(truth).reshape(-1, 4)


def residual(found: FloatArray, truth: FloatArray) -> FloatArray:
    """(N, 3) what is left between two sets of boxes: centre across and down in the truth's longer sides, and the
    logarithm of the ratio of longer sides."""
    sides = [(b[:, 2:] - b[:, :2]).max(axis=1) for b in (found, truth)]
    centres = [(b[:, :2] + b[:, 2:]) / 2 for b in (found, truth)]
    return np.column_stack([(centres[0] - centres[1]) / sides[1][:, None], np.log(sides[0] / sides[1])])


def _pair(values: tuple[float, float]) -> str:
    return f"({values[0]:.3f}, {values[1]:.3f})"
