"""Crops to calibrate with and to measure parity on, evenly spaced over a set of faces."""

import numpy as np

from toolkit.core.geometry import crop_of_box, cut
from toolkit.core.progress import Progress, Steps
from toolkit.core.schemes import Scheme
from toolkit.data.sample import Faces
from toolkit.export.parity import Golden


def golden(faces: Faces, scheme: Scheme, size_px: int, count: int, task: str) -> Steps[Golden]:
    """Up to `count` faces as plain crops, with their labels where these are of the given scheme.

    Raises:
        ValueError: there are no faces.
    """
    if len(faces) == 0:
        raise ValueError(f"{faces.title} has no faces")
    chosen = np.unique(np.linspace(0, len(faces) - 1, min(count, len(faces))).astype(int)).tolist()
    crops, truth = [], []
    for done, index in enumerate(chosen, start=1):
        sample = faces[index]
        crop = crop_of_box(sample.box_xyxy, size_px)
        crops.append(cut(sample.image, crop))
        truth.append(crop.to_crop(sample.points_xy))
        yield Progress(task=task, done=done, total=len(chosen))
    labels = np.stack(truth) if faces.scheme == scheme else None
    return Golden(crops=crops, truth_xy=labels, title=f"{len(chosen)} of {faces.title}")
