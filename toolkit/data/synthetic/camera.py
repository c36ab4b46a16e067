"""What a camera does to a picture: focus, motion, exposure, colour, noise and compression."""

from math import exp

import cv2
import numpy as np

from toolkit.core.arrays import ImageArray
from toolkit.data.synthetic.chance import between, clamp
from toolkit.data.synthetic.noise import film_grain

_STEPS = np.arange(256) / 255


def _focus(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    side = len(image)
    kind = rng.random()
    if kind < 0.35:
        image = np.asarray(cv2.GaussianBlur(image, (3, 3), between(rng, 0.3, 0.9)), np.uint8)
    elif kind < 0.55:
        small = int(side * between(rng, 0.3, 0.9))
        coarse = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
        image = np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)
    elif kind < 0.61:
        reach = between(rng, 0.01, 0.035) * side
        turn, half = between(rng, 0, np.pi), int(reach) + 1
        kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
        step = np.array([np.cos(turn), np.sin(turn)]) * reach
        start, end = np.rint((half + np.array([[-1], [1]]) * step) * 16).astype(int).tolist()
        cv2.line(kernel, start, end, (1.0,), 1, cv2.LINE_8, 4)
        image = np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)
    return image


def _tone(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """Exposure from dim to blown, a colour cast, contrast, and sometimes no colour at all."""
    third = slice(len(image) // 3, 2 * len(image) // 3)
    middle = image[third, third]
    face = sum(cv2.sumElems(middle)) / middle.size + 5
    aim = between(rng, 15, 45) if rng.random() < 0.06 else clamp(rng.normal(125, 30), 55, 210)
    gain = (aim / face) ** 0.75 * np.exp(rng.normal(0, 0.07, (3, 1)))
    contrast, gamma = exp(rng.normal(0.08, 0.15)), exp(rng.normal(-0.05, 0.2))
    table = np.minimum(_STEPS * gain, 1.3) ** gamma
    table -= 0.5
    table *= contrast
    table += 0.5
    table += rng.normal(0, 0.05)
    saturation = exp(rng.normal(0, 0.25))
    if rng.random() < 0.1:
        image = np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)
        table[:] = table[1] + between(rng, 0, 0.05) * (rng.random() < 0.3) * np.array([[1], [0], [-1]])
    elif abs(saturation - 1) > 0.1:
        rest = 1 - saturation
        mix = np.array([[0.299 * rest, 0.587 * rest, 0.114 * rest]] * 3)
        mix.ravel()[::4] += saturation
        image = np.asarray(cv2.transform(image, mix), np.uint8)
    tables = (np.minimum(np.maximum(table, 0), 1) * 255).astype(np.uint8)
    planes = [cv2.LUT(plane, steps) for plane, steps in zip(cv2.split(image), tables, strict=True)]
    return np.asarray(cv2.merge(planes), np.uint8)


def photograph(scene: ImageArray, rng: np.random.Generator) -> ImageArray:
    """(H, W, 3) RGB of a scene as a camera of random quality would give it."""
    image = _tone(_focus(scene, rng), rng)
    amount = abs(rng.normal(0, 6.0 if rng.random() < 0.1 else 1.5)) / 40
    image = np.asarray(cv2.addWeighted(image, 1.0, film_grain(rng, len(image)), amount, -128 * amount), np.uint8)
    if rng.random() < 0.45:
        quality = int(between(rng, 25, 95))
        code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        image = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
    return image
