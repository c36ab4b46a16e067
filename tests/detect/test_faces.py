"""The detector on a real portrait, whatever its size, place and surroundings."""

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from toolkit.core.images import read_image
from toolkit.data.sample import box_of_points
from toolkit.detect import CALIBRATION, FaceDetector, calibrate, fit_calibration

RIGHT_EYE, LEFT_EYE, NOSE, MOUTH = (203, 102), (246, 104), (222, 127), (222, 147)
"""Of the astronaut, read off the picture."""


@pytest.fixture(scope="module")
def detector() -> Iterator[FaceDetector]:
    """One detector for all tests here."""
    started = FaceDetector()
    yield started
    started.close()


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    """(512, 512, 3), one face of 100 px near the top."""
    return data.astronaut()


def placed(portrait: np.ndarray, side: int, left: int, top: int, canvas: np.ndarray) -> np.ndarray:
    """The portrait, shrunk to a side, put onto a copy of a canvas."""
    canvas = canvas.copy()
    canvas[top : top + side, left : left + side] = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
    return canvas


def test_the_face_of_the_portrait(detector, astronaut):
    """One face, sure, with eyes, nose and mouth within 6 px of where they are."""
    (face,) = detector(astronaut)
    assert 0.8 < face.score <= 1
    assert np.abs(face.keypoints_xy[:4] - [RIGHT_EYE, LEFT_EYE, NOSE, MOUTH]).max() < 6


def test_the_calibrated_box_spans_brows_to_chin(detector, astronaut):
    """Its top lies above the eyes within a sixth of its side, and brows, chin and cheeks are where it ends, to 8 px."""
    box = calibrate(detector(astronaut)[0].box_xyxy)
    assert box == pytest.approx([176, 82, 274, 177], abs=8)


def test_the_image_is_not_changed_and_may_be_a_read_only_view(detector, astronaut):
    """A mirrored, read-only view gives the mirrored box within 4 px."""
    mirrored = astronaut[:, ::-1]
    mirrored.flags.writeable = False
    before = mirrored.copy()
    left, top, right, bottom = detector(astronaut)[0].box_xyxy
    assert detector(mirrored)[0].box_xyxy == pytest.approx([511 - right, top, 511 - left, bottom], abs=4)
    assert np.array_equal(mirrored, before)


def test_a_small_face_in_a_large_photo_is_found_in_tiles(detector, astronaut):
    """A face of 75 px in 1600 x 1100: missed in the whole picture, found within 4 px in tiles, and nothing else."""
    canvas = np.full((1100, 1600, 3), 90, dtype=np.uint8)
    photo = placed(astronaut, 384, 1000, 500, canvas)
    whole = FaceDetector(finest=0)
    try:
        assert whole(photo) == []
    finally:
        whole.close()
    (face,) = detector(photo)
    assert face.box_xyxy == pytest.approx(detector(astronaut)[0].box_xyxy * 0.75 + [1000, 500, 1000, 500], abs=4)


def test_a_face_that_fills_the_picture_is_found(detector, astronaut):
    """Cut off at the brows, chin and cheeks and enlarged three times, the face is found."""
    tight = cv2.resize(astronaut[92:170, 186:264], None, fx=3, fy=3)
    (face,) = detector(tight)
    assert np.abs((face.keypoints_xy[0] / 3 + [186, 92]) - RIGHT_EYE).max() < 8


def test_faces_come_largest_first(detector, astronaut):
    """Three faces of different size in 900 x 1400 are all found once, sorted by size."""
    canvas = np.full((900, 1400, 3), 120, dtype=np.uint8)
    photo = canvas
    for side, left, top in ((250, 50, 30), (600, 350, 200), (400, 980, 420)):
        photo = placed(astronaut, side, left, top, photo)
    faces = detector(photo)
    sides = [f.box_xyxy[2] - f.box_xyxy[0] for f in faces]
    assert np.array(sides) * 512 / 104 == pytest.approx([600, 400, 250], rel=0.1)


@pytest.mark.parametrize("shape", [(1, 1), (3, 2000), (2000, 3), (300, 500), (900, 700)])
def test_no_face_is_an_empty_list(detector, shape):
    """Flat and noisy pictures of any shape, down to one pixel, hold no face."""
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert detector(noise) == []
    assert detector(np.full((*shape, 3), 255, dtype=np.uint8)) == []


@pytest.mark.data
def test_the_calibration_is_that_of_the_data(detector):
    """On 60 AFW faces every face is found, and a fit is within 0.03 of the stored numbers."""
    if "SDHRNET_DATA" not in os.environ:
        pytest.skip("SDHRNET_DATA does not point at real faces")
    truth, found = [], []
    for path in sorted((Path(os.environ["SDHRNET_DATA"]) / "300w" / "afw").glob("*.pts"))[::5][:60]:
        lines = path.read_text().partition("{")[2].partition("}")[0].split()
        box = box_of_points(np.array(lines, dtype=float).reshape(-1, 2) - 1)
        centre = (box[:2] + box[2:]) / 2
        faces = [f.box_xyxy for f in detector(read_image(path.with_suffix(".jpg")))]
        holding = [f for f in faces if (f[:2] < centre).all() and (centre < f[2:]).all()]
        assert holding, path.name
        truth.append(box)
        found.append(holding[0])
    fitted = fit_calibration(np.array(found), np.array(truth))
    assert (*fitted.shift_xy, *fitted.scale_xy) == pytest.approx(
        (*CALIBRATION.shift_xy, *CALIBRATION.scale_xy), abs=0.03
    )
