"""From the box of the landmarks to the crop that a network wants: the same box for all, to each in its own way."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.geometry import BOX_SCALE, UPRIGHT, Crop, Pose, crop_of_box, cut
from toolkit.core.progress import Progress, Steps
from toolkit.data.crops import PlainCrops, those_read
from toolkit.data.sample import Faces
from toolkit.detect.boxes import Calibration, calibrate

SAME_BOX = Calibration(shift_xy=(0.0, 0.0), scale_xy=(1.0, 1.0))


@dataclass(frozen=True, kw_only=True)
class Framing:
    """How a network's crop lies about a face."""

    size_px: int
    """Side of the crop."""
    scale: float = BOX_SCALE
    """The crop's side over the longer side of the box."""
    box: Calibration = field(default=SAME_BOX)
    """From the tight box of the landmarks to the box that the network was made for."""

    def crop(self, box_xyxy: FloatArray, pose: Pose = UPRIGHT) -> Crop:
        """The crop of the face in a tight box (4,), or one that departs from it by a pose."""
        scaled = replace(pose, scale=pose.scale * BOX_SCALE / self.scale)
        return crop_of_box(calibrate(box_xyxy, self.box), self.size_px, scaled)


def inverse(calibration: Calibration) -> Calibration:
    """The calibration that undoes another one."""
    shift, scale = calibration.shift_xy, calibration.scale_xy
    return Calibration(shift_xy=(-shift[0] / scale[0], -shift[1] / scale[1]), scale_xy=(1 / scale[0], 1 / scale[1]))


def framed_crops(
    faces: Faces, framings: Sequence[Framing], *, skip_bad: bool = False
) -> Steps[dict[Framing, PlainCrops]]:
    """Every face of a set as every framing cuts it, every picture read once. Arguments, errors as of plain_crops."""
    kept: list[int] = []
    found: dict[Framing, list[tuple[ImageArray, FloatArray]]] = {framing: [] for framing in framings}
    for i in range(len(faces)):
        try:
            sample = faces[i]
        except (ValueError, FileNotFoundError):
            if not skip_bad:
                raise
            continue
        kept.append(i)
        for framing, seen in found.items():
            crop = framing.crop(sample.box_xyxy)
            seen.append((cut(sample.image, crop), crop.to_crop(sample.points_xy)))
        if i % 50 == 0 or i == len(faces) - 1:
            yield Progress(task=f"reading {faces.title}", done=i + 1, total=len(faces))
    left = those_read(faces, kept)
    return {
        framing: PlainCrops(
            faces=left,
            images=np.stack([image for image, _ in seen]),
            points_xy=np.stack([points for _, points in seen]),
        )
        for framing, seen in found.items()
    }
