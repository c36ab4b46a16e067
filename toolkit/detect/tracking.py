"""Faces over the frames of a video: found once, then followed by their own landmarks.

A crop is made around the points of the frame before, as training crops around true points, moved on as the face moves:
without that, a quick face leaves its crop. The detector runs only while fewer faces are followed than wanted, and then
not in every frame. A hard cut, a frame that has nothing to do with the one before, ends all tracks.
"""

from dataclasses import dataclass
from itertools import cycle

import cv2
import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.images import checked_image
from toolkit.core.smoothing import SMOOTHING, OneEuro, Smoother
from toolkit.core.stopwatch import Stopwatch
from toolkit.detect.boxes import SAME_FACE, calibrate, part_inside, shared, similar
from toolkit.detect.landmarks import PASSES, SURE, CropPrediction, Detector, FaceLandmarks, landmarks_of, surest
from toolkit.detect.turned import QUARTERS, crop_around, faces_any_way_up
from toolkit.runtime.landmarker import Landmarker

SAME_TRACK = 0.6
"""Two tracks are on one face when their boxes share more than this part of the smaller one."""
LARGEST = 4.0
"""A face is not so many times as large as the picture's longer side; points of a bad network can grow beyond."""
THUMB_PX = 16
"""Frames are compared as thumbnails so large."""
ALIKE = 0.5
"""Correlation of two frames' thumbnails, below which they may be of different scenes. Of 47 pairs of 300W photos with
the face at the same place, all were below; moved by 10 px and turned by 2 degrees, none was below 0.88; moved by 40 px
and turned by 6 degrees, one in twenty."""
APART = 20.0
"""Levels, of 255, by which the thumbnails of different scenes differ too, on average, so that a small light in the dark
may jump. Those pairs differed by 40 or more."""


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """When faces are looked for, and when one is lost."""

    faces: int = 4
    """Faces to follow at most; with 1 the detector rests while a face is followed."""
    look_again_s: float = 1.0
    """Time between two looks for further faces. While no face is followed, or a lost one is remembered, every frame is
    looked at."""
    min_confidence: float = SURE
    """A face is lost when its points' mean confidence is below this."""
    min_inside: float = 0.5
    """A face is lost when less than this part of its box is in the picture."""
    remember_s: float = 1.0
    """A lost face that is found again where it was gets its number back within this time."""
    leeway: float = 0.01
    """A face moves when the centre of its box does by more than this part of the longer side from frame to frame; less
    is the points' own trembling."""
    ahead_s: float = 0.1
    """A crop is moved on for so long at most."""
    smoothing: OneEuro | None = SMOOTHING
    """None gives the points as the network does."""

    def __post_init__(self) -> None:
        if self.faces < 1:
            raise ValueError(f"expected one face or more to follow, got {self.faces}")
        if not (0 <= self.min_confidence <= 1 and 0 <= self.min_inside <= 1):
            raise ValueError(f"confidence and part inside lie in [0, 1], got {self.min_confidence}, {self.min_inside}")


TRACKING = Tracking()


@dataclass(frozen=True, kw_only=True)
class TrackedFace(FaceLandmarks):
    """One face of a frame; `score` is the detector's from when it was found."""

    track: int
    """Number of the face, from 1, the same in all frames up to a hard cut; never given to another face."""


@dataclass(kw_only=True)
class _Track:
    """A face that is followed; all but the number changes with every frame."""

    number: int
    score: float
    look: CropPrediction
    """The last crop and its points, as the network gives them, in image pixels."""
    box_xyxy: FloatArray
    """The box around the points: the next crop is made of it, moved on."""
    roll_deg: float
    """By how much the next crop is turned."""
    speed_xy: FloatArray
    """(2,) of the box, in pixels a second."""
    seconds: float
    smoother: Smoother | None


class FaceTracker:
    """Frames in, faces with their numbers out."""

    def __init__(
        self,
        detector: Detector,
        landmarker: Landmarker,
        settings: Tracking = TRACKING,
        watch: Stopwatch | None = None,
    ) -> None:
        """Begin with no face.

        Args:
            detector: finds faces in a whole picture.
            landmarker: runs on crops.
            settings: see Tracking.
            watch: gets the stages detect, crop, network and smooth.
        """
        self._detector, self._landmarker, self._settings = detector, landmarker, settings
        self._watch = watch or Stopwatch()
        self._tracks: list[_Track] = []
        self._lost: list[_Track] = []
        self._looked_s = -np.inf
        self._numbers = 0
        self._cuts = Cuts()
        self._quarters = cycle(QUARTERS)

    def __call__(self, image: ImageArray, seconds: float) -> list[TrackedFace]:
        """The faces of the next frame, in the order of their numbers.

        Args:
            image: (H, W, 3) uint8 RGB.
            seconds: when it was taken, later than the frame before.

        Raises:
            ValueError: it is an array of another kind; no track is touched.
        """
        image = checked_image(image)
        if self._cuts(image):
            self._tracks, self._lost, self._looked_s = [], [], -np.inf
        followed = [track for track in self._tracks if self._follow(track, image, seconds)]
        kept = _distinct(followed)
        self._lost += [track for track in self._tracks if track not in kept]
        self._lost = [track for track in self._lost if seconds - track.seconds <= self._settings.remember_s]
        self._tracks = kept
        if self._should_look(seconds):
            self._looked_s = seconds
            self._look(image, seconds)
        return [self._face(track) for track in sorted(self._tracks, key=lambda track: track.number)]

    def _follow(self, track: _Track, image: ImageArray, seconds: float) -> bool:
        """Predict on the crop around the last points; whether the face still is there."""
        ahead = track.speed_xy * min(seconds - track.seconds, self._settings.ahead_s)
        crop_xyxy = track.box_xyxy + np.tile(ahead, 2)
        look = landmarks_of(image, crop_xyxy, self._landmarker, 1, self._watch, roll_deg=track.roll_deg)
        box_xyxy, roll_deg = crop_around(look.seen.points_xy, self._landmarker.scheme)
        if not self._is_face(look, box_xyxy, image):
            return False
        moved = _moved(track.box_xyxy, box_xyxy, self._settings.leeway)
        track.speed_xy = moved / (seconds - track.seconds)
        track.look, track.box_xyxy, track.roll_deg, track.seconds = look, box_xyxy, roll_deg, seconds
        return True

    def _is_face(self, look: CropPrediction, box_xyxy: FloatArray, image: ImageArray) -> bool:
        longer = float((box_xyxy[2:] - box_xyxy[:2]).max())
        inside = part_inside(box_xyxy, image) >= self._settings.min_inside and longer < LARGEST * max(image.shape)
        return look.confidence >= self._settings.min_confidence and inside and similar(box_xyxy, look.box_xyxy)

    def _should_look(self, seconds: float) -> bool:
        if len(self._tracks) >= self._settings.faces:
            return False
        return not self._tracks or bool(self._lost) or seconds - self._looked_s >= self._settings.look_again_s

    def _look(self, image: ImageArray, seconds: float) -> None:
        """Begin a track for every face that is not followed yet, the largest first.

        Where none is followed, one of the picture's other sides is looked at too, another one each time.
        """
        with self._watch("detect"):
            faces = faces_any_way_up(image, self._detector, () if self._tracks else (next(self._quarters),))
        for views in faces:
            taken = self._at(calibrate(views[0].box_xyxy), self._tracks)
            if len(self._tracks) >= self._settings.faces or taken:
                continue
            look, score = surest(image, views, self._landmarker, PASSES, self._watch)
            box_xyxy, roll_deg = crop_around(look.seen.points_xy, self._landmarker.scheme)
            if not self._is_face(look, box_xyxy, image) or self._at(box_xyxy, self._tracks):
                continue
            smoothing = self._settings.smoothing
            self._tracks.append(
                _Track(
                    number=self._number(box_xyxy),
                    score=score,
                    look=look,
                    box_xyxy=box_xyxy,
                    roll_deg=roll_deg,
                    speed_xy=np.zeros(2),
                    seconds=seconds,
                    smoother=None if smoothing is None else Smoother(smoothing),
                )
            )

    def _at(self, box_xyxy: FloatArray, tracks: list[_Track]) -> _Track | None:
        """The track whose face is where the box is."""
        return next((track for track in tracks if shared(track.box_xyxy, box_xyxy) > SAME_FACE), None)

    def _number(self, box_xyxy: FloatArray) -> int:
        """That of the face that was lost there, or the next one."""
        again = self._at(box_xyxy, self._lost)
        if again is not None:
            self._lost.remove(again)
            return again.number
        self._numbers += 1
        return self._numbers

    def _face(self, track: _Track) -> TrackedFace:
        points_xy = track.look.seen.points_xy
        if track.smoother is not None:
            with self._watch("smooth"):
                points_xy = track.smoother(points_xy, track.seconds)
        return TrackedFace(
            points_xy=points_xy,
            confidence=track.look.seen.confidence,
            box_xyxy=track.look.box_xyxy,
            roll_deg=track.look.roll_deg,
            score=track.score,
            track=track.number,
        )


def _moved(before_xyxy: FloatArray, box_xyxy: FloatArray, leeway: float) -> FloatArray:
    """How far (2,) the centre of a box has moved, less the part that may be trembling."""
    shift = (box_xyxy[:2] + box_xyxy[2:] - before_xyxy[:2] - before_xyxy[2:]) / 2
    still = leeway * float((box_xyxy[2:] - box_xyxy[:2]).max())
    length = float(np.linalg.norm(shift))
    return np.asarray(shift * (1 - still / length)) if length > still else np.zeros(2)


def _distinct(tracks: list[_Track]) -> list[_Track]:
    """Those that follow a face of their own: of two on one face, the surer one, whose crop is in place."""
    kept: list[_Track] = []
    for track in sorted(tracks, key=lambda t: -t.look.confidence):
        if all(shared(track.box_xyxy, other.box_xyxy) <= SAME_TRACK for other in kept):
            kept.append(track)
    return kept


class Cuts:
    """Frames in, whether each begins another scene out."""

    def __init__(self) -> None:
        """Begin before the first frame, which begins none."""
        self._shape: tuple[int, ...] | None = None
        self._before = np.zeros((THUMB_PX, THUMB_PX, 3))

    def __call__(self, image: ImageArray) -> bool:
        """Whether a frame (H, W, 3) is of another scene, or another size, than the one before."""
        step = max(1, min(image.shape[:2]) // (4 * THUMB_PX))
        thumbnail = cv2.resize(image[::step, ::step], (THUMB_PX, THUMB_PX), interpolation=cv2.INTER_AREA).astype(float)
        before, first = self._before, self._shape is None
        resized = not first and image.shape != self._shape
        self._shape, self._before = image.shape, thumbnail
        apart = float(np.abs(thumbnail - before).mean())
        return not first and (resized or (apart > APART and _correlation(thumbnail, before) < ALIKE))


def _correlation(a: FloatArray, b: FloatArray) -> float:
    """Of two pictures, in [-1, 1], whatever their colours' levels; 0 where one is flat."""
    a, b = a - a.mean(axis=(0, 1)), b - b.mean(axis=(0, 1))
    scale = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float((a * b).sum()) / scale if scale > 0 else 0.0
