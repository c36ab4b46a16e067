"""Golden cases of the face detector's steps: pictures to its input, and its outputs to faces; no network in them."""

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


def detected(image: ImageArray) -> dict[str, Any]:
    """The content of detector.json.

    Args:
        image: the golden pattern (130, 150, 3).
    """
    return {
        "letterboxed": {"every": EVERY, "tolerance_levels": 1, "pictures": [_shown(image, part) for part in PARTS]},
        "seen": [_seen(number) for number in range(len(ANCHORS))],
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
