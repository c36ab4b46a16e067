"""Stage: the accuracy of one model on labelled faces, in their own boxes or in those of the face detector."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from tyro.conf import Positional

from toolkit.benchmarking import accuracy
from toolkit.benchmarking.accuracy import mean_shape_points
from toolkit.benchmarking.results import columns
from toolkit.core import metrics
from toolkit.core.arrays import FloatArray
from toolkit.core.correspondence import span_of
from toolkit.core.heatmap import Decoder
from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import Fields, append, called
from toolkit.core.schemes import scheme
from toolkit.core.words import counted
from toolkit.core.zoo import ModelPath
from toolkit.data import Faces, Sample, Subset, open_faces, open_folder
from toolkit.data.audit import labels_of, told, warning
from toolkit.data.crops import plain_crops, those_read
from toolkit.data.labels import Label
from toolkit.data.sets import in_own_scheme, in_scheme
from toolkit.detect import Detection, FaceDetector, calibrate, landmarks_of, landmarks_of_detection
from toolkit.detect.turned import roll_of, turn_for
from toolkit.landmarkers import identify, open_model
from toolkit.runtime.landmarker import Landmarker


@dataclass(frozen=True, kw_only=True)
class Evaluate(Options):
    """Accuracy of a bundle or a converted file on labelled faces, for all, by published subset and by region.

    NME is by the inter-ocular distance, and leaves out faces that lack an outer eye corner; NME by the box has all.
    Where the set says which points are covered, so do the confidences, by the area under their ROC curve.
    """

    model: Positional[ModelPath]
    """A .tflite, .onnx or .mlpackage, a bundle's folder, or the name of a released model (its float16 TFLite file)."""
    data: Path | None = None
    """A data set in any known format; without it, synthetic faces."""
    split: str = "test"
    """test, val or train, or a published subset of the test faces, such as challenge."""
    synthetic: int = 200
    """Number of synthetic faces, where no --data is given."""
    boxes: Literal["labels", "detector"] = "labels"
    """labels: around the labelled points, as in training. detector: as on a device, from MediaPipe's detector, as they
    are and by our calibration, beside those of the labels; on the faces that it finds, each with one and with two
    predictions."""
    decoder: Decoder | None = None
    """Of a bundle, how points are read from its heatmaps: dark, a Newton step on the log of the smoothed map;
    centroid, the centre of the squared values around the highest pixel; quarter, a quarter pixel from the highest pixel
    towards its higher neighbour, as HRNet publishes it; argmax, the highest pixel (default: as its card says)."""
    head: str | None = None
    """Of a network with heads for several landmark schemes, the one to score (default: that of the faces)."""
    translate: bool = False
    """Where the faces are labelled by another landmark scheme than the model's, such as 98 points for one of 68, score
    the points that both have; the record's data says so."""
    baselines: bool = False
    """Also score two predictors that look at no pixel: the mean training shape in each face's box, and that shape
    under the best similarity transform onto the truth."""
    results: OutRecords | None = None
    """Add the records to this .jsonl file; an older record of the same measurement is replaced."""
    threads: int = 1
    """CPU threads of the engine."""
    skip_bad: bool = False
    """Leave out annotations and pictures that cannot be used."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "synthetic", "threads")
        if self.baselines and self.split in ("train", "val"):
            raise ValueError("--baselines takes its shape from the training faces: score test faces, by --split test")
        if self.boxes == "detector" and (self.data is None or self.baselines or self.head or self.decoder):
            raise ValueError(
                "--boxes detector scores labelled photos: give --data, and none of --baselines, --head and --decoder"
            )
        if self.translate and (self.boxes == "detector" or self.baselines or self.head):
            raise ValueError("--translate goes with none of --boxes detector, --baselines and --head")


def run(options: Evaluate) -> Steps[Outcome]:
    """Score the model; see Evaluate."""
    check_outputs(options)
    score = _in_labelled_boxes if options.boxes == "labels" else _in_detected_boxes
    outcome = yield from score(options)
    if options.results is not None:
        append(options.results, outcome.records)
    return outcome


def _in_labelled_boxes(options: Evaluate) -> Steps[Outcome]:
    model = open_model(options.model, options.threads, decoder=options.decoder)
    wanted = scheme(options.head) if options.head else (model.scheme.parts or (model.scheme,))[0]
    span_of(wanted, model.scheme)  # refuses a head that there is not
    labelled = open_faces(options.data, options.split, options.synthetic, scheme=wanted, skip_bad=options.skip_bad)
    faces, whole = labelled, model.scheme
    if whole.parts:
        model = open_model(
            options.model, options.threads, head=wanted if options.head else faces.scheme, decoder=options.decoder
        )
        faces = in_scheme(faces, model.scheme, marked=model.scheme)
    told_as = ""
    if options.translate and faces.scheme != model.scheme:
        faces, told_as = in_scheme(faces, model.scheme), f", as {model.scheme.name}"
    if faces.scheme != model.scheme:
        raise ValueError(
            f"the model predicts {model.scheme.name}, the faces are labelled {faces.scheme.name} (--translate scores "
            "the points that both have)"
        )
    if options.baselines and options.data is not None:
        open_folder(options.data, test=False, skip_bad=options.skip_bad)  # a set without training faces is told first
    crops = yield from plain_crops(faces, model.size_px, skip_bad=options.skip_bad)
    found = yield from accuracy.predictions_on(model, crops, f"evaluating {options.model.name}")
    where = {"data": f"{crops.faces.title}{told_as}", "split": options.split}
    record = {
        "kind": "evaluate",
        **identify(options.model),
        "engine": model.engine,
        **where,
        **({"head": model.scheme.name} if whole.parts else {}),
        **({"decoder": options.decoder} if options.decoder else {}),
        **accuracy.accuracy(found.points_xy, crops.points_xy, crops.faces.scheme, crops.faces.subsets),
        **(accuracy.visibility(found.confidence, crops) or {}),
        "latency_ms": None,
        **conditions(options.threads),
    }
    records = (record, *(_baselines(options, where, crops.faces) if options.baselines else ()))
    return Outcome(text="\n\n".join([*map(_table, records), *filter(None, [warning(labelled)])]), records=records)


def _baselines(options: Evaluate, where: dict[str, str], scored: Faces) -> list[dict[str, Any]]:
    """Of the scored faces, by the mean of the training faces: as many drawn ones where there is no --data."""
    train: Sequence[Label | Sample]
    test: Sequence[Label | Sample]
    if options.data is None:
        drawn = open_faces(None, "train", options.synthetic, scheme=scored.scheme)
        train, test = ([faces[i] for i in range(len(faces))] for faces in (drawn, scored))
    else:  # their labels say all that is needed, and no picture is read; a head of another scheme has no part in it
        photos, every = (
            in_own_scheme(open_folder(options.data, test=test, skip_bad=options.skip_bad), scored.scheme)
            for test in (False, True)
        )
        members = list(every.subsets.get(options.split, range(len(every))))
        scored = Subset(every, members, "")
        train, test = labels_of(photos) or (), labels_of(scored) or ()
    truth = np.stack([face.points_xy for face in test])
    return [
        {"kind": "baseline", "model": name, **where, **accuracy.accuracy(points, truth, scored.scheme, scored.subsets)}
        for name, points in mean_shape_points(train, test).items()
    ]


HEADS = {
    "nme_mean": "NME %", "nme_median": "median %", "fr8": "FR@8 %", "fr10": "FR@10 %", "auc10": "AUC@10 %",
}  # fmt: skip


def _table(record: Fields) -> str:
    """One record: a line for all faces and for each subset, the regions, and what the NME could not be formed for."""
    rows = {"all faces": record, **record["subsets"]}
    cells = [[name, str(row["n"]), *(_percent(row[key]) for key in HEADS)] for name, row in rows.items()]
    lines = [f"{called(record)} on {record['data']}, {record['split']}"]
    lines += columns([["", "faces", *HEADS.values()], *cells], left=1)
    regions = ", ".join(f"{name} {_percent(value)}" for name, value in record["nme_regions"].items())
    lines.append(f"NME % by region: {regions}; by the box: {_percent(record['nme_box'])}")
    if "visibility_auc" in record:
        lines.append(
            f"confidence tells {record['n_seen']} seen points from {record['n_covered']} covered ones: "
            f"AUC {record['visibility_auc']:.3f}"
        )
    if record["n_unscored"]:
        one, they = record["n_unscored"] == 1, counted(record["n_unscored"], "face")
        lines.append(
            f"{they} lack{'s' * one} an outer eye corner: {'it is' if one else 'they are'} in the NME by the box alone"
        )
    return "\n".join(lines)


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"


BOXES = {
    "truth": "tight around the true points, as in training",
    "detector": "MediaPipe's as they are",
    "calibrated": "MediaPipe's, calibrated",
    "keypoints": "by MediaPipe's keypoints (what photo, video and webcam do)",
}
PASSES = (1, 2)
"""At most; the second crops around the points of the first, where that crop was not in place."""


def _in_detected_boxes(options: Evaluate) -> Steps[Outcome]:
    model = open_model(options.model, options.threads)
    faces = open_faces(options.data, options.split, 0, scheme=model.scheme, skip_bad=options.skip_bad)
    if faces.scheme != model.scheme:
        raise ValueError(f"the model predicts {model.scheme.name}, the faces are labelled {faces.scheme.name}")
    yield from told(faces)
    faces, truth, points = yield from _detected(options, faces, model)
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
    return Outcome(text=_text(records), records=records)


def _detected(
    options: Evaluate, faces: Faces, model: Landmarker
) -> Steps[tuple[Faces, list[FloatArray], dict[tuple[str, int], list[FloatArray]]]]:
    """The faces whose pictures could be read; of those that the detector finds the true points (M, 2), and the
    predicted ones by boxes and passes.

    Raises:
        FileNotFoundError, ValueError: a picture is not there or damaged, without --skip-bad; or none can be read.
    """
    points: dict[tuple[str, int], list[FloatArray]] = {(boxes, passes): [] for boxes in BOXES for passes in PASSES}
    truth, read = [], []
    with closing(FaceDetector()) as detector:
        for index in range(len(faces)):
            yield Progress(task="detecting and predicting", done=index, total=len(faces))
            try:
                sample = faces[index]
            except (ValueError, FileNotFoundError):
                if not options.skip_bad:
                    raise
                continue
            read.append(index)
            found = face_at(sample, detector(sample.image))
            if found is not None:
                truth.append(sample.points_xy)
                for (boxes, passes), into in points.items():
                    into.append(_points(sample, found, model, boxes, passes))
    return those_read(faces, read), truth, points


def face_at(sample: Sample, detections: Sequence[Detection]) -> Detection | None:
    """The largest detection that holds the middle of the labelled face."""
    centre = (sample.box_xyxy[:2] + sample.box_xyxy[2:]) / 2
    holding = [d for d in detections if (d.box_xyxy[:2] < centre).all() and (centre < d.box_xyxy[2:]).all()]
    return holding[0] if holding else None


def _points(sample: Sample, found: Detection, model: Landmarker, boxes: str, passes: int) -> FloatArray:
    if boxes == "keypoints":
        return landmarks_of_detection(sample.image, found, model, passes).seen.points_xy
    if boxes == "calibrated":
        turn_deg = turn_for(roll_of(*found.keypoints_xy[:2]))
        box_xyxy = calibrate(found.box_xyxy, turn_deg=turn_deg)
        return landmarks_of(sample.image, box_xyxy, model, passes, roll_deg=turn_deg).seen.points_xy
    box_xyxy = {"truth": sample.box_xyxy, "detector": found.box_xyxy}[boxes]
    return landmarks_of(sample.image, box_xyxy, model, passes).seen.points_xy


def _text(records: Sequence[dict[str, Any]]) -> str:
    first = records[0]
    found = first["n"] + first["n_unscored"]
    lines = [f"{called(first)} on {first['data']}, {first['split']}: {found} of {first['looked_at']} faces found"]
    lines += [
        f"NME {r['nme_mean']:.2f} % (median {r['nme_median']:.2f}), FR@10 {r['fr10']:.2f} %  "
        f"{r['passes']} pass{'es' if r['passes'] > 1 else ''}, boxes {BOXES[r['boxes']]}"
        for r in records
    ]
    return "\n".join(lines)
