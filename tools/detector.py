"""Stage: the toolkit's BlazeFace beside MediaPipe's own FaceDetector on photos: how far apart, and how fast."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.files import sha256
from toolkit.core.images import SUFFIXES, read_image
from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append
from toolkit.detect.blazeface import INPUT_PX, BlazeFace, MediaPipeFaceDetector, detector_file
from toolkit.detect.boxes import Detection


@dataclass(frozen=True, kw_only=True)
class Detectors(Options):
    """Compare the toolkit's BlazeFace with MediaPipe's own FaceDetector, one look at each photo of a folder."""

    photos: Path
    """The folder of photos."""
    results: OutRecords | None = None
    """The .jsonl file that the record is added to."""


def run(options: Detectors) -> Steps[Outcome]:
    """Look and compare; see Detectors."""
    check_outputs(options)
    paths = sorted(path for path in options.photos.glob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise FileNotFoundError(f"no photo in {options.photos}")
    apart: list[FloatArray] = []
    times: list[tuple[float, float]] = []
    differing = 0
    with closing(MediaPipeFaceDetector(detector_file())) as theirs:
        ours = BlazeFace(detector_file())
        for done, path in enumerate(paths):
            yield Progress(task="looking", done=done, total=len(paths))
            image = read_image(path)
            (mine, own_ms), (other, other_ms) = (_timed(look, image) for look in (ours, theirs))
            times.append((own_ms, other_ms))
            differing += len(mine) != len(other)
            if len(mine) == len(other):
                apart += [_apart(a, b, image) for a, b in zip(mine, other, strict=True)]
    keypoints, scores, corners, sizes = np.array(apart).reshape(-1, 4).max(axis=0, initial=0.0).tolist()
    own, other_median = np.median(times, axis=0).tolist()
    record = {
        "kind": "detectors",
        "model": detector_file().name,
        "file_sha256": sha256(detector_file()),
        "photos": options.photos.resolve().name,
        "n": len(paths),
        "faces": len(apart),
        "photos_with_another_count": differing,
        "worst_keypoint_input_px": keypoints,
        "median_keypoint_input_px": float(np.median([each[0] for each in apart])) if apart else None,
        "worst_score": scores,
        "worst_corner_px": corners,
        "worst_size_px": sizes,
        "look_ms": {"median": own, "mediapipe_median": other_median, "clock": "process"},
        "engine": ours.engine,
        **conditions(1),
    }
    if options.results is not None:
        append(options.results, (record,))
    return Outcome(
        text=f"{len(apart)} faces on {len(paths)} photos, {differing} photos with another count; at most "
        f"{keypoints:.3f} input px between keypoints, {scores:.4f} between scores, {corners:.2f} px between corners "
        f"and {sizes:.2f} px between sizes of boxes, which MediaPipe rounds down; {own:.1f} ms a look, MediaPipe's "
        f"{other_median:.1f}",
        records=(record,),
    )


def _timed(look: Callable[[ImageArray], list[Detection]], image: ImageArray) -> tuple[list[Detection], float]:
    """What is seen, and the processor's milliseconds for it."""
    began = process_time()
    return look(image), 1e3 * (process_time() - began)


def _apart(ours: Detection, theirs: Detection, image: ImageArray) -> FloatArray:
    """(4,) keypoints in pixels of the network's input, scores, corners and sizes of boxes in image pixels."""
    low = np.maximum(ours.box_xyxy[:2], -0.5)  # MediaPipe cuts off there
    sizes = [face.box_xyxy[2:] - face.box_xyxy[:2] for face in (ours, theirs)]
    return np.array(
        [
            np.abs(ours.keypoints_xy - theirs.keypoints_xy).max() * INPUT_PX / max(image.shape),
            abs(ours.score - theirs.score),
            np.abs(low - theirs.box_xyxy[:2]).max(),
            np.abs(sizes[0] - sizes[1]).max(),
        ]
    )
