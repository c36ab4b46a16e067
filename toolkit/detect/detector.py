"""Faces in a picture: BlazeFace, made to find small faces and faces that fill the frame.

Nothing is downloaded and no socket opened. The network sees 128 x 128 pixels, so a face under a sixth of what it looks
at is easily missed. One look at the whole picture is enough where it shows large faces alone; where it shows none, or
a small one, of which there may be more, tiles of the picture are looked at too (`python -m tools small-faces` measures
what that misses and saves). Tiles make it see faces in folds and hair; a second look, close up, tells those from faces
and places the box better.
"""

from itertools import compress
from pathlib import Path

import cv2
import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.images import checked_image
from toolkit.detect.blazeface import MEDIAPIPE, BlazeFace, MediaPipeFaceDetector, detector_file
from toolkit.detect.boxes import SAME_FACE, Detection, area, shared

Window = tuple[int, int, int, int]
"""Left, top, right, bottom of a part of a picture, in whole pixels; right and bottom are just outside."""

MIN_SCORE = 0.7
"""What counts as a face at the second look: 99 % of real ones score above 0.8 there, small ones too."""
CLOSE_UP = 2.0
"""Side of the second look over the side of the box."""
FINEST = 2
"""Halvings of the picture's longer side for the smallest tiles: faces down to 1/24 of it are found."""
SMALLEST_TILE_PX = 192
"""Tiles are not made smaller: faces under a sixth of this are too small for landmarks."""
LARGE = 1 / 6
"""Of the picture's longer side: a face that the network sees in the whole of it. Where all are so large, no smaller
ones are looked for unless asked."""
CERTAIN, NEAR = 0.9, 0.25
"""A face that scores more in the whole picture, and takes so much of its longer side, needs no second look."""
VIEW_PX = 160
"""Parts of the picture are halved by averaging while they stay so large, since the network, which sees 128 pixels, only
samples them."""
MARGIN = 0.25
"""Border added on each side, over the longer side, for a face that fills the picture."""


class FaceDetector:
    """BlazeFace over a whole picture and tiles of it; one thread at a time."""

    def __init__(
        self,
        finest: int | None = None,
        min_score: float = MIN_SCORE,
        detector: Path | None = None,
        threads: int = 1,
    ) -> None:
        """Open the detector.

        Args:
            finest: 0 looks at the whole picture only, for a face near the camera; every step further at tiles of half
                the size too. None looks at tiles, down to FINEST, unless the whole picture shows LARGE faces alone.
            min_score: faces that score less at the second look are dropped.
            detector: BlazeFace's .tflite; None takes that of an installed mediapipe, and MEDIAPIPE runs MediaPipe's own
                FaceDetector.
            threads: CPU threads of the network; MediaPipe's own FaceDetector takes what it likes.

        Raises:
            FileNotFoundError: there is no detector's file.
            ValueError: it is another network's.
            ModuleNotFoundError: its engine is not installed.
        """
        self._asked, self._finest, self._min_score = finest is not None, FINEST if finest is None else finest, min_score
        file = detector_file(None if detector == MEDIAPIPE else detector)
        self._look_at = MediaPipeFaceDetector(file) if detector == MEDIAPIPE else BlazeFace(file, threads=threads)
        self.engine = self._look_at.engine

    def close(self) -> None:
        """End the detector's threads, if it has any; they otherwise live as long as the process."""
        self._look_at.close()

    def __call__(self, image: ImageArray) -> list[Detection]:
        """The faces in an image (H, W, 3) uint8 RGB, largest first.

        Raises:
            ValueError: it is an array of another kind.
        """
        image = checked_image(image)
        faces = self._whole(image)
        if self._asked or not faces or not all(_takes(LARGE, face, image) for face in faces):
            faces = self._in_tiles(image, faces)
        return sorted(faces, key=lambda d: -area(d.box_xyxy))

    def _whole(self, image: ImageArray) -> list[Detection]:
        """The faces seen in the whole picture or, where that is none, with a border around it."""
        height, width = image.shape[:2]
        seen = self._look(image, (0, 0, width, height))
        certain = [d.score >= CERTAIN and _takes(NEAR, d, image) for d in seen]
        doubtful = [d for d, is_certain in zip(seen, certain, strict=True) if not is_certain]
        faces = self._confirmed(image, doubtful, list(compress(seen, certain)))
        if faces:
            return faces
        margin = round(MARGIN * max(height, width))
        return self._confirmed(image, self._look(image, (-margin, -margin, width + margin, height + margin)), [])

    def _in_tiles(self, image: ImageArray, faces: list[Detection]) -> list[Detection]:
        """The known faces, and those seen in tiles down to the finest."""
        height, width = image.shape[:2]
        for step in range(1, self._finest + 1):
            side = -(-max(height, width) // 2**step)
            if side < SMALLEST_TILE_PX:
                break
            looks = ((tile, self._look(image, tile)) for tile in tiles(width, height, side))
            whole = [d for tile, seen in looks for d in seen if shows_whole(d.box_xyxy, tile, image)]
            faces = self._confirmed(image, whole, faces)
        return faces

    def _confirmed(self, image: ImageArray, candidates: list[Detection], faces: list[Detection]) -> list[Detection]:
        """The known faces, and the candidates that show another face which stands a second look."""
        faces = list(faces)
        for candidate in sorted(candidates, key=lambda d: -d.score):
            if _is_new(candidate, faces):
                closer = self._look_closer(image, candidate)
                if closer and closer.score >= self._min_score and _is_new(closer, faces):
                    faces.append(closer)
        return faces

    def _look_closer(self, image: ImageArray, candidate: Detection) -> Detection | None:
        """The same face, seen in a square of CLOSE_UP times its box; None where no face is seen there."""
        low, high = candidate.box_xyxy[:2], candidate.box_xyxy[2:]
        half = CLOSE_UP * (high - low).max() / 2
        centre = np.clip((low + high) / 2, 0, image.shape[1::-1])
        left, top = np.floor(centre - half).astype(int).tolist()
        side = int(np.ceil(2 * half)) + 1
        seen = self._look(image, (left, top, left + side, top + side))
        same = [d for d in seen if shared(d.box_xyxy, candidate.box_xyxy) > SAME_FACE]
        return max(same, key=lambda d: shared(d.box_xyxy, candidate.box_xyxy), default=None)

    def _look(self, image: ImageArray, window: Window) -> list[Detection]:
        """The faces in a part of the image, which may reach beyond it."""
        pixels, scale = view(image, window)

        def to_image(points_xy: FloatArray) -> FloatArray:
            return np.asarray((points_xy + 0.5) * scale + window[:2] - 0.5)

        return [
            Detection(
                box_xyxy=to_image(seen.box_xyxy.reshape(2, 2)).ravel(),
                score=seen.score,
                keypoints_xy=to_image(seen.keypoints_xy),
            )
            for seen in self._look_at(pixels)
        ]


def _takes(part: float, detection: Detection, image: ImageArray) -> bool:
    """Whether a face is as large as that part of the image's longer side."""
    return bool((detection.box_xyxy[2:] - detection.box_xyxy[:2]).max() >= part * max(image.shape[:2]))


def _is_new(detection: Detection, faces: list[Detection]) -> bool:
    return all(shared(detection.box_xyxy, face.box_xyxy) <= SAME_FACE for face in faces)


def tiles(width: int, height: int, side: int) -> list[Window]:
    """Squares that cover a picture, each half over the next: a face up to half a tile wide is whole in one of them."""

    def starts(length: int) -> list[int]:
        count = 1 + max(0, -(-2 * (length - side) // side))
        return [round(i * max(0, length - side) / max(1, count - 1)) for i in range(count)]

    return [(x, y, min(x + side, width), min(y + side, height)) for y in starts(height) for x in starts(width)]


def view(image: ImageArray, window: Window, view_px: int = VIEW_PX) -> tuple[ImageArray, int]:
    """A window's pixels, black beyond the image, halved while they stay `view_px`; and image pixels per view pixel.

    An odd last column or row is left out, so that halves are exact and quick.
    """
    left, top, right, bottom = window
    height, width = image.shape[:2]
    part: ImageArray = image[max(top, 0) : bottom, max(left, 0) : right]
    beyond = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
    if any(beyond):
        part = np.asarray(cv2.copyMakeBorder(part, *beyond, cv2.BORDER_CONSTANT), dtype=np.uint8)
    scale = 1
    while max(part.shape) >= 2 * view_px and min(part.shape[:2]) > 1:
        high, wide = part.shape[0] // 2, part.shape[1] // 2
        part = np.asarray(
            cv2.resize(part[: 2 * high, : 2 * wide], (wide, high), interpolation=cv2.INTER_AREA), np.uint8
        )
        scale *= 2
    return np.ascontiguousarray(part), scale


def shows_whole(box_xyxy: FloatArray, window: Window, image: ImageArray) -> bool:
    """Whether a tile shows the face whole: no side of its box is beyond an edge of the tile that cuts the image."""
    height, width = image.shape[:2]
    left, top, right, bottom = window
    starts = (left == 0 or box_xyxy[0] >= left) and (top == 0 or box_xyxy[1] >= top)
    return bool(starts and (right == width or box_xyxy[2] <= right) and (bottom == height or box_xyxy[3] <= bottom))
