"""The robustness battery: the same faces under fixed conditions of rising strength, drawn with a fixed seed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from toolkit.core.geometry import Pose, crop_of_box, cut
from toolkit.core.progress import Progress, Steps
from toolkit.core.schemes import Scheme
from toolkit.data import corrupt
from toolkit.data.augment import DETECTOR_ERROR
from toolkit.data.batches import PlainCrops
from toolkit.data.sample import Faces, FloatArray, ImageArray

Rng = np.random.Generator
Spoil = Callable[[ImageArray, FloatArray, Scheme, float, Rng], ImageArray]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One way in which a face is seen badly."""

    unit: str
    """What its levels count."""
    levels: tuple[float, ...]
    """From slight to severe."""
    pose: Callable[[float, Rng], Pose] = lambda level, rng: Pose()
    """How the crop departs from the plain one."""
    spoil: Spoil = lambda image, points, scheme, level, rng: image
    """What happens to the crop; it is given its points and their scheme too."""
    relative: bool = False
    """Whether its levels are shares of the crop's side."""
    needs: str | None = None
    """The region of the face without whose points it cannot be drawn."""

    def suits(self, scheme: Scheme) -> bool:
        """Whether it can be drawn on faces of a scheme; a region of a single point is no outline."""
        return self.needs is None or len(scheme.regions.get(self.needs, ())) > 1


def _jittered(level: float, rng: Rng) -> Pose:
    across, down, size = rng.normal(0, DETECTOR_ERROR) * level
    return Pose(scale=float(np.exp(size)), shift=(float(across), float(down)))


def _turned(level: float, rng: Rng) -> Pose:
    return Pose(rotation_deg=level * float(rng.choice((-1, 1))))


def _dark(image: ImageArray, level: float, rng: Rng) -> ImageArray:
    return corrupt.noise(corrupt.tone(image, 1 / level, 1.0, 0.0), 4, rng)


def _shaded(image: ImageArray, level: float, rng: Rng) -> ImageArray:
    return corrupt.shade(image, level, float(rng.uniform(0, 360)), 0.0, 0.2)


def _moved(image: ImageArray, level: float, rng: Rng) -> ImageArray:
    return corrupt.motion_blur(image, level * len(image), float(rng.uniform(0, 180)))


BATTERY: Mapping[str, Condition] = MappingProxyType(
    {
        "box jitter": Condition(unit="times a detector's error", levels=(0.5, 1, 2), pose=_jittered),
        "scale": Condition(unit="times the size", levels=(0.7, 0.85, 1.15, 1.3), pose=lambda v, _: Pose(scale=v)),
        "rotation": Condition(unit="degrees", levels=(15, 30, 45), pose=_turned),
        "blur": Condition(
            unit="sigma, share of the crop", levels=(0.01, 0.02, 0.03), relative=True,
            spoil=lambda image, _, __, v, ___: corrupt.blur(image, v * len(image)),
        ),
        "motion": Condition(
            unit="length, share of the crop", levels=(0.05, 0.1, 0.15), relative=True,
            spoil=lambda image, _, __, v, rng: _moved(image, v, rng),
        ),
        "low resolution": Condition(
            unit="times fewer pixels", levels=(2, 3, 4), spoil=lambda i, _, __, v, ___: corrupt.low_resolution(i, v)
        ),
        "noise": Condition(
            unit="levels", levels=(10, 20, 40), spoil=lambda image, _, __, v, rng: corrupt.noise(image, v, rng)
        ),
        "jpeg": Condition(
            unit="quality", levels=(30, 15, 7), spoil=lambda image, _, __, v, ___: corrupt.jpeg(image, round(v))
        ),
        "darkness": Condition(
            unit="times darker", levels=(2, 4, 8), spoil=lambda image, _, __, v, rng: _dark(image, v, rng)
        ),
        "shadow": Condition(
            unit="share of the light", levels=(0.5, 0.75, 0.9), spoil=lambda i, _, __, v, rng: _shaded(i, v, rng)
        ),
        "occlusion": Condition(
            unit="longest side, share of the crop", levels=(0.3, 0.45, 0.6), relative=True,
            spoil=lambda image, _, __, v, rng: corrupt.occlude(image, rng, v / 2, v),
        ),
        "face mask": Condition(
            unit="over nose and mouth", levels=(1,), needs="contour",
            spoil=lambda image, points, scheme, _, rng: corrupt.wear_mask(image, points, scheme, rng),
        ),
    }
)  # fmt: skip


def spoiled_crops(faces: Faces, size_px: int, condition: str, level: float, seed: int = 0) -> Steps[PlainCrops]:
    """A set's evaluation crops under one condition; face i's draw depends on the seed and i alone.

    Raises:
        ValueError: the condition cannot be drawn on faces of this scheme.
    """
    how = BATTERY[condition]
    if not how.suits(faces.scheme):
        raise ValueError(f"no {condition} can be drawn on {faces.scheme.name}: it has no {how.needs}")
    images, points = [], []
    for i in range(len(faces)):
        sample, rng = faces[i], np.random.default_rng([seed, i])
        crop = crop_of_box(sample.box_xyxy, size_px, how.pose(level, rng))
        points.append(crop.to_crop(sample.points_xy))
        images.append(how.spoil(cut(sample.image, crop), points[-1], faces.scheme, level, rng))
        if i % 50 == 0 or i == len(faces) - 1:
            yield Progress(task=f"{condition} {level:g}", done=i + 1, total=len(faces))
    return PlainCrops(faces=faces, images=np.stack(images), points_xy=np.stack(points))
