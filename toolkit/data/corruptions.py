"""Corruption robustness: the same faces under fixed corruptions of rising strength, drawn with a fixed seed.

What is painted is painted by data.corruption_effects, which no training sees.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.geometry import Pose, crop_of_box, cut
from toolkit.core.progress import Progress, Steps
from toolkit.core.schemes import Scheme
from toolkit.data import corruption_effects
from toolkit.data.augment import DETECTOR_ERROR
from toolkit.data.crops import PlainCrops
from toolkit.data.sample import Faces

Rng = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class FaceImage:
    """A picture with a face in its middle."""

    image: ImageArray
    points_xy: FloatArray
    """(M, 2) in its pixels."""
    scheme: Scheme
    side_px: float
    """Side of the face's plain crop, in its pixels: what shares are of."""

    @property
    def middle_xy(self) -> FloatArray:
        """Of the picture, and of the crop."""
        return (np.array(self.image.shape[1::-1]) - 1) / 2


@dataclass(frozen=True, kw_only=True)
class Corruption:
    """One way in which a face is seen badly, and its levels."""

    unit: str
    """What its levels count."""
    levels: tuple[float, ...]
    """From slight to severe."""
    pose: Callable[[float, Rng], Pose] = lambda level, rng: Pose()
    """How the crop departs from the plain one."""
    paint: Callable[[FaceImage, float, Rng], ImageArray] = lambda view, level, rng: view.image
    """What happens to the picture."""
    of_box: bool = False
    """Whether it is the box that is wrong: a model that finds its own boxes does not meet it."""
    needs: str | None = None
    """The region of the face without whose points it cannot be drawn."""

    @property
    def middle(self) -> int:
        """The index of the level that stands for the condition where there is room for one."""
        return len(self.levels) // 2

    def suits(self, scheme: Scheme) -> bool:
        """Whether it can be drawn on faces of a scheme; a region of a single point is no outline."""
        return self.needs is None or len(scheme.regions.get(self.needs, ())) > 1


def _jittered(level: float, rng: Rng) -> Pose:
    across, down, size = rng.normal(0, DETECTOR_ERROR) * level
    return Pose(scale=float(np.exp(size)), shift=(float(across), float(down)))


def _turned(level: float, rng: Rng) -> Pose:
    return Pose(rotation_deg=level * float(rng.choice((-1, 1))))


def _obstructed(view: FaceImage, level: float, rng: Rng) -> ImageArray:
    at = view.middle_xy + rng.uniform(-0.35, 0.35, 2) * view.side_px
    return corruption_effects.obstruct(view.image, at, level * view.side_px, rng)


CORRUPTIONS: Mapping[str, Corruption] = MappingProxyType(
    {
        "box jitter": Corruption(
            unit="times a detector's error", levels=(0.5, 1, 2), pose=_jittered, of_box=True
        ),
        "scale": Corruption(
            unit="times the size", levels=(0.7, 0.85, 1.15, 1.3), pose=lambda v, _: Pose(scale=v), of_box=True
        ),
        "rotation": Corruption(unit="degrees", levels=(15, 30, 45), pose=_turned),
        "blur": Corruption(
            unit="radius, share of the crop", levels=(0.02, 0.04, 0.06),
            paint=lambda view, v, _: corruption_effects.defocus(view.image, v * view.side_px),
        ),
        "motion": Corruption(
            unit="length, share of the crop", levels=(0.06, 0.12, 0.18),
            paint=lambda view, v, rng: corruption_effects.shake(view.image, v * view.side_px, rng),
        ),
        "low resolution": Corruption(
            unit="a pixel's side, share of the crop", levels=(0.02, 0.03, 0.045),
            paint=lambda view, v, _: corruption_effects.sampled(view.image, v * view.side_px),
        ),
        "noise": Corruption(
            unit="photons where it is white", levels=(400, 100, 25),
            paint=lambda view, v, rng: corruption_effects.exposed(view.image, 1, v, rng),
        ),
        "compression": Corruption(
            unit="quality of WebP", levels=(15, 5, 1),
            paint=lambda view, v, _: corruption_effects.webp(view.image, round(v)),
        ),
        "darkness": Corruption(
            unit="times less light", levels=(8, 30, 100),
            paint=lambda view, v, rng: corruption_effects.exposed(view.image, 1 / v, 4000, rng),
        ),
        "shadow": Corruption(
            unit="share of the light", levels=(0.5, 0.75, 0.9),
            paint=lambda view, v, rng: corruption_effects.cast_shadow(view.image, v, 0.5 * view.side_px, rng),
        ),
        "occlusion": Corruption(
            unit="longest side, share of the crop", levels=(0.3, 0.45, 0.6), paint=_obstructed
        ),
        "face mask": Corruption(
            unit="over nose and mouth", levels=(1,), needs="contour",
            paint=lambda view, _, rng: corruption_effects.surgical_mask(view.image, view.points_xy, view.scheme, rng),
        ),
    }
)  # fmt: skip


def corrupted_crops(faces: Faces, size_px: int, condition: str, level: float, seed: int = 0) -> Steps[PlainCrops]:
    """A set's evaluation crops under one condition; face i's draw depends on the seed and i alone.

    Raises:
        ValueError: the condition cannot be drawn on faces of this scheme.
    """
    how = CORRUPTIONS[condition]
    if not how.suits(faces.scheme):
        raise ValueError(f"no {condition} can be drawn on {faces.scheme.name}: it has no {how.needs}")
    images, points = [], []
    for i in range(len(faces)):
        sample, rng = faces[i], np.random.default_rng([seed, i])
        crop = crop_of_box(sample.box_xyxy, size_px, how.pose(level, rng))
        points.append(crop.to_crop(sample.points_xy))
        view = FaceImage(image=cut(sample.image, crop), points_xy=points[-1], scheme=faces.scheme, side_px=size_px)
        images.append(how.paint(view, level, rng))
        if i % 50 == 0 or i == len(faces) - 1:
            yield Progress(task=f"{condition} {level:g}", done=i + 1, total=len(faces))
    return PlainCrops(faces=faces, images=np.stack(images), points_xy=np.stack(points))
