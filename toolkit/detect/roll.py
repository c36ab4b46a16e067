"""Faces that are turned in the picture: by how much, and the crop that stands upright with them."""

import numpy as np

from toolkit.core.arrays import FloatArray
from toolkit.core.geometry import rotation
from toolkit.core.schemes import Scheme
from toolkit.detect.areas import around

LEVEL_DEG = 10.0
"""Faces turned by less are cropped as they are, as on every platform; from twice as much on, crops turn all the way."""


def roll_of(right_xy: FloatArray, left_xy: FloatArray) -> float:
    """By how many degrees a face is turned clockwise, from its right and left eye; in (-180, 180]."""
    across = left_xy - right_xy
    return float(np.degrees(np.arctan2(across[1], across[0])))


def turn_for(roll_deg: float) -> float:
    """By how many degrees the crop of a face is turned, clockwise: 0 for a level one, and nowhere a jump."""
    roll_deg = (roll_deg + 180) % 360 - 180
    return float(np.sign(roll_deg) * min(abs(roll_deg), 2 * max(abs(roll_deg) - LEVEL_DEG, 0.0)))


def crop_around(points_xy: FloatArray, scheme: Scheme) -> tuple[FloatArray, float]:
    """The box (4,) of a face's points (M, 2), as it is when turned around its middle, and by how much it is turned."""
    right, left = scheme.eyes
    turn_deg = turn_for(roll_of(points_xy[right], points_xy[left]))
    if not turn_deg:
        return around(points_xy), 0.0
    back = rotation(-turn_deg)
    upright = around(points_xy @ back.T)
    centre = (upright[:2] + upright[2:]) / 2 @ back
    half = (upright[2:] - upright[:2]) / 2
    return np.concatenate([centre - half, centre + half]), turn_deg
