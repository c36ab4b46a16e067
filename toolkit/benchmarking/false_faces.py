"""Faces where there are none, and how sure the network is of true ones: what a floor of confidence is chosen by.

Pictures without a person: those of scikit-image's wheel (a cat, coins, a horse, textures, text, skies, tissue),
backgrounds of the synthetic faces, and noise of many scales.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.core import metrics
from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.geometry import Pose, crop_of_box, cut
from toolkit.core.images import read_image
from toolkit.core.progress import Progress, Steps
from toolkit.data.sample import Faces
from toolkit.detect.landmarks import Detector, landmarks_in
from toolkit.runtime.landmarker import Landmarker

PHOTOS = (
    "brick", "cell", "chelsea", "chessboard_GRAY", "chessboard_RGB", "clock_motion", "coffee", "coins", "color",
    "grass", "gravel", "horse", "hubble_deep_field", "ihc", "logo", "microaneurysms", "moon", "motorcycle_left",
    "motorcycle_right", "page", "phantom", "retina", "rocket", "text",
)  # fmt: skip
"""Names of pictures in scikit-image's wheel that show no person."""
SIDE_PX = 320
"""Of pictures that are drawn."""
QUANTILES = (0.001, 0.01, 0.05, 0.5)


class FalseFaces(TypedDict):
    """What is taken for a face among pictures of a kind that show none."""

    pictures: int
    sure: int
    """Pictures with a face that is given as sure."""
    unsure: int
    """Pictures whose faces are all told as unsure."""
    names: list[str]
    """Of the pictures with a face that is given as sure."""


def pictures(count: int) -> Iterator[tuple[str, str, ImageArray]]:
    """So many pictures without a face: kind, name, (H, W, 3) uint8 RGB.

    Raises:
        ValueError: scikit-image is not installed.
    """
    try:
        from skimage import data
    except ImportError as error:
        raise ValueError("the pictures come with scikit-image: `pip install scikit-image`") from error
    from toolkit.data.synthetic.imaging import draw_background

    folder = Path(data.__file__).parent
    files = [folder / f"{name}{suffix}" for name in PHOTOS for suffix in (".png", ".jpg")]
    photos = [file for file in files if file.is_file()][:count]
    for file in photos:
        yield "scikit-image", file.stem, read_image(file)
    for number in range(count - len(photos)):
        rng = np.random.default_rng([7, number])
        if number % 2 == 0:
            yield "synthetic background", f"background {number}", draw_background(rng, SIDE_PX, SIDE_PX)
        else:
            yield "noise", f"noise {number}", _noise(rng)


def _noise(rng: np.random.Generator) -> ImageArray:
    """Coloured noise, the coarser the stronger, as clouds are."""
    levels = np.zeros((SIDE_PX, SIDE_PX, 3))
    for cells in (3, 6, 12, 24, 48, 96):
        grid = rng.normal(size=(cells, cells, 3)) / cells ** rng.uniform(0.3, 1)
        levels += cv2.resize(grid, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)
    low, high = levels.min(), levels.max()
    return np.asarray(255 * (levels - low) / (high - low), dtype=np.uint8)


def false_faces(
    landmarkers: Sequence[Landmarker], detector: Detector, count: int
) -> Steps[list[dict[str, FalseFaces]]]:
    """For each landmarker behind the detector what it takes for a face, by kind of picture."""
    found: list[dict[str, FalseFaces]] = [{} for _ in landmarkers]
    for done, (kind, name, image) in enumerate(pictures(count), start=1):
        for own, landmarker in zip(found, landmarkers, strict=True):
            at = own.setdefault(kind, {"pictures": 0, "sure": 0, "unsure": 0, "names": []})
            faces = landmarks_in(image, detector, landmarker)
            sure = any(face.sure for face in faces)
            at["pictures"] += 1
            at["sure"] += sure
            at["unsure"] += bool(faces) and not sure
            at["names"] += [name] if sure else []
        yield Progress(task="pictures without a face", done=done, total=count)
    return found


class TrueFaces(TypedDict):
    """How sure a network is of labelled faces: in the plain crop, and in it turned, where points are nonsense."""

    n: int
    quantiles: dict[str, float]
    """Of the mean confidence in the plain crop."""
    below_floor_percent: float
    """Of the faces, those that the network's floor tells as unsure."""
    wrong: int
    """Predictions in turned crops with an NME above 10 %."""
    wrong_above_floor_percent: float
    """Of those, what it lets pass."""
    fitted_floor: float
    """What tells both apart best, its card's `confidence_floor` (`release` fits it)."""
    fitted_errors_percent: list[float]
    """At that floor: of the faces told as unsure, and of the wrong predictions let pass."""


TURNS_DEG = (0.0, 90.0, 180.0, 270.0)
"""Of a labelled face's crop, the right one first."""


def true_faces(landmarkers: Sequence[Landmarker], faces: Faces) -> Steps[list[TrueFaces]]:
    """For each landmarker how sure it is of labelled faces, and of what it makes of them on their side and head."""
    sure = np.zeros((len(landmarkers), len(TURNS_DEG), len(faces)))
    errors = np.zeros_like(sure)
    for i in range(len(faces)):
        sample = faces[i]
        for row, landmarker in enumerate(landmarkers):
            for turn, turn_deg in enumerate(TURNS_DEG):
                crop = crop_of_box(sample.box_xyxy, landmarker.size_px, Pose(rotation_deg=turn_deg))
                seen = landmarker(cut(sample.image, crop))
                points_xy = crop.to_image(seen.points_xy)
                sure[row, turn, i] = seen.confidence.mean()
                errors[row, turn, i] = metrics.nme(points_xy[None], sample.points_xy[None], faces.scheme)[0]
        if i % 20 == 0 or i == len(faces) - 1:
            yield Progress(task="true faces", done=i + 1, total=len(faces))
    return [
        _told(own[0], own[off > metrics.LIMIT_10], landmarker.confidence_floor)
        for landmarker, own, off in zip(landmarkers, sure, errors, strict=True)
    ]


def _told(right: FloatArray, wrong: FloatArray, today: float) -> TrueFaces:
    """What mean confidences of faces (N,) and of wrong predictions (M,) say, also of today's floor."""
    floor = fitted_floor(right, wrong)
    return {
        "n": len(right),
        "quantiles": {f"{q:g}": round(float(np.quantile(right, q)), 4) for q in QUANTILES},
        "below_floor_percent": _percent(right < today),
        "wrong": len(wrong),
        "wrong_above_floor_percent": _percent(wrong >= today),
        "fitted_floor": floor,
        "fitted_errors_percent": [_percent(right < floor), _percent(wrong >= floor)],
    }


def fitted_floor(right: FloatArray, wrong: FloatArray) -> float:
    """The confidence that parts two sets (N,) and (M,) with the fewest errors, as shares of each; to a hundredth.

    Where several do, the middle of them.
    """
    floors = np.arange(0, 101) / 100
    errors = [(right < floor).mean() + ((wrong >= floor).mean() if len(wrong) else 0.0) for floor in floors]
    best = floors[np.isclose(errors, min(errors))]
    return round(float(best[len(best) // 2]), 2)


def _percent(found: NDArray[np.bool_]) -> float:
    return round(100 * float(found.mean()), 4) if len(found) else 0.0
