"""A scripted video: what the detector sees and what the network says in every frame, and what the tracker makes of it.

No picture has a part in it: the script stands for both networks, so that a platform's tracker is checked alone.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.schemes import W300_68, Scheme
from toolkit.detect.boxes import Detection
from toolkit.detect.tracking import FaceTracker
from toolkit.runtime.landmarker import Prediction

SIZE_WH = (320, 240)
SHAPE = np.array([[0.13, 0.16], [0.88, 0.15], [0.51, 0.52], [0.49, 0.91]])
"""The points that the network gives, in crop sides, before each frame's shift; a little beside the crop's middle."""
LEFT, RIGHT, NEAR_RIGHT = [40.0, 60.0, 100.0, 130.0], [200.0, 80.0, 260.0, 140.0], [206.0, 86.0, 262.0, 144.0]


@dataclass(frozen=True, kw_only=True)
class ScriptedFrame:
    """What both networks say of a frame."""

    seconds: float
    seen: tuple[list[float], ...] = ()
    """The detector's boxes."""
    shift: tuple[float, float] = (0.0, 0.0)
    """Of the points of every crop, in 64ths of its side."""
    confidence: float = 0.8


SCRIPT = (
    ScriptedFrame(seconds=0.0),  # nobody
    ScriptedFrame(seconds=0.033, seen=(LEFT,)),
    ScriptedFrame(seconds=0.066, shift=(2.0, -1.0), seen=(LEFT, RIGHT)),  # the detector rests
    ScriptedFrame(seconds=1.2, shift=(1.0, 1.0), seen=(LEFT, RIGHT)),  # and looks again
    ScriptedFrame(seconds=1.233, shift=(-1.0, 0.5)),
    ScriptedFrame(seconds=1.266, confidence=0.2),  # both lost
    ScriptedFrame(seconds=1.7, seen=(NEAR_RIGHT,)),  # one is found again, with its number
    ScriptedFrame(seconds=1.733, shift=(3.0, 2.0)),
    ScriptedFrame(seconds=3.0, confidence=0.3),  # lost
    ScriptedFrame(seconds=4.5, seen=(RIGHT, LEFT)),  # forgotten by now: new numbers
    *(ScriptedFrame(seconds=round(4.6 + 0.1 * n, 1), shift=(-20.0, 0.0)) for n in range(4)),  # one leaves leftwards
    ScriptedFrame(seconds=5.1, shift=(40.0, 0.0)),  # a jump of more than half a side
)


class Actor:
    """Stands for the detector and for the network."""

    scheme: Scheme = replace(W300_68, eyes=(0, 1))
    engine = "script"
    timed = False

    def __init__(self, size_px: int) -> None:
        self.size_px = size_px
        self.shape_xy = np.round(SHAPE * size_px, 2)
        self.frame = SCRIPT[0]
        self.looked = False

    def detect(self, image: ImageArray) -> list[Detection]:
        """The frame's boxes."""
        self.looked = True
        return [Detection(box_xyxy=np.array(b), score=0.9, keypoints_xy=np.zeros((6, 2))) for b in self.frame.seen]

    def __call__(self, crop: ImageArray) -> Prediction:
        """The frame's points, whatever the crop shows."""
        confidence = np.full(len(self.shape_xy), self.frame.confidence)
        return Prediction(points_xy=self.shape_xy + self.shift_xy, confidence=confidence)

    @property
    def shift_xy(self) -> FloatArray:
        """The frame's shift in crop pixels."""
        return np.array(self.frame.shift) * self.size_px / 64


def tracked(size_px: int) -> dict[str, Any]:
    """The script for crops of a size, and per frame whether the detector looked and which faces there are."""
    actor = Actor(size_px)
    tracker = FaceTracker(actor.detect, actor)
    image = np.zeros((SIZE_WH[1], SIZE_WH[0], 3), dtype=np.uint8)
    frames = []
    for actor.frame in SCRIPT:
        actor.looked = False
        faces = tracker(image, actor.frame.seconds)
        frames.append(
            {
                "seconds": actor.frame.seconds,
                "detector_xyxy": list(actor.frame.seen),
                "shift_xy": actor.shift_xy.tolist(),
                "confidence": actor.frame.confidence,
                "looked": actor.looked,
                "faces": [
                    {
                        "number": face.track,
                        "box_xyxy": np.round(face.box_xyxy, 6).tolist(),
                        "points_xy": np.round(face.points_xy, 6).tolist(),
                    }
                    for face in faces
                ],
            }
        )
    return {"size_wh": list(SIZE_WH), "size_px": size_px, "shape_xy": actor.shape_xy.tolist(), "frames": frames}
