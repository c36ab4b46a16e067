"""What is behind the head: plain walls, gradients, foliage, clutter, all out of noise and simple shapes."""

import cv2
import numpy as np

from toolkit.data.synthetic.arrays import Picture
from toolkit.data.synthetic.look import any_colour
from toolkit.data.synthetic.noise import noise_patch


def _shapes(picture: Picture, rng: np.random.Generator) -> None:
    side = len(picture)
    for _ in range(int(rng.integers(3, 14))):
        colour = any_colour(rng).tolist()
        middle, size = rng.uniform(0, side, 2), np.exp(rng.uniform(np.log(0.04), np.log(0.5), 2)) * side
        if rng.random() < 0.6:
            box = cv2.boxPoints((middle.tolist(), size.tolist(), float(rng.choice((0, 90)) + rng.normal(0, 15))))
            cv2.fillPoly(picture, [np.rint(box * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)
        else:
            axes = (int(size[0] / 2) + 1, int(size[1] / 2) + 1)
            cv2.ellipse(picture, (int(middle[0]), int(middle[1])), axes, 0, 0, 360, colour, -1, cv2.LINE_AA)


def draw_background(rng: np.random.Generator, side: int) -> Picture:
    """(side, side, 3) in 0..255."""
    small = side // 2
    kind = rng.choice(4, p=(0.15, 0.3, 0.2, 0.35))
    a, b = any_colour(rng), any_colour(rng)
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[0:small, 0:small].astype(np.float32) / small - 0.5
    t = np.clip(x * np.cos(angle) + y * np.sin(angle) + 0.5, 0, 1)
    if kind == 0:
        b = a + rng.normal(0, 12, 3).astype(np.float32)
    if kind in (1, 2):
        t = t + rng.uniform(0.1, 0.6) * noise_patch(rng, "cloud", small, float(np.exp(rng.uniform(-1.2, 1.0))))
    picture = (a + (b - a) * t[..., None]).astype(np.float32)
    if kind == 2:
        leaves = noise_patch(rng, "cloud", small, float(rng.uniform(0.25, 0.6)))
        picture *= (1 + rng.uniform(0.2, 0.7) * leaves)[..., None]
    if kind == 3:
        _shapes(picture, rng)
    if kind >= 2 and rng.random() < 0.8:
        width = 2 * int(np.exp(rng.uniform(0.0, np.log(8.0)))) + 1
        picture = cv2.blur(cv2.blur(picture, (width, width)), (width, width))
    out: Picture = cv2.resize(np.clip(picture, 0, 255), (side, side), interpolation=cv2.INTER_LINEAR)
    return out.astype(np.float32)
