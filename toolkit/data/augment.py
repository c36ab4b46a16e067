"""Augmentation: one geometry for picture and points together, then what hides, lights and spoils the picture."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.geometry import BOX_SCALE, Pose, crop_of_box, cut
from toolkit.core.schemes import Scheme
from toolkit.data import augment_effects
from toolkit.data.sample import Sample
from toolkit.data.visibility import States, hidden_in, states_of

REACH = BOX_SCALE * 1.95
"""Side of a patch in box sides: it holds the default augmentation's crops, 1 / 0.75 as wide and turned."""
DETAIL = 1.25
"""Patch pixels per pixel of the plain crop, for crops that zoom in."""


DETECTOR_ERROR = (0.025, 0.04, 0.07)
"""Standard deviations of a calibrated MediaPipe box about the box of the landmarks: centre across and down in box
sides, and size, on the 300W subset's training faces."""


TILT_DEG = 70.0
"""How far `tilt` turns a crop: the faces of a phone held askew, and of babies."""


@dataclass(frozen=True, kw_only=True)
class Augment:
    """How far training crops depart from the plain ones. Zero switches a kind off.

    Strengths of geometry are widths of a distribution; the other kinds are the probability that a crop has it.
    """

    scale: float = 0.25
    """Zoom by 1 +- this (paper section 4.3)."""
    rotation: float = 30.0
    """Turn by +- this many degrees (paper section 4.3)."""
    tilt: float = 0.0
    """Turned by up to +- TILT_DEG instead."""
    flip: float = 0.5
    """Mirrored (paper section 4.3)."""
    jitter: float = 1.0
    """Boxes as far off as this many times a face detector's own error."""
    colour: float = 0.4
    """Strength of brightness, contrast, gamma and colour cast."""
    gray: float = 0.1
    """Without colour."""
    shade: float = 0.15
    """A shadow from one side."""
    blur: float = 0.15
    """Out of focus."""
    motion: float = 0.05
    """Moved while taken."""
    resolution: float = 0.1
    """Taken with fewer pixels."""
    noise: float = 0.15
    """Sensor noise."""
    jpeg: float = 0.15
    """Strong compression."""
    occlude: float = 0.25
    """Something in front of a part of the face."""
    mask: float = 0.05
    """A face mask over nose and mouth."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name) >= 0:
                raise ValueError(f"augmentation {field.name} must not be negative, got {getattr(self, field.name)}")

    @classmethod
    def kinds(cls) -> tuple[str, ...]:
        """The names of all kinds."""
        return tuple(field.name for field in fields(cls))

    @classmethod
    def only(cls, *kinds: str) -> "Augment":
        """These kinds at their usual strength, all others off."""
        return cls(**{kind: 0.0 for kind in cls.kinds() if kind not in kinds})


PUBLISHED = Augment.only("scale", "rotation", "flip")
"""Section 4.3."""


@dataclass(frozen=True, kw_only=True)
class Patch:
    """A face cut wide, once, so that an epoch warps small pictures."""

    image: ImageArray
    """(P, P, 3) RGB."""
    points_xy: FloatArray
    """(M, 2) in patch pixels."""
    box_xyxy: FloatArray
    """(4,) in patch pixels."""
    covered: NDArray[np.bool_] | None = None
    """(M,) as a sample has it."""


@dataclass(frozen=True, kw_only=True)
class TrainingCrop:
    """A crop as training sees it."""

    image: ImageArray
    """(S, S, 3) RGB."""
    points_xy: FloatArray
    """(M, 2) in crop pixels."""
    states: States
    """(M,) seen, covered or unknown; what augmentation hides, and what lies outside the crop, is covered."""


def patch_side(size_px: int) -> int:
    """Side of the patch for crops of size_px."""
    return round(size_px * DETAIL * REACH / BOX_SCALE)


def patch(sample: Sample, size_px: int) -> Patch:
    """The part of a sample that its training crops of size_px can show."""
    side = patch_side(size_px)
    crop = crop_of_box(sample.box_xyxy, side, Pose(scale=BOX_SCALE / REACH))
    corners = crop.to_crop(sample.box_xyxy.reshape(2, 2))
    return Patch(
        image=cut(sample.image, crop),
        points_xy=crop.to_crop(sample.points_xy),
        box_xyxy=corners.reshape(4),
        covered=sample.covered,
    )


def augment(face: Patch, size_px: int, how: Augment, scheme: Scheme, rng: np.random.Generator) -> TrainingCrop:
    """One random training crop of a face."""
    across, down, size = rng.normal(0, DETECTOR_ERROR) * how.jitter
    zoom = (1 + rng.uniform(-how.scale, how.scale)) * np.exp(size)
    turn = rng.uniform(-how.rotation, how.rotation)
    if how.tilt > 0 and rng.random() < how.tilt:
        turn = rng.uniform(-TILT_DEG, TILT_DEG)
    pose = Pose(
        scale=float(zoom),
        rotation_deg=float(turn),
        shift=(float(across), float(down)),
    )
    crop = crop_of_box(face.box_xyxy, size_px, pose)
    picture, points = cut(face.image, crop), crop.to_crop(face.points_xy)
    states, cover = states_of(face.covered, points), np.zeros(picture.shape[:2], bool)
    if rng.random() < how.flip:
        (picture, points), states = mirror(picture, points, scheme), states[list(scheme.mirror)]
    if rng.random() < how.mask:
        picture, worn = augment_effects.wear_mask(picture, points, scheme, rng)
        cover |= worn
    if rng.random() < how.occlude:
        picture, held = augment_effects.occlude(picture, rng)
        cover |= held
    states = hidden_in(states, points, cover)
    return TrainingCrop(image=_sensor(_light(picture, how, rng), how, rng), points_xy=points, states=states)


def mirror(image: ImageArray, points_xy: FloatArray, scheme: Scheme) -> tuple[ImageArray, FloatArray]:
    """Left-right mirrored picture, and points renamed to the sides they now lie on."""
    flipped = points_xy[list(scheme.mirror)] * [-1, 1] + [image.shape[1] - 1, 0]
    return np.ascontiguousarray(image[:, ::-1]), flipped


def _light(image: ImageArray, how: Augment, rng: np.random.Generator) -> ImageArray:
    if rng.random() < how.shade:
        strength, angle, edge, width = rng.uniform((0.3, 0, -0.3, 0.1), (0.9, 360, 0.3, 1))
        image = augment_effects.shade(image, float(strength), float(angle), float(edge), float(width))
    if rng.random() < how.gray:
        image = augment_effects.grayscale(image)
    if how.colour > 0:
        gain = np.exp(rng.normal(0, 0.5 * how.colour)) * np.exp(rng.normal(0, 0.2 * how.colour, 3))
        gamma, offset = np.exp(rng.normal(0, 0.7 * how.colour)), rng.normal(0, 0.2 * how.colour)
        image = augment_effects.tone(image, gain, float(gamma), float(offset))
    return image


def _sensor(image: ImageArray, how: Augment, rng: np.random.Generator) -> ImageArray:
    side = image.shape[0]
    if rng.random() < how.motion:
        image = augment_effects.motion_blur(image, float(rng.uniform(0.03, 0.12)) * side, float(rng.uniform(0, 180)))
    if rng.random() < how.blur:
        image = augment_effects.blur(image, float(rng.uniform(0.005, 0.016)) * side)
    if rng.random() < how.resolution:
        image = augment_effects.low_resolution(image, float(rng.uniform(1.3, 3)))
    if rng.random() < how.noise:
        image = augment_effects.noise(image, float(rng.uniform(2, 14)), rng)
    if rng.random() < how.jpeg:
        image = augment_effects.jpeg(image, int(rng.integers(15, 80)))
    return image
