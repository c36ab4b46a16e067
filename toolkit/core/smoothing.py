"""The One-Euro filter on landmarks: still where a face rests, quick where it moves (Casiez et al., CHI 2012).

A first-order low-pass filter for every coordinate whose cutoff rises with the speed of that coordinate. Speeds are
taken in face sizes a second, so that one setting suits a face near the camera and one far away. Only the speed is
divided by the face's size: dividing the points too would pass on the size's own jitter, times the distance from the
picture's corner.
"""

from dataclasses import dataclass

import numpy as np

from toolkit.core.arrays import FloatArray


@dataclass(frozen=True, kw_only=True)
class OneEuro:
    """How much is smoothed. Lower `min_cutoff_hz` against jitter at rest, raise `beta` against lag in motion."""

    min_cutoff_hz: float = 1.0
    """Cutoff of a coordinate at rest."""
    beta: float = 30.0
    """Rise of the cutoff with the speed: hertz for each face size a second."""
    derivative_cutoff_hz: float = 2.0
    """Cutoff of the speed itself."""

    def __post_init__(self) -> None:
        if self.min_cutoff_hz <= 0 or self.derivative_cutoff_hz <= 0 or self.beta < 0:
            raise ValueError(f"cutoffs must be above 0 and beta must not be negative, got {self}")


SMOOTHING = OneEuro()


class Smoother:
    """The filter of one face: frames in at any pace, smoothed points out."""

    def __init__(self, settings: OneEuro = SMOOTHING) -> None:
        self._settings = settings
        self._points_xy: FloatArray | None = None
        self._speed_xy: FloatArray = np.zeros(())
        self._seconds = 0.0

    def __call__(self, points_xy: FloatArray, seconds: float) -> FloatArray:
        """The points (M, 2) of a frame, smoothed; those of the first frame come back as they are.

        Args:
            points_xy: (M, 2) in image pixels.
            seconds: when the frame was taken, by any clock, later than the frame before.

        Raises:
            ValueError: the frame is not later than the last, or has not as many points, or one is not finite.
        """
        if not np.isfinite(points_xy).all():
            raise ValueError("a point to smooth is not finite")
        if self._points_xy is None:
            self._speed_xy = np.zeros_like(points_xy)
            smooth_xy = points_xy.copy()
        else:
            if points_xy.shape != self._points_xy.shape:
                raise ValueError(f"expected points {self._points_xy.shape} as before, got {points_xy.shape}")
            if not seconds > self._seconds:
                raise ValueError(f"a frame at {seconds} s cannot follow one at {self._seconds} s")
            smooth_xy = self._step(points_xy, self._points_xy, seconds - self._seconds)
        self._points_xy, self._seconds = smooth_xy, seconds
        return smooth_xy.copy()

    def _step(self, points_xy: FloatArray, before_xy: FloatArray, interval_s: float) -> FloatArray:
        """Algorithm 1 of the paper, every coordinate; the size is the longer side of the points' box, 1 px or more."""
        settings, size = self._settings, max(float(np.ptp(points_xy, axis=0).max()), 1.0)
        speed_xy = (points_xy - before_xy) / size / interval_s
        keep = _weight(interval_s, settings.derivative_cutoff_hz)
        self._speed_xy = self._speed_xy + keep * (speed_xy - self._speed_xy)
        cutoff_hz = settings.min_cutoff_hz + settings.beta * np.abs(self._speed_xy)
        return np.asarray(before_xy + _weight(interval_s, cutoff_hz) * (points_xy - before_xy))


def _weight(interval_s: float, cutoff_hz: float | FloatArray) -> float | FloatArray:
    """The new value's share in a first-order low-pass filter."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff_hz * interval_s))
