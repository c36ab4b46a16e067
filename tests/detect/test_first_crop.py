"""The first crop: by keypoints, wherever and however turned a face is, or by the detector's box."""

import numpy as np
import pytest

from toolkit.core.geometry import rotation
from toolkit.detect import Detection, calibrate
from toolkit.detect.first_crop import FIRST_CROP, MIRRORED, box_by_keypoints, first_crop, fit_first_crop, frame_of

KEYPOINTS = np.array([[-0.2, -0.2], [0.2, -0.2], [0.0, 0.02], [0.0, 0.22], [-0.45, -0.1], [0.45, -0.1]])
BOX = np.array([[-0.46, -0.4], [0.46, 0.5]])
"""Corners of the landmarks' box of such a face."""


def placed(shape: np.ndarray, roll_deg: float, side_px: float, centre: tuple[float, float]) -> np.ndarray:
    """A shape about the origin, turned, enlarged and moved."""
    return np.asarray(shape @ rotation(roll_deg).T * side_px + centre)


def detection(keypoints_xy: np.ndarray, side_px: float, centre: tuple[float, float]) -> Detection:
    """With a box a side large."""
    corners = np.concatenate([np.array(centre) - side_px / 2, np.array(centre) + side_px / 2])
    return Detection(box_xyxy=corners, score=0.9, keypoints_xy=keypoints_xy)


def test_the_crop_moves_grows_and_turns_with_the_face() -> None:
    """Larger, elsewhere, and turned by more than a level face's 20 degrees."""
    box, roll_deg = first_crop(detection(placed(KEYPOINTS, 0, 100, (50, 60)), 100, (50, 60)))
    other, other_deg = first_crop(detection(placed(KEYPOINTS, 143, 240, (300, 200)), 240, (300, 200)))
    assert (roll_deg, other_deg) == pytest.approx((0, 143))
    assert other[2:] - other[:2] == pytest.approx((box[2:] - box[:2]) * 2.4)
    middle, other_middle = (box[:2] + box[2:]) / 2, (other[:2] + other[2:]) / 2
    assert other_middle == pytest.approx(placed(middle - (50, 60), 143, 2.4, (300, 200)))


def test_keypoints_whose_box_has_no_width_leave_it_to_the_detectors_box() -> None:
    """Ears exchanged: a box as high as the face's, and turned inside out."""
    odd = detection(placed(KEYPOINTS[[0, 1, 2, 3, 5, 4]], 0, 100, (50, 60)), 100, (50, 60))
    left, top, right, bottom = box_by_keypoints(odd.keypoints_xy)
    assert right < left and 40 < bottom - top < 160  # px
    box, _ = first_crop(odd)
    assert box == pytest.approx(calibrate(odd.box_xyxy))


def test_the_stored_map_is_of_faces() -> None:
    """A plain face's box within a tenth of its side, and a mirrored face's box is the mirrored one."""
    box = box_by_keypoints(KEYPOINTS * 100)
    assert np.abs(box - BOX.ravel() * 100).max() < 10
    odd = KEYPOINTS * 100 + np.random.default_rng(0).normal(0, 4, (6, 2))
    left, top, right, bottom = box_by_keypoints(odd[list(MIRRORED)] * (-1, 1))
    assert [-right, top, -left, bottom] == pytest.approx(box_by_keypoints(odd), abs=0.1)
    assert FIRST_CROP.shape == (13, 4)


def test_a_box_that_follows_from_keypoints_is_learned() -> None:
    """From 300 faces whose box the stored map gives, level and turned: within 0.02 of their spread on average,
    which the weight decay takes off."""
    rng = np.random.default_rng(0)
    keypoints = [
        placed(KEYPOINTS + rng.normal(0, 0.05, (6, 2)), rng.uniform(-180, 180), 90, (70, 80)) for _ in range(300)
    ]
    points = []
    for face in keypoints:
        frame, (left, top, right, bottom) = frame_of(face), box_by_keypoints(face)
        corners = np.array([[left, top], [right, bottom], [np.nan, top]])
        middle = ((left + right) / 2, (top + bottom) / 2)
        points.append((corners - middle) @ rotation(frame.turn_deg).T + middle)
    found = fit_first_crop(keypoints, points)
    apart = [np.abs(box_by_keypoints(k, found) - box_by_keypoints(k)).max() / frame_of(k).spread_px for k in keypoints]
    assert np.mean(apart) < 0.02
    assert max(apart) < 0.1


@pytest.mark.parametrize("odd", [KEYPOINTS[:2], KEYPOINTS * 0, KEYPOINTS + np.array([0.9, 0.0]), KEYPOINTS * 2.5])
def test_odd_keypoints_leave_the_box(odd: np.ndarray) -> None:
    """Two alone, at one place, far away, too far apart."""
    face = detection(placed(odd, 0, 100, (150, 160)), 100, (150, 160))
    box, roll_deg = first_crop(face)
    assert box == pytest.approx(calibrate(face.box_xyxy))
    assert roll_deg == 0


def test_a_fit_needs_faces() -> None:
    """And landmarks of each."""
    for count in (0, 2):
        with pytest.raises(ValueError, match=f"of each face, got {count} and {count and 1}"):
            fit_first_crop([KEYPOINTS] * count, [BOX] * (count and 1))
