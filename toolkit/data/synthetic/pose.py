"""Where the head is seen from: pose, weak perspective, and the curves of the face in the image."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import cos, radians, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray, Floats, SingleArray, single
from toolkit.data.synthetic.chance import between, clamp, pick
from toolkit.data.synthetic.head import COLUMNS, CROWN_ROWS, ROWS, SAMPLES, mean_head
from toolkit.data.synthetic.modes import Values, basis

PIVOT = np.array([0.0, 0.3, -0.6], np.float32)
SIDES = ("right", "left")
ABOVE_EYES = 3
"""Rows of the grid above the level of the outer eye corners where the contour begins."""
_TOP = CROWN_ROWS - ABOVE_EYES
_GRID = ROWS * COLUMNS
_FIRST = np.arange(0, _GRID, COLUMNS)
"""The first vertex of each row of the grid."""


@dataclass(frozen=True, kw_only=True)
class HeadPose:
    """Angles in degrees; yaw turns the face to the image's right, pitch downwards, roll clockwise."""

    yaw: float
    pitch: float
    roll: float
    distance: float
    """From the head's centre to the camera, in units (outer eye corners 1 apart)."""

    @cached_property
    def turn(self) -> SingleArray:
        """(3, 4) rotation about the pivot by pitch and then yaw; roll is applied in the image."""
        yaw, pitch = radians(self.yaw), radians(self.pitch)
        (cy, sy), (cp, sp) = (cos(yaw), sin(yaw)), (cos(pitch), sin(pitch))
        turn = np.array([[cy, -sy * sp, sy * cp], [0, cp, sp], [-sy, -cy * sp, cy * cp]], np.float32)
        out: SingleArray = np.column_stack([turn, -turn @ PIVOT])
        return out


def draw_pose(rng: np.random.Generator) -> HeadPose:
    """A random pose: yaw mostly within 30 degrees and rarely up to profile, pitch and roll mostly within 20."""
    spread = pick(rng, (0.0, 40.0, 88.0), (0.73, 0.23, 0.04))
    yaw = rng.normal(0, 13) if spread == 0 else between(rng, -spread, spread) + rng.normal(0, 6)
    return HeadPose(
        yaw=clamp(yaw, -90, 90),
        pitch=clamp(rng.normal(2, 9), -28, 28),
        roll=clamp(rng.normal(0, 8) + 0.1 * clamp(yaw, -45, 45) * rng.normal(), -35, 35),
        distance=float(np.exp(between(rng, np.log(5), np.log(20)))),
    )


@dataclass(frozen=True)
class Turned:
    """A head in its pose, before it is placed in an image."""

    pose: HeadPose
    xyz: SingleArray
    """(V, 3) vertices, turned, in units."""
    flat: SingleArray
    """(V, 2) the same projected, before roll."""
    points: dict[str, FloatArray] = field(default_factory=dict)
    """(M, 3) of each scheme that was read, a pixel a unit and the pivot at the origin."""

    @cached_property
    def surface(self) -> SingleArray:
        """(3, ROWS, COLUMNS) x, y and z of the surface."""
        return single(self.xyz[:_GRID].T.reshape(3, ROWS, COLUMNS))

    @cached_property
    def edges(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """(ROWS,) vertices of the visible edge at the image's left, crown to chin, and those at its right.

        That is the jaw's own edge, or the surface's silhouette on the side turned away, as annotators follow it.
        """
        across, third = self.flat[:_GRID, 0].reshape(ROWS, COLUMNS), COLUMNS // 3
        left = across[:, :third].argmin(axis=1)
        right = across[:, -third:].argmax(axis=1)
        return left + _FIRST, right + (_FIRST + COLUMNS - third)

    @cached_property
    def unplaced(self) -> "HeadView":
        """The head a pixel a unit, its pivot at the origin."""
        return HeadView(self, 1.0, (0.0, 0.0))

    @cached_property
    def contour(self) -> NDArray[np.intp]:
        """(N,) vertices of the jaw contour from above the image-left ear round the chin to the other."""
        left, right = self.edges
        return np.concatenate([left[_TOP:], right[-2 : _TOP - 1 : -1]])


class HeadView:
    """One posed head in the image: every curve in pixels."""

    def __init__(self, head: Turned, unit_px: float, shift_xy: Sequence[float]) -> None:
        """From a head, a unit in pixels and where in the image the pivot is."""
        self.head, self.pose = head, head.pose
        self.unit_px, self.shift_xy = unit_px, shift_xy
        """Pixels per unit, and the pivot."""

    @cached_property
    def _matrix(self) -> SingleArray:
        """(2, 3) by roll, size and place."""
        angle, (x, y) = radians(self.pose.roll), self.shift_xy
        c, s = cos(angle) * self.unit_px, sin(angle) * self.unit_px
        return np.array([[c, -s, x], [s, c, y]], np.float32)

    @cached_property
    def pixels(self) -> SingleArray:
        """(V, 2)"""
        return self._to_image(self.head.flat)

    def placed(self, unit_px: float, shift_xy: Sequence[float]) -> "HeadView":
        """The same head elsewhere in the image, or larger."""
        return HeadView(self.head, unit_px, shift_xy)

    def _to_image(self, flat: SingleArray) -> SingleArray:
        return single(cv2.transform(flat[None], self._matrix)[0])

    def directions(self, flat: Floats) -> FloatArray:
        """(N, 2) pixels of (N, 2) directions before roll, in units."""
        return np.asarray(flat @ self._matrix[:, :2].T, np.float64)

    def image_of(self, xyz: Floats) -> SingleArray:
        """(..., 2) pixels of (..., 3) head coordinates."""
        vertices = np.asarray(xyz, np.float32).reshape(-1, 3)
        return self._to_image(projected(turned(vertices, self.pose), self.pose)).reshape(*xyz.shape[:-1], 2)

    def curve(self, name: str) -> SingleArray:
        """(SAMPLES, 2) pixels of a named curve."""
        return self.pixels[mean_head().spans[name]]

    def curves(self, name: str, sides: slice = slice(2)) -> SingleArray:
        """(S, SAMPLES, 2) pixels of a curve that each side of the face has, the right one first."""
        return self.pixels[mean_head().pairs[name]].reshape(2, SAMPLES, 2)[::-1][sides]

    def seen_sides(self, far_yaw: float) -> slice:
        """Which of SIDES are seen, where the far one is not from this yaw on."""
        return slice(int(self.pose.yaw <= -far_yaw), 1 + int(self.pose.yaw < far_yaw))

    def hidden(self, points: Floats, clear: Floats) -> NDArray[np.bool_]:
        """(N,) whether the head's surface passes `clear` units or more before points (N, 3) of x, y in pixels and z."""
        if max(abs(self.pose.yaw), abs(self.pose.pitch)) < 20:
            return np.zeros(len(points), bool)
        px, py, depth = np.asarray(np.column_stack([points[:, :2], points[:, 2] + clear]).T[..., None], np.float32)
        z = self.head.surface[2].ravel()
        near = np.flatnonzero(z > depth.min())
        (x, y), reach = self.planes.reshape(2, -1).take(near, axis=1), np.float32(0.045 * self.unit_px)
        before = z.take(near) > depth
        for all_, each in ((x, px), (y, py)):
            far = all_ - each
            before &= np.abs(far, out=far) < reach
        return np.asarray(before.any(-1), np.bool_)

    @cached_property
    def grid(self) -> SingleArray:
        """(ROWS, COLUMNS, 2) the surface in pixels."""
        return self.pixels[:_GRID].reshape(ROWS, COLUMNS, 2)

    @cached_property
    def planes(self) -> SingleArray:
        """(2, ROWS, COLUMNS) the same, x and y apart."""
        return np.ascontiguousarray(self.pixels[:_GRID].T).reshape(2, ROWS, COLUMNS)

    @cached_property
    def facing(self) -> NDArray[np.bool_]:
        """(ROWS, COLUMNS) whether the surface faces the viewer, by the winding of the projected grid."""
        (ax, ay), (dx, dy) = slopes(self.planes)
        out: NDArray[np.bool_] = ax * dy - ay * dx > 0
        return out

    @cached_property
    def outline(self) -> tuple[SingleArray, SingleArray]:
        """The visible edge of the face at the image's left and right, (ROWS, 2) each, crown to chin."""
        left, right = self.head.edges
        return self.pixels.take(left, axis=0), self.pixels.take(right, axis=0)

    @cached_property
    def contour(self) -> SingleArray:
        """(N, 2) the jaw contour from above the image-left ear round the chin to the other."""
        return self.pixels.take(self.head.contour, axis=0)


def slopes(surface: SingleArray) -> tuple[SingleArray, SingleArray]:
    """(N, R, C) differences of N values from column to column, and from row to row; twice the step but at the edges."""
    across, down = np.empty_like(surface), np.empty_like(surface)
    np.subtract(surface[..., 2:], surface[..., :-2], out=across[..., 1:-1])
    np.subtract(surface[..., 1], surface[..., 0], out=across[..., 0])
    np.subtract(surface[..., -1], surface[..., -2], out=across[..., -1])
    np.subtract(surface[:, 2:], surface[:, :-2], out=down[:, 1:-1])
    np.subtract(surface[:, 1], surface[:, 0], out=down[:, 0])
    np.subtract(surface[:, -1], surface[:, -2], out=down[:, -1])
    return across, down


def turned(vertices: SingleArray, pose: HeadPose) -> SingleArray:
    """(N, 3) head coordinates turned about the pivot; OpenCV because BLAS would start threads for this."""
    return single(cv2.transform(vertices[None], pose.turn)[0])


def projected(turned_xyz: SingleArray, pose: HeadPose) -> SingleArray:
    """(N, 3) turned coordinates to (N, 2), unit scale, with perspective; before roll."""
    x, y, z = turned_xyz.T
    share = pose.distance / (pose.distance - z)
    out = np.empty((len(turned_xyz), 2), np.float32)
    np.multiply(x, share, out=out[:, 0])
    np.multiply(y, share, out=out[:, 1])
    return out


def view_of(modes: Values, pose: HeadPose) -> HeadView:
    """The head with these mode values in this pose, a pixel a unit and its pivot at the origin."""
    xyz = turned(_eyes_moved(basis().move(modes), modes), pose)
    return Turned(pose, xyz, projected(xyz, pose)).unplaced


def _eyes_moved(vertices: SingleArray, modes: Values) -> SingleArray:
    """Lowers the upper lids by `blink_*`, raises the lower by `squint` and moves irises by `gaze_*`; in place."""
    upper, lower, iris = (
        vertices[mean_head().pairs[name]].reshape(2, SAMPLES, 3) for name in ("lid_upper", "lid_lower", "iris")
    )
    iris[..., :2] += np.array([modes.get("gaze_x", 0.0), modes.get("gaze_y", 0.0)], np.float32)
    lower += np.float32(clamp(modes.get("squint", 0.0), 0, 1) * 0.35) * (upper - lower)
    blinks = [clamp(modes.get(f"blink_{side}", 0.0), -0.35, 0.98) for side in reversed(SIDES)]
    upper += np.array(blinks, np.float32)[:, None, None] * (lower - upper)
    high, low = upper[:, SAMPLES // 2, 1:2], lower[:, SAMPLES // 2, 1:2]
    inset = 0.15 * (low - high)
    iris[..., 1] = np.minimum(np.maximum(iris[..., 1], high + inset), low - inset)
    return vertices
