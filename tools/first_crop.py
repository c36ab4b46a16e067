"""Stage: the first crop of a detected face, from the detector's box or from its keypoints, and what one prediction in
it gives beside two; and the fit of the one from keypoints."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from toolkit.benchmarking.angles import turned
from toolkit.benchmarking.results import columns
from toolkit.core import metrics
from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append, called
from toolkit.core.zoo import MAIN, ModelPath
from toolkit.data import open_faces
from toolkit.data.audit import told
from toolkit.data.sample import Faces, box_of_points
from toolkit.detect import Detection, FaceDetector, calibrate, landmarks_of
from toolkit.detect.boxes import settled, shared, similar
from toolkit.detect.first_crop import first_crop, fit_first_crop
from toolkit.detect.landmarks import CropPrediction
from toolkit.detect.turned import crop_around, faces_any_way_up
from toolkit.landmarkers import identify, open_model
from toolkit.runtime.landmarker import Landmarker

IN_PLACE = 0.5
"""A detection is of a labelled face when both boxes share more of the smaller one."""
CROPS = ("box", "keypoints")
AGAIN = ("never", "where needed", "always")
"""When a face is predicted again, around its points: where its first crop was not in place, as in `photo`."""
DECIMALS = 4


@dataclass(frozen=True, kw_only=True)
class FirstCrop(Options):
    """Score faces by what their first crop is made of, upright and turned; or fit the one of keypoints (--fit)."""

    data: Path
    """Labelled faces of any known format: scored are held-out ones, and fitted is to training ones."""
    models: tuple[ModelPath, ...] = (Path(MAIN),)
    """Converted files and released models by name (as float16 TFLite)."""
    angles: tuple[int, ...] = (0,)
    """By how many degrees faces are turned clockwise; 0 leaves the photo as it is."""
    fit: bool = False
    """Fit to training faces instead, and say what belongs into toolkit/detect/first_crop.py."""
    every: int = 1
    """Take one face in this many."""
    results: OutRecords | None = None
    """The .jsonl file that the records are added to."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "every")


def run(options: FirstCrop) -> Steps[Outcome]:
    """Fit, or predict and score; see FirstCrop."""
    check_outputs(options)
    faces = open_faces(options.data, "train" if options.fit else "val", 1)
    yield from told(faces)
    with closing(FaceDetector(0)) as detector:
        outcome = yield from (_fit if options.fit else _score)(options, faces, detector)
    if options.results is not None:
        append(options.results, outcome.records)
    return outcome


def _fit(options: FirstCrop, faces: Faces, detector: FaceDetector) -> Steps[Outcome]:
    """The map from keypoints to the box of training, by upright faces."""
    keypoints_xy, points_xy = [], []
    chosen = range(0, len(faces), options.every)
    for done, index in enumerate(chosen, start=1):
        sample = faces[index]
        views = _views(sample.image, sample.box_xyxy, lambda image: [[face] for face in detector(image)])
        if views:
            keypoints_xy.append(views[0].keypoints_xy)
            points_xy.append(sample.points_xy)
        yield Progress(task="faces to fit to", done=done, total=len(chosen))
    weights = fit_first_crop(keypoints_xy, points_xy).round(DECIMALS) + 0.0  # no -0.0
    record = {
        "kind": "first crop fit",
        "model": "mediapipe face detection",
        "data": faces.title,
        "split": "train",
        "n": len(chosen),
        "found": len(points_xy),
        "weights": weights.tolist(),
        **conditions(1),
    }
    rows = [f"({', '.join(f'{value:.{DECIMALS}f}' for value in row)})," for row in weights]
    return Outcome(text="\n".join([*rows, f"fitted to {len(points_xy)} of {len(chosen)} faces"]), records=(record,))


def _score(options: FirstCrop, faces: Faces, detector: FaceDetector) -> Steps[Outcome]:
    """NME by angle, model, first crop and predictions, of the faces that are found."""
    landmarkers = [open_model(path) for path in options.models]
    if any(each.scheme != faces.scheme for each in landmarkers):
        raise ValueError(f"the faces are labelled {faces.scheme.name}, and not all of these models give those points")
    errors: dict[tuple[int, int, str, str], list[float]] = {}
    predictions: dict[tuple[int, int, str, str], list[int]] = {}
    chosen = range(0, len(faces), options.every)
    for done, index in enumerate(chosen, start=1):
        sample = faces[index]
        for angle_deg in options.angles:
            image, truth_xy = turned(sample, angle_deg) if angle_deg else (sample.image, sample.points_xy)
            views = _views(image, box_of_points(truth_xy), lambda image: faces_any_way_up(image, detector))
            for i, crop in product(range(len(landmarkers)) if views else (), CROPS):
                looks = [_looks(image, view, landmarkers[i], crop) for view in views]
                for again in AGAIN:
                    way, ends = (angle_deg, i, crop, again), [_end(look, again) for look in looks]
                    best = max(ends, key=lambda look: look.confidence)
                    error = metrics.nme(best.seen.points_xy[None], truth_xy[None], faces.scheme)[0]
                    errors.setdefault(way, []).append(float(error))
                    told_twice = sum(end is not first for end, (first, _) in zip(ends, looks, strict=True))
                    predictions.setdefault(way, []).append(len(ends) + told_twice)
        yield Progress(task="held-out faces", done=done, total=len(chosen))
    if not errors:
        raise ValueError(f"{faces.title}: the detector finds none of {len(chosen)} faces")
    records = tuple(
        {
            "kind": "first crop",
            **identify(options.models[i]),
            "engine": landmarkers[i].engine,
            "data": faces.title,
            "split": "val",
            "angle_deg": angle_deg,
            "crop": crop,
            "again": again,
            "n": len(found),
            "predictions_mean": round(float(np.mean(predictions[angle_deg, i, crop, again])), 3),
            "nme_mean": round(100 * float(np.nanmean(found)), 4),
            **conditions(1),
        }
        for (angle_deg, i, crop, again), found in errors.items()
    )
    rows = [["degrees", "model", "first crop from", "predicted again", "faces", "predictions", "NME %"]]
    keys = ("angle_deg", "model", "crop", "again", "n", "predictions_mean", "nme_mean")
    rows += [[str((r | {"model": called(r)})[key]) for key in keys] for r in records]
    return Outcome(text="\n".join(columns(rows, left=4)), records=records)


def _looks(
    image: ImageArray, view: Detection, landmarker: Landmarker, crop: str
) -> tuple[CropPrediction, CropPrediction]:
    """The landmarks of a view in the first crop of either kind, and in that of those landmarks."""
    box_xyxy, turn_deg = first_crop(view)
    if crop == "box":
        box_xyxy = calibrate(view.box_xyxy, turn_deg=turn_deg)
    first = landmarks_of(image, box_xyxy, landmarker, 1, roll_deg=turn_deg)
    closer_xyxy, closer_deg = crop_around(first.seen.points_xy, landmarker.scheme)
    if not similar(closer_xyxy, box_xyxy):
        return first, first
    return first, landmarks_of(image, closer_xyxy, landmarker, 1, roll_deg=closer_deg)


def _end(looks: tuple[CropPrediction, CropPrediction], again: str) -> CropPrediction:
    """The first or the second look."""
    first, second = looks
    needed = not settled(second.box_xyxy, first.box_xyxy)
    return second if again == "always" or (again == "where needed" and needed) else first


def _views(
    image: ImageArray, box_xyxy: FloatArray, look: Callable[[ImageArray], list[list[Detection]]]
) -> list[Detection]:
    """The views of the face that is in place, of those that are found in an image; none where there is none."""
    shares = [(shared(calibrate(views[0].box_xyxy), box_xyxy), views) for views in look(image)]
    share, views = max(shares, key=lambda each: each[0], default=(0.0, []))
    return views if share > IN_PLACE else []
