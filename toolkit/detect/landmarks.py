"""The landmarks of every face in a picture: detect, crop as in training, predict, and map back."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.core.geometry import crop_of_box, cut
from toolkit.core.stopwatch import Stopwatch
from toolkit.detect.areas import around, similar
from toolkit.detect.calibration import calibrate
from toolkit.detect.faces import Detection
from toolkit.runtime.landmarker import Landmarker, Prediction

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.uint8]
Detector = Callable[[ImageArray], list[Detection]]

PASSES = 2
"""Predictions a face. The second crops around the first one's points, as training crops around the true ones."""


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
    image: ImageArray,
    box_xyxy: FloatArray,
    landmarker: Landmarker,
    passes: int = PASSES,
    watch: Stopwatch | None = None,
) -> tuple[Prediction, FloatArray]:
    """The landmarks of the face in a box, in image pixels, and the box (4,) of the last crop.

    Args:
        image: (H, W, 3) uint8 RGB.
        box_xyxy: (4,) in the sense of training: the tight box of the landmarks.
        landmarker: runs on the crop.
        passes: predictions; each after the first crops around the points of the one before, unless those are so far
            from its box that they are no face: then it is the last.
        watch: gets the stages crop and network.

    Raises:
        ValueError: less than one pass, or a box without area.
    """
    if passes < 1:
        raise ValueError(f"landmarks need at least one pass, got {passes}")
    watch = watch or Stopwatch()
    box, prediction = box_xyxy, _predict(image, box_xyxy, landmarker, watch)
    for _ in range(passes - 1):
        closer = around(prediction.points_xy)
        if not similar(closer, box):
            break
        box, prediction = closer, _predict(image, closer, landmarker, watch)
    return prediction, box


def _predict(image: ImageArray, box_xyxy: FloatArray, landmarker: Landmarker, watch: Stopwatch) -> Prediction:
    """One pass: crop, predict, map the points back to image pixels."""
    with watch("crop"):
        crop = crop_of_box(box_xyxy, landmarker.size_px)
        pixels = cut(image, crop)
    with watch("network"):
        prediction = landmarker(pixels)
    return Prediction(points_xy=crop.to_image(prediction.points_xy), confidence=prediction.confidence)
