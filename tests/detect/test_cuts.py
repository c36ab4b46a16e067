"""Hard cuts, and what only looks like one."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from skimage import data

from toolkit.core.schemes import W300_68
from toolkit.detect import Detection, FaceTracker
from toolkit.detect.cuts import Cuts
from toolkit.runtime.landmarker import Prediction

Picture = np.ndarray


def moved(image: Picture, x: float = 0, y: float = 0, roll_deg: float = 0) -> Picture:
    """(240, 320, 3) of the middle, moved and turned."""
    matrix = cv2.getRotationMatrix2D((256, 150), roll_deg, 0.8)
    matrix[:, 2] += (x - 96, y - 30)
    return cv2.warpAffine(image, matrix, (320, 240), borderMode=cv2.BORDER_REFLECT)


def with_a_light(x: int) -> Picture:
    """A small disc in the dark."""
    return np.asarray(cv2.circle(np.zeros((240, 320, 3), np.uint8), (x, 120), 25, (255, 255, 255), cv2.FILLED))


@pytest.mark.parametrize(
    ("change", "cut"),
    [
        (lambda: moved(data.coffee()), True),
        (lambda: moved(data.chelsea()), True),
        (lambda: moved(data.astronaut())[:, ::-1][::-1], True),
        (lambda: np.full((240, 320, 3), 250, np.uint8), True),
        (lambda: moved(data.astronaut())[:, :300], True),
        (lambda: moved(data.astronaut(), 10, 6, 3), False),
        (lambda: (moved(data.astronaut()) * 0.6).astype(np.uint8), False),
        (lambda: cv2.GaussianBlur(moved(data.astronaut()), (0, 0), 6), False),
    ],
    ids=["coffee", "cat", "upside down", "white", "another size", "motion", "darker", "out of focus"],
)
def test_another_scene_is_a_cut_and_motion_is_none(change: Callable[[], Picture], cut: bool) -> None:
    """After two frames of the astronaut; the frame after the cut is none."""
    cuts, other = Cuts(), change()
    seen = [cuts(image) for image in (moved(data.astronaut()), moved(data.astronaut(), 2), other, other)]
    assert seen == [False, False, cut, False]


def test_a_light_that_jumps_in_the_dark_is_no_cut() -> None:
    """Though nothing is where it was."""
    cuts = Cuts()
    assert [cuts(with_a_light(x)) for x in (60, 250)] == [False, False]


class Constant:
    """A face that is always at one place, in whatever is shown."""

    scheme, size_px, engine, timed = W300_68, 64, "constant", False

    def detector(self, image: Picture) -> list[Detection]:
        box_xyxy = np.array([100.0, 60, 200, 160])
        return [Detection(box_xyxy=box_xyxy, score=0.9, keypoints_xy=np.array([[130.0, 90], [170, 90]] * 3))]

    def __call__(self, crop: Picture) -> Prediction:
        points_xy = np.random.default_rng(0).uniform(7, 57, (68, 2))
        points_xy[[36, 45]] = (20, 25), (44, 25)
        return Prediction(points_xy=points_xy, confidence=np.full(68, 0.9))


def test_another_person_after_a_cut_has_another_number() -> None:
    """At the same place, at once; and the one before the cut does not come back with the number of the other."""
    face = Constant()
    follow = FaceTracker(face.detector, face)
    scenes = [moved(data.astronaut())] * 3 + [moved(data.coffee())] * 3 + [moved(data.astronaut())] * 3
    numbers = [follow(image, i / 30)[0].track for i, image in enumerate(scenes)]
    assert numbers == [1, 1, 1, 2, 2, 2, 3, 3, 3]
