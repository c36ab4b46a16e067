"""Chapter 8: the One-Euro filter."""

import numpy as np


def follow(points, before, speed, size, dt):
    """The smoothed points and their speed, from this frame's points, the smoothed points before, and their speed."""

    def share(cutoff):
        return 1 / (1 + 1 / (2 * np.pi * cutoff * dt))

    speed = speed + share(2) * ((points - before) / size / dt - speed)
    return before + share(1 + 30 * np.abs(speed)) * (points - before), speed
