"""Augmentation: one geometry for picture and points together, then colour, blur, noise and occluders."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.core.geometry import BOX_SCALE, Pose, crop_of_box, cut
from toolkit.core.schemes import Scheme
from toolkit.data.sample import Sample

FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.uint8]


REACH = BOX_SCALE * 1.95
"""Side of a patch in box sides: it holds the default augmentation's crops, 1 / 0.75 as wide and turned."""
DETAIL = 1.25
"""Patch pixels per pixel of the plain crop, for crops that zoom in."""


@dataclass(frozen=True, kw_only=True)
class Augment:
    """How far training crops depart from the plain ones. Zero switches a kind off."""

    scale: float = 0.25
    """Zoom by 1 +- this (paper section 4.3)."""
    rotation_deg: float = 30.0
    """Turn by +- this (paper section 4.3)."""
    flip: float = 0.5
    """Probability of a mirrored face (paper section 4.3)."""
    shift: float = 0.04
    """Standard deviation of the box's displacement, in box sides: detectors are never exact."""
    colour: float = 0.4
    """Strength of brightness, contrast, gamma and colour cast."""
    degrade: float = 0.15
    """Probability of each of blur, noise and grayscale."""
    occlude: float = 0.25
    """Probability of an occluder over part of the face."""


@dataclass(frozen=True, kw_only=True)
class Patch:
    """A face cut wide, once, so that an epoch warps small pictures."""

    image: ImageArray
    """(P, P, 3) RGB."""
    points_xy: FloatArray
    """(M, 2) in patch pixels."""
    box_xyxy: FloatArray
    """(4,) in patch pixels."""


def patch(sample: Sample, size_px: int) -> Patch:
    """The part of a sample that its training crops of size_px can show."""
    side = round(size_px * DETAIL * REACH / BOX_SCALE)
    crop = crop_of_box(sample.box_xyxy, side, Pose(scale=BOX_SCALE / REACH))
    corners = crop.to_crop(sample.box_xyxy.reshape(2, 2))
    return Patch(image=cut(sample.image, crop), points_xy=crop.to_crop(sample.points_xy), box_xyxy=corners.reshape(4))


def augment(
    face: Patch, size_px: int, how: Augment, scheme: Scheme, rng: np.random.Generator
) -> tuple[ImageArray, FloatArray]:
    """One random training crop (size_px, size_px, 3) and its points (M, 2) in crop pixels."""
    pose = Pose(
        scale=float(1 + rng.uniform(-how.scale, how.scale)),
        rotation_deg=float(rng.uniform(-how.rotation_deg, how.rotation_deg)),
        shift=(float(rng.normal(0, how.shift)), float(rng.normal(0, how.shift))),
    )
    crop = crop_of_box(face.box_xyxy, size_px, pose)
    picture, points = cut(face.image, crop), crop.to_crop(face.points_xy)
    if rng.random() < how.flip:
        picture, points = mirror(picture, points, scheme)
    if rng.random() < how.occlude:
        picture = _occlude(picture, rng)
    return _photometric(picture, how, rng), points


def mirror(image: ImageArray, points_xy: FloatArray, scheme: Scheme) -> tuple[ImageArray, FloatArray]:
    """Left-right mirrored picture, and points renamed to the sides they now lie on."""
    flipped = points_xy[list(scheme.mirror)] * [-1, 1] + [image.shape[1] - 1, 0]
    return np.ascontiguousarray(image[:, ::-1]), flipped


def _occlude(image: ImageArray, rng: np.random.Generator) -> ImageArray:
    """A filled ellipse or rectangle, flat or textured, over a random part of the crop."""
    side = image.shape[0]
    centre = rng.uniform(0.15 * side, 0.85 * side, 2)
    radii = rng.uniform(0.06 * side, 0.24 * side, 2)
    mask = np.zeros(image.shape[:2], np.uint8)
    angle = float(rng.uniform(0, 180))
    if rng.random() < 0.5:
        box = ((float(centre[0]), float(centre[1])), (float(2 * radii[0]), float(2 * radii[1])), angle)
        outline = np.asarray(cv2.boxPoints(box)).round().astype(np.int32)
        cv2.fillPoly(mask, [outline], (255,))
    else:
        whole = centre.round().astype(int).tolist(), radii.round().astype(int).tolist()
        cv2.ellipse(mask, whole[0], whole[1], angle, 0, 360, (255,), -1)
    fill = np.full_like(image, 0) + rng.integers(0, 256, 3).astype(np.uint8)
    if rng.random() < 0.5:
        coarse = rng.integers(0, 256, (int(rng.integers(2, 9)), int(rng.integers(2, 9)), 3), dtype=np.uint8)
        fill = np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    return np.where(mask[..., None] > 0, fill, image)


def _photometric(image: ImageArray, how: Augment, rng: np.random.Generator) -> ImageArray:
    if rng.random() < how.degrade:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 0.016 * image.shape[0]))), np.uint8)
    if rng.random() < how.degrade:
        image = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2).astype(np.uint8)
    if how.colour > 0:
        levels = np.linspace(0, 1, 256)[:, None]
        gain, cast = np.exp(rng.normal(0, 0.5 * how.colour)), np.exp(rng.normal(0, 0.2 * how.colour, 3))
        curve = gain * cast * (levels ** np.exp(rng.normal(0, 0.7 * how.colour))) + rng.normal(0, 0.2 * how.colour)
        table = np.clip(curve * 255, 0, 255).round().astype(np.uint8)
        image = np.stack([table[:, c][image[..., c]] for c in range(3)], axis=-1)
    if rng.random() < how.degrade:
        noise = rng.normal(0, rng.uniform(2, 12), image.shape)
        image = np.clip(image + noise, 0, 255).round().astype(np.uint8)
    return image
