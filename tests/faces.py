"""Points that form a face, for labels that tests write themselves."""

import cv2
import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.schemes import W300_68, Scheme
from toolkit.data.sample import box_of_points
from toolkit.data.synthetic.pose import HeadPose, view_of
from toolkit.data.synthetic.reposed import from_front
from toolkit.data.synthetic.scheme_points import points_of

SIDE, UNIT_PX = 300, 100.0
"""Of a studio's portrait."""


def face_points(box_xyxy: tuple[float, float, float, float], scheme: Scheme = W300_68, yaw: float = 0.0) -> FloatArray:
    """The mean face (M, 2), upright in the middle of a box and as large as it holds."""
    points = points_of(view_of({}, HeadPose(yaw=yaw, pitch=0, roll=0, distance=8.0)), scheme)[:, :2]
    own, box = box_of_points(points), np.array(box_xyxy, dtype=float)
    scale = ((box[2:] - box[:2]) / (own[2:] - own[:2])).min()
    return np.asarray((points - (own[:2] + own[2:]) / 2) * scale + (box[:2] + box[2:]) / 2)


def studio(turn_deg: float = 0.0) -> tuple[ImageArray, FloatArray]:
    """A head's outline in one colour before an even background, lighter towards one side, and its 68 points."""
    points = from_front({})[:, :2] * UNIT_PX + (SIDE / 2, 0.4 * SIDE)
    angle = np.radians(turn_deg)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    points = (points - SIDE / 2) @ turn + SIDE / 2
    image = np.full((SIDE, SIDE, 3), 190, np.uint8) + np.linspace(0, 40, SIDE).astype(np.uint8)[:, None]
    hull = cv2.convexHull(np.rint(points).astype(np.int32))
    cv2.fillConvexPoly(image, hull, (200, 140, 110))
    cv2.circle(image, np.rint(points[33]).astype(int).tolist(), 20, (60, 40, 30), -1)
    return image, points
