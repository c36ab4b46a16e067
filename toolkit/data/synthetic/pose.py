"""Where the head is seen from: pose, weak perspective, and the curves of the face in the image."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.synthetic.arrays import Floats, Picture, single
from toolkit.data.synthetic.chance import between, clamp, pick
from toolkit.data.synthetic.head import COLUMNS, CROWN_ROWS, ROWS, mean_head
from toolkit.data.synthetic.modes import Values, basis

PIVOT = np.array([0.0, 0.3, -0.6], np.float32)
SIDES = ("right", "left")
ABOVE_EYES = 3
"""Rows of the grid above the level of the outer eye corners where the contour begins."""
_TOP = CROWN_ROWS - ABOVE_EYES
_GRID = ROWS * COLUMNS


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Angles in degrees; yaw turns the face to the image's right, pitch downwards, roll clockwise."""

    yaw: float
    pitch: float
    roll: float
    distance: float
    """From the head's centre to the camera, in units (outer eye corners 1 apart)."""

    @cached_property
    def turn(self) -> Picture:
        """(3, 3) rotation by pitch and then yaw; roll is applied in the image."""
        (cy, cp), (sy, sp) = np.cos(np.radians([self.yaw, self.pitch])), np.sin(np.radians([self.yaw, self.pitch]))
        pitch = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
        yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        out: Picture = (yaw @ pitch).astype(np.float32)
        return out


def draw_pose(rng: np.random.Generator) -> Pose:
    """A random pose: yaw mostly within 30 degrees and rarely up to profile, pitch and roll mostly within 20."""
    spread = pick(rng, (0.0, 40.0, 88.0), (0.73, 0.23, 0.04))
    yaw = rng.normal(0, 13) if spread == 0 else between(rng, -spread, spread) + rng.normal(0, 6)
    return Pose(
        yaw=clamp(yaw, -90, 90),
        pitch=clamp(rng.normal(2, 9), -28, 28),
        roll=clamp(rng.normal(0, 8) + 0.1 * clamp(yaw, -45, 45) * rng.normal(), -35, 35),
        distance=float(np.exp(between(rng, np.log(5), np.log(20)))),
    )


class View:
    """One posed head in the image: every curve in pixels."""

    def __init__(self, turned: Picture, flat: Picture, pose: Pose, unit_px: float, shift_xy: Floats) -> None:
        """From turned (V, 3) and projected (V, 2) vertices, a unit in pixels and where in the image the pivot is."""
        self.pose = pose
        self.unit_px = unit_px
        """Pixels per unit."""
        self.turned = turned
        self._flat, self._shift = flat, np.asarray(shift_xy, np.float32)
        self.pixels = self._to_image(flat)
        """(V, 2)"""

    def placed(self, unit_px: float, shift_xy: Floats) -> "View":
        """The same head elsewhere in the image, or larger."""
        return View(self.turned, self._flat, self.pose, unit_px, shift_xy)

    def _to_image(self, flat: Picture) -> Picture:
        angle = np.radians(self.pose.roll)
        c, s = np.cos(angle) * self.unit_px, np.sin(angle) * self.unit_px
        matrix = np.array([[c, -s, self._shift[0]], [s, c, self._shift[1]]], np.float32)
        return single(cv2.transform(flat[None], matrix)[0])

    def image_of(self, xyz: Floats) -> Floats:
        """(N, 2) pixels of (N, 3) head coordinates."""
        return self._to_image(projected(turned(np.asarray(xyz, np.float32), self.pose), self.pose))

    def curve(self, name: str) -> Floats:
        """(SAMPLES, 2) pixels of a named curve."""
        return self.pixels[mean_head().spans[name]]

    def seen_sides(self, far_yaw: float) -> list[str]:
        """The sides of the face that are seen, where the far one is not from this yaw on."""
        return [side for side, sign in zip(SIDES, (-1, 1), strict=True) if sign * self.pose.yaw < far_yaw]

    def hidden(self, points: Floats, clear: Floats) -> NDArray[np.bool_]:
        """(N,) whether the head's surface passes `clear` units or more before points (N, 3) of x, y in pixels and z."""
        if max(abs(self.pose.yaw), abs(self.pose.pitch)) < 20:
            return np.zeros(len(points), bool)
        x, y = np.ascontiguousarray(self.pixels[:_GRID].T)
        reach, z = np.float32(0.045 * self.unit_px), self.turned[:_GRID, 2]
        px, py, depth = np.asarray(np.column_stack([points[:, :2], points[:, 2] + clear]).T[..., None], np.float32)
        before = z > depth
        before &= np.abs(x - px) < reach
        before &= np.abs(y - py) < reach
        return np.asarray(before.any(-1), np.bool_)

    @cached_property
    def grid_world(self) -> Picture:
        """(ROWS, COLUMNS, 3) the surface, turned, in units."""
        return self.turned[:_GRID].reshape(ROWS, COLUMNS, 3)

    @cached_property
    def grid(self) -> Floats:
        """(ROWS, COLUMNS, 2) the surface in pixels."""
        return self.pixels[:_GRID].reshape(ROWS, COLUMNS, 2)

    @cached_property
    def facing(self) -> NDArray[np.bool_]:
        """(ROWS, COLUMNS) whether the surface faces the viewer, by the winding of the projected grid."""
        g = self.grid
        across, down = np.empty_like(g), np.empty_like(g)
        across[:, 1:-1], across[:, 0], across[:, -1] = g[:, 2:] - g[:, :-2], g[:, 1] - g[:, 0], g[:, -1] - g[:, -2]
        down[1:-1], down[0], down[-1] = g[2:] - g[:-2], g[1] - g[0], g[-1] - g[-2]
        out: NDArray[np.bool_] = across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0] > 0
        return out

    @cached_property
    def edges(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """(2 * ROWS,) rows and columns of the visible edge at the image's left, crown to chin, and then at its right.

        That is the jaw's own edge, or the surface's silhouette on the side turned away, as annotators follow it.
        """
        across, third = self._flat[:_GRID, 0].reshape(ROWS, COLUMNS), COLUMNS // 3
        left = np.argmin(across[:, :third], axis=1)
        right = np.argmax(across[:, -third:], axis=1) + COLUMNS - third
        return np.tile(np.arange(ROWS), 2), np.concatenate([left, right])

    @cached_property
    def outline(self) -> tuple[Floats, Floats]:
        """The visible edge of the face at the image's left and right, (ROWS, 2) each, crown to chin."""
        both = self.grid[self.edges]
        return both[:ROWS], both[ROWS:]

    @cached_property
    def contour(self) -> Floats:
        """(N, 2) the jaw contour from above the image-left ear round the chin to the other."""
        left, right = self.outline
        out: Floats = np.concatenate([left[_TOP:], right[_TOP:-1][::-1]])
        return out

    @cached_property
    def contour_depth(self) -> Floats:
        """(N,) how far towards the viewer the contour lies, in units."""
        z = self.grid_world[..., 2][self.edges]
        out: Floats = np.concatenate([z[_TOP:ROWS], z[ROWS + _TOP : -1][::-1]])
        return out


def turned(vertices: Picture, pose: Pose) -> Picture:
    """(N, 3) head coordinates turned about the pivot; OpenCV because BLAS would start threads for this."""
    matrix = np.column_stack([pose.turn, -pose.turn @ PIVOT])
    return single(cv2.transform(np.ascontiguousarray(vertices)[None], matrix)[0])


def projected(turned_xyz: Picture, pose: Pose) -> Picture:
    """(N, 3) turned coordinates to (N, 2), unit scale, with perspective; before roll."""
    out: Picture = turned_xyz[:, :2] * (pose.distance / (pose.distance - turned_xyz[:, 2:]))
    return out


def view_of(modes: Values, pose: Pose) -> View:
    """The head with these mode values in this pose, a pixel a unit and its pivot at the origin."""
    xyz = turned(_eyes_moved(basis().move(modes), modes), pose)
    return View(xyz, projected(xyz, pose), pose, 1.0, np.zeros(2))


def _eyes_moved(vertices: Picture, modes: Values) -> Picture:
    """Lowers the upper lids by `blink_*`, raises the lower by `squint` and moves irises by `gaze_*`; in place."""
    spans = mean_head().spans
    for side in SIDES:
        upper, lower = spans[f"lid_upper_{side}"], spans[f"lid_lower_{side}"]
        iris = spans[f"iris_{side}"]
        vertices[iris, :2] += np.array([modes.get("gaze_x", 0.0), modes.get("gaze_y", 0.0)], np.float32)
        lift = clamp(modes.get("squint", 0.0), 0, 1) * 0.35
        vertices[lower] += np.float32(lift) * (vertices[upper] - vertices[lower])
        blink = clamp(modes.get(f"blink_{side}", 0.0), -0.35, 0.98)
        vertices[upper] += np.float32(blink) * (vertices[lower] - vertices[upper])
        middle = (upper.start + upper.stop) // 2
        lid = vertices[[middle, lower.start + middle - upper.start], 1]
        inset = 0.15 * (lid[1] - lid[0])
        vertices[iris, 1] = np.minimum(np.maximum(vertices[iris, 1], lid[0] + inset), lid[1] - inset)
    return vertices
