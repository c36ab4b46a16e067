"""A face that moves, with exact points: one synthetic picture carried along a smooth path before a noisy camera.

The face rests, then moves calmly, then quickly, for as many frames each. There is no motion blur, and the face turns
in the picture's plane only; what is measured is how following and smoothing keep up, not how hard the face is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.schemes import W300_68, Scheme
from toolkit.data.sample import Sample
from toolkit.data.synthetic import VERSION, SyntheticFaces

FPS = 30
SIZE_WH = (640, 480)
PORTRAIT_PX = 400
"""Side of the picture that is moved; the face is about half of it."""
REACH = 0.5
"""How far the face swings to either side, in sides of its box."""
SPEEDS: Mapping[str, float] = {"rest": 0.0, "calm": 0.5, "quick": 2.0}
"""Highest speed in each part of the film, in sides of the face's box a second."""
NOISE = 4.0
"""Standard deviation of the camera's noise, in grey levels, new in every frame."""


@dataclass(frozen=True)
class MovingFace:
    """One face's film; the same for the same seed."""

    seed: int
    frames_each: int = 60
    """Frames of each part."""
    scheme: Scheme = W300_68

    @property
    def title(self) -> str:
        """For records."""
        return f"moving synthetic face v{VERSION}, seed {self.seed}, {len(SPEEDS)} x {self.frames_each} frames"

    @property
    def parts(self) -> dict[str, slice]:
        """The frames of each part, by its name."""
        each = self.frames_each
        return {name: slice(i * each, (i + 1) * each) for i, name in enumerate(SPEEDS)}

    def __iter__(self) -> Iterator[tuple[float, ImageArray, FloatArray]]:
        """Time in seconds, picture (480, 640, 3) RGB and points (M, 2) of each frame."""
        portrait, rng = self.portrait(), np.random.default_rng([self.seed, 1])
        phase = 0.0
        for name, part in self.parts.items():
            target = SPEEDS[name] / REACH
            for frame in range(part.start, part.stop):
                ramp = min(1.0, (frame - part.start + 1) / (0.25 * self.frames_each))  # no jerk where a part begins
                phase += ramp * target / FPS
                matrix = _motion(portrait, phase)
                scene = cv2.warpAffine(portrait.image, matrix, SIZE_WH, borderMode=cv2.BORDER_REPLICATE)
                noisy = scene + rng.normal(0, NOISE, scene.shape).astype(np.float32)
                points_xy = portrait.points_xy @ matrix[:, :2].T + matrix[:, 2]
                yield frame / FPS, np.clip(np.rint(noisy), 0, 255).astype(np.uint8), points_xy

    def portrait(self) -> Sample:
        """The first face of the seed of which nothing is hidden."""
        faces = SyntheticFaces(100, seed=self.seed, size_px=PORTRAIT_PX, scheme=self.scheme)
        return next(face for face in (faces[i] for i in range(100)) if face.covered is None or not face.covered.any())


def _motion(portrait: Sample, phase: float) -> FloatArray:
    """(2, 3) from the portrait to the frame, for an angle along the path."""
    side = float((portrait.box_xyxy[2:] - portrait.box_xyxy[:2]).max())
    middle = (portrait.box_xyxy[:2] + portrait.box_xyxy[2:]) / 2
    turn, zoom = np.deg2rad(12 * np.sin(0.8 * phase)), 1 + 0.12 * np.sin(0.6 * phase)
    linear = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    aim = (np.array(SIZE_WH) - 1) / 2 + REACH * side * np.array([np.sin(phase), 0.4 * np.sin(1.7 * phase)])
    return np.column_stack([linear, aim - linear @ middle])
