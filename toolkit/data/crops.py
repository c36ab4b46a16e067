"""Crops of faces as a network meets them outside training, by the box alone: for validation, calibration and parity."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.geometry import crop_of_box, cut
from toolkit.core.progress import Progress, Steps
from toolkit.core.schemes import Scheme
from toolkit.core.selection import evenly_spaced
from toolkit.data import open_faces
from toolkit.data.sample import Faces, Subset
from toolkit.data.visibility import States, hidden_in, states_of


@dataclass(frozen=True, kw_only=True)
class PlainCrops:
    """A set as a network meets it at evaluation: the box's own crop, nothing random."""

    faces: Faces
    images: ImageArray
    """(N, S, S, 3)."""
    points_xy: FloatArray
    """(N, M, 2) in crop pixels."""
    states: States | None = None
    """(N, M) whether each point is seen, as data.visibility says; None where something was drawn over the crops."""


def plain_crops(faces: Faces, size_px: int, *, skip_bad: bool = False) -> Steps[PlainCrops]:
    """Cut every face of a set by its own box.

    Args:
        faces: the set.
        size_px: side of the crops.
        skip_bad: leave out pictures that cannot be read; the title then says how many.

    Raises:
        FileNotFoundError: a picture is not there.
        ValueError: a picture is damaged, or none can be read.
    """
    images, points, states, kept = [], [], [], []
    nothing = np.zeros((size_px, size_px), bool)
    for i in range(len(faces)):
        try:
            sample = faces[i]
            crop = crop_of_box(sample.box_xyxy, size_px)
            images.append(cut(sample.image, crop))
            points.append(crop.to_crop(sample.points_xy))
            states.append(hidden_in(states_of(sample.covered, points[-1]), points[-1], nothing))
            kept.append(i)
        except (ValueError, FileNotFoundError):
            if not skip_bad:
                raise
        if i % 50 == 0 or i == len(faces) - 1:
            yield Progress(task=f"reading {faces.title}", done=i + 1, total=len(faces))
    left = those_read(faces, kept)
    return PlainCrops(faces=left, images=np.stack(images), points_xy=np.stack(points), states=np.stack(states))


def those_read(faces: Faces, indices: list[int]) -> Faces:
    """The faces that could be read.

    Raises:
        ValueError: none could.
    """
    if not indices:
        raise ValueError(f"{faces.title}: no picture of it can be read")
    lost = len(faces) - len(indices)
    return Subset(faces, indices, f"{faces.title}, {lost} left out") if lost else faces


@dataclass(frozen=True, kw_only=True)
class SpreadCrops:
    """Some plain crops of a set, for converters: what they calibrate with and measure parity on."""

    crops: Sequence[ImageArray]
    """(S, S, 3) each."""
    truth_xy: FloatArray | None
    """(N, M, 2) labels in crop pixels, or None: then no NME is measured."""
    title: str


def spread_crops(faces: Faces, scheme: Scheme, size_px: int, count: int, task: str) -> Steps[SpreadCrops]:
    """Up to `count` faces, evenly spread over a set, with their labels where these are of the given scheme.

    Raises:
        ValueError: there are no faces.
    """
    if len(faces) == 0:
        raise ValueError(f"{faces.title} has no faces")
    chosen = evenly_spaced(count, len(faces))
    crops, truth = [], []
    for done, index in enumerate(chosen, start=1):
        sample = faces[index]
        crop = crop_of_box(sample.box_xyxy, size_px)
        crops.append(cut(sample.image, crop))
        truth.append(crop.to_crop(sample.points_xy))
        yield Progress(task=task, done=done, total=len(chosen))
    labels = np.stack(truth) if faces.scheme == scheme else None
    return SpreadCrops(crops=crops, truth_xy=labels, title=f"{len(chosen)} of {faces.title}")


def open_crops(
    data: Path | None, split: str, count: int, *, scheme: Scheme, size_px: int, task: str = "crops for parity"
) -> Steps[SpreadCrops]:
    """Up to `count` crops of a split for a network of that scheme and size. Raises as open_faces and spread_crops do.

    Args:
        data: as for open_faces; None stands for `count` synthetic faces.
        split: as for open_faces.
        count: crops.
        scheme: of the network.
        size_px: side of the crops.
        task: what the progress says.
    """
    faces = open_faces(data, split, count, scheme=scheme)
    return (yield from spread_crops(faces, scheme, size_px, count, task))
