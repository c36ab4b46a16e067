"""The first crop of a detected face: the box of training, by the detector's keypoints, which tell more than its box.

The keypoints are described in a frame of their own: their middle, their spread, and upright by the eyes. A linear map
of that description, fitted to labelled faces, gives the box.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.core.arrays import FloatArray
from toolkit.core.geometry import rotation
from toolkit.detect.blazeface import KEYPOINTS
from toolkit.detect.boxes import Detection, calibrate, has_area, similar
from toolkit.detect.turned import roll_of, turn_for

MIRRORED = (1, 0, 2, 3, 5, 4)
"""The keypoints of a mirror image, by those of the picture."""
RIDGE = 1e-3
"""Weight decay of the fit, over the number of faces."""


# Measured by `python -m tools first-crop --fit --every 3`: 610 training faces of AFW, Helen and LFPW, every one of them
# found. They stand upright; the map holds for turned ones, since the frame turns with the eyes.
FIRST_CROP: FloatArray = np.array(
    (
        (-0.0280, 0.0485, 0.1940, 0.1211),
        (-0.0310, -0.2571, 0.2066, -0.7722),
        (-0.0280, -0.0485, -0.1940, -0.1211),
        (0.0310, -0.2571, 0.2066, -0.7722),
        (-0.2107, 0.0000, 0.0000, 0.0000),
        (0.0000, 0.0597, -0.4519, -0.2630),
        (-0.0579, 0.0000, 0.0000, 0.0000),
        (0.0000, 0.3573, 0.0780, 1.1695),
        (0.1623, 0.0080, -0.5739, -0.1133),
        (-0.0079, 0.0486, -0.0197, 0.3190),
        (0.1623, -0.0080, 0.5739, 0.1133),
        (0.0079, 0.0486, -0.0197, 0.3190),
        (0.0000, -0.0733, 1.8409, 1.0708),
    )
)
"""(13, 4) the map of fit_first_crop."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Where keypoints lie, how large and how turned they are."""

    centre: FloatArray
    """(2,) the mean of the keypoints."""
    spread_px: float
    """The root of their mean squared distance from it."""
    turn_deg: float
    """By how much the crop is turned clockwise."""

    def inside(self, points_xy: FloatArray) -> FloatArray:
        """Image points (M, 2) in the frame: around the middle, upright, in spreads."""
        return np.asarray((points_xy - self.centre) @ rotation(-self.turn_deg).T / self.spread_px)

    def box_xyxy(self, middle_and_size: FloatArray) -> FloatArray:
        """The box (4,) before it is turned, for its middle x, y, width and height (4,) in the frame."""
        centre = self.centre + rotation(self.turn_deg) @ middle_and_size[:2] * self.spread_px
        half = middle_and_size[2:] * self.spread_px / 2
        return np.concatenate([centre - half, centre + half])


def frame_of(keypoints_xy: FloatArray) -> Frame:
    """That of keypoints (6, 2)."""
    centre = keypoints_xy.mean(axis=0)
    spread_px = float(np.sqrt(np.square(keypoints_xy - centre).sum(axis=1).mean()))
    return Frame(centre=centre, spread_px=spread_px, turn_deg=turn_for(roll_of(*keypoints_xy[:2])))


def fit_first_crop(keypoints_xy: Sequence[FloatArray], points_xy: Sequence[FloatArray]) -> FloatArray:
    """(13, 4) the map of least squares over faces and their mirror images: from x, y of each keypoint in the frame, and
    1, to the box of the landmarks there, as its middle x, y, its width and height.

    Args:
        keypoints_xy: (6, 2) of every face.
        points_xy: (M, 2) the landmarks of the same faces; those that are not labelled are NaN.

    Raises:
        ValueError: no faces, or not as many of both.
    """
    if len(keypoints_xy) != len(points_xy) or not len(points_xy):
        raise ValueError(f"expected keypoints and landmarks of each face, got {len(keypoints_xy)} and {len(points_xy)}")
    seen, wanted = [], []
    for face_xy, truth_xy in zip(keypoints_xy, points_xy, strict=True):
        frame = frame_of(face_xy)
        inside, truth = frame.inside(face_xy), frame.inside(truth_xy)
        low, high = np.nanmin(truth, axis=0), np.nanmax(truth, axis=0)
        box = np.concatenate([(low + high) / 2, high - low])
        seen += [_described(inside), _described(inside[list(MIRRORED)] * (-1, 1))]
        wanted += [box, box * (-1, 1, 1, 1)]
    x, y = np.stack(seen), np.stack(wanted)
    return np.asarray(np.linalg.solve(x.T @ x + RIDGE * len(x) * np.eye(x.shape[1]), x.T @ y))


def box_by_keypoints(keypoints_xy: FloatArray, weights: FloatArray = FIRST_CROP) -> FloatArray:
    """The box (4,) of the landmarks before it is turned, by keypoints (6, 2); NaN where those have no spread."""
    frame = frame_of(keypoints_xy)
    if frame.spread_px == 0:
        return np.full(4, np.nan)
    return frame.box_xyxy(_described(frame.inside(keypoints_xy)) @ weights)


def first_crop(face: Detection) -> tuple[FloatArray, float]:
    """The box (4,) of a face's first prediction, before it is turned around its middle, and by how much it is turned.

    Where the keypoints are odd, it is that of the detector's box: they are not six, or their box has no area or is not
    similar to that one.
    """
    turn_deg = turn_for(roll_of(*face.keypoints_xy[:2]))
    plain_xyxy = calibrate(face.box_xyxy, turn_deg=turn_deg)
    if len(face.keypoints_xy) == KEYPOINTS:
        box_xyxy = box_by_keypoints(face.keypoints_xy)
        if has_area(box_xyxy) and similar(box_xyxy, plain_xyxy):
            return box_xyxy, turn_deg
    return plain_xyxy, turn_deg


def _described(inside: FloatArray) -> FloatArray:
    """(13,) x and y of keypoints in their frame, and 1."""
    return np.append(inside.ravel(), 1.0)
