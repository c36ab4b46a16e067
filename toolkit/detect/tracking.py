"""Faces over the frames of a video: found once, then followed by their own landmarks.

A crop is made around the points of the frame before, as training crops around true points, moved on as the face moves:
without that, a quick face leaves its crop. The detector runs only while fewer faces are followed than wanted, and then
not in every frame. A hard cut, a frame that has nothing to do with the one before, ends all tracks; a frame that is
larger, smaller or turned alone does not. Numbers belong to persons: where faces cross, portraits tell who went where.
"""

import math
from dataclasses import dataclass
from itertools import combinations, cycle

import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.geometry import BOX_SCALE
from toolkit.core.images import checked_image
from toolkit.core.smoothing import SMOOTHING, OneEuro, Smoother
from toolkit.core.stopwatch import Stopwatch
from toolkit.core.video import APART_S
from toolkit.detect.boxes import SAME_FACE, calibrate, part_inside, shared, similar
from toolkit.detect.ensemble import Mirrored
from toolkit.detect.identity import CLEARLY, LIKE, SUDDEN, Cuts, Person, Reframed, exchanged, likeness, portrait
from toolkit.detect.landmarks import PASSES, CropPrediction, Detector, FaceLandmarks, landmarks_of, surest
from toolkit.detect.turned import QUARTERS, crop_around, faces_any_way_up
from toolkit.runtime.landmarker import Landmarker

SAME_TRACK = 0.6
"""Two tracks are on one face when their boxes share more than this part of the smaller one."""
LARGEST = 4.0
"""A face is not so many times as large as the picture's longer side; points of a bad network can grow beyond."""
BEHIND = 3.0
"""A face that was lost beside another one may be behind it, and is remembered so many times as long."""
TOUCH = 0.15
"""Faces whose crops share more of the smaller one may be mistaken for one another, until they are apart again."""


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """When faces are looked for, and when one is lost."""

    faces: int = 4
    """Faces to follow at most; with 1 the detector rests while a face is followed."""
    look_again_s: float = 1.0
    """Time between two looks for further faces. While no face is followed, or a lost one is remembered, every frame is
    looked at."""
    min_confidence: float | None = None
    """A face is lost when its points' mean confidence is below this; None: below the network's own floor."""
    min_inside: float = 0.5
    """A face is lost when less than this part of its box is in the picture."""
    remember_s: float = 1.0
    """A lost face that is found again where it was, or went on to, gets its number back within this time, if it still
    looks the same."""
    leeway: float = 0.01
    """A face moves when the centre of its box does by more than this part of the longer side from frame to frame; less
    is the points' own trembling."""
    ahead_s: float = 0.1
    """A crop is moved on for so long at most."""
    flip_test: bool = False
    """Whether points are the mean of those in a crop and in its mirror image, which tremble less (results/angles)."""
    smoothing: OneEuro | None = SMOOTHING
    """None gives the points as the network does."""

    def __post_init__(self) -> None:
        if self.faces < 1:
            raise ValueError(f"expected one face or more to follow, got {self.faces}")
        for name in ("min_confidence", "min_inside"):
            share = getattr(self, name)
            if share is not None and not 0 <= share <= 1:
                raise ValueError(f"{name} must be from 0 to 1, got {share}")


TRACKING = Tracking()


@dataclass(frozen=True, kw_only=True)
class TrackedFace(FaceLandmarks):
    """One face of a frame; `score` is the detector's from when it was found."""

    track: int
    """Number of the face, from 1, the same in all frames up to a hard cut; never given to another face."""


@dataclass(eq=False, kw_only=True)
class _Track:
    """A face that is followed; all changes with every frame, the person only where two have crossed."""

    who: Person
    score: float
    look: CropPrediction
    """The last crop and its points, as the network gives them, in image pixels."""
    portrait: FloatArray
    """Of the last frame."""
    box_xyxy: FloatArray
    """The box around the points: the next crop is made of it, moved on."""
    roll_deg: float
    """By how much the next crop is turned."""
    speed_xy: FloatArray
    """(2,) of the box, in pixels a second."""
    seconds: float
    smoother: Smoother | None

    def reframe(self, how: Reframed) -> None:
        """Be where the face is in a frame that shows the scene otherwise; the portrait, being upright, stays."""
        low, high = self.box_xyxy[:2], self.box_xyxy[2:]
        centre, half = how.moved((low + high) / 2), (high - low) / 2 * how.zoom
        self.box_xyxy = np.concatenate([centre - half, centre + half])
        self.roll_deg = (self.roll_deg - 90 * how.quarter + 180) % 360 - 180
        self.speed_xy = how.moved(self.speed_xy) - how.moved(np.zeros(2))


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
        self._detector, self._settings = detector, settings
        self._landmarker = Mirrored(landmarker) if settings.flip_test else landmarker
        self._watch = watch or Stopwatch()
        self._tracks: list[_Track] = []
        self._lost: list[_Track] = []
        self._seconds = self._looked_s = -np.inf
        self._numbers = 0
        self._cuts = Cuts()
        self._quarters = cycle(QUARTERS)

    def __call__(self, image: ImageArray, seconds: float) -> list[TrackedFace]:
        """The faces of the next frame, in the order of their numbers.

        Args:
            image: (H, W, 3) uint8 RGB.
            seconds: when it was taken, later than the frame before.

        Raises:
            ValueError: it is an array of another kind, or not later; no track is touched.
        """
        image = checked_image(image)
        if not (math.isfinite(seconds) and seconds - self._seconds >= APART_S):
            raise ValueError(f"expected a frame later than the one at {self._seconds} s, got one at {seconds} s")
        self._seconds = seconds
        if self._cuts(image):
            self._tracks, self._lost, self._looked_s = [], [], -np.inf
        elif self._cuts.reframed is not None:
            for track in (*self._tracks, *self._lost):
                track.reframe(self._cuts.reframed)
                track.smoother = self._smoother()
        followed = [track for track in self._tracks if self._follow(track, image, seconds)]
        kept = _distinct(followed)
        self._lost += [track for track in self._tracks if track not in kept]
        self._tracks = kept
        self._forget(seconds)
        if self._should_look(seconds):
            self._looked_s = seconds
            self._look(image, seconds)
        self._tell_apart()
        return [self._face(track) for track in sorted(self._tracks, key=lambda track: track.who.number)]

    def _forget(self, seconds: float) -> None:
        """Give up faces that were lost too long ago; who is left of two that met is whom it looks like."""
        gone = []
        for lost in self._lost:
            left = [track for track in self._tracks if track.who in lost.who.met]
            if len(left) == 1:
                here = left[0]
                if likeness(lost.who.portrait, here.portrait) > likeness(here.who.portrait, here.portrait) + CLEARLY:
                    lost.who, here.who = here.who, lost.who
            if seconds - lost.seconds > self._settings.remember_s * (BEHIND if left else 1):
                gone.append(lost)
                lost.who.part()
        self._lost = [track for track in self._lost if track not in gone]

    def _tell_apart(self) -> None:
        """Keep portraits of those who are alone, and see who is who among those who met and are apart again."""
        for a, b in combinations(self._tracks, 2):
            if shared(_grown(a.box_xyxy, BOX_SCALE), _grown(b.box_xyxy, BOX_SCALE)) > TOUCH:
                a.who.meet(b.who)
            elif b.who in a.who.met:
                _put_right(a, b)
                a.who.met.discard(b.who)
                b.who.met.discard(a.who)
                for track in (a, b):
                    if not track.who.met and likeness(track.who.portrait, track.portrait) < SUDDEN:
                        track.who = self._somebody(track.portrait)
        for track in self._tracks:
            if not track.who.met:
                track.who.see(track.portrait)

    def _follow(self, track: _Track, image: ImageArray, seconds: float) -> bool:
        """Predict on the crop around the last points; whether the face still is there."""
        ahead = track.speed_xy * min(seconds - track.seconds, self._settings.ahead_s)
        crop_xyxy = track.box_xyxy + np.tile(ahead, 2)
        look = landmarks_of(image, crop_xyxy, self._landmarker, 1, self._watch, roll_deg=track.roll_deg)
        box_xyxy, roll_deg = crop_around(look.seen.points_xy, self._landmarker.scheme)
        if not self._is_face(look, box_xyxy, image):
            return False
        seen = portrait(image, box_xyxy, roll_deg)
        if not track.who.met and likeness(seen, track.portrait) < SUDDEN:
            track.who, track.smoother = self._somebody(seen), self._smoother()  # as after a cut in one room
        track.portrait = seen
        moved = _moved(track.box_xyxy, box_xyxy, self._settings.leeway)
        track.speed_xy = moved / (seconds - track.seconds)
        track.look, track.box_xyxy, track.roll_deg, track.seconds = look, box_xyxy, roll_deg, seconds
        return True

    def _is_face(self, look: CropPrediction, box_xyxy: FloatArray, image: ImageArray) -> bool:
        longer = float((box_xyxy[2:] - box_xyxy[:2]).max())
        inside = part_inside(box_xyxy, image) >= self._settings.min_inside and longer < LARGEST * max(image.shape)
        wanted = self._settings.min_confidence
        sure = look.confidence >= (self._landmarker.confidence_floor if wanted is None else wanted)
        return sure and inside and similar(box_xyxy, look.box_xyxy)

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
            seen = portrait(image, box_xyxy, roll_deg)
            found = _Track(
                who=self._who(box_xyxy, seconds, seen),
                score=score,
                look=look,
                portrait=seen,
                box_xyxy=box_xyxy,
                roll_deg=roll_deg,
                speed_xy=np.zeros(2),
                seconds=seconds,
                smoother=self._smoother(),
            )
            for other in self._tracks:
                if other.who in found.who.met:
                    _put_right(other, found)
            self._tracks.append(found)

    def _at(self, box_xyxy: FloatArray, tracks: list[_Track]) -> _Track | None:
        """The track whose face is where the box is."""
        return next((track for track in tracks if shared(track.box_xyxy, box_xyxy) > SAME_FACE), None)

    def _who(self, box_xyxy: FloatArray, seconds: float, seen: FloatArray) -> Person:
        """Who was lost there and looks like that, or one more person."""
        for lost in self._lost:  # of one that is still half hidden, looks say nothing yet
            looks_so = lost.who.met or likeness(lost.who.portrait, seen) > LIKE
            if looks_so and self._may_be_at(lost, box_xyxy, seconds):
                self._lost.remove(lost)
                return lost.who
        return self._somebody(seen)

    def _smoother(self) -> Smoother | None:
        return None if self._settings.smoothing is None else Smoother(self._settings.smoothing)

    def _somebody(self, seen: FloatArray) -> Person:
        self._numbers += 1
        return Person(number=self._numbers, portrait=seen)

    def _may_be_at(self, lost: _Track, box_xyxy: FloatArray, seconds: float) -> bool:
        """Whether a lost face can be there: where it was, where it was going, or beside one that it met."""
        moved = lost.box_xyxy + np.tile(lost.speed_xy * (seconds - lost.seconds), 2)
        places = [lost.box_xyxy, moved, *(_grown(t.box_xyxy, 2) for t in self._tracks if t.who in lost.who.met)]
        return any(shared(place, box_xyxy) > SAME_FACE for place in places)

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
            track=track.who.number,
        )


def _moved(before_xyxy: FloatArray, box_xyxy: FloatArray, leeway: float) -> FloatArray:
    """How far (2,) the centre of a box has moved, less the part that may be trembling."""
    shift = (box_xyxy[:2] + box_xyxy[2:] - before_xyxy[:2] - before_xyxy[2:]) / 2
    still = leeway * float((box_xyxy[2:] - box_xyxy[:2]).max())
    length = float(np.linalg.norm(shift))
    return np.asarray(shift * (1 - still / length)) if length > still else np.zeros(2)


def _put_right(a: _Track, b: _Track) -> None:
    """Exchange the persons of two tracks that each follow the other's."""
    if exchanged(a.who, b.who, a.portrait, b.portrait):
        a.who, b.who = b.who, a.who


def _grown(box_xyxy: FloatArray, times: float) -> FloatArray:
    """So many times as wide and high around its middle."""
    more = (box_xyxy[2:] - box_xyxy[:2]) * (times - 1) / 2
    return np.asarray(box_xyxy + np.concatenate([-more, more]))


def _distinct(tracks: list[_Track]) -> list[_Track]:
    """Those that follow a face of their own: of two on one face, the surer one, whose crop is in place."""
    kept: list[_Track] = []
    for track in sorted(tracks, key=lambda t: -t.look.confidence):
        same = [other for other in kept if shared(track.box_xyxy, other.box_xyxy) > SAME_TRACK]
        for other in same:
            track.who.meet(other.who)
        if not same:
            kept.append(track)
    return kept
