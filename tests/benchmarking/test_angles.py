"""Pipelines on turned pictures: whose angle is right is found, and what is wrong is counted."""

from collections.abc import Iterator

import numpy as np
import pytest

from toolkit.benchmarking.angles import PICTURE_PX, at_angles
from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.geometry import Pose, crop_of_box
from toolkit.core.progress import finish
from toolkit.data.synthetic import SyntheticFaces

FACES = SyntheticFaces(2, seed=3, size_px=96)
ANGLES = [0, 90, 180]


def truths() -> Iterator[FloatArray]:
    """The points of every turned picture, in the order in which they are looked at."""
    for i in range(len(FACES)):
        for angle in ANGLES:
            pose = Pose(scale=0.5, rotation_deg=angle)
            yield crop_of_box(FACES[i].box_xyxy, PICTURE_PX, pose).to_crop(FACES[i].points_xy)


def test_errors_are_compared_with_those_of_the_same_faces_upright() -> None:
    """Twice as far off on its side, on its head of one face nothing and of the other nonsense."""
    known = truths()
    seen = iter((0.01, 0.02, None, 0.01, 0.02, 0.2))

    def pipeline(image: ImageArray) -> list[FloatArray]:
        assert image.shape == (PICTURE_PX, PICTURE_PX, 3)
        truth, off = next(known), next(seen)
        eyes_px = float(np.linalg.norm(truth[36] - truth[45]))
        return [] if off is None else [truth + np.array([off * eyes_px, 0.0])]

    ((upright, side, head),) = finish(at_angles([pipeline], FACES, ANGLES))
    assert (upright["found"], upright["over_upright"]) == (2, 1.0)
    assert upright["nme_mean"] == pytest.approx(1.0, abs=1e-3)  # percent
    assert side["over_upright"] == pytest.approx(2.0, abs=1e-3)
    assert (head["found"], head["wrong"]) == (1, 1)
    assert head["over_upright"] == pytest.approx(20.0, abs=1e-2)


def test_a_pipeline_that_sees_nothing_has_no_error() -> None:
    """None found, and nothing to compare with."""
    (own,) = finish(at_angles([lambda image: []], FACES, ANGLES))
    assert [(a["found"], a["nme_mean"], a["over_upright"]) for a in own] == [(0, None, None)] * 3


def test_without_an_upright_angle_there_is_nothing_to_compare_with() -> None:
    """Said in a line."""
    with pytest.raises(ValueError, match="begin with 0"):
        finish(at_angles([], FACES, [90]))
