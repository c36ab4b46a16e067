"""Who is who from frame to frame: portraits of followed faces, by which people keep their numbers where they cross, and
hard cuts, after which everybody is another."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.geometry import Pose, crop_of_box, cut

PORTRAIT_PX = 12
"""Portraits are so large. On YouTube Faces' training part, 309 pairs from one film each are more alike than 0.68 for 95
in 100 and 0.93 for half of them; pairs of different people than 0.43 for half, 0.73 for 5 in 100."""
FLAT = 4.0
"""Levels, of 255, by which a portrait's differ at least; a flatter one looks like anybody."""
LIKE = 0.65
"""Likeness from which a face that was lost may be the one that is found."""
SUDDEN = 0.5
"""Likeness of a crop and the one of the frame before, below which it shows another person."""
CLEARLY = 0.1
"""By so much, over two faces, the other way round must fit better before numbers are exchanged."""
FRESH = 0.1
"""What a frame adds to a portrait."""
THUMB_PX = 16
"""Frames are compared as thumbnails so large."""
ALIKE = 0.5
"""Correlation of two frames' thumbnails, below which they may be of different scenes. Of 47 pairs of 300W photos with
the face at the same place, all were below; moved by 10 px and turned by 2 degrees, none was below 0.88; moved by 40 px
and turned by 6 degrees, one in twenty."""
APART = 20.0
"""Levels, of 255, by which the thumbnails of different scenes differ too, on average, so that a small light in the dark
may jump. Those pairs differed by 40 or more."""
RESHAPED = 0.01
"""Frames whose sides' ratio differs by more are of different scenes, unless the one is the other turned."""
TURNED = 0.85
"""Correlation of a thumbnail and the turned one of the frame before, above which the picture alone was turned: from
frame to frame of one scene none was below 0.88."""


@dataclass(eq=False, kw_only=True)
class Person:
    """Whom a track follows. Where two crops cross, each may go on with the other's face; persons are then exchanged."""

    number: int
    portrait: FloatArray
    """Of the last frames in which no other face was near."""
    met: set["Person"] = field(default_factory=set)
    """Those from whom it was not told apart since."""

    def see(self, now: FloatArray) -> None:
        """Add what it looks like in a frame; a hand that passes does not replace the portrait."""
        self.portrait = _normed((1 - FRESH) * self.portrait + FRESH * now, 0.0) if now.any() else self.portrait

    def meet(self, other: "Person") -> None:
        """Their faces are one upon the other."""
        self.met.add(other)
        other.met.add(self)

    def part(self) -> None:
        """Nobody is mistaken for it any more."""
        for other in self.met:
            other.met.discard(self)
        self.met.clear()


def portrait(image: ImageArray, box_xyxy: FloatArray, roll_deg: float) -> FloatArray:
    """What a face in an image looks like, with the surroundings that a network's crop of its turned box has.

    (PORTRAIT_PX, PORTRAIT_PX, 3) of mean 0 and norm 1, or zeros where all is flat.
    """
    levels = cut(image, crop_of_box(box_xyxy, PORTRAIT_PX, Pose(rotation_deg=-roll_deg))).astype(np.float64)
    return _normed(levels - levels.mean(), FLAT * np.sqrt(levels.size))


def likeness(a: FloatArray, b: FloatArray) -> float:
    """Of two portraits, in [-1, 1]; 1 where one of them is flat and says nothing."""
    return float((a * b).sum()) if a.any() and b.any() else 1.0


def exchanged(first: Person, second: Person, now_first: FloatArray, now_second: FloatArray) -> bool:
    """Whether what two tracks show now are the portraits of one another's persons."""
    kept = likeness(first.portrait, now_first) + likeness(second.portrait, now_second)
    return likeness(first.portrait, now_second) + likeness(second.portrait, now_first) > kept + CLEARLY


@dataclass(frozen=True, kw_only=True)
class Reframed:
    """How a scene is shown otherwise than in the frame before: turned, then larger or smaller."""

    size_wh: tuple[int, int]
    """Of the frame before."""
    quarter: int = 0
    """Quarter turns to the left."""
    zoom: float = 1.0
    """How many times as large; a stream may change its size within a scene."""

    def moved(self, points_xy: FloatArray) -> FloatArray:
        """Where points (..., 2) of the frame before are now."""
        wide, high = self.size_wh
        for _ in range(self.quarter):
            points_xy = np.stack([points_xy[..., 1], wide - 1 - points_xy[..., 0]], axis=-1)
            wide, high = high, wide
        return np.asarray((points_xy + 0.5) * self.zoom - 0.5)


class Cuts:
    """Frames in, whether each begins another scene out."""

    def __init__(self) -> None:
        """Begin before the first frame, which begins none."""
        self.reframed: Reframed | None = None
        """How the last frame shows the scene of the one before; None where as that did, or after a cut."""
        self._size_wh: tuple[int, int] | None = None
        self._before = np.zeros((THUMB_PX, THUMB_PX, 3))

    def __call__(self, image: ImageArray) -> bool:
        """Whether a frame (H, W, 3) is of another scene than the one before, or of another shape and not turned."""
        height, width = image.shape[:2]
        step = max(1, min(height, width) // (4 * THUMB_PX))
        thumbnail = cv2.resize(image[::step, ::step], (THUMB_PX, THUMB_PX), interpolation=cv2.INTER_AREA).astype(float)
        before, size_wh = self._before, self._size_wh
        self._size_wh, self._before, self.reframed = (width, height), thumbnail, None
        if size_wh is None:
            return False
        apart = float(np.abs(thumbnail - before).mean())
        if _alike((width, height), size_wh) and not (apart > APART and _correlation(thumbnail, before) < ALIKE):
            if width != size_wh[0]:
                self.reframed = Reframed(size_wh=size_wh, zoom=width / size_wh[0])
            return False
        for quarter in (1, 2, 3):
            wide, high = size_wh if quarter == 2 else size_wh[::-1]
            turned = np.rot90(before, quarter)
            if _alike((width, height), (wide, high)) and _correlation(thumbnail, turned) > TURNED:
                self.reframed = Reframed(size_wh=size_wh, quarter=quarter, zoom=width / wide)
                return False
        return True


def _alike(size_wh: tuple[int, int], before_wh: tuple[int, int]) -> bool:
    """Whether two frames have one shape, whatever their sizes."""
    return abs(size_wh[1] / before_wh[1] * before_wh[0] / size_wh[0] - 1) <= RESHAPED


def _correlation(a: FloatArray, b: FloatArray) -> float:
    """Of two pictures, in [-1, 1], whatever their colours' levels; 0 where one is flat."""
    a, b = a - a.mean(axis=(0, 1)), b - b.mean(axis=(0, 1))
    scale = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float((a * b).sum()) / scale if scale > 0 else 0.0


def _normed(levels: FloatArray, least: float) -> FloatArray:
    """Of norm 1; zeros where it is not above the least."""
    norm = float(np.linalg.norm(levels))
    return levels / norm if norm > least else np.zeros_like(levels)
