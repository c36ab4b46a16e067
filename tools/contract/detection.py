"""Golden cases of the face detector's steps, no network in them: pictures to input, outputs to faces, its looks."""

from itertools import count
from typing import Any

import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.detect.blazeface import (
    CANDIDATE_SCORE,
    KEYPOINTS,
    RANGE,
    anchors,
    decode,
    detections,
    letterboxed,
    suppress,
)
from toolkit.detect.boxes import Detection
from toolkit.detect.detector import FaceDetector, Window, view

PARTS = {"wide": (0, 0, 150, 70), "tall": (40, 5, 110, 130), "small": (3, 8, 43, 38), "whole": (0, 0, 150, 130)}
"""Left, top, right and bottom of parts of the pattern: shrunk and enlarged, with borders at each pair of sides."""
EVERY = 11
"""Of the network's 128 rows and columns, which ones are kept."""
LOWEST = -20.0
"""The logit of all anchors that are not listed."""
ANCHORS = ((40, 41, 300, 511), (2, 515, 516, 700), (600, 640, 894, 895), (17,))
"""What is seen in each case: anchors of the fine grid, which is first, and of the coarse one; two of a cell show one
face."""
SIZES_WH = ((128, 128), (640, 480), (90, 200), (31, 47))
VIEWS = (((0, 0, 150, 130), 20), ((-21, -9, 100, 140), 32), ((120, 100, 190, 163), 40), ((30, 10, 149, 12), 9))
"""Windows of the pattern, beyond it too, and the view_px that they are halved to."""
SEEN_FROM = 1 / 8
"""Of a window's longer side: a scripted face under it is not seen."""


def detected(image: ImageArray) -> dict[str, Any]:
    """The content of detector.json.

    Args:
        image: the golden pattern (130, 150, 3).
    """
    return {
        "letterboxed": {"every": EVERY, "tolerance_levels": 1, "pictures": [_shown(image, part) for part in PARTS]},
        "seen": [_seen(number) for number in range(len(ANCHORS))],
        "viewed_every": EVERY,
        "viewed": [_viewed(image, window, view_px) for window, view_px in VIEWS],
        "seen_from": round(SEEN_FROM, 6),
        "searched": [_searched(size_wh, faces, finest) for size_wh, faces in SEARCHES for finest in (None, 0, 2)],
    }


SEARCHES: tuple[tuple[tuple[int, int], list[tuple[list[int], float]]], ...] = (
    ((1000, 750), [([300, 200, 600, 500], 0.95), ([820, 600, 900, 680], 0.8)]),  # a certain face, and a small one
    ((1000, 750), [([300, 200, 600, 500], 0.85), ([820, 600, 900, 680], 0.8)]),  # one that needs a second look
    ((1000, 750), [([300, 200, 600, 500], 0.95), ([700, 100, 840, 240], 0.8)]),  # somebody is behind: there may be more
    ((1000, 750), [([300, 200, 480, 380], 0.95)]),  # surely a face, and large, but not so near
    ((1200, 900), [([700, 300, 790, 390], 0.9), ([100, 100, 160, 160], 0.6)]),  # small ones, the second no face
    ((500, 400), []),
)
"""Sizes of pictures, and what the detector sees in them: square boxes, and scores from near and far alike."""


class ScriptedDetector(FaceDetector):
    """Sees scripted faces in every window that shows them whole and large enough, and counts its looks."""

    def __init__(self, faces: list[tuple[list[int], float]], finest: int | None) -> None:
        super().__init__(finest)
        self._faces, self.looks = faces, count()

    def _look(self, image: ImageArray, window: Window) -> list[Detection]:
        next(self.looks)
        low, high = np.array(window[:2]), np.array(window[2:])
        found = []
        for box, score in self._faces:
            corners = np.array(box, float).reshape(2, 2)
            is_whole = bool((corners[0] > low).all() and (corners[1] < high).all())
            if is_whole and np.ptp(corners[:, 0]) >= SEEN_FROM * (high - low).max():
                found.append(Detection(box_xyxy=corners.ravel(), score=score, keypoints_xy=np.repeat(corners, 3, 0)))
        return found


def _searched(size_wh: tuple[int, int], faces: list[tuple[list[int], float]], finest: int | None) -> dict[str, Any]:
    """How often the detector looks at a picture of that size, and what it finds."""
    detector = ScriptedDetector(faces, finest)
    found = detector(np.zeros((size_wh[1], size_wh[0], 3), np.uint8))
    return {
        "size_wh": list(size_wh),
        "faces": [{"box_xyxy": box, "score": score} for box, score in faces],
        "finest": finest,
        "looks": next(detector.looks),
        "found_xyxy": [face.box_xyxy.tolist() for face in found],
    }


def _viewed(image: ImageArray, window: Window, view_px: int) -> dict[str, Any]:
    """A window of the pattern, halved; of its colours' levels every so many are kept."""
    pixels, scale = view(image, window, view_px)
    return {
        "window_xyxy": list(window),
        "view_px": view_px,
        "size_wh": list(pixels.shape[1::-1]),
        "scale": scale,
        "levels": pixels.ravel()[::EVERY].tolist(),
    }


def _shown(image: ImageArray, name: str) -> dict[str, Any]:
    """A part of the pattern as the network's levels, 0 to 255, of every so many rows and columns."""
    left, top, right, bottom = PARTS[name]
    tensor = letterboxed(np.ascontiguousarray(image[top:bottom, left:right]))
    levels = np.rint((tensor - RANGE[0]) * 255 / (RANGE[1] - RANGE[0])).astype(int)
    return {"part_xyxy": list(PARTS[name]), "levels": levels[::EVERY, ::EVERY].ravel().tolist()}


def _seen(number: int) -> dict[str, Any]:
    """Outputs of the network as anchors with logits and numbers, and the faces of a picture of that size."""
    rng = np.random.default_rng(number)
    places, size_wh = ANCHORS[number], SIZES_WH[number]
    raw, logits = np.zeros((len(anchors()), 4 + 2 * KEYPOINTS)), np.full(len(anchors()), LOWEST)
    for place in places:
        raw[place] = np.round(_box(rng), 2)
        logits[place] = round(float(rng.uniform(-0.5, 4)), 3)
    seen = decode(raw.astype(np.float32), logits.astype(np.float32), anchors(), CANDIDATE_SCORE)
    return {
        "size_wh": list(size_wh),
        "anchors": [{"index": a, "logit": logits[a], "numbers": raw[a].tolist()} for a in places],
        "other_logits": LOWEST,
        "faces": [
            {
                "score": round(face.score, 5),
                "box_xyxy": np.round(face.box_xyxy, 3).tolist(),
                "keypoints_xy": np.round(face.keypoints_xy, 3).tolist(),
            }
            for face in detections(suppress(*seen), size_wh)
        ],
    }


def _box(rng: np.random.Generator) -> FloatArray:
    """A box of about a quarter of the input near its anchor, and keypoints in it: what one anchor may say."""
    size = rng.uniform(24, 40)
    offset = rng.uniform(-3, 3, 2)
    keypoints = offset + size * rng.uniform(-0.4, 0.4, (KEYPOINTS, 2))
    return np.concatenate([offset, [size, size], keypoints.ravel()])
