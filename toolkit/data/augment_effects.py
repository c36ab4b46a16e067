"""What happens to pictures in the world: blur, noise, compression, bad light, and things in front of a face.

Each function takes a picture (H, W, 3) uint8 and gives a new one; lengths are in its pixels. Augmentation draws their
strengths at random; corruption robustness is measured with others (data.corruption_effects).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.correspondence import span_of
from toolkit.core.schemes import Scheme


def blur(image: ImageArray, sigma_px: float) -> ImageArray:
    """Out of focus."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px), np.uint8)


def motion_blur(image: ImageArray, length_px: float, angle_deg: float) -> ImageArray:
    """Moved while it was taken, along a straight line."""
    reach = int(np.ceil(length_px / 2))
    along = np.linspace(-length_px / 2, length_px / 2, 8 * reach + 1)
    angle = np.radians(angle_deg)
    grid = np.arange(-reach, reach + 1)
    near_x, near_y = (
        np.clip(1 - np.abs(grid - v[:, None]), 0, 1) for v in (along * np.cos(angle), along * np.sin(angle))
    )
    kernel = near_y.T @ near_x  # every step of the way, spread over its four nearest pixels
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


def low_resolution(image: ImageArray, factor: float) -> ImageArray:
    """As if taken with `factor` times fewer pixels along each axis."""
    height, width = image.shape[:2]
    small = (max(1, round(width / factor)), max(1, round(height / factor)))
    shrunk = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def noise(image: ImageArray, deviation: float, rng: np.random.Generator) -> ImageArray:
    """Independent Gaussian noise of that many levels."""
    grain = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(deviation)
    return np.clip(np.rint(image + grain), 0, 255).astype(np.uint8)


def jpeg(image: ImageArray, quality: int) -> ImageArray:
    """Compressed and read back; quality 1 to 100."""
    done, code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)


def grayscale(image: ImageArray) -> ImageArray:
    """Without colour."""
    return np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2).astype(np.uint8)


def tone(image: ImageArray, gain: FloatArray | float, gamma: float, offset: float) -> ImageArray:
    """gain * level ** gamma + offset on levels in [0, 1]; `gain` may be one value a channel."""
    levels = np.linspace(0, 1, 256)[:, None]
    curve = np.broadcast_to(gain, 3) * levels**gamma + offset
    table = np.clip(np.rint(curve * 255), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table[None]), np.uint8)


def shade(image: ImageArray, strength: float, angle_deg: float, edge: float, width: float) -> ImageArray:
    """A shadow from one side.

    Args:
        image: the picture.
        strength: how much of the light it takes, 0 to 1.
        angle_deg: the direction towards the dark side.
        edge: where half of it is reached, from -0.5 at the light border to 0.5 at the dark one.
        width: over what share of the picture it falls in.
    """
    height, width_px = image.shape[:2]
    y, x = np.mgrid[:height, :width_px].astype(np.float32)
    angle = np.radians(angle_deg)
    along = (x / width_px - 0.5) * np.cos(angle) + (y / height - 0.5) * np.sin(angle)
    light = 1 - strength / (1 + np.exp(-(along - edge) / max(width / 4, 1e-3)))
    return np.asarray(np.clip(np.rint(image * light[..., None]), 0, 255), np.uint8)


def occlude(
    image: ImageArray, rng: np.random.Generator, smallest: float = 0.12, largest: float = 0.48
) -> tuple[ImageArray, NDArray[np.bool_]]:
    """A filled ellipse or rectangle, flat or textured, at a random place; sides are shares of the picture's.

    Returns:
        The picture, and (H, W) which of its pixels are covered.
    """
    side = image.shape[0]
    centre = rng.uniform(0.15 * side, 0.85 * side, 2)
    radii = rng.uniform(smallest / 2 * side, largest / 2 * side, 2)
    mask = np.zeros(image.shape[:2], np.uint8)
    angle = float(rng.uniform(0, 180))
    if rng.random() < 0.5:
        box = ((float(centre[0]), float(centre[1])), (float(2 * radii[0]), float(2 * radii[1])), angle)
        cv2.fillPoly(mask, [np.asarray(cv2.boxPoints(box)).round().astype(np.int32)], (255,))
    else:
        whole = centre.round().astype(int).tolist(), radii.round().astype(int).tolist()
        cv2.ellipse(mask, whole[0], whole[1], angle, 0, 360, (255,), -1)
    return np.where(mask[..., None] > 0, _cloth(image.shape[0], rng), image), mask > 0


def wear_mask(
    image: ImageArray, points_xy: FloatArray, scheme: Scheme, rng: np.random.Generator
) -> tuple[ImageArray, NDArray[np.bool_]]:
    """A face mask over nose and mouth, between the contour and the nose's bridge, as on the faces of Masked 300W.

    The picture is returned as it is where the scheme has no contour or its points are missing; of a joint scheme the
    first part counts whose contour and nose are not missing.

    Returns:
        The picture, and (H, W) which of its pixels the mask covers.
    """
    if scheme.parts:
        pieces = [(part, points_xy[span_of(part, scheme)]) for part in scheme.parts]
        part, points = next((piece for piece in pieces if _wears(piece[1], piece[0])), pieces[0])
        return wear_mask(image, points, part, rng)
    if not _wears(points_xy, scheme):
        return image, np.zeros(image.shape[:2], bool)
    outline = points_xy[list(scheme.regions["contour"])]
    nose = points_xy[list(scheme.regions["nose"])]
    first = round(rng.uniform(0.06, 0.2) * len(outline))
    jaw = outline[first : len(outline) - first]
    middle = outline.mean(axis=0)
    upward = nose[0] - middle  # the nose's first point is its bridge in every scheme that has a contour
    bridge = middle + rng.uniform(0.1, 0.6) * upward
    polygon = np.concatenate([jaw + 0.03 * (jaw - middle), bridge[None]])
    cover = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(cover, [np.rint(polygon * 16).astype(np.int32)], (255,), cv2.LINE_AA, 4)
    weight = cover[..., None].astype(np.float32) / 255
    cloth = _cloth(image.shape[0], rng)
    return np.rint(image * (1 - weight) + cloth * weight).astype(np.uint8), cover > 127


def _wears(points_xy: FloatArray, scheme: Scheme) -> bool:
    """Whether there is a contour and a nose to put a mask between."""
    contour, nose = (list(scheme.regions.get(name, ())) for name in ("contour", "nose"))
    return len(contour) >= 9 and len(nose) > 0 and bool(np.isfinite(points_xy[contour + nose]).all())


def _cloth(side: int, rng: np.random.Generator) -> ImageArray:
    """(side, side, 3) of one colour or of soft patches."""
    if rng.random() < 0.5:
        return np.broadcast_to(rng.integers(0, 256, 3).astype(np.uint8), (side, side, 3))
    coarse = rng.integers(0, 256, (int(rng.integers(2, 9)), int(rng.integers(2, 9)), 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)
