"""The One-Euro filter: against the paper's algorithm written out, and what it is for."""

import math

import numpy as np
import pytest

from toolkit.core.smoothing import SMOOTHING, OneEuro, Smoother

SIDE_PX = 200.0
"""Longer side of the test face."""
NOISE_PX = 1.2
FPS = 30


def face(count: int = 68) -> np.ndarray:
    """Points (count, 2) whose box is SIDE_PX wide and lower than that."""
    points = np.random.default_rng(0).uniform(0, (SIDE_PX, SIDE_PX * 0.8), (count, 2))
    points[0], points[1] = (0, 0), (SIDE_PX, SIDE_PX * 0.8)
    return points


def smoothed(frames: np.ndarray, seconds: np.ndarray, settings: OneEuro = SMOOTHING) -> np.ndarray:
    """Every frame (T, M, 2) through one filter."""
    smoother = Smoother(settings)
    return np.stack([smoother(points, float(now)) for points, now in zip(frames, seconds, strict=True)])


def reference(values: list[float], seconds: list[float], size: float, settings: OneEuro) -> list[float]:
    """Algorithm 1 for one coordinate, in plain numbers, with the cutoff from the speed in face sizes."""

    def alpha(interval: float, cutoff: float) -> float:
        tau = 1 / (2 * math.pi * cutoff)
        return 1 / (1 + tau / interval)

    out, slope = [values[0]], 0.0
    for i in range(1, len(values)):
        interval = seconds[i] - seconds[i - 1]
        raw = (values[i] - out[-1]) / interval / size
        a = alpha(interval, settings.derivative_cutoff_hz)
        slope = a * raw + (1 - a) * slope
        a = alpha(interval, settings.min_cutoff_hz + settings.beta * abs(slope))
        out.append(a * values[i] + (1 - a) * out[-1])
    return out


def test_every_coordinate_is_the_papers_algorithm_at_a_changing_frame_rate():
    """A rigidly moving face at uneven times, coordinate by coordinate, within 1e-9 px."""
    rng = np.random.default_rng(1)
    seconds = np.cumsum(rng.uniform(0.01, 0.1, 40))
    frames = face()[None] + rng.normal(0, 20, (40, 1, 2)).cumsum(axis=0)
    settings = OneEuro(min_cutoff_hz=0.7, beta=9.0, derivative_cutoff_hz=1.6)
    found = smoothed(frames, seconds, settings)
    for point, axis in ((0, 0), (5, 1), (67, 0)):
        expected = reference(frames[:, point, axis].tolist(), seconds.tolist(), SIDE_PX, settings)
        np.testing.assert_allclose(found[:, point, axis], expected, atol=1e-9)


def test_a_face_at_rest_stops_trembling():
    """White noise on a still face: the points move less than a third as much from frame to frame."""
    noise = np.random.default_rng(2).normal(0, NOISE_PX, (150, 68, 2))
    out = smoothed(face() + noise, np.arange(150) / FPS)
    before, after = (np.abs(np.diff(x[30:], axis=0)).mean() for x in (noise, out))
    assert after < before / 3


@pytest.mark.parametrize(("sides_per_s", "lag_sides"), [(0.25, 0.01), (1.0, 0.01), (3.0, 0.01)])
def test_a_face_in_motion_is_not_left_behind(sides_per_s, lag_sides):
    """At any even speed the points trail by at most a hundredth of the face's side; without beta they trail more."""
    seconds = np.arange(90) / FPS
    frames = face()[None] + (seconds * sides_per_s * SIDE_PX)[:, None, None] * [1.0, 0.0]
    lag = np.abs(smoothed(frames, seconds) - frames)[-1].max() / SIDE_PX
    unaided = np.abs(smoothed(frames, seconds, OneEuro(beta=0)) - frames)[-1].max() / SIDE_PX
    assert lag < lag_sides < unaided


@pytest.mark.parametrize("scale", [0.25, 4.0])
def test_it_knows_no_unit_and_no_place(scale):
    """A face four times as large, anywhere in the picture, is smoothed alike, within 1e-9 px."""
    frames = face() + np.random.default_rng(3).normal(0, NOISE_PX, (20, 68, 2))
    seconds = np.arange(20) / FPS
    there = smoothed(frames * scale + [500.0, -80.0], seconds)
    np.testing.assert_allclose(there, smoothed(frames, seconds) * scale + [500.0, -80.0], atol=1e-9)


def test_the_first_frame_is_as_it_is_and_nothing_is_shared():
    """What came in may be changed afterwards, and what came out too."""
    smoother, points = Smoother(), face()
    first = smoother(points, 0.0)
    assert np.array_equal(first, points)
    points += 1000
    first += 1000
    assert smoother(face(), 0.1) == pytest.approx(face())


@pytest.mark.parametrize(
    ("points", "seconds", "message"),
    [
        (face(), 1.0, "cannot follow one at 1.0 s"),
        (face(), 0.5, "cannot follow"),
        (face(29), 2.0, r"expected points \(68, 2\)"),
        (face() * np.nan, 2.0, "not finite"),
    ],
)
def test_frames_that_cannot_follow_are_refused(points, seconds, message):
    """No time, time running backwards, another scheme and NaN; the filter stays as it was."""
    smoother = Smoother()
    smoother(face(), 1.0)
    with pytest.raises(ValueError, match=message):
        smoother(points, seconds)
    assert smoother(face(), 1.1) == pytest.approx(face())


def test_points_that_collapse_to_one_do_not_divide_by_zero():
    """All points in one place, twice: finite and there."""
    smoother = Smoother()
    smoother(np.zeros((68, 2)), 0.0)
    assert np.isfinite(smoother(np.ones((68, 2)), 0.1)).all()


@pytest.mark.parametrize("setting", [{"min_cutoff_hz": 0}, {"derivative_cutoff_hz": -1}, {"beta": -0.1}])
def test_settings_that_mean_nothing_are_refused(setting):
    """At once, with all three values."""
    with pytest.raises(ValueError, match="cutoffs must be above 0"):
        OneEuro(**setting)
