"""Cases that every platform's test reads: what goes in, and what Python makes of it.

`faces.json` takes pictures to points, upright and turned; `geometry.json` boxes to crops and points to boxes,
`detector.json` pictures to the detector's input and its outputs to faces, `decode.json` heatmaps to points,
`smoothing.json` points to smoothed points, `tracking.json` frames to faces. The pictures are inputs:
once drawn they are kept.
"""

import base64
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypedDict, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.core import heatmap
from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.files import read_json
from toolkit.core.geometry import Pose, crop_of_box, cut, rotation
from toolkit.core.images import read_image
from toolkit.core.schemes import W300_68
from toolkit.core.smoothing import SMOOTHING, Smoother
from toolkit.core.validation import Real, Text
from toolkit.data.synthetic import SyntheticFaces
from toolkit.detect import Detection
from toolkit.detect.boxes import calibrate
from toolkit.detect.first_crop import first_crop
from toolkit.detect.turned import QUARTERS, crop_around, turned_back
from toolkit.runtime.landmarker import Landmarker
from tools.contract.contract import FORMAT
from tools.contract.detection import detected
from tools.contract.script import tracked


@dataclass(frozen=True, kw_only=True)
class GoldenFace:
    """A picture with a face in a box, in its pixels."""

    name: str
    image: ImageArray
    box_xyxy: FloatArray
    roll_deg: float = 0.0


SEED = 7
DRAWN = {
    "front": (8, 240, (0, 16, 240, 240)),
    "turned": (2, 240, (0, 20, 240, 230)),
    "edge": (7, 160, (42, 30, 142, 124)),
}
"""Name: index and size of the synthetic picture, and the part of it that is kept. No part is square and symmetric to
the face; the crop of `edge` reaches beyond its picture and is not shrunk by blocks, the others are."""
TURNS_DEG = (37, 90, 143, 180, 270)
"""By how much the face of a picture is turned clockwise, besides the upright ones."""
TURNED = (8, 120, (112, 104))
"""Index and size of the synthetic picture that is turned, and the size of the pictures that are kept."""

TOLERANCE = {"matrix": 1e-6, "crop_levels": 4, "crop_levels_mean": 0.5, "points_px": 0.1, "confidence": 0.01}
"""What a float model on another platform may differ by, in crop pixels; and a crop, in grey levels, since this side
samples at 1/32 of a pixel."""


def drawn_faces() -> list[GoldenFace]:
    """The faces of DRAWN, with the box of their true landmarks."""
    faces = []
    for name, (index, size_px, (left, top, right, bottom)) in DRAWN.items():
        sample = SyntheticFaces(index + 1, seed=SEED, size_px=size_px)[index]
        image = np.ascontiguousarray(sample.image[top:bottom, left:right])
        box = np.round(sample.box_xyxy - (left, top, left, top), 1)
        faces.append(GoldenFace(name=name, image=image, box_xyxy=box))
    return faces + [_turned_face(degrees) for degrees in TURNS_DEG]


def _turned_face(degrees: int) -> GoldenFace:
    """The face of TURNED, turned around the middle of its picture."""
    index, size_px, (width, height) = TURNED
    sample = SyntheticFaces(index + 1, seed=SEED, size_px=size_px)[index]
    turn = rotation(degrees)
    offset = np.array([(width - 1) / 2, (height - 1) / 2]) - turn @ np.full(2, (size_px - 1) / 2)
    matrix = np.column_stack([turn, offset])
    image = cv2.warpAffine(sample.image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    box, roll_deg = crop_around(sample.points_xy @ turn.T + offset, W300_68)
    return GoldenFace(
        name=f"turned-{degrees}",
        image=np.asarray(image, np.uint8),
        box_xyxy=np.round(box, 1),
        roll_deg=round(roll_deg, 1),
    )


class KeptFace(TypedDict):
    """What is read of a face in faces.json."""

    name: Text
    picture: Text
    box_xyxy: tuple[Real, Real, Real, Real]
    roll_deg: Real


class KeptFaces(TypedDict):
    """What is read of faces.json."""

    faces: list[KeptFace]


def kept_faces(folder: Path) -> list[GoldenFace]:
    """The faces of a golden folder; none where there is none.

    Raises:
        ValueError: its faces.json is damaged, or a picture is.
        FileNotFoundError: a picture is missing.
    """
    path = folder / "faces.json"
    if not path.is_file():
        return []
    try:
        known: KeptFaces = read_json(path, KeptFaces)
    except ValueError as error:
        raise ValueError(f"{error}: draw the faces again with --redraw") from error
    return [
        GoldenFace(
            name=face["name"],
            image=read_image(folder / face["picture"]),
            box_xyxy=np.array(face["box_xyxy"]),
            roll_deg=face["roll_deg"],
        )
        for face in known["faces"]
    ]


def cases(faces: list[GoldenFace], landmarker: Landmarker, sigma_px: float) -> dict[str, Any]:
    """Every JSON file of the golden folder, by name.

    Args:
        faces: of drawn_faces or kept_faces.
        landmarker: gives the expected points.
        sigma_px: of its heatmaps.
    """
    return {
        "faces.json": {
            "format": FORMAT,
            "engine": landmarker.engine,
            "tolerance": TOLERANCE,
            "faces": [_face(face, landmarker) for face in faces],
        },
        "geometry.json": {
            "format": FORMAT,
            "matrices": [_matrix(box, roll, size) for box, roll in BOXES for size in (landmarker.size_px, 96)],
            "calibration": [_calibrated(box, roll) for box, roll in BOXES],
            "first_crop": [_first_crop(keypoints_xy) for keypoints_xy in _keypoints()],
            "around": [_around(roll) for roll in ROLLS_DEG],
            "turned_back": [_turned_back(quarter) for quarter in QUARTERS],
            "pattern": PATTERN,
            "crops": [_crop(box, roll) for box, roll in BOXES],
        },
        "decode.json": {"format": FORMAT, **_decoded(sigma_px)},
        "smoothing.json": {"format": FORMAT, "frames": _smoothed()},
        "tracking.json": {"format": FORMAT, **tracked(landmarker.size_px)},
        "detector.json": {"format": FORMAT, **detected(pattern())},
    }


def _face(face: GoldenFace, landmarker: Landmarker) -> dict[str, Any]:
    crop = crop_of_box(face.box_xyxy, landmarker.size_px, Pose(rotation_deg=-face.roll_deg))
    pixels = cut(face.image, crop)
    found = landmarker(pixels)
    return {
        "name": face.name,
        "picture": f"{face.name}.png",
        "size_wh": [face.image.shape[1], face.image.shape[0]],
        "box_xyxy": face.box_xyxy.tolist(),
        "roll_deg": face.roll_deg,
        "matrix": _short(crop.matrix, 9),
        "crop_rgb": _base64(pixels),
        "crop_points_xy": _short(found.points_xy, 3),
        "points_xy": _short(crop.to_image(found.points_xy), 3),
        "confidence": _short(found.confidence, 4),
    }


BOXES = (
    ([30.0, 40.0, 78.0, 100.0], 0.0),
    ([12.25, 31.5, 61.75, 70.0], 0.0),
    ([-10.0, 90.5, 50.0, 141.0], 0.0),
    ([20.0, -15.0, 160.0, 150.0], 0.0),
    ([3.0, 2.0, 13.5, 9.0], 0.0),
    ([30.0, 40.0, 78.0, 100.0], 37.0),
    ([12.25, 31.5, 61.75, 70.0], 90.0),
    ([20.0, -15.0, 160.0, 150.0], 143.0),
    ([-10.0, 90.5, 50.0, 141.0], 180.0),
    ([3.0, 2.0, 13.5, 9.0], 270.0),
)
"""Boxes and by how much they are turned: whole and broken ones, wider and taller ones, beyond two edges, shrunk by two
blocks and more, and enlarged."""
ROLLS_DEG = (0.0, -9.0, 15.0, -15.0, 37.0, 90.0, 143.0, 180.0, 270.0)
"""Level, hardly and half turned, and turned all the way."""
PATTERN_WH = (150, 130)
PATTERN_CROP_PX = 64
"""Small enough that a crop of the whole pattern is shrunk by blocks of three."""
PATTERN = {
    "size_wh": PATTERN_WH,
    "level": "abs((5 * x + 3 * y + 40 * c) % 256 - 128) + 64 for column x, row y, colour c = 0 (red), 1, 2",
    "tolerance_levels": 1,
}


def pattern() -> ImageArray:
    """The picture of PATTERN: waves without jumps, so that platforms that sample a little differently agree."""
    width, height = PATTERN_WH
    y, x, colour = np.mgrid[:height, :width, :3]
    return np.asarray(np.abs((5 * x + 3 * y + 40 * colour) % 256 - 128) + 64, dtype=np.uint8)


def _crop(box: list[float], roll_deg: float) -> dict[str, Any]:
    pixels = cut(pattern(), crop_of_box(np.array(box), PATTERN_CROP_PX, Pose(rotation_deg=-roll_deg)))
    return {"box_xyxy": box, "roll_deg": roll_deg, "size_px": PATTERN_CROP_PX, "crop_rgb": _base64(pixels)}


def _calibrated(box: list[float], roll_deg: float) -> dict[str, Any]:
    found = calibrate(np.array(box), turn_deg=roll_deg)
    return {"detector_xyxy": box, "roll_deg": roll_deg, "box_xyxy": _short(found, 9)}


FOUND = [40.0, 35.0, 110.0, 105.0]
"""The detector's box of the faces whose keypoints differ."""


def _keypoints() -> list[FloatArray]:
    """Six that lie well, at every angle; and odd ones: two alone, and six at one place, far away, too far apart, and
    with the ears exchanged, by which the box is as high as it should be, and its width below 0."""
    upright = np.array([[58.0, 56.5], [89.0, 55.0], [74.5, 70.0], [75.0, 87.5], [41.0, 62.0], [104.5, 60.0]])
    middle = np.array([75.0, 70.0])
    well = [(upright - middle) @ rotation(roll_deg).T + middle for roll_deg in ROLLS_DEG]
    odd = [upright[:2], np.tile(middle, (6, 1)), upright + np.array([60.0, 0.0]), (upright - middle) * 2.5 + middle]
    odd.append(upright[[0, 1, 2, 3, 5, 4]])
    return [np.round(keypoints_xy, 3) for keypoints_xy in (*well, *odd)]


def _first_crop(keypoints_xy: FloatArray) -> dict[str, Any]:
    box_xyxy, roll_deg = first_crop(Detection(box_xyxy=np.array(FOUND), score=1.0, keypoints_xy=keypoints_xy))
    return {
        "detector_xyxy": FOUND,
        "keypoints_xy": keypoints_xy.tolist(),
        "box_xyxy": _short(box_xyxy, 9),
        "roll_deg": round(roll_deg, 9),
    }


def _around(roll_deg: float) -> dict[str, Any]:
    """The box and the roll of five points, the eyes first."""
    upright = np.array([[110.0, 80.0], [150.0, 80.0], [131.0, 104.5], [132.0, 130.0], [98.0, 96.0]])
    points_xy = np.round(upright @ rotation(roll_deg).T, 3)
    box, found_deg = crop_around(points_xy, replace(W300_68, eyes=(0, 1)))
    return {
        "points_xy": points_xy.tolist(),
        "eyes": [0, 1],
        "box_xyxy": _short(box, 9),
        "roll_deg": round(found_deg, 9),
    }


def _turned_back(quarter: int) -> dict[str, Any]:
    """A face of a picture after so many quarter turns to the left, and the same in the picture as it is."""
    width, height = PATTERN_WH
    keypoints_xy = np.array([[40.0, 30.5], [61.0, 34.0], [49.0, 45.0]])
    face = Detection(box_xyxy=np.array([31.0, 20.0, 71.0, 66.0]), score=1.0, keypoints_xy=keypoints_xy)
    back = turned_back(face, quarter, width, height)
    return {
        "quarter": quarter,
        "size_wh": [width, height],
        "seen_xyxy": face.box_xyxy.tolist(),
        "seen_keypoints_xy": keypoints_xy.tolist(),
        "box_xyxy": back.box_xyxy.tolist(),
        "keypoints_xy": back.keypoints_xy.tolist(),
    }


def _matrix(box: list[float], roll_deg: float, size_px: int) -> dict[str, Any]:
    crop = crop_of_box(np.array(box), size_px, Pose(rotation_deg=-roll_deg))
    inside = np.array([3.5, 40.25])
    return {
        "box_xyxy": box,
        "roll_deg": roll_deg,
        "size_px": size_px,
        "matrix": _short(crop.matrix, 9),
        "crop_xy": inside.tolist(),
        "image_xy": _short(crop.to_image(inside), 9),
    }


def _decoded(sigma_px: float) -> dict[str, Any]:
    """Heatmaps of every kind, and the points of each decoder."""
    maps = heatmaps(sigma_px)
    expected = {}
    for decoder in get_args(heatmap.Decoder):
        points_xy, confidence = heatmap.decode(maps, decoder, sigma_px)
        expected[decoder] = {"points_xy": _short(points_xy, 6), "confidence": _short(confidence, 6)}
    return {
        "sigma_px": sigma_px,
        "size_wh": [maps.shape[2], maps.shape[1]],
        "tolerance_px": 1e-4,
        "maps": _short(maps.reshape(len(maps), -1), 4),
        "expected": expected,
    }


def heatmaps(sigma_px: float) -> heatmap.Heatmaps:
    """(M, 12, 16) maps: sub-pixel peaks inside, at borders and in a corner; noise; equal, faint and flat peaks; none.

    Taller than [0, 1] and below it as networks give them, and rounded to four decimals as they are written.
    """
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:12, :16]

    def peak(at_x: float, at_y: float, wide: float = sigma_px) -> FloatArray:
        return np.asarray(np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * wide**2)))

    block, faint = np.zeros((2, 12, 16))
    block[4:7, 9:12] = 0.7
    faint[6, 4:6], faint[7, 4] = (0.0014, 0.0009), 0.0005  # about DARK's floor of the logarithm
    maps = [
        *(peak(7.3, 4.8), peak(0.2, 5.6), peak(14.9, 11.2), peak(-0.4, -0.3), peak(9.0, 6.0)),
        1.2 * peak(10.45, 3.1, 1.4) - 0.05,
        peak(5.7, 8.2) + rng.normal(0, 0.03, (12, 16)),
        np.maximum(peak(5.0, 2.0), peak(5.0, 9.0)),
        *(faint, block, np.zeros((12, 16))),
    ]
    return np.asarray(np.round(np.stack(maps), 4), dtype=np.float32)


def _smoothed() -> list[dict[str, Any]]:
    """Three points that rest, jump and glide, at an uneven pace."""
    rng = np.random.default_rng(0)
    shape = np.array([[100.0, 80.0], [180.0, 90.0], [140.0, 170.0]])
    smoother, seconds, frames = Smoother(SMOOTHING), 0.0, []
    for number in range(24):
        glide = np.array([max(0, number - 12) * 6.0, 25.0 * (number >= 8)])
        points_xy = np.round(shape + glide + rng.normal(0, 0.6, shape.shape), 3)
        smooth_xy = smoother(points_xy, seconds)
        frames.append({"seconds": seconds, "points_xy": points_xy.tolist(), "smooth_xy": _short(smooth_xy, 6)})
        seconds = round(seconds + (0.1 if number == 5 else 1 / 30), 4)
    return frames


def _short(values: NDArray[Any], decimals: int) -> Any:
    """Nested lists of rounded numbers; + 0.0 makes -0.0 zero."""
    return (np.round(values.astype(np.float64), decimals) + 0.0).tolist()


def _base64(pixels: ImageArray) -> str:
    """Rows of RGB bytes as base64, which every platform reads without a picture decoder."""
    return base64.b64encode(pixels.tobytes()).decode()
