"""Each candidate behind its own face detector, on whole pictures, as a user would meet it."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import Any

import numpy as np

from toolkit.benchmarking import accuracy, competitors
from toolkit.benchmarking.candidates import Candidate
from toolkit.benchmarking.results import OWN
from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.geometry import cut
from toolkit.core.progress import Progress, Steps
from toolkit.core.quiet import no_chatter, no_tensorflow
from toolkit.data.sample import Faces
from toolkit.detect import Detection, FaceDetector, calibrate, landmarks_in
from toolkit.detect.boxes import around, nearest
from toolkit.detect.landmarks import Detector
from toolkit.detect.mesh import corrected_landmarks, landmarks_of_mesh
from toolkit.runtime.landmarker import Landmarker
from toolkit.runtime.timing import interleaved

Pipeline = Callable[[ImageArray], list[FloatArray]]
"""A picture (H, W, 3) uint8 RGB -> points (M, 2) of every face that is found, in its pixels."""
Name = tuple[str, str | None]
"""A model and the hash of its file, since files of two folders may be called the same."""

MOST_FACES = 8


class LookOnce:
    """A detector that remembers its last picture, so that several networks can share a look at it."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.forget()

    def forget(self) -> None:
        """Look again, even at the same picture."""
        self._seen: tuple[ImageArray, list[Detection]] | None = None

    def __call__(self, image: ImageArray) -> list[Detection]:
        """The faces in a picture."""
        if self._seen is None or self._seen[0] is not image:
            self._seen = (image, self._detector(image))
        return self._seen[1]


class OwnPipeline:
    """What `sdhrnet photo` does: MediaPipe's detector, first crops by its keypoints, and one or two predictions."""

    def __init__(self, landmarker: Landmarker, detector: Detector, *, sure: bool = False) -> None:
        """With `sure`, faces that are told as unsure are left out."""
        self._landmarker, self._detector, self._sure = landmarker, detector, sure

    def __call__(self, image: ImageArray) -> list[FloatArray]:
        faces = landmarks_in(image, self._detector, self._landmarker)
        return [face.points_xy for face in faces if face.sure or not self._sure]


class FramedPipeline:
    """A described model, which has no detector of its own, behind ours: one pass in the crop that it wants."""

    def __init__(self, candidate: Candidate, detector: Detector) -> None:
        self._candidate, self._detector = candidate, detector

    def __call__(self, image: ImageArray) -> list[FloatArray]:
        found = []
        for detection in self._detector(image):
            crop = self._candidate.framing.crop(calibrate(detection.box_xyxy))
            assert self._candidate.landmarker is not None
            found.append(crop.to_image(self._candidate.landmarker(cut(image, crop)).points_xy))
        return found


class MeshPipeline:
    """MediaPipe's own solution: its detector, one turned look, refined eyes and lips."""

    engine = f"mediapipe {competitors.versions().get('mediapipe', 'not installed')}"

    def __init__(self, *, corrected: bool, followed: int = 0) -> None:
        """With `followed`, so many faces at most are followed from frame to frame; else every picture stands alone."""
        self._map = corrected_landmarks if corrected else landmarks_of_mesh
        with no_tensorflow(), no_chatter():
            from mediapipe.python.solutions import face_mesh

            self._network: Any = face_mesh.FaceMesh(
                static_image_mode=not followed, max_num_faces=followed or MOST_FACES, refine_landmarks=True
            )
            self._network.process(np.zeros((192, 192, 3), np.uint8))
        self._quiet = False

    def close(self) -> None:
        """End its threads."""
        self._network.close()

    def __call__(self, image: ImageArray) -> list[FloatArray]:
        if self._quiet:
            faces = self._network.process(image).multi_face_landmarks or ()
        else:
            with no_chatter():  # the rest of it comes with the first face
                faces = self._network.process(image).multi_face_landmarks or ()
            self._quiet = bool(faces)
        height, width = image.shape[:2]
        scale = np.array((width, height, width))
        meshes = [np.array([(p.x, p.y, p.z) for p in face.landmark]) * scale - (0.5, 0.5, 0) for face in faces]
        return [self._map(mesh) for mesh in meshes]


class DlibPipeline:
    """dlib's frontal HOG detector on the picture at twice its size, as its own example does, and its predictor."""

    def __init__(self) -> None:
        dlib = competitors.import_dlib()
        self._detector = dlib.get_frontal_face_detector()
        self._predictor = dlib.shape_predictor(str(competitors.dlib_file()))
        self.engine = f"dlib {dlib.__version__}"

    def __call__(self, image: ImageArray) -> list[FloatArray]:
        pixels = np.ascontiguousarray(image)
        return [competitors.dlib_points(self._predictor(pixels, box)) for box in self._detector(pixels, 1)]


@contextmanager
def pipelines_of(candidates: Sequence[Candidate], *, sure: bool = False) -> Iterator[tuple[list[Pipeline], LookOnce]]:
    """The pipeline of each candidate, and the look at a picture that those share which have no detector of their own.

    Detectors' threads end with the context. With `sure`, ours leave out the faces that they tell as unsure.
    """
    with ExitStack() as stack:
        once = LookOnce(stack.enter_context(closing(FaceDetector())))
        pipelines = [_pipeline(candidate, once, sure) for candidate in candidates]
        for pipeline in pipelines:
            if isinstance(pipeline, MeshPipeline):
                stack.enter_context(closing(pipeline))
        yield pipelines, once


def _pipeline(candidate: Candidate, detector: Detector, sure: bool) -> Pipeline:
    if candidate.source.what == "dlib":
        return DlibPipeline()
    if candidate.source.what.startswith("mediapipe"):
        return MeshPipeline(corrected=candidate.source.what == "mediapipe")
    assert candidate.landmarker is not None
    if candidate.identity.get("peer"):
        return FramedPipeline(candidate, detector)
    return OwnPipeline(candidate.landmarker, detector, sure=sure)


def found_points(pipelines: Mapping[Name, Pipeline], faces: Faces) -> Steps[dict[Name, FloatArray]]:
    """For each pipeline the points (N, M, 2) of the set's faces in image pixels; NaN where it finds none there.

    Of several faces in a picture the one counts whose middle is nearest to that of the labelled one, if it lies within
    the labelled box.
    """
    shape = (len(faces), faces.scheme.points, 2)
    out = {name: np.full(shape, np.nan) for name in pipelines}
    for i in range(len(faces)):
        sample = faces[i]
        for name, pipeline in pipelines.items():
            near = face_at(pipeline(sample.image), sample.box_xyxy)
            if near is not None:
                out[name][i] = near
        if i % 10 == 0 or i == len(faces) - 1:
            yield Progress(task="each with its own detector", done=i + 1, total=len(faces))
    return out


def face_at(faces: list[FloatArray], box_xyxy: FloatArray) -> FloatArray | None:
    """Of the points of several faces those whose middle is nearest to that of a box, if it lies within the box."""
    place = nearest(box_xyxy, [around(points_xy) for points_xy in faces])
    return None if place is None else faces[place]


WARMUP = 2


def check_pipelines(able: Sequence[Candidate]) -> None:
    """Raises FileNotFoundError or ModuleNotFoundError where behind_detectors would, before anything is measured."""
    with pipelines_of(list(_once_each(able).values())):
        pass


def _once_each(able: Sequence[Candidate]) -> dict[Name, Candidate]:
    chosen: dict[Name, Candidate] = {}
    for candidate in able:
        if candidate.landmarker is not None and candidate.landmarker.timed:
            chosen.setdefault((candidate.identity["model"], candidate.identity["file_sha256"]), candidate)
    return chosen


def behind_detectors(able: Sequence[Candidate], faces: Faces, runs: int) -> Steps[list[dict[str, Any]]]:
    """A record for each model that is timed, on the first engine and number of threads that it was given."""
    chosen = _once_each(able)
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


def _identity(candidate: Candidate, pipeline: Pipeline) -> dict[str, Any]:
    named = {k: v for k, v in candidate.identity.items() if k != "size_px"}
    engine = getattr(pipeline, "engine", candidate.engine)
    return {
        "kind": "benchmark", **named, "engine": engine, "threads": candidate.source.threads, "boxes": OWN,
        "not_measured": None,
    }  # fmt: skip


def _scores(points: FloatArray, truth: FloatArray, faces: Faces) -> dict[str, Any]:
    """Accuracy over the faces that were found; the others are counted."""
    there = np.isfinite(points).all(axis=(1, 2))
    counts = {"n_faces": len(points), "found": int(there.sum())}
    if not there.any():
        return {**counts, **accuracy.NO_SCORE}
    return {**counts, **accuracy.accuracy(points[there], truth[there], faces.scheme, {})}
