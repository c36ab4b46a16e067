"""The detector on a real portrait, whatever its size, place and surroundings; and the parts of it that it looks at."""

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from toolkit.core.images import read_image
from toolkit.data.sample import box_of_points
from toolkit.detect import CALIBRATION, Detection, FaceDetector, calibrate, fit_calibration
from toolkit.detect.detector import VIEW_PX, shows_whole, tiles, view

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


class Counted:
    """Counts the looks of a detector."""

    def __init__(self, detector: FaceDetector, monkeypatch: pytest.MonkeyPatch) -> None:
        self.looks, look = 0, detector._look_at

        def counting(pixels: np.ndarray) -> list[Detection]:
            self.looks += 1
            return look(pixels)

        monkeypatch.setattr(detector, "_look_at", counting)


def test_one_look_is_enough_for_a_portrait(detector, astronaut, monkeypatch):
    """Of a face that takes a quarter of a photo of 1000 x 750; a second one, close up, where it is not certain."""
    counted = Counted(detector, monkeypatch)
    photo = placed(astronaut[:300, 80:380], 740, 130, 5, np.full((750, 1000, 3), 90, np.uint8))
    assert len(detector(photo)) == 1
    assert counted.looks <= 2


def test_small_faces_beside_a_large_one_are_found_when_asked_for(astronaut):
    """A portrait beside a face of a thirtieth of the width: one face, and both where tiles are asked for."""
    photo = placed(astronaut[:300, 80:380], 740, 20, 5, np.full((750, 1400, 3), 90, np.uint8))
    photo = placed(astronaut, 250, 1000, 300, photo)
    for finest, count in ((None, 1), (2, 2)):
        assert len(FaceDetector(finest)(photo)) == count


@pytest.mark.parametrize("shape", [(1, 1), (3, 2000), (2000, 3), (300, 500), (900, 700)])
def test_no_face_is_an_empty_list(detector, shape):
    """Flat and noisy pictures of any shape, down to one pixel, hold no face."""
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert detector(noise) == []
    assert detector(np.full((*shape, 3), 255, dtype=np.uint8)) == []


@pytest.mark.slow
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


@given(
    width=st.integers(1, 3000),
    height=st.integers(1, 3000),
    step=st.integers(1, 3),
    place=st.tuples(*[st.floats(0, 1)] * 2),
    share=st.floats(0.01, 1),
)
def test_a_face_of_half_a_tile_is_whole_in_one(width, height, step, place, share):
    """Wherever a square of up to half a tile's side lies in a picture, some tile holds all of it."""
    side = -(-max(width, height) // 2**step)
    face = np.minimum(share * (side - 1) / 2, [width, height])
    corner = np.array(place) * (np.array([width, height]) - face)
    assert any(
        left <= corner[0] and top <= corner[1] and corner[0] + face[0] <= right and corner[1] + face[1] <= bottom
        for left, top, right, bottom in tiles(width, height, side)
    )


def test_tiles_stay_in_the_picture_and_are_few():
    """A 1600 x 1200 picture in tiles of 400: 7 x 5 squares, none over the edge."""
    windows = tiles(1600, 1200, 400)
    assert len(windows) == 35
    assert all(right - left == bottom - top == 400 for left, top, right, bottom in windows)
    assert (windows[0], windows[-1]) == ((0, 0, 400, 400), (1200, 800, 1600, 1200))


def test_a_small_window_is_shown_as_it_is():
    """Under twice VIEW_PX no pixel changes; the scale is 1."""
    image = np.random.default_rng(0).integers(0, 256, (90, 130, 3), dtype=np.uint8)
    pixels, scale = view(image, (10, 20, 110, 70))
    assert np.array_equal(pixels, image[20:70, 10:110])
    assert scale == 1
    assert pixels.flags.c_contiguous


def test_beyond_the_image_is_black():
    """A window over all four edges shows the image in a black frame."""
    image = np.full((30, 50, 3), 200, dtype=np.uint8)
    pixels, _ = view(image, (-5, -7, 61, 33))
    assert pixels.shape == (40, 66, 3)
    assert (pixels[7:37, 5:55] == 200).all()
    assert pixels.sum() == image.sum()


def test_a_large_window_is_averaged():
    """1025 x 501 pixels of fine checks, halved twice, become 256 x 125 of mid grey, each worth 4 x 4 pixels."""
    y, x = np.mgrid[:501, :1025]
    image = np.repeat(((x + y) % 2 * 254).astype(np.uint8)[..., None], 3, axis=2)
    pixels, scale = view(image, (0, 0, 1025, 501))
    assert pixels.shape == (125, 256, 3)
    assert VIEW_PX <= 256 < 2 * VIEW_PX
    assert scale == 4
    assert np.abs(pixels.astype(int) - 127).max() <= 1


@pytest.mark.parametrize(
    ("box", "whole"),
    [
        ([110, 60, 190, 140], True),
        ([95, 60, 190, 140], False),  # over the tile's left edge, inside the image
        ([110, 60, 190, 152], False),
        ([110, -8, 190, 60], True),  # over the image's own edge: there is no more of it
    ],
)
def test_faces_cut_by_a_tile_are_not_whole(box, whole):
    """A box may leave a tile only where the tile ends with the image."""
    image = np.zeros((400, 600, 3), np.uint8)
    assert shows_whole(np.array(box, dtype=float), (100, 0, 250, 150), image) is whole
