"""Crops of other networks from the same box, and the calibrations that lead there."""

import numpy as np
import pytest

from toolkit.benchmarking.competitors import DLIB_FRAMING, MESH_FRAMING
from toolkit.benchmarking.framing import Framing, framed_crops, inverse
from toolkit.core.geometry import Pose, crop_of_box
from toolkit.core.progress import finish
from toolkit.data.crops import plain_crops
from toolkit.data.synthetic import SyntheticFaces
from toolkit.detect.boxes import CALIBRATION, Calibration, calibrate

BOX = np.array([40.0, 70.0, 140.0, 190.0])


def test_the_plain_frame_is_the_crop_of_training() -> None:
    """Of a box that is not square, also under a pose."""
    pose = Pose(rotation_deg=20, scale=1.2, shift=(0.1, 0.0))
    assert Framing(size_px=64).crop(BOX).matrix == pytest.approx(crop_of_box(BOX, 64).matrix)
    assert Framing(size_px=64).crop(BOX, pose).matrix == pytest.approx(crop_of_box(BOX, 64, pose).matrix)


def test_inverse_undoes_a_calibration() -> None:
    """Both ways."""
    other = Calibration(shift_xy=(0.1, -0.2), scale_xy=(0.8, 1.3))
    assert calibrate(calibrate(BOX, other), inverse(other)) == pytest.approx(BOX)
    assert calibrate(calibrate(BOX, inverse(other)), other) == pytest.approx(BOX)


def test_the_mesh_gets_one_and_a_half_detector_boxes() -> None:
    """A box that MediaPipe's detector drew, calibrated to the landmarks' box and back, is the middle of the crop."""
    detected = np.array([100.0, 100.0, 200.0, 200.0])
    crop = MESH_FRAMING.crop(calibrate(detected, CALIBRATION))
    assert crop.to_image(np.array([95.5, 95.5])) == pytest.approx([150.0, 150.0])
    assert crop.size_px / crop.scale == pytest.approx(150.0)


def test_the_crop_of_dlib_holds_its_box_with_a_margin() -> None:
    """The box is in the middle, 320 / 1.6 = 200 pixels wide, above the landmarks' middle."""
    square = np.array([0.0, 0.0, 100.0, 100.0])
    crop = DLIB_FRAMING.crop(square)
    assert crop.scale == pytest.approx(200 / 103.7, rel=1e-3)
    assert crop.to_image(np.array([159.5, 159.5])) == pytest.approx([48.4, 42.3])


def test_framed_crops_read_each_picture_once_for_all() -> None:
    """And the plain framing gives what evaluation cuts."""
    faces = SyntheticFaces(3)
    read: list[int] = []

    class Counting:
        scheme, title, subsets = faces.scheme, faces.title, faces.subsets

        def __len__(self) -> int:
            return len(faces)

        def __getitem__(self, index: int):
            read.append(index)
            return faces[index]

    plain, wide = Framing(size_px=64), Framing(size_px=48, scale=2.0)
    crops = finish(framed_crops(Counting(), [plain, wide]))
    expected = finish(plain_crops(faces, 64))
    assert read == [0, 1, 2]
    assert (crops[plain].images == expected.images).all()
    assert crops[plain].points_xy == pytest.approx(expected.points_xy)
    assert np.ptp(crops[wide].points_xy, axis=1).max() < np.ptp(expected.points_xy, axis=1).max()
