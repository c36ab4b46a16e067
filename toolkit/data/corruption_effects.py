"""What corruptions do to an image: painted for robustness, and never seen by a training (see data.augment_effects).

Each function takes a picture (H, W, 3) uint8 and gives a new one; lengths are in its pixels.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.schemes import Scheme

Rng = np.random.Generator

GAMMA = 2.2
"""Between levels and light."""
READ_NOISE = 2.0
"""Of a sensor, in photons."""
PATH_STEPS = 64


def defocus(image: ImageArray, radius_px: float) -> ImageArray:
    """Out of focus: every point becomes a disk."""
    reach = int(np.ceil(radius_px))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = np.clip(radius_px + 0.5 - np.hypot(x, y), 0, 1)
    return np.asarray(cv2.filter2D(image, -1, disk / disk.sum()), np.uint8)


def shake(image: ImageArray, length_px: float, rng: Rng) -> ImageArray:
    """A hand that shook: every point is drawn along a bent path of that length."""
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.15, PATH_STEPS))
    path = np.cumsum(np.stack([np.cos(heading), np.sin(heading)]) * length_px / PATH_STEPS, axis=1)
    path -= path.mean(axis=1, keepdims=True)
    reach = int(np.ceil(np.abs(path).max())) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    column, row = np.floor(path).astype(int) + reach
    right, below = path - np.floor(path)
    for down in (0, 1):
        for across in (0, 1):
            share = np.abs(1 - down - below) * np.abs(1 - across - right)
            np.add.at(kernel, (row + down, column + across), share)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


def sampled(image: ImageArray, pixel_px: float) -> ImageArray:
    """Taken with pixels of that side, sampled and not averaged, and enlarged again."""
    height, width = image.shape[:2]
    small = (max(1, round(width / pixel_px)), max(1, round(height / pixel_px)))
    coarse = cv2.resize(image, small, interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LANCZOS4), np.uint8)


def exposed(image: ImageArray, light: float, photons: float, rng: Rng) -> ImageArray:
    """Taken with a share of the light by a sensor that counts so many photons where the picture is white.

    The noise is that of the count and of reading it out, so that it grows where the picture is dark.
    """
    table = ((np.arange(256) / 255) ** GAMMA * light * photons).astype(np.float32)
    count = table[image]
    grain = rng.standard_normal(image.shape, dtype=np.float32)
    seen = np.clip(count + np.sqrt(count + np.float32(READ_NOISE**2)) * grain, 0, photons)
    return np.asarray(np.rint(255 * (seen / np.float32(photons)) ** np.float32(1 / GAMMA)), np.uint8)


def webp(image: ImageArray, quality: int) -> ImageArray:
    """Compressed by WebP and read back; quality 1 to 100."""
    done, code = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, quality])
    assert done
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)


def cast_shadow(image: ImageArray, strength: float, scale_px: float, rng: Rng) -> ImageArray:
    """Shadows of leaves or blinds: patches about scale_px wide that take that share of the light, with narrow edges."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    field = np.zeros(image.shape[:2])
    for angle, phase, wave in rng.uniform((0, 0, 1.2), (2 * np.pi, 2 * np.pi, 2.6), (4, 3)):
        field += np.cos((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / (wave * scale_px) + phase)
    dark = np.clip(0.5 + 2 * field, 0, 1)
    return np.asarray(np.rint(image * (1 - strength * dark)[..., None]), np.uint8)


def obstruct(image: ImageArray, centre_xy: FloatArray, longest_px: float, rng: Rng) -> ImageArray:
    """A thing of irregular outline before the face, patterned or showing another part of the picture, with a shadow."""
    turn = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    waves = rng.normal(0, 0.5, (4, 2)) / np.arange(2, 6)[:, None] ** 1.5
    radius = 1 + sum(a * np.cos(k * turn) + b * np.sin(k * turn) for k, (a, b) in enumerate(waves, 2))
    outline = np.clip(radius, 0.35, None)[:, None] * np.stack([np.cos(turn), rng.uniform(0.5, 1) * np.sin(turn)], 1)
    angle = rng.uniform(0, np.pi)
    outline = outline @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    outline *= longest_px / np.ptp(outline, axis=0).max()
    outline += centre_xy - (outline.min(axis=0) + outline.max(axis=0)) / 2
    cover = _filled(image, outline)
    shadow = cv2.GaussianBlur(np.roll(cover, round(0.04 * longest_px), axis=(0, 1)), (0, 0), 0.05 * longest_px)
    return _over(image * (1 - 0.4 * shadow[..., None]), _pattern(image, longest_px, rng), cover)


def surgical_mask(image: ImageArray, points_xy: FloatArray, scheme: Scheme, rng: Rng) -> ImageArray:
    """A pleated mask with loops, which stands off the chin, from the nose's ridge to below the jaw.

    The picture is returned as it is where the scheme has no contour or its points are missing.
    """
    contour, nose = (points_xy[list(scheme.regions.get(name, ()))] for name in ("contour", "nose"))
    if len(contour) < 9 or not (np.isfinite(contour).all() and np.isfinite(nose).all()):
        return image
    top, low = _edges(contour, nose, rng)
    width_px = float(np.linalg.norm(top[-1] - top[0]))
    aside = np.hypot(*(np.mgrid[: image.shape[0], : image.shape[1]][::-1] - top[12][:, None, None])) / width_px
    cloth = rng.choice(CLOTHS) * rng.uniform(0.85, 1.05) * (1 - 0.35 * np.clip(aside, 0, 1) ** 2)[..., None]
    for at in (0.35, 0.55, 0.75):
        cloth *= 1 - 0.25 * _drawn(image, (1 - at) * top + at * low, width_px)[..., None]
    beyond = 0.15 * (contour[0] - contour[-1])
    loops = [(top[0], contour[0] + beyond), (low[0], contour[0] + beyond)]
    loops += [(top[-1], contour[-1] - beyond), (low[-1], contour[-1] - beyond)]
    strings = np.maximum.reduce([_drawn(image, np.stack(ends), width_px) for ends in loops])
    worn = _over(image, np.full(image.shape, 235.0), strings)
    return _over(worn, cloth, _filled(image, np.concatenate([top, low[::-1]])))


CLOTHS = np.array([(150, 190, 220), (235, 238, 240), (140, 200, 180), (45, 45, 50), (200, 150, 165)], np.float64)
"""RGB."""


def _edges(contour: FloatArray, nose: FloatArray, rng: Rng) -> tuple[FloatArray, FloatArray]:
    """(25, 2) from the left cheek over the nose's ridge to the right one, and below the jaw likewise."""
    last, cut = len(contour) - 1, rng.uniform(0.1, 0.22)
    left, low_left, chin, low_right, right = (contour[round(at * last)] for at in (cut, 0.27, 0.5, 0.73, 1 - cut))
    ridge = nose[0] + rng.uniform(0.45, 0.85) * (nose[3] - nose[0])  # the first four are it in 68 and in 98 points
    down = chin - (left + right) / 2
    outward = 0.04 * (right - left)
    below = chin + rng.uniform(0.06, 0.16) * down
    return _curve(left, ridge, right, 1.5), _curve(low_left - outward, below, low_right + outward, 3.0)


def _curve(start: FloatArray, middle: FloatArray, end: FloatArray, power: float) -> FloatArray:
    """(25, 2) through three points: a parabola for a power of 2, nearer to a tent below it, flatter above it."""
    t = np.linspace(-1, 1, 25)[:, None]
    bow = middle - (start + end) / 2
    return np.asarray((start + end) / 2 + t * (end - start) / 2 + (1 - np.abs(t) ** power) * bow)


def _drawn(image: ImageArray, line_xy: FloatArray, width_px: float) -> FloatArray:
    """(H, W) 1 on a thin line, 0 beside it."""
    shown = np.zeros(image.shape[:2], np.uint8)
    cv2.polylines(shown, [_fixed(line_xy)], False, (255,), max(1, round(0.015 * width_px)), cv2.LINE_AA, 4)
    return np.asarray(shown / 255, np.float64)


def _pattern(image: ImageArray, scale_px: float, rng: Rng) -> FloatArray:
    """(H, W, 3) stripes, checks, or the picture itself from elsewhere."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    kind, (first, second) = rng.integers(3), rng.uniform(0, 255, (2, 3))
    if kind == 2:
        moved = np.roll(image[::-1, ::-1], image.shape[0] // 2, axis=rng.integers(2))
        return np.asarray(moved * rng.uniform(0.6, 1.0), np.float64)
    angle, period = rng.uniform(0, np.pi), scale_px / rng.uniform(3, 9)
    along = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / period)
    across = np.sin((y * np.cos(angle) - x * np.sin(angle)) * 2 * np.pi / period) if kind else 1.0
    return np.asarray(np.where((along * across > 0)[..., None], first, second), np.float64)


def _fixed(points_xy: FloatArray) -> NDArray[np.int32]:
    """In sixteenths of a pixel, as OpenCV draws them."""
    return np.asarray(np.rint(points_xy * 16), np.int32)


def _filled(image: ImageArray, outline_xy: FloatArray) -> FloatArray:
    """(H, W) 1 inside an outline, 0 outside, smooth between."""
    cover = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(cover, [_fixed(outline_xy)], (255,), cv2.LINE_AA, 4)
    return np.asarray(cover / 255, np.float64)


def _over(image: FloatArray | ImageArray, thing: FloatArray, cover: FloatArray) -> ImageArray:
    weight = cover[..., None]
    return np.asarray(np.clip(np.rint(image * (1 - weight) + thing * weight), 0, 255), np.uint8)
