"""Stage: the first crop of a detected face, from the detector's box or from its six keypoints, and what one prediction
in it gives beside two."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toolkit.benchmarking.results import columns
from toolkit.core import metrics
from toolkit.core.arrays import FloatArray
from toolkit.core.geometry import rotation
from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append
from toolkit.core.zoo import ModelPath
from toolkit.data import open_faces
from toolkit.data.audit import told
from toolkit.data.sample import Faces, Sample
from toolkit.detect import Detection, FaceDetector, calibrate, landmarks_of
from toolkit.detect.boxes import shared
from toolkit.detect.turned import roll_of, turn_for
from toolkit.landmarkers import identify, open_model

RIDGE = 1e-3
"""Weight decay of the fit, over the number of faces."""
IN_PLACE = 0.5
"""A detection is of a labelled face when both boxes share more of the smaller one."""
WAYS = tuple((crop, passes) for crop in ("box", "keypoints") for passes in (1, 2))


@dataclass(frozen=True, kw_only=True)
class FirstCrop(Options):
    """Fit training's box to the detector's keypoints on training faces, and score both first crops on held-out ones."""

    models: tuple[ModelPath, ...]
    """Converted files and released models by name (as float16 TFLite)."""
    data: Path
    """Labelled faces of any known format, with a training and a held-out part."""
    every: int = 1
    """Fit with one training face in this many."""
    results: OutRecords | None = None
    """The .jsonl file that the records are added to."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "every")


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A detected face turned upright and made one side large, its box's middle at the origin."""

    centre: FloatArray
    side_px: float
    turn_deg: float

    def inside(self, points_xy: FloatArray) -> FloatArray:
        """Image points (M, 2) in the frame."""
        return np.asarray((points_xy - self.centre) @ rotation(-self.turn_deg).T / self.side_px)

    def box_xyxy(self, middle_and_size: FloatArray) -> FloatArray:
        """The box (4,) of landmarks_of for middle x, y, width and height (4,) in the frame."""
        centre = self.centre + rotation(self.turn_deg) @ middle_and_size[:2] * self.side_px
        half = middle_and_size[2:] * self.side_px / 2
        return np.concatenate([centre - half, centre + half])


def frame_of(face: Detection) -> Frame:
    """By the detector's box, and its eyes."""
    low, high = face.box_xyxy.reshape(2, 2)
    right, left = face.keypoints_xy[:2]
    return Frame(centre=(low + high) / 2, side_px=float((high - low).max()), turn_deg=turn_for(roll_of(right, left)))


def described(face: Detection) -> FloatArray:
    """(13,) the keypoints in the face's frame, and 1."""
    return np.append(frame_of(face).inside(face.keypoints_xy).ravel(), 1.0)


def fitted(seen: FloatArray, wanted: FloatArray) -> FloatArray:
    """(13, 4) the map of least squares from descriptions (N, 13) to middles and sizes of boxes (N, 4)."""
    return np.linalg.solve(seen.T @ seen + RIDGE * len(seen) * np.eye(seen.shape[1]), seen.T @ wanted)


def run(options: FirstCrop) -> Steps[Outcome]:
    """Fit, predict, score; see FirstCrop."""
    check_outputs(options)
    training, held_out = (open_faces(options.data, split, 1) for split in ("train", "val"))
    yield from told(training)
    landmarkers = [open_model(path) for path in options.models]
    if any(each.scheme != held_out.scheme for each in landmarkers):
        raise ValueError(
            f"the faces are labelled {held_out.scheme.name}, and not all of these models give those points"
        )
    seen, wanted = [], []
    with closing(FaceDetector(0)) as detector:
        chosen = range(0, len(training), options.every)
        for done, (sample, face) in enumerate(_detected(training, chosen, detector), start=1):
            inside = frame_of(face).inside(sample.points_xy)
            low, high = np.nanmin(inside, axis=0), np.nanmax(inside, axis=0)
            seen.append(described(face))
            wanted.append(np.concatenate([(low + high) / 2, high - low]))
            yield Progress(task="faces to fit to", done=done, total=len(chosen))
        weights = fitted(np.stack(seen), np.stack(wanted))
        errors: list[list[list[float]]] = [[[] for _ in WAYS] for _ in landmarkers]
        for done, (sample, face) in enumerate(_detected(held_out, range(len(held_out)), detector), start=1):
            frame = frame_of(face)
            boxes = {
                "box": calibrate(face.box_xyxy, turn_deg=frame.turn_deg),
                "keypoints": frame.box_xyxy(described(face) @ weights),
            }
            for own, landmarker in zip(errors, landmarkers, strict=True):
                for into, (crop, passes) in zip(own, WAYS, strict=True):
                    look = landmarks_of(sample.image, boxes[crop], landmarker, passes, roll_deg=frame.turn_deg)
                    points_xy = look.seen.points_xy
                    into.append(float(metrics.nme(points_xy[None], sample.points_xy[None], held_out.scheme)[0]))
            yield Progress(task="held-out faces", done=done, total=len(held_out))
    records = tuple(
        {
            "kind": "first crop",
            **identify(path),
            "engine": landmarker.engine,
            "data": held_out.title,
            "split": "val",
            "fitted_on": f"{training.title}, {len(seen)} faces found",
            "crop": crop,
            "passes": passes,
            "n": len(found),
            "nme_mean": round(100 * float(np.nanmean(found)), 4),
            **conditions(1),
        }
        for path, landmarker, own in zip(options.models, landmarkers, errors, strict=True)
        for (crop, passes), found in zip(WAYS, own, strict=True)
    )
    if options.results is not None:
        append(options.results, records)
    rows = [["model", "first crop from", "predictions", "NME"]]
    rows += [[r["model"], r["crop"], str(r["passes"]), f"{r['nme_mean']:.3f} %"] for r in records]
    return Outcome(text="\n".join([*columns(rows, left=2), f"{records[0]['n']} held-out faces"]), records=records)


def _detected(faces: Faces, chosen: range, detector: FaceDetector) -> Iterator[tuple[Sample, Detection]]:
    """Labelled faces that the detector finds, and what it finds."""
    for index in chosen:
        sample = faces[index]
        shares = [(shared(calibrate(face.box_xyxy), sample.box_xyxy), face) for face in detector(sample.image)]
        share, face = max(shares, key=lambda each: each[0], default=(0.0, None))
        if face is not None and share > IN_PLACE:
            yield sample, face
