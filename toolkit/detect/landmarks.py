"""The landmarks of every face in a picture: detect, crop as in training, predict, and map back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.geometry import Pose, crop_of_box, cut
from toolkit.core.images import checked_image
from toolkit.core.stopwatch import Stopwatch
from toolkit.detect.boxes import Detection, settled, similar
from toolkit.detect.first_crop import first_crop
from toolkit.detect.turned import crop_around, faces_any_way_up
from toolkit.runtime.landmarker import CONFIDENCE_FLOOR, Landmarker, Prediction

Detector = Callable[[ImageArray], list[Detection]]

PASSES = 2
"""Predictions a face at most. The second crops around the first one's points, as training crops around the true ones,
and is left out where the first crop was in place."""
NO_FACE = "no face found"
"""What every command says then: it is an answer, an empty list, and no error."""


@dataclass(frozen=True, kw_only=True)
class FaceLandmarks:
    """One face of a picture, in its pixels (whole numbers at pixel centres, see core.geometry)."""

    points_xy: FloatArray
    """(M, 2)."""
    confidence: FloatArray
    """(M,) in [0, 1]."""
    box_xyxy: FloatArray
    """(4,) that the last crop was made of, in the sense of training: the tight box of the landmarks."""
    roll_deg: float = 0.0
    """By how much that box is turned clockwise around its middle: 0 for a level face, see turned.LEVEL_DEG."""
    score: float
    """How sure the detector was, in [0, 1]."""
    confidence_floor: float = CONFIDENCE_FLOOR
    """The network's own: from which mean confidence on its points are taken for a face's."""

    @property
    def sure(self) -> bool:
        """False where the points may be nonsense."""
        return bool(self.confidence.mean() >= self.confidence_floor)


@dataclass(frozen=True, kw_only=True)
class CropPrediction:
    """What a network sees in a crop of a picture."""

    seen: Prediction
    """In image pixels."""
    box_xyxy: FloatArray
    """(4,) that the crop was made of."""
    roll_deg: float
    """By how much that box is turned clockwise around its middle."""

    @property
    def confidence(self) -> float:
        """Of all points, on average."""
        return float(self.seen.confidence.mean())


def landmarks_in(
    image: ImageArray,
    detector: Detector,
    landmarker: Landmarker,
    passes: int = PASSES,
    watch: Stopwatch | None = None,
) -> list[FaceLandmarks]:
    """Every face in an image (H, W, 3) uint8 RGB with its landmarks, in the detector's order.

    Where no face stands upright, or one may not, the picture is looked at from its other sides too. `watch` gets the
    stages detect, crop and network.

    Raises:
        ValueError: it is an array of another kind.
    """
    image, watch = checked_image(image), watch or Stopwatch()
    faces = []
    with watch("detect"):
        seen = faces_any_way_up(image, detector)
    for views in seen:
        look, score = surest(image, views, landmarker, passes, watch)
        faces.append(
            FaceLandmarks(
                points_xy=look.seen.points_xy,
                confidence=look.seen.confidence,
                box_xyxy=look.box_xyxy,
                roll_deg=look.roll_deg,
                score=score,
                confidence_floor=landmarker.confidence_floor,
            )
        )
    return faces


def surest(
    image: ImageArray,
    views: Sequence[Detection],
    landmarker: Landmarker,
    passes: int = PASSES,
    watch: Stopwatch | None = None,
) -> tuple[CropPrediction, float]:
    """The landmarks of a face seen from some sides, by the view where they are surest, and that view's score."""
    looks = [(landmarks_of_detection(image, view, landmarker, passes, watch), view.score) for view in views]
    return max(looks, key=lambda look: look[0].confidence)


def landmarks_of_detection(
    image: ImageArray,
    detection: Detection,
    landmarker: Landmarker,
    passes: int = PASSES,
    watch: Stopwatch | None = None,
) -> CropPrediction:
    """The landmarks of a detected face, its first crop placed and turned upright by the detector's keypoints."""
    box_xyxy, turn_deg = first_crop(detection)
    return landmarks_of(image, box_xyxy, landmarker, passes, watch, roll_deg=turn_deg)


def landmarks_of(
    image: ImageArray,
    box_xyxy: FloatArray,
    landmarker: Landmarker,
    passes: int = PASSES,
    watch: Stopwatch | None = None,
    *,
    roll_deg: float = 0.0,
) -> CropPrediction:
    """The landmarks of the face in a box, in image pixels, and the last crop.

    Args:
        image: (H, W, 3) uint8 RGB.
        box_xyxy: (4,) in the sense of training: the tight box of the landmarks.
        landmarker: runs on the crop.
        passes: predictions at most; each after the first crops around the points of the one before, turned by its eyes.
            It is the last when those points lie as its crop does, or so far from it that they are no face.
        watch: gets the stages crop and network.
        roll_deg: by how much the box is turned clockwise around its middle.

    Raises:
        ValueError: less than one pass, or a box without area.
    """
    if passes < 1:
        raise ValueError(f"landmarks need at least one pass, got {passes}")
    watch = watch or Stopwatch()
    look = _look(image, box_xyxy, roll_deg, landmarker, watch)
    for _ in range(passes - 1):
        closer_xyxy, roll_deg = crop_around(look.seen.points_xy, landmarker.scheme)
        if settled(closer_xyxy, look.box_xyxy) or not similar(closer_xyxy, look.box_xyxy):
            break
        look = _look(image, closer_xyxy, roll_deg, landmarker, watch)
    return look


def _look(
    image: ImageArray, box_xyxy: FloatArray, roll_deg: float, landmarker: Landmarker, watch: Stopwatch
) -> CropPrediction:
    """One pass: crop, predict, map the points back to image pixels."""
    with watch("crop"):
        crop = crop_of_box(box_xyxy, landmarker.size_px, Pose(rotation_deg=-roll_deg))
        pixels = cut(image, crop)
    with watch("network"):
        prediction = landmarker(pixels)
    seen = Prediction(points_xy=crop.to_image(prediction.points_xy), confidence=prediction.confidence)
    return CropPrediction(seen=seen, box_xyxy=box_xyxy, roll_deg=roll_deg)
