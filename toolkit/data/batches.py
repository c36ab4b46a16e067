"""Training batches and evaluation crops, as NumPy.

A batch depends on its seed, epoch and place alone, so that a resumed run sees what the interrupted one would have.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.core.geometry import crop_of_box, cut
from toolkit.core.progress import Progress, Steps
from toolkit.data.augment import Augment, Patch, augment, patch
from toolkit.data.sample import Faces, FloatArray, ImageArray


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some crops with their points, and a random generator for whatever a step draws itself."""

    images: ImageArray
    """(B, S, S, 3) RGB."""
    points_xy: FloatArray
    """(B, M, 2) in crop pixels; NaN where missing."""
    rng: np.random.Generator


@dataclass(frozen=True, kw_only=True)
class TrainingFaces:
    """Faces as wide patches in memory: decoded and cut once, warped anew each epoch."""

    faces: Faces
    size_px: int
    patches: Sequence[Patch]

    def __len__(self) -> int:
        return len(self.patches)

    def epoch(self, key: Sequence[int], size: int, how: Augment) -> Iterator[Batch]:
        """All faces once in random order, in batches of `size`; the last, smaller one is left out where it can be.

        Args:
            key: whole numbers that name this epoch, such as (seed, epoch); the same key gives the same batches.
            size: faces in a batch.
            how: the augmentation.
        """
        order = np.random.default_rng(key).permutation(len(self.patches))
        size = min(size, len(order))
        for start in range(0, len(order) - size + 1, size):
            rng = np.random.default_rng([*key, start])
            pairs = [
                augment(self.patches[i], self.size_px, how, self.faces.scheme, rng) for i in order[start : start + size]
            ]
            images, points = zip(*pairs, strict=True)
            yield Batch(images=np.stack(images), points_xy=np.stack(points), rng=rng)

    def batches(self, size: int) -> int:
        """How many batches an epoch has."""
        return len(self.patches) // min(size, len(self.patches))


def training_faces(faces: Faces, size_px: int) -> Steps[TrainingFaces]:
    """Cut every face of a set, telling the progress.

    Raises:
        ValueError: a picture is damaged; the message names it.
    """
    patches = []
    for i in range(len(faces)):
        sample = faces[i]
        patches.append(patch(sample, size_px))
        if i % 50 == 0 or i == len(faces) - 1:
            yield Progress(task=f"reading {faces.title}", done=i + 1, total=len(faces))
    return TrainingFaces(faces=faces, size_px=size_px, patches=patches)


@dataclass(frozen=True, kw_only=True)
class PlainCrops:
    """A set as a network meets it at evaluation: the box's own crop, nothing random."""

    faces: Faces
    images: ImageArray
    """(N, S, S, 3)."""
    points_xy: FloatArray
    """(N, M, 2) in crop pixels."""


def plain_crops(faces: Faces, size_px: int) -> Steps[PlainCrops]:
    """Cut every face of a set by its own box."""
    images, points = [], []
    for i in range(len(faces)):
        sample = faces[i]
        crop = crop_of_box(sample.box_xyxy, size_px)
        images.append(cut(sample.image, crop))
        points.append(crop.to_crop(sample.points_xy))
        if i % 50 == 0 or i == len(faces) - 1:
            yield Progress(task=f"reading {faces.title}", done=i + 1, total=len(faces))
    return PlainCrops(faces=faces, images=np.stack(images), points_xy=np.stack(points))


def occlude_rectangle(images: NDArray[np.float32], rng: np.random.Generator, largest: float) -> NDArray[np.float32]:
    """A copy of normalised images (B, 3, H, W) in which one random-sized rectangle each is set to the mean colour, 0.

    The mask of triple distillation (section 3.2). Each student calls this for itself.

    Args:
        images: not changed.
        rng: draws size and place.
        largest: the mask's longest side, as a share of the image's.
    """
    masked = images.copy(order="K")  # channels-last memory stays so
    height, width = images.shape[2:]
    for image in masked:
        extent = np.maximum(1, (rng.uniform(0, largest, 2) * (height, width)).astype(int))
        top, left = (rng.integers(0, side - e + 1) for side, e in zip((height, width), extent, strict=True))
        image[:, top : top + extent[0], left : left + extent[1]] = 0
    return masked
