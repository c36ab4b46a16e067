"""BlazeFace (Bazarevsky et al. 2019), MediaPipe's short-range face detector: its own .tflite on our engine.

The steps around the network are those of MediaPipe's graph (modules/face_detection/face_detection_short_range.pbtxt
and the calculators that it names), written anew: the letterbox of ImageToTensorCalculator, the anchors of
SsdAnchorsCalculator, the decoding of TensorsToDetectionsCalculator, and the weighted suppression of
NonMaxSuppressionCalculator. Boxes, keypoints and scores are those of MediaPipe's own FaceDetector, which is here too:
tests hold them together.
"""

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.provenance import inside, install
from toolkit.core.quiet import no_chatter, no_tensorflow
from toolkit.detect.boxes import Detection
from toolkit.runtime.raw import open_raw

MEDIAPIPE = Path("mediapipe")
"""Stands for MediaPipe's own FaceDetector where a detector's file is asked for."""
INNER = "modules/face_detection/face_detection_short_range.tflite"
"""Where mediapipe's wheel has it; 0.10.21 is the last one that does."""
WHEEL = "mediapipe==0.10.21"

INPUT_PX = 128
RANGE = (-1.0, 1.0)
"""What the levels 0 to 255 are to the network."""
GRIDS = ((8, 2), (16, 6))
"""Of the network's two maps: pixels from cell to cell, and anchors in each cell. An anchor is a cell's centre alone,
since all have the same size: that of the input."""
CANDIDATE_SCORE = 0.5
"""What deserves a second look; MediaPipe's own default."""
SUPPRESSED = 0.3
"""Boxes that overlap by more (intersection over union) show one face."""
KEYPOINTS = 6

Seen = tuple[FloatArray, FloatArray, FloatArray]
"""Scores (N,), boxes (N, 4) and keypoints (N, 6, 2)."""


def detector_file(given: Path | None = None) -> Path:
    """BlazeFace's file: the one given, or that of an installed mediapipe, which is not imported.

    Raises:
        FileNotFoundError: there is none; the message says the two ways to get one.
    """
    if given is None:
        given = inside("mediapipe", INNER)
        if given is None:
            raise FileNotFoundError(f"no face detector here: {ways()}")
    if not given.is_file():
        raise FileNotFoundError(f"no face detector at {given}: {ways()}")
    return given


def ways() -> str:
    """The ways to get a detector, as commands for this Python; only some commands take its file by an option."""
    old = sys.version_info < (3, 13)  # there is no such wheel for later ones, but any has the file
    how = "" if old else "--only-binary=:all: --python-version 3.12 --target mp "
    found = "" if old else ", found with PYTHONPATH=mp"
    file = "face_detection_short_range.tflite" if old else f"mp/mediapipe/{INNER}"
    options = f"photo, video and webcam also take its file by --detector {file}"
    return f"pip install --no-deps {how}{WHEEL}, whose wheel carries one{found}; {options}"


class BlazeFace:
    """A look at a picture; one thread at a time. It sees faces from a sixth of the picture's longer side on."""

    def __init__(self, path: Path, min_score: float = CANDIDATE_SCORE, threads: int = 1) -> None:
        """Open the network.

        Args:
            path: face_detection_short_range.tflite, or another file with its input and outputs.
            min_score: what scores less is no face.
            threads: CPU threads of the engine.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is another network.
            ModuleNotFoundError: the engine is not installed.
        """
        with no_chatter():
            self._network = open_raw(path, threads, (1, INPUT_PX, INPUT_PX, 3))
        self.engine = self._network.engine
        self._anchors_xy, self._min_score = anchors(), min_score
        shapes = sorted(value.shape for value in self._run(np.zeros((1, 1, 3), np.uint8)))
        expected = [(len(self._anchors_xy), 1), (len(self._anchors_xy), 4 + 2 * KEYPOINTS)]
        if shapes != expected:
            raise ValueError(f"{path} is no short-range BlazeFace: expected outputs {expected}, got {shapes}")

    def __call__(self, image: ImageArray) -> list[Detection]:
        """The faces in an image (H, W, 3) uint8 RGB, the surest first, in its pixels."""
        raw, logits = sorted(self._run(image), key=lambda value: -value.shape[1])
        found = suppress(*decode(raw, logits[:, 0], self._anchors_xy, self._min_score))
        return detections(found, (image.shape[1], image.shape[0]))

    def close(self) -> None:
        """Nothing to end, unlike MediaPipe's."""

    def _run(self, image: ImageArray) -> list[NDArray[np.float32]]:
        """The network's outputs, each (896, channels)."""
        return [value[0] for value in self._network(letterboxed(image)[None]).values()]


class MediaPipeFaceDetector:
    """The same look by MediaPipe's own Tasks FaceDetector, to compare with.

    It rounds boxes to whole pixels of the image, and cuts them off at its upper and left edge.
    """

    def __init__(self, path: Path, min_score: float = CANDIDATE_SCORE) -> None:
        """Start it, in about a second; see BlazeFace.

        Raises:
            ModuleNotFoundError: mediapipe is not installed, or without what it needs.
        """
        with no_tensorflow(), no_chatter():
            try:
                import mediapipe
                from mediapipe.tasks.python import BaseOptions, vision
            except ModuleNotFoundError as error:
                message = f"--detector {MEDIAPIPE} needs mediapipe and all that it needs: {install('mediapipe')}"
                raise ModuleNotFoundError(message, name=MEDIAPIPE.name) from error

            options = vision.FaceDetectorOptions(
                base_options=BaseOptions(model_asset_path=str(path)), min_detection_confidence=min_score
            )
            self._network: Any = vision.FaceDetector.create_from_options(options)
            self._image: Any = lambda pixels: mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=pixels)
            self._network.detect(self._image(np.zeros((INPUT_PX, INPUT_PX, 3), np.uint8)))  # the last chatter
        self.engine = f"mediapipe {mediapipe.__version__}"

    def __call__(self, image: ImageArray) -> list[Detection]:
        """The faces in an image (H, W, 3) uint8 RGB, the surest first, in its pixels."""
        size_wh = image.shape[1::-1]
        found = []
        for seen in self._network.detect(self._image(np.ascontiguousarray(image))).detections:
            low = np.array([seen.bounding_box.origin_x, seen.bounding_box.origin_y], np.float64)
            high = low + np.array([seen.bounding_box.width, seen.bounding_box.height])
            found.append(
                Detection(
                    box_xyxy=np.concatenate([low, high]) - 0.5,
                    score=float(seen.categories[0].score),
                    keypoints_xy=np.array([(point.x, point.y) for point in seen.keypoints]) * size_wh - 0.5,
                )
            )
        return sorted(found, key=lambda face: -face.score)

    def close(self) -> None:
        """End its threads, which otherwise live as long as the process."""
        self._network.close()


def letterboxed(image: ImageArray) -> NDArray[np.float32]:
    """A picture (H, W, 3) uint8 shrunk into a black square (128, 128, 3), in RANGE.

    As in MediaPipe, pixels are sampled, not averaged, and pixel 0 of the picture is pixel 0 of the square.
    """
    height, width = image.shape[:2]
    scale = INPUT_PX / max(height, width)
    across, down = (INPUT_PX - scale * width) / 2, (INPUT_PX - scale * height) / 2
    to_square = np.array([[scale, 0, across], [0, scale, down], [0, 0, 1]])
    square = cv2.warpPerspective(
        image, to_square, (INPUT_PX, INPUT_PX), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
    low, high = map(np.float32, RANGE)
    return np.asarray(square, np.float32) * np.float32((high - low) / 255) + low


def anchors() -> FloatArray:
    """Centres (896, 2) of the anchors, x and y in [0, 1], in the order of the network's outputs."""
    centres = []
    for stride, count in GRIDS:
        cells = INPUT_PX // stride
        y, x = np.mgrid[:cells, :cells]
        centres.append(np.repeat((np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) / cells, count, axis=0))
    return np.concatenate(centres)


def decode(raw: NDArray[np.float32], logits: NDArray[np.float32], anchors_xy: FloatArray, min_score: float) -> Seen:
    """What scores enough, before suppression; in [0, 1] of the network's square.

    Args:
        raw: (N, 16) centre, size and keypoints, in pixels of the input from the anchor.
        logits: (N,) of the scores.
        anchors_xy: (N, 2).
        min_score: in [0, 1].
    """
    scores = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -100, 100)))
    kept = scores >= min_score
    pairs = raw[kept].reshape(-1, 2 + KEYPOINTS, 2).astype(np.float64) / INPUT_PX
    size, anchor = pairs[:, 1], anchors_xy[kept]
    centre = pairs[:, 0] + anchor
    boxes = np.concatenate([centre - size / 2, centre + size / 2], axis=1)
    right = (size >= 0).all(axis=1)
    return scores[kept][right], boxes[right], (pairs[:, 2:] + anchor[:, None])[right]


def suppress(scores: FloatArray, boxes: FloatArray, keypoints: FloatArray) -> Seen:
    """One face for all boxes that overlap the surest one: their mean, weighted by score; its score is the surest."""
    order = np.argsort(-scores, kind="stable")
    found: list[tuple[float, FloatArray, FloatArray]] = []
    while len(order):
        same = overlap(boxes[order[0]], boxes[order]) > SUPPRESSED
        same[0] = True  # a box without area overlaps nothing, itself included
        face = order[same]
        weights = scores[face] / scores[face].sum()
        found.append((scores[face[0]], weights @ boxes[face], np.tensordot(weights, keypoints[face], axes=1)))
        order = order[~same]
    return (
        np.array([score for score, _, _ in found]),
        np.array([box for _, box, _ in found]).reshape(-1, 4),
        np.array([points for _, _, points in found]).reshape(-1, KEYPOINTS, 2),
    )


def detections(seen: Seen, size_wh: tuple[int, int]) -> list[Detection]:
    """What was seen in the network's square, in pixels of the picture of that size."""
    longer = max(size_wh)
    margin = (np.array(size_wh) - longer) / 2  # of the square
    return [
        Detection(
            box_xyxy=(box.reshape(2, 2) * longer + margin - 0.5).ravel(),
            score=float(score),
            keypoints_xy=points * longer + margin - 0.5,
        )
        for score, box, points in zip(*seen, strict=True)
    ]


def overlap(box_xyxy: FloatArray, others_xyxy: FloatArray) -> FloatArray:
    """Intersection over union (N,) of a box (4,) with others (N, 4); 0 where both have no area."""
    low, high = np.maximum(box_xyxy[:2], others_xyxy[:, :2]), np.minimum(box_xyxy[2:], others_xyxy[:, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(others_xyxy[:, 2:] - others_xyxy[:, :2], axis=1) + np.prod(box_xyxy[2:] - box_xyxy[:2])
    union = areas - common
    return np.asarray(common / np.where(union > 0, union, 1))
