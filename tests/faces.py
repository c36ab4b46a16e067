"""Points that form a face, for labels that tests write themselves."""

import numpy as np

from toolkit.core.arrays import FloatArray
from toolkit.core.schemes import W300_68, Scheme
from toolkit.data.sample import box_of_points
from toolkit.data.synthetic.pose import HeadPose, view_of
from toolkit.data.synthetic.scheme_points import points_of


def face_points(box_xyxy: tuple[float, float, float, float], scheme: Scheme = W300_68, yaw: float = 0.0) -> FloatArray:
    """The mean face (M, 2), upright in the middle of a box and as large as it holds."""
    points = points_of(view_of({}, HeadPose(yaw=yaw, pitch=0, roll=0, distance=8.0)), scheme)[:, :2]
    own, box = box_of_points(points), np.array(box_xyxy, dtype=float)
    scale = ((box[2:] - box[:2]) / (own[2:] - own[:2])).min()
    return np.asarray((points - (own[:2] + own[2:]) / 2) * scale + (box[:2] + box[2:]) / 2)
