"""A picture without its face: noise textures, backgrounds, and what a camera does."""

from functools import cache
from math import cos, exp, log2, pi, sin

import cv2
import numpy as np

from toolkit.core.arrays import ImageArray, SingleArray, single
from toolkit.data.synthetic.chance import between, clamp, pick
from toolkit.data.synthetic.look import any_colour, any_skin

_WHITE = 768
_TILE = 512
_ANGLES = (-40, -20, 0, 20, 40)
_FINEST, _COARSEST = -4, 6
"""Range of the tiles' magnifications, as powers of the square root of 2."""
_STEPS = np.arange(256) / 255


def _soft(white: SingleArray, sigma_x: float, sigma_y: float | None = None) -> SingleArray:
    return single(cv2.GaussianBlur(white, (0, 0), sigmaX=sigma_x, sigmaY=sigma_y or sigma_x))


@cache
def _plain(kind: str, angle: int) -> SingleArray:
    """A tile as large as it is drawn, mean 0 and deviation 1."""
    white = np.random.default_rng(7).normal(size=(_WHITE, _WHITE)).astype(np.float32)
    if kind == "cloud":
        tile = single(sum(_soft(np.roll(white, 97 * n, axis=(0, 1)), 2.0**n) * 2.6**n for n in range(7)))
    elif kind == "strand":
        tile = _soft(white, 0.6, 12) + 2.5 * _soft(white[::-1].copy(), 2.0, 24)
        turn = cv2.getRotationMatrix2D((_WHITE / 2, _WHITE / 2), angle, 1.0)
        tile = single(cv2.warpAffine(tile, turn, (_WHITE, _WHITE), borderMode=cv2.BORDER_WRAP))
    else:
        tile = _soft(white, 0.5)
    return single((tile - np.mean(tile)) / np.std(tile))


@cache
def _tile(kind: str, angle: int, step: int, side: int) -> SingleArray:
    """(side, side) of a tile magnified by sqrt(2) ** step."""
    plain, need = _plain(kind, angle), int(side / 2 ** (step / 2)) + 1
    if need > _WHITE:
        plain = single(cv2.copyMakeBorder(plain, 0, need - _WHITE, 0, need - _WHITE, cv2.BORDER_REFLECT))
    return single(
        cv2.resize(plain[:need, :need], (side, side), interpolation=cv2.INTER_AREA if step < 0 else cv2.INTER_LINEAR)
    )


def noise(rng: np.random.Generator, kind: str, side: int, zoom: float = 1.0) -> SingleArray:
    """(side, side) of noise, mean about 0 and deviation 1, magnified about `zoom` times; not to be written to.

    Kinds: "cloud", "grain", and "strand", streaks that run in a random direction.
    """
    step = min(max(round(2 * log2(zoom)), _FINEST), _COARSEST)
    tile = _tile(kind, _ANGLES[int(rng.random() * 5)] if kind == "strand" else 0, step, _TILE * (side // 384 + 1))
    free = len(tile) - side
    x, y = int(rng.random() * free), int(rng.random() * free)
    return tile[y : y + side, x : x + side]


@cache
def _hairy(angle: int, step: int, side: int) -> ImageArray:
    """(side, side) strands and locks, 128 in the mean."""
    fine, locks = (_tile("strand", angle, step + more, side) for more in (0, 3))
    shade = 1 + 0.17 * fine + 0.17 * locks + 0.14 * _tile("cloud", 0, -2, side)
    return np.asarray(np.clip(128 * shade, 30, 255), np.uint8)


def hair_shade(rng: np.random.Generator, side: int, unit_px: float) -> ImageArray:
    """(side, side) uint8, 128 in the mean: the light and dark of strands that run in a random direction."""
    step = min(max(round(2 * log2(0.6 * unit_px / 40 * (0.7 + 0.6 * rng.random()))), _FINEST), 3)
    tile = _hairy(_ANGLES[int(rng.random() * 5)], step, _TILE * (side // 384 + 1))
    free = len(tile) - side
    x, y = int(rng.random() * free), int(rng.random() * free)
    return tile[y : y + side, x : x + side]


@cache
def _film(side: int) -> ImageArray:
    """(side, side, 3) coloured grain about 128, deviation 40."""
    grain = np.random.default_rng(8).normal(size=(side, side, 3)).astype(np.float32)
    grain = 0.6 * grain + 0.4 * grain[..., :1]
    soft = cv2.GaussianBlur(grain, (3, 3), 0.6)
    return np.clip(128 + 40 / np.std(soft) * soft, 0, 255).astype(np.uint8)


def film_grain(rng: np.random.Generator, side: int) -> ImageArray:
    """(side, side, 3) uint8 grain about 128 with deviation 40; not to be written to."""
    film = _film(_TILE * (side // 384 + 1))
    free = len(film) - side
    x, y = int(rng.random() * free), int(rng.random() * free)
    return film[y : y + side, x : x + side]


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
def _steps(count: int) -> SingleArray:
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
