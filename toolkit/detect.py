"""Faces in a picture: MediaPipe's short-range detector, made to find small faces and faces that fill the frame.

The model travels in mediapipe's wheel; nothing is downloaded and no socket opened. The network behind it sees 128 x 128
pixels, so a face under a sixth of what it looks at is easily missed: tiles of the picture are looked at as well.
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.uint8]
Window = tuple[int, int, int, int]
"""Left, top, right, bottom of a part of a picture, in whole pixels; right and bottom are just outside."""

MIN_SCORE = 0.5
"""MediaPipe's own default."""
FINEST = 2
"""Halvings of the picture's longer side for the smallest tiles: faces down to 1/24 of it are found."""
SMALLEST_TILE_PX = 128
"""Tiles are not made smaller than what the network sees."""
VIEW_PX = 256
"""Parts of the picture are averaged down to this, twice what the network sees, since MediaPipe only samples them."""
MARGIN = 0.25
"""Border added on each side, over the longer side, for a face that fills the picture."""
SAME_FACE = 0.4
"""Two boxes show the same face when they share more than this part of the smaller one."""

CHATTER = re.compile(r"WARNING: All log messages before absl|INFO: |[IW]\d{4} ")
"""What the C++ side says in good health; errors (E, F) begin otherwise."""


@dataclass(frozen=True, kw_only=True)
class Detection:
    """A face as MediaPipe sees it, in image pixels (whole numbers at pixel centres, see core.geometry)."""

    box_xyxy: FloatArray
    """(4,) left, top, right, bottom: about square, brows to chin; `calibrate` turns it into the box of the landmarks."""
    score: float
    """In [0, 1]."""
    keypoints_xy: FloatArray
    """(6, 2): right eye, left eye, nose tip, middle of the mouth, right ear, left ear (the face's own right and left)."""


class FaceDetector:
    """MediaPipe's short-range face detector over a whole picture and tiles of it.

    About 3 ms a look at a tile; one thread at a time.
    """

    def __init__(self, finest: int = FINEST, min_score: float = MIN_SCORE) -> None:
        """Start the detector, in about a second.

        Args:
            finest: 0 looks at the whole picture only, for a face near the camera; every step further halves the tiles.
            min_score: less certain detections are dropped.
        """
        self._finest = finest
        self._min_score = min_score
        with _no_tensorflow(), _no_chatter():
            from mediapipe.python.solutions import face_detection

            self._network: Any = face_detection.FaceDetection(min_detection_confidence=min_score, model_selection=0)
            self._network.process(np.zeros((128, 128, 3), dtype=np.uint8))  # the last of the chatter comes with it

    def __call__(self, image: ImageArray) -> list[Detection]:
        """The faces in an image (H, W, 3) uint8 RGB, largest first."""
        height, width = image.shape[:2]
        longer = max(height, width)
        found = self._look(image, (0, 0, width, height))
        if not found:
            margin = round(MARGIN * longer)
            found = self._look(image, (-margin, -margin, width + margin, height + margin))
        kept = _distinct([], found)
        for step in range(1, self._finest + 1):
            side = -(-longer // 2**step)
            if side < SMALLEST_TILE_PX:
                break
            level = [
                d for tile in tiles(width, height, side) for d in self._look(image, tile) if _inside(d, tile, image)
            ]
            kept = _distinct(kept, level)
        return sorted(kept, key=lambda d: -float(np.prod(d.box_xyxy[2:] - d.box_xyxy[:2])))

    def _look(self, image: ImageArray, window: Window) -> list[Detection]:
        """The faces in a part of the image, which may reach beyond it."""
        view, scale = _view(image, window)
        height, width = view.shape[:2]

        def to_image(relative_xy: list[tuple[float, float]]) -> FloatArray:
            return np.asarray(np.array(relative_xy) * (width, height) * scale + window[:2] - 0.5)

        found = []
        for proto in self._network.process(view).detections or ():
            box, points = proto.location_data.relative_bounding_box, proto.location_data.relative_keypoints
            corners = [(box.xmin, box.ymin), (box.xmin + box.width, box.ymin + box.height)]
            found.append(
                Detection(
                    box_xyxy=to_image(corners).ravel(),
                    score=float(proto.score[0]),
                    keypoints_xy=to_image([(p.x, p.y) for p in points]),
                )
            )
        return [d for d in found if d.score >= self._min_score]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """From MediaPipe's box to the tight box of the landmarks, which is what the networks are trained on."""

    shift_xy: tuple[float, float]
    """The landmarks' centre from the detector's, in sides of the detector's box."""
    scale_xy: tuple[float, float]
    """The landmarks' box over the detector's box."""


# Measured by fit_calibration on a 300W subset: the 337 AFW and 870 Helen training faces with 68 points, all of them found
# (results in tests/test_detect.py). AFW alone and Helen alone differ from this by less than 0.01 in every number.
CALIBRATION = Calibration(shift_xy=(-0.003, 0.046), scale_xy=(0.963, 0.936))


def calibrate(box_xyxy: FloatArray, calibration: Calibration = CALIBRATION) -> FloatArray:
    """The box (4,) that training would have used for the face in MediaPipe's box (4,)."""
    low, high = box_xyxy[:2], box_xyxy[2:]
    centre = (low + high) / 2 + (high - low) * calibration.shift_xy
    half = (high - low) * calibration.scale_xy / 2
    return np.concatenate([centre - half, centre + half])


def fit_calibration(detector_boxes: FloatArray, truth_boxes: FloatArray) -> Calibration:
    """The calibration that is right for the middle face: medians, so single bad detections do not count.

    Both scales are stretched alike until the *longer* side, which sets the crop, has the right median too: the
    longer side of a median box is shorter than the median longer side.

    Args:
        detector_boxes: (N, 4) of MediaPipe.
        truth_boxes: (N, 4) around the landmarks of the same faces.

    Raises:
        ValueError: no boxes, or not as many of both.
    """
    if detector_boxes.shape != truth_boxes.shape or detector_boxes.ndim != 2 or len(truth_boxes) == 0:
        raise ValueError(f"expected two arrays (N, 4), got {detector_boxes.shape} and {truth_boxes.shape}")
    extent = detector_boxes[:, 2:] - detector_boxes[:, :2]
    truth_extent = truth_boxes[:, 2:] - truth_boxes[:, :2]
    centres = [(b[:, :2] + b[:, 2:]) / 2 for b in (detector_boxes, truth_boxes)]
    shift = np.median((centres[1] - centres[0]) / extent, axis=0)
    scale = np.median(truth_extent / extent, axis=0)
    scale *= np.median(truth_extent.max(axis=1) / (extent * scale).max(axis=1))
    return Calibration(shift_xy=(float(shift[0]), float(shift[1])), scale_xy=(float(scale[0]), float(scale[1])))


def tiles(width: int, height: int, side: int) -> list[Window]:
    """Squares that cover a picture, each half over the next: a face up to half a tile wide is whole in one of them."""

    def starts(length: int) -> list[int]:
        count = 1 + max(0, -(-2 * (length - side) // side))
        return [round(i * max(0, length - side) / max(1, count - 1)) for i in range(count)]

    return [(x, y, min(x + side, width), min(y + side, height)) for y in starts(height) for x in starts(width)]


def _view(image: ImageArray, window: Window) -> tuple[ImageArray, FloatArray]:
    """The pixels of a window, black beyond the image, shrunk to at most VIEW_PX; and image pixels per view pixel (2,)."""
    left, top, right, bottom = window
    height, width = image.shape[:2]
    part: ImageArray = image[max(top, 0) : bottom, max(left, 0) : right]
    beyond = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
    if any(beyond):
        part = np.asarray(cv2.copyMakeBorder(part, *beyond, cv2.BORDER_CONSTANT), dtype=np.uint8)
    size = np.array([right - left, bottom - top])
    shrunk = np.maximum(1, np.rint(size * min(1.0, VIEW_PX / size.max()))).astype(int)
    if (shrunk < size).any():
        part = np.asarray(cv2.resize(part, shrunk.tolist(), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return np.ascontiguousarray(part), size / shrunk


def _inside(detection: Detection, window: Window, image: ImageArray) -> bool:
    """Whether a tile shows the face whole: no side of its box is beyond an edge of the tile that cuts the image."""
    height, width = image.shape[:2]
    left, top, right, bottom = window
    box = detection.box_xyxy
    starts = (left == 0 or box[0] >= left) and (top == 0 or box[1] >= top)
    return bool(starts and (right == width or box[2] <= right) and (bottom == height or box[3] <= bottom))


def _distinct(kept: list[Detection], more: list[Detection]) -> list[Detection]:
    """What is kept, and of what comes more, the best-scored detections that show no face already kept."""
    kept = list(kept)
    for detection in sorted(more, key=lambda d: -d.score):
        if all(_shared(detection.box_xyxy, k.box_xyxy) <= SAME_FACE for k in kept):
            kept.append(detection)
    return kept


def _shared(a: FloatArray, b: FloatArray) -> float:
    """The area that two boxes share over the smaller one's."""
    common = np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None))
    return float(common / min(np.prod(a[2:] - a[:2]), np.prod(b[2:] - b[:2])))


@contextmanager
def _no_tensorflow() -> Iterator[None]:
    """Let mediapipe believe that TensorFlow is not installed: it wants it for documentation only, and loads it for 5 s."""
    if "tensorflow" in sys.modules:
        yield
        return
    sys.modules["tensorflow"] = None  # type: ignore[assignment]  # documented: makes its import fail
    try:
        yield
    finally:
        del sys.modules["tensorflow"]


@contextmanager
def _no_chatter() -> Iterator[None]:
    """Keep CHATTER off the process's stderr; whatever else is written there follows when the block ends."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            caught.seek(0)
            for line in caught.read().decode(errors="replace").splitlines():
                if line and not CHATTER.match(line):
                    os.write(2, f"{line}\n".encode())
