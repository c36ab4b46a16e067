"""The landmarks of every face in a picture: detect, crop as in training, predict, and map back."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.core.geometry import crop_of_box, cut
from toolkit.detect.calibration import calibrate
from toolkit.detect.faces import Detection
from toolkit.runtime.landmarker import Landmarker, Prediction

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.uint8]
Detector = Callable[[ImageArray], list[Detection]]

PASSES = 2
"""Predictions a face. The second crops around the first one's points, as training crops around the true ones."""
FARTHEST = 2.0
"""A crop is not made again from points whose box is so many times larger or smaller than the last."""


@dataclass(frozen=True, kw_only=True)
class FaceLandmarks:
    """One face of a picture, in its pixels (whole numbers at pixel centres, see core.geometry)."""

    points_xy: FloatArray
    """(M, 2)."""
    confidence: FloatArray
    """(M,) in [0, 1]."""
    box_xyxy: FloatArray
    """(4,) that the last crop was made of, in the sense of training: the tight box of the landmarks."""
    score: float
    """How sure the detector was, in [0, 1]."""


def landmarks_in(
    image: ImageArray, detector: Detector, landmarker: Landmarker, passes: int = PASSES
) -> list[FaceLandmarks]:
    """Every face in an image (H, W, 3) uint8 RGB with its landmarks, in the detector's order."""
    faces = []
    for detection in detector(image):
        found, box = landmarks_of(image, calibrate(detection.box_xyxy), landmarker, passes)
        faces.append(
            FaceLandmarks(points_xy=found.points_xy, confidence=found.confidence, box_xyxy=box, score=detection.score)
        )
    return faces


def landmarks_of(
    image: ImageArray, box_xyxy: FloatArray, landmarker: Landmarker, passes: int = PASSES
) -> tuple[Prediction, FloatArray]:
    """The landmarks of the face in a box, in image pixels, and the box (4,) of the last crop.

    Args:
        image: (H, W, 3) uint8 RGB.
        box_xyxy: (4,) in the sense of training: the tight box of the landmarks.
        landmarker: runs on the crop.
        passes: predictions; each after the first crops around the points of the one before, unless those are so far
            from its box that they are no face: then it is the last.

    Raises:
        ValueError: less than one pass, or a box without area.
    """
    if passes < 1:
        raise ValueError(f"landmarks need at least one pass, got {passes}")
    box, prediction = box_xyxy, _predict(image, box_xyxy, landmarker)
    for _ in range(passes - 1):
        closer = np.concatenate([prediction.points_xy.min(axis=0), prediction.points_xy.max(axis=0)])
        if not _similar(closer, box):
            break
        box, prediction = closer, _predict(image, closer, landmarker)
    return prediction, box


def _similar(box_xyxy: FloatArray, before_xyxy: FloatArray) -> bool:
    """Whether a box still is the same face: its longer side within FARTHEST times, its centre within half a side."""
    sides = [(b[2:] - b[:2]).max() for b in (box_xyxy, before_xyxy)]
    shift = np.abs(box_xyxy[:2] + box_xyxy[2:] - before_xyxy[:2] - before_xyxy[2:]).max() / 2
    return bool(sides[1] / FARTHEST < sides[0] < sides[1] * FARTHEST and shift < sides[1] / 2)


def _predict(image: ImageArray, box_xyxy: FloatArray, landmarker: Landmarker) -> Prediction:
    """One pass: crop, predict, map the points back to image pixels."""
    crop = crop_of_box(box_xyxy, landmarker.size_px)
    prediction = landmarker(cut(image, crop))
    return Prediction(points_xy=crop.to_image(prediction.points_xy), confidence=prediction.confidence)
