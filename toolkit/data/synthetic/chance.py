"""Random choices and colours in plain Python, which is quicker at a few numbers than NumPy."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")
Colour = tuple[float, float, float]


def pick(rng: np.random.Generator, options: Sequence[T], odds: Sequence[float]) -> T:
    """One of the options; `odds` add up to 1."""
    left = rng.random()
    for option, share in zip(options, odds, strict=True):
        left -= share
        if left < 0:
            return option
    return options[-1]


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """A number evenly from an interval."""
    return low + (high - low) * rng.random()


def three(rng: np.random.Generator, low: float = 0.0, high: float = 1.0) -> tuple[float, float, float]:
    """Three numbers evenly from an interval."""
    a, b, c = rng.random(3).tolist()
    return low + (high - low) * a, low + (high - low) * b, low + (high - low) * c


def clamp(value: float, low: float, high: float) -> float:
    """The nearest number within an interval; NumPy's is slow for one number."""
    return min(max(float(value), low), high)


def times(colour: Colour, factor: float) -> Colour:
    """The colour made lighter or darker."""
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def dyed(colour: Colour, dye: Colour) -> Colour:
    """The colour with each channel multiplied by its own factor."""
    return colour[0] * dye[0], colour[1] * dye[1], colour[2] * dye[2]


def plus(a: Colour, b: Colour) -> Colour:
    """The sum of two colours."""
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


def mixed(a: Colour, b: Colour, share: float) -> Colour:
    """The colour at a share of the way from one to the other."""
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share


def grey(value: float) -> Colour:
    """The same value in every channel."""
    return value, value, value


def within(colour: Colour, low: float, high: float) -> Colour:
    """The colour with every channel in an interval."""
    red, green, blue = colour
    return min(max(red, low), high), min(max(green, low), high), min(max(blue, low), high)


def ladder(steps: Sequence[Colour], at: float) -> Colour:
    """The colour at a place from 0 to 1 along a row of colours."""
    place = at * (len(steps) - 1)
    i = min(int(place), len(steps) - 2)
    return mixed(steps[i], steps[i + 1], place - i)
