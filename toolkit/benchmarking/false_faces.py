"""Faces where there are none, and how sure the network is of true ones: what a floor of confidence is chosen by.

Pictures without a person: those of scikit-image's wheel (a cat, coins, a horse, textures, text, skies, tissue),
backgrounds of the synthetic faces, and noise of many scales.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict

import cv2
import numpy as np

from toolkit.core.arrays import ImageArray
from toolkit.core.geometry import Pose, crop_of_box, cut
from toolkit.core.images import read_image
from toolkit.core.progress import Progress, Steps
from toolkit.data.sample import Faces
from toolkit.detect.landmarks import SURE, Detector, landmarks_in
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
    """The mean confidence of true faces, in the plain crop of their labels."""

    n: int
    quantiles: dict[str, float]
    below_floor_percent: float
    """Of the faces, those that the floor tells as unsure."""


def true_faces(landmarkers: Sequence[Landmarker], faces: Faces) -> Steps[list[TrueFaces]]:
    """For each landmarker how sure it is of labelled faces."""
    seen = np.zeros((len(landmarkers), len(faces)))
    for i in range(len(faces)):
        sample = faces[i]
        for row, landmarker in zip(seen, landmarkers, strict=True):
            crop = cut(sample.image, crop_of_box(sample.box_xyxy, landmarker.size_px, Pose()))
            row[i] = landmarker(crop).confidence.mean()
        if i % 20 == 0 or i == len(faces) - 1:
            yield Progress(task="true faces", done=i + 1, total=len(faces))
    return [
        {
            "n": len(own),
            "quantiles": {f"{q:g}": round(float(np.quantile(own, q)), 4) for q in QUANTILES},
            "below_floor_percent": round(100 * float((own < SURE).mean()), 4),
        }
        for own in seen
    ]
