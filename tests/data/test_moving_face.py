"""The moving synthetic face: its points belong to its pictures, and its speeds are what they are said to be."""

import cv2
import numpy as np
import pytest

from toolkit.data.moving_face import FPS, SPEEDS, MovingFace
from toolkit.data.sample import box_of_points

FRAMES = 20


@pytest.fixture(scope="module")
def film() -> list[tuple[float, np.ndarray, np.ndarray]]:
    """One short film, drawn once."""
    return list(MovingFace(seed=0, frames_each=FRAMES))


@pytest.mark.slow
def test_frames_times_and_points_fit(film):
    """640 x 480, 30 a second, 68 points inside the picture in every frame."""
    assert len(film) == len(SPEEDS) * FRAMES
    assert [seconds for seconds, _, _ in film] == pytest.approx([i / FPS for i in range(len(film))])
    for _, image, points in film:
        assert image.shape == (480, 640, 3)
        assert ((points > 0) & (points < [639, 479])).all()


def test_it_rests_then_moves_at_the_speeds_of_its_parts(film):
    """The fastest point-cloud middle of a part is within a third of its speed; noise alone differs at rest."""
    middles = np.array([points.mean(axis=0) for _, _, points in film])
    side = float((box_of_points(film[0][2])[2:] - box_of_points(film[0][2])[:2]).max())
    speeds = np.linalg.norm(np.diff(middles, axis=0), axis=1) * FPS / side
    for name, part in MovingFace(seed=0, frames_each=FRAMES).parts.items():
        assert speeds[part.start : part.stop - 1].max() == pytest.approx(SPEEDS[name], rel=0.35, abs=0.02)
    assert np.array_equal(film[0][2], film[FRAMES - 1][2])
    assert not np.array_equal(film[0][1], film[1][1])


def test_points_move_with_the_pixels(film):
    """Brought back by the points' own similarity, the quick frames show the first frame's face within 8 grey levels."""
    _, first, truth = film[0]
    left, top, right, bottom = box_of_points(truth).astype(int)
    for _, image, points in film[-10::3]:
        back, _ = cv2.estimateAffinePartial2D(points, truth, method=cv2.LMEDS)
        face = cv2.GaussianBlur(cv2.warpAffine(image, back, (640, 480)), (0, 0), 3)[top:bottom, left:right]
        still = cv2.GaussianBlur(first, (0, 0), 3)[top:bottom, left:right]
        assert np.abs(face.astype(float) - still).mean() < 8


def test_a_seed_is_a_face(film):
    """The same seed gives the same film, another one another face."""
    _, image, points = next(iter(MovingFace(seed=0, frames_each=FRAMES)))
    assert np.array_equal(image, film[0][1])
    assert np.array_equal(points, film[0][2])
    assert not np.array_equal(next(iter(MovingFace(seed=1, frames_each=FRAMES)))[2], points)
