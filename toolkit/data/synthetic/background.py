"""What is behind the head: plain walls, gradients, foliage, clutter, people, all out of noise and simple shapes."""

from functools import cache
from math import cos, exp, pi, sin

import cv2
import numpy as np

from toolkit.core.arrays import ImageArray
from toolkit.data.synthetic.arrays import Picture, single
from toolkit.data.synthetic.chance import between, pick
from toolkit.data.synthetic.look import any_colour, any_skin
from toolkit.data.synthetic.noise import noise


def _shapes(picture: ImageArray, rng: np.random.Generator) -> None:
    side = len(picture)
    for _ in range(int(between(rng, 3, 12))):
        colour = any_colour(rng) if rng.random() < 0.8 else any_skin(rng)
        x, y = between(rng, 0, side), between(rng, 0, side)
        wide, high = (exp(between(rng, -3.2, -0.7)) * side for _ in range(2))
        if rng.random() < 0.6:
            box = cv2.boxPoints(((x, y), (wide, high), 90 * (rng.random() < 0.5) + float(rng.normal(0, 15))))
            cv2.fillPoly(picture, [np.asarray(box * 16, np.int32)], colour, cv2.LINE_8, 4)
        else:
            cv2.ellipse(picture, (int(x), int(y)), (int(wide / 2) + 1, int(high / 2) + 1), 0, 0, 360, colour, -1)


@cache
def _steps(count: int) -> Picture:
    """(count,) from -0.5 to not quite 0.5."""
    return single(np.arange(count, dtype=np.float32) / count - 0.5)


def draw_background(rng: np.random.Generator, side: int, larger: int) -> ImageArray:
    """(larger, larger, 3) of a picture that is as sharp as one of `side`."""
    small = side // 2
    kind = pick(rng, range(4), (0.15, 0.3, 0.2, 0.35))
    a, b = (np.array(any_colour(rng), np.float32)[:, None] for _ in range(2))
    if kind == 0:
        b = a + rng.normal(0, 12, (3, 1)).astype(np.float32)
    angle = between(rng, 0, 2 * pi)
    steps = _steps(small)
    t = steps * np.float32(cos(angle)) + (steps * np.float32(sin(angle)))[:, None] + np.float32(0.5)
    if kind in (1, 2):
        t += np.float32(between(rng, 0.1, 0.6)) * noise(rng, "cloud", small, exp(between(rng, -1.2, 1.0)))
    planes = cv2.convertScaleAbs(a + (b - a) * t.ravel()).reshape(3, small, small)
    picture = np.asarray(cv2.merge(list(planes)), np.uint8)
    if kind == 2:
        leaves = 100 + np.float32(between(rng, 20, 60)) * noise(rng, "cloud", small, between(rng, 0.25, 0.6))
        picture = np.asarray(cv2.multiply(picture, cv2.merge([cv2.convertScaleAbs(leaves)] * 3), scale=0.01), np.uint8)
    if kind == 3:
        _shapes(picture, rng)
    if kind >= 2 and rng.random() < 0.8:
        width = 2 * int(exp(between(rng, 0.0, 2.1)) * side / 160) + 1
        picture = np.asarray(cv2.blur(cv2.blur(picture, (width, width)), (width, width)), np.uint8)
    return np.asarray(cv2.resize(picture, (larger, larger), interpolation=cv2.INTER_LINEAR), np.uint8)
