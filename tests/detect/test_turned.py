"""Turned faces: the roll by the eyes, boxes that turn with it, and pictures looked at from every side."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from skimage import data

from toolkit.core.geometry import Pose, crop_of_box, rotation
from toolkit.core.schemes import COFW_29, W300_68
from toolkit.core.zoo import released
from toolkit.detect import Detection, FaceDetector, FaceTracker, Tracking, landmarks_in
from toolkit.detect.boxes import around
from toolkit.detect.turned import LEVEL_DEG, crop_around, faces_any_way_up, roll_of, turn_for
from toolkit.landmarkers import open_model

FACE = np.random.default_rng(0).uniform((-30, -50), (30, 50), (68, 2))
FACE[[36, 45]] = (-20, -10), (20, -10)


def astronaut(roll_deg: float) -> np.ndarray:
    """(360, 480, 3): the face of 100 px in the middle, turned clockwise."""
    turn = rotation(roll_deg)
    matrix = np.column_stack([turn, (240, 180) - turn @ (225, 130)])
    return cv2.warpAffine(data.astronaut(), matrix, (480, 360), borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize("roll_deg", [0.0, 30, 90, 135, -170])
def test_the_eyes_tell_the_roll(roll_deg: float) -> None:
    """Clockwise on the screen, where y grows downwards."""
    right, left = FACE[[36, 45]] @ rotation(roll_deg).T
    assert roll_of(right, left) == pytest.approx(roll_deg)


def test_level_faces_are_cropped_as_they_are_and_turned_ones_all_the_way() -> None:
    """0 below LEVEL_DEG, all from twice as much on, and no jump between them; whole turns make no difference."""
    assert [turn_for(r) for r in (0, LEVEL_DEG, -LEVEL_DEG, 2 * LEVEL_DEG, -90, 350, 365)] == [0, 0, 0, 20, -90, 0, 0]
    rolls = np.arange(-170, 170, 0.5)
    assert np.abs(np.diff([turn_for(r) for r in rolls])).max() <= 1


@pytest.mark.parametrize("roll_deg", [-150.0, 25, 90])
def test_the_crop_of_a_turned_face_is_that_of_the_upright_one(roll_deg: float) -> None:
    """In it, the points lie as those of the level face in its own crop, within a thousandth of a pixel."""
    turned = FACE @ rotation(roll_deg).T + (200, 100)
    box_xyxy, turn_deg = crop_around(turned, W300_68)
    crop = crop_of_box(box_xyxy, 128, Pose(rotation_deg=-turn_deg))
    assert crop.to_crop(turned) == pytest.approx(crop_of_box(around(FACE), 128).to_crop(FACE), abs=1e-3)


def test_a_level_face_has_its_tight_box() -> None:
    """Exactly; with another scheme's eyes too."""
    points = np.arange(58.0).reshape(29, 2)
    points[[8, 9]] = (3, 7), (9, 7.5)
    box_xyxy, turn_deg = crop_around(points, COFW_29)
    assert np.array_equal(box_xyxy, around(points))
    assert turn_deg == 0


@pytest.mark.parametrize("quarter", [0, 1])
def test_what_has_no_area_is_no_face(quarter: int) -> None:
    """Flat, back to front or not finite, from whichever side it is seen: the other face is found, and its points."""
    keypoints = np.array([[20.0, 20.0], [28.0, 20.0], [24.0, 24.0], [24.0, 28.0], [16.0, 21.0], [32.0, 21.0]])
    good, nowhere = np.array([14.0, 12.0, 34.0, 32.0]), np.where(np.arange(12) == 3, np.nan, keypoints.ravel())
    boxes = [good[[0, 1, 0, 3]], good[[2, 3, 0, 1]], good * (1, 1, np.nan, 1), good]
    shown = [Detection(box_xyxy=box, score=0.9, keypoints_xy=keypoints) for box in boxes]
    shown.append(Detection(box_xyxy=good, score=0.95, keypoints_xy=nowhere.reshape(6, 2)))

    def detector(seen: np.ndarray) -> list[Detection]:
        return shown if seen.shape == ((60, 60, 3) if quarter == 0 else (40, 60, 3)) else []

    image = np.zeros((60, 60, 3) if quarter == 0 else (60, 40, 3), np.uint8)
    ((face,),) = faces_any_way_up(image, detector, (1,))
    assert face.score == 0.9
    tracker = FaceTracker(detector, open_model(released("int8")), Tracking(min_confidence=0))
    tracker(image, 0.0)  # looks at it from one more side, and raises nothing
    landmarks_in(image, detector, open_model(released("int8")))


@pytest.mark.parametrize("quarter", [0, 1, 2, 3])
def test_a_face_on_its_side_is_told_where_it_is(quarter: int) -> None:
    """A detector that sees only a mark which stands on the left, and places it: its box and points in the picture."""
    image = np.zeros((30, 50, 3), np.uint8)
    image[4:9, 2:6] = 255
    turned = np.rot90(image, -quarter)

    def detector(seen: np.ndarray) -> list[Detection]:
        ys, xs = np.nonzero(seen[..., 0])
        if seen.shape != image.shape or xs.max() > 6 or ys.max() > 9:
            return []
        box_xyxy = np.array([xs.min(), ys.min(), xs.max(), ys.max()], float)
        return [Detection(box_xyxy=box_xyxy, score=0.9, keypoints_xy=box_xyxy.reshape(2, 2))]

    ((face,),) = faces_any_way_up(turned, detector)
    ys, xs = np.nonzero(turned[..., 0])
    assert face.box_xyxy == pytest.approx([xs.min(), ys.min(), xs.max(), ys.max()])
    assert sorted(face.keypoints_xy[:, 0]) == [xs.min(), xs.max()]


def test_a_face_that_is_not_clear_is_looked_at_from_every_side() -> None:
    """On its head it is seen badly, with eyes the wrong way; what else the turned pictures seem to show is left out."""
    image = np.zeros((100, 200, 3), np.uint8)
    image[0, 0] = 255  # tells which side is up
    eyes = np.array([[20.0, 30], [40, 30], [30, 40], [30, 50], [15, 35], [45, 35]])

    def detector(seen: np.ndarray) -> list[Detection]:
        if seen[0, 0, 0]:
            return [Detection(box_xyxy=np.array([10.0, 20, 50, 60]), score=0.75, keypoints_xy=eyes)]
        if seen[-1, -1, 0]:  # on its head: the same place is at the lower right
            box_xyxy = np.array([149.0, 39, 189, 79])
            real = Detection(box_xyxy=box_xyxy, score=0.95, keypoints_xy=eyes + np.array([129, 29]))
            fold = Detection(box_xyxy=np.array([10.0, 10, 40, 40]), score=0.9, keypoints_xy=eyes)
            return [real, fold]
        return []

    ((face, worse),) = faces_any_way_up(image, detector)
    assert (face.score, worse.score) == (0.95, 0.75)
    assert face.box_xyxy == pytest.approx([10, 20, 50, 60])
    assert abs(roll_of(*face.keypoints_xy[:2])) == pytest.approx(180)


@pytest.fixture(scope="module")
def upright() -> tuple[FaceDetector, np.ndarray]:
    """A detector, and the points of the level face around its middle."""
    detector = FaceDetector(0)
    (face,) = landmarks_in(astronaut(0), detector, open_model(released("float16")))
    return detector, face.points_xy - (240, 180)


@pytest.mark.parametrize("roll_deg", [30, 75, 90, 135, 165, 180, 240])
def test_a_face_has_its_points_at_every_angle(upright: tuple[FaceDetector, np.ndarray], roll_deg: float) -> None:
    """Within 3 % of the eye distance of those of the level face, on average."""
    detector, level = upright
    (face,) = landmarks_in(astronaut(roll_deg), detector, open_model(released("float16")))
    expected = level @ rotation(roll_deg).T + (240, 180)
    eyes = np.linalg.norm(level[36] - level[45])
    assert np.linalg.norm(face.points_xy - expected, axis=1).mean() / eyes < 0.03
    assert face.sure


@pytest.mark.slow
def test_a_face_that_turns_all_around_is_followed(upright: tuple[FaceDetector, np.ndarray]) -> None:
    """By 5 degrees a frame, from upside down on: found in the first frames, then one number and points within 5 %."""
    detector, level = upright
    follow = FaceTracker(detector, open_model(released("float16")), replace(Tracking(), faces=1, smoothing=None))
    eyes = np.linalg.norm(level[36] - level[45])
    errors: list[float] = []
    for number in range(60):
        roll_deg = 180 + 5.0 * number
        faces = follow(astronaut(roll_deg), number / 30)
        if faces:
            expected = level @ rotation(roll_deg).T + (240, 180)
            errors.append(float(np.linalg.norm(faces[0].points_xy - expected, axis=1).mean() / eyes))
            assert faces[0].track == 1
    assert len(errors) >= 57
    assert max(errors) < 0.05
