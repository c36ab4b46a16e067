"""Colours as three numbers, RGB in 0..255: plain Python is quicker at three numbers than NumPy."""

from collections.abc import Sequence

Colour = tuple[float, float, float]


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
