"""Where the head is seen from: pose, weak perspective, and the curves of the face in the image."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.synthetic.arrays import Floats, Picture, single
from toolkit.data.synthetic.head import COLUMNS, CROWN_ROWS, JAW_ROWS, ROWS, mean_head
from toolkit.data.synthetic.modes import Values, basis

PIVOT = np.array([0.0, 0.3, -0.6], np.float32)


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
    """A random pose: yaw mostly within 30 degrees and up to 60, pitch and roll mostly within 20."""
    yaw = rng.normal(0, 13) if rng.random() < 0.75 else rng.uniform(-40, 40) + rng.normal(0, 7)
    return Pose(
        yaw=float(np.clip(yaw, -60, 60)),
        pitch=float(np.clip(rng.normal(2, 9), -26, 26)),
        roll=float(np.clip(rng.normal(0, 8) + 0.1 * yaw * rng.normal(), -35, 35)),
        distance=float(np.exp(rng.uniform(np.log(5), np.log(20)))),
    )


class View:
    """One posed head in the image: every curve in pixels."""

    def __init__(self, turned: Picture, pose: Pose, unit_px: float, shift_xy: Floats) -> None:
        """From (V, 3) turned vertices about the pivot, the pixels a unit spans and the pivot's place in the image."""
        self.pose = pose
        self._world = turned
        self._scale, self._shift = unit_px, np.asarray(shift_xy, np.float32)
        self._flat = self._project(turned)
        self._pixels = self._to_image(self._flat)

    def placed(self, unit_px: float, shift_xy: Floats) -> "View":
        """The same head elsewhere in the image, or larger."""
        return View(self._world, self.pose, unit_px, shift_xy)

    @property
    def unit_px(self) -> float:
        """Pixels per unit."""
        return self._scale

    def _project(self, turned: Picture) -> Picture:
        """(N, 3) turned coordinates to (N, 2), unit scale, with perspective; roll is left for `_to_image`."""
        out: Picture = turned[:, :2] * (self.pose.distance / (self.pose.distance - turned[:, 2:]))
        return out

    def _to_image(self, flat: Picture) -> Picture:
        angle = np.radians(self.pose.roll)
        c, s = np.cos(angle) * self._scale, np.sin(angle) * self._scale
        matrix = np.array([[c, -s, self._shift[0]], [s, c, self._shift[1]]], np.float32)
        return single(cv2.transform(flat[None], matrix)[0])

    def image_of(self, xyz: Floats) -> Floats:
        """(N, 2) pixels of (N, 3) head coordinates."""
        return self._to_image(self._project(_turned(np.asarray(xyz, np.float32), self.pose)))

    def curve(self, name: str) -> Floats:
        """(SAMPLES, 2) pixels of a named curve."""
        return self._pixels[mean_head().spans[name]]

    @cached_property
    def grid_world(self) -> Picture:
        """(ROWS, COLUMNS, 3) the surface, turned, in units."""
        return self._world[: ROWS * COLUMNS].reshape(ROWS, COLUMNS, 3)

    @cached_property
    def grid(self) -> Floats:
        """(ROWS, COLUMNS, 2) the surface in pixels."""
        return self._pixels[: ROWS * COLUMNS].reshape(ROWS, COLUMNS, 2)

    def _extreme(self, columns: slice, outward: float) -> NDArray[np.int64]:
        across = self._flat[: ROWS * COLUMNS, 0].reshape(ROWS, COLUMNS)[:, columns]
        return np.asarray(np.argmax(across * outward, axis=1) + (columns.start or 0), np.int64)

    @cached_property
    def outline(self) -> tuple[Floats, Floats]:
        """The visible edge of the face at the image's left and right, (ROWS, 2) each, crown to chin.

        That is the jaw's own edge, or the surface's silhouette on the side turned away, as annotators follow it.
        """
        rows = np.arange(ROWS)
        left = self._extreme(slice(0, COLUMNS // 3), -1.0)
        right = self._extreme(slice(2 * COLUMNS // 3, COLUMNS), 1.0)
        return self.grid[rows, left], self.grid[rows, right]

    @cached_property
    def contour(self) -> Floats:
        """(2 * JAW_ROWS - 1, 2) the jaw contour from the image-left ear round the chin to the other."""
        left, right = self.outline
        out: Floats = np.concatenate([left[CROWN_ROWS:], right[CROWN_ROWS:-1][::-1]])
        assert len(out) == 2 * JAW_ROWS - 1
        return out


def _turned(vertices: Picture, pose: Pose) -> Picture:
    """(N, 3) head coordinates turned about the pivot; OpenCV because BLAS would start threads for this."""
    matrix = np.column_stack([pose.turn, -pose.turn @ PIVOT])
    return single(cv2.transform(np.ascontiguousarray(vertices)[None], matrix)[0])


def view_of(modes: Values, pose: Pose) -> View:
    """The head with these mode values in this pose, a pixel a unit and its pivot at the origin."""
    return View(_turned(_shut_lids(basis().move(modes), modes), pose), pose, 1.0, np.zeros(2))


def _shut_lids(vertices: Picture, modes: Values) -> Picture:
    """Lowers the upper lids by `blink_*` and raises the lower lids by `squint`; in place."""
    spans = mean_head().spans
    for side in ("left", "right"):
        upper, lower = spans[f"lid_upper_{side}"], spans[f"lid_lower_{side}"]
        lift = np.clip(modes.get("squint", 0.0), 0, 1) * 0.35
        vertices[lower] += np.float32(lift) * (vertices[upper] - vertices[lower])
        blink = np.clip(modes.get(f"blink_{side}", 0.0), -0.35, 0.98)
        vertices[upper] += np.float32(blink) * (vertices[lower] - vertices[upper])
    return vertices
