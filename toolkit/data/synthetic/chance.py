"""Random choices, cheaper than NumPy's own."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


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
