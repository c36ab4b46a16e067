"""Flicker: how much landmarks tremble from frame to frame while the face under them moves smoothly.

Two clips with exact points. `still face moved`: photos of the set, each seen through a crop that glides over it, with
a camera's noise. `synthetic clip`: faces of our own that turn and nod before the camera.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.benchmarking.framing import Framing
from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.geometry import Pose, crop_of_box, cut
from toolkit.core.progress import Progress, Steps
from toolkit.core.schemes import Scheme
from toolkit.core.selection import evenly_spaced
from toolkit.data import corruption_effects
from toolkit.data.sample import Faces, box_of_points
from toolkit.runtime.landmarker import Landmarker

FRAMES = 24
PHOTONS = 1700
"""Where a frame is white: noise of about three levels in mid gray, as an indoor camera has."""
GLIDE = 0.04
"""How far the still face moves, in sides of its box; its size changes by as much."""
TURN_DEG = 8.0
"""How far the synthetic head turns and nods to either side."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One face over time."""

    images: Sequence[ImageArray]
    boxes_xyxy: FloatArray
    """(T, 4) as a tracker would give them: of the true points, smooth over time."""
    points_xy: FloatArray
    """(T, M, 2) in each image's pixels."""
    eyes_px: float
    """Distance of the outer eye corners."""


def flicker_percent(found_xy: FloatArray, true_xy: FloatArray, eyes_px: float) -> float:
    """Mean change of a point's error from one frame to the next, in percent of the clip's one eye distance.

    Every known point of every frame counts alike. core.metrics.flicker divides each frame by the eye distance in it, as
    a video asks for in which a face comes nearer; in a clip the face hardly changes its size.

    Args:
        found_xy: (T, M, 2) predicted in image pixels.
        true_xy: (T, M, 2) in the same pixels, NaN where a point is missing.
        eyes_px: distance of the outer eye corners.
    """
    change = np.diff(found_xy - true_xy, axis=0)
    return 100 * float(np.nanmean(np.linalg.norm(change, axis=2))) / eyes_px


def clip_flicker(landmarker: Landmarker, framing: Framing, clip: Clip) -> float:
    """A landmarker's flicker over a clip, no smoothing."""
    found = []
    for image, box in zip(clip.images, clip.boxes_xyxy, strict=True):
        crop = framing.crop(box)
        found.append(crop.to_image(landmarker(cut(image, crop)).points_xy))
    return flicker_percent(np.stack(found), clip.points_xy, clip.eyes_px)


def still_clips(faces: Faces, count: int) -> Iterator[Clip]:
    """Photos, evenly spaced over the set, of which each face glides along a closed curve under its box."""
    for index in evenly_spaced(count, len(faces)):
        sample, rng = faces[index], np.random.default_rng([1, index])
        path = _closed_curve(rng, 3)
        images, points = [], []
        for across, down, size in path:
            pose = Pose(shift=(GLIDE * across, GLIDE * down), scale=0.55 * float(np.exp(GLIDE * size)))
            view = crop_of_box(sample.box_xyxy, 320, pose)
            images.append(corruption_effects.exposed(cut(sample.image, view), 1, PHOTONS, rng))
            points.append(view.to_crop(sample.points_xy))
        yield _clip(images, np.stack(points), faces.scheme)


def synthetic_clips(scheme: Scheme, count: int, size_px: int = 160) -> Iterator[Clip]:
    """Synthetic heads, each with its look, lamp and expression, that turn and nod along a closed curve."""
    from toolkit.data.synthetic.light import draw_lamp
    from toolkit.data.synthetic.look import draw_look
    from toolkit.data.synthetic.modes import draw_expression, draw_identity
    from toolkit.data.synthetic.portrait import DrawnFace, framed, paint, read_points
    from toolkit.data.synthetic.pose import HeadPose, view_of

    for index in range(count):
        rng = np.random.default_rng([3, index])
        modes, look, lamp = draw_identity(rng) | draw_expression(rng), draw_look(rng), draw_lamp(rng)
        images, points = [], []
        for yaw, pitch, roll in _closed_curve(rng, 3):
            pose = HeadPose(yaw=TURN_DEG * yaw, pitch=TURN_DEG * pitch, roll=TURN_DEG * roll / 2, distance=9.0)
            view = framed(view_of(modes, pose), size_px, np.random.default_rng([4, index]))
            scene, front = paint(view, look, lamp, modes, size_px, np.random.default_rng([5, index]))
            images.append(corruption_effects.exposed(scene, 1, PHOTONS, rng))
            points.append(read_points(DrawnFace(scene, view, front), scheme)[0].astype(np.float64))
        yield _clip(images, np.stack(points), scheme)


def _clip(images: Sequence[ImageArray], points_xy: FloatArray, scheme: Scheme) -> Clip:
    left, right = scheme.eyes
    return Clip(
        images=images,
        boxes_xyxy=np.stack([box_of_points(p) for p in points_xy]),
        points_xy=points_xy,
        eyes_px=float(np.linalg.norm(points_xy[:, left] - points_xy[:, right], axis=1).mean()),
    )


def _closed_curve(rng: np.random.Generator, axes: int) -> FloatArray:
    """(FRAMES, axes) of slow sines in [-1, 1] with random phases, each once or twice round."""
    turns = np.linspace(0, 2 * np.pi, FRAMES, endpoint=False)[:, None]
    return np.asarray(np.sin(rng.integers(1, 3, axes) * turns + rng.uniform(0, 2 * np.pi, axes)))


def measured(
    landmarkers: Sequence[tuple[Landmarker, Framing]], faces: Faces, clips: int
) -> Steps[list[dict[str, float]]]:
    """Mean flicker of each landmarker over both kinds of clips, in percent of the eye distance.

    There is no synthetic clip of a scheme whose points synthetic faces do not have.
    """
    from toolkit.data.synthetic.portrait import readable

    kinds = {"still face moved": still_clips(faces, clips)}
    if readable(faces.scheme):
        kinds["synthetic clip"] = synthetic_clips(faces.scheme, clips)
    found: list[dict[str, list[float]]] = [{kind: [] for kind in kinds} for _ in landmarkers]
    for kind, source in kinds.items():
        for done, clip in enumerate(source, start=1):
            for own, (landmarker, framing) in zip(found, landmarkers, strict=True):
                if np.isfinite(clip.eyes_px):
                    own[kind].append(clip_flicker(landmarker, framing, clip))
            yield Progress(task=f"flicker, {kind}", done=done, total=clips)
    return [{kind: round(float(np.mean(v)), 4) for kind, v in own.items() if v} for own in found]
