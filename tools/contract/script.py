"""A scripted video: what the detector sees and what the network says in every frame, and what the tracker makes of it.

The script stands for both networks, so that a platform's tracker is checked alone. The picture is black but for its
first pixel, which says from which side it is looked at.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.geometry import rotation
from toolkit.core.schemes import W300_68, Scheme
from toolkit.detect.boxes import Detection
from toolkit.detect.tracking import FaceTracker
from toolkit.detect.turned import QUARTERS
from toolkit.runtime.landmarker import CONFIDENCE_FLOOR, Prediction

SIZE_WH = (320, 240)
SHAPE = np.array([[0.13, 0.16], [0.88, 0.15], [0.51, 0.52], [0.49, 0.91]])
"""The points that the network gives, in crop sides, the eyes first; a little beside the crop's middle."""
LEFT, RIGHT, NEAR_RIGHT = [40.0, 60.0, 100.0, 130.0], [200.0, 80.0, 260.0, 140.0], [206.0, 86.0, 262.0, 144.0]
MIDDLE = [120.0, 70.0, 200.0, 150.0]
KEYPOINTS = np.array([[-0.2, -0.2], [0.2, -0.19], [0.01, 0.02], [0.0, 0.22], [-0.46, -0.1], [0.44, -0.12]])
"""Of a scripted face."""
EYES = KEYPOINTS[:2] - KEYPOINTS[:2].mean(axis=0)
"""All that is known of a face for which the detector's box has to do."""
MARK = 255
"""Level of the picture's first pixel, by which its sides are told apart when it is turned."""


@dataclass(frozen=True, kw_only=True)
class ScriptedFace:
    """What the detector says of a face."""

    box: list[float]
    """In the picture as it is looked at."""
    roll_deg: float = 0.0
    """Of its keypoints there."""
    score: float = 0.9
    quarter: int = 0
    """It is seen after so many quarter turns of the picture to the left alone."""

    keypoints: FloatArray = field(default_factory=lambda: KEYPOINTS)
    """(K, 2) from the box's middle, in its widths, before they are turned; the eyes first."""

    @property
    def keypoints_xy(self) -> FloatArray:
        """(K, 2) in the picture as it is looked at."""
        box = np.array(self.box)
        turned = self.keypoints @ rotation(self.roll_deg).T * (box[2] - box[0])
        return np.asarray(np.round((box[:2] + box[2:]) / 2 + turned, 3))


@dataclass(frozen=True, kw_only=True)
class ScriptedFrame:
    """What both networks say of a frame."""

    seconds: float
    seen: tuple[ScriptedFace, ...] = ()
    shift: tuple[float, float] = (0.0, 0.0)
    """Of the points of every crop, in 64ths of its side."""
    turn_deg: float = 0.0
    """Of those points around the crop's middle."""
    confidence: tuple[float, ...] = (0.8,)
    """Of the predictions of the frame, one after the other; the last one goes on."""


AT_LEFT, AT_RIGHT = ScriptedFace(box=LEFT), ScriptedFace(box=RIGHT, keypoints=EYES)
NOBODY = (0.1,)


def _turned(start_s: float, roll_deg: float) -> tuple[ScriptedFrame, ...]:
    """A face that is found with its eyes turned so far, turns on by a little, and is lost."""
    return (
        ScriptedFrame(seconds=start_s, seen=(ScriptedFace(box=MIDDLE, roll_deg=roll_deg),)),
        ScriptedFrame(seconds=round(start_s + 0.1, 1), turn_deg=8.0, shift=(1.0, -2.0)),
        ScriptedFrame(seconds=round(start_s + 0.2, 1), turn_deg=-3.0),
        ScriptedFrame(seconds=round(start_s + 0.3, 1), confidence=NOBODY),
    )


ON_ITS_SIDE = ScriptedFace(box=[70.0, 110.0, 130.0, 170.0], quarter=3)
UNSURE = ScriptedFace(box=[125.0, 70.0, 205.0, 150.0], roll_deg=12.0, score=0.75)
ON_ITS_HEAD = ScriptedFace(box=[116.0, 90.0, 196.0, 170.0], score=0.95, quarter=2)
ELSEWHERE = ScriptedFace(box=[10.0, 10.0, 60.0, 60.0], quarter=1)
FLAT = ScriptedFace(box=[200.0, 60.0, 200.0, 130.0])
BACK_TO_FRONT = ScriptedFace(box=[290.0, 150.0, 230.0, 90.0])
AHEAD = ScriptedFace(box=[105.0, 60.0, 165.0, 130.0])

SCRIPT = (
    ScriptedFrame(seconds=0.0),  # nobody
    ScriptedFrame(seconds=0.033, seen=(AT_LEFT,)),
    ScriptedFrame(seconds=0.066, shift=(2.0, -1.0), seen=(AT_LEFT, AT_RIGHT)),  # the detector rests
    ScriptedFrame(seconds=1.2, shift=(1.0, 1.0), seen=(AT_LEFT, AT_RIGHT)),  # and looks again
    ScriptedFrame(seconds=1.233, shift=(-1.0, 0.5)),
    ScriptedFrame(seconds=1.266, confidence=(0.2,)),  # both lost
    ScriptedFrame(seconds=1.7, seen=(ScriptedFace(box=NEAR_RIGHT),)),  # one is found again, with its number
    ScriptedFrame(seconds=1.733, shift=(3.0, 2.0)),
    ScriptedFrame(seconds=3.0, confidence=(0.3,)),  # lost
    ScriptedFrame(seconds=4.5, seen=(AT_LEFT, AT_RIGHT)),  # forgotten by now: new numbers
    *(ScriptedFrame(seconds=round(4.6 + 0.1 * n, 1), shift=(-20.0, 0.0)) for n in range(4)),  # one leaves leftwards
    ScriptedFrame(seconds=5.1, shift=(40.0, 0.0)),  # a jump of more than half a side
    *(
        frame
        for n, roll_deg in enumerate((37.0, 90.0, 143.0, 180.0, 270.0))
        for frame in _turned(7.0 + 2 * n, roll_deg)
    ),
    *(ScriptedFrame(seconds=round(18.0 + 0.1 * n, 1), seen=(ON_ITS_SIDE,)) for n in range(4)),  # after one quarter
    ScriptedFrame(seconds=18.4, confidence=NOBODY),
    # not clear: seen from all sides, the view of the higher score is predicted first; then the other is the surer one
    ScriptedFrame(seconds=20.0, seen=(UNSURE, ON_ITS_HEAD, ELSEWHERE), confidence=(0.9, 0.9, 0.5)),
    ScriptedFrame(seconds=20.1, confidence=NOBODY),
    ScriptedFrame(seconds=22.0, seen=(UNSURE, ON_ITS_HEAD, ELSEWHERE), confidence=(0.5, 0.5, 0.9)),
    ScriptedFrame(seconds=22.1, confidence=NOBODY),
    # one that is lost as it moves is found where it was going by then, and again where it was
    ScriptedFrame(seconds=24.0, seen=(AT_LEFT,)),
    ScriptedFrame(seconds=24.1, shift=(10.0, 0.0)),
    ScriptedFrame(seconds=24.2, confidence=NOBODY),
    ScriptedFrame(seconds=24.6, seen=(AHEAD,)),
    ScriptedFrame(seconds=24.7, shift=(-10.0, 0.0)),
    ScriptedFrame(seconds=24.8, confidence=NOBODY),
    ScriptedFrame(seconds=25.4, seen=(AHEAD,)),
    ScriptedFrame(seconds=25.5, confidence=NOBODY),
    # boxes without an area are no faces, from whichever side they are seen
    ScriptedFrame(seconds=27.0, seen=tuple(replace(FLAT, quarter=quarter) for quarter in QUARTERS)),
    ScriptedFrame(seconds=27.1, seen=(FLAT, BACK_TO_FRONT, AT_LEFT)),
)


class Actor:
    """Stands for the detector and for the network."""

    scheme: Scheme = replace(W300_68, eyes=(0, 1))
    engine = "script"
    timed, confidence_floor = False, CONFIDENCE_FLOOR

    def __init__(self, size_px: int) -> None:
        self.size_px = size_px
        self.play(SCRIPT[0])

    def play(self, frame: ScriptedFrame) -> None:
        """Say what a frame's script does from now on."""
        self.frame, self.looked, self._said = frame, False, 0

    def detect(self, image: ImageArray) -> list[Detection]:
        """The frame's faces, of the side from which the picture is looked at."""
        self.looked = True
        quarter = next(k for k in range(4) if np.rot90(image, -k)[0, 0, 0] == MARK)
        seen = [face for face in self.frame.seen if face.quarter == quarter]
        return [Detection(box_xyxy=np.array(f.box), score=f.score, keypoints_xy=f.keypoints_xy) for f in seen]

    def __call__(self, crop: ImageArray) -> Prediction:
        """The frame's points, whatever the crop shows."""
        said = self.frame.confidence
        confidence = np.full(len(SHAPE), said[min(self._said, len(said) - 1)])
        self._said += 1
        return Prediction(points_xy=self.points_xy, confidence=confidence)

    @property
    def points_xy(self) -> FloatArray:
        """(M, 2) the frame's, in crop pixels."""
        turned = (SHAPE - 0.5) @ rotation(self.frame.turn_deg).T + 0.5
        return np.round((turned + np.array(self.frame.shift) / 64) * self.size_px, 3)


def tracked(size_px: int) -> dict[str, Any]:
    """The script for crops of a size, and per frame whether the detector looked and which faces there are."""
    actor = Actor(size_px)
    tracker = FaceTracker(actor.detect, actor)
    image = np.zeros((SIZE_WH[1], SIZE_WH[0], 3), dtype=np.uint8)
    image[0, 0] = MARK
    frames = []
    for frame in SCRIPT:
        actor.play(frame)
        faces = tracker(image, frame.seconds)
        frames.append(
            {
                "seconds": frame.seconds,
                "seen": [
                    {
                        "quarter": f.quarter,
                        "box_xyxy": f.box,
                        "keypoints_xy": f.keypoints_xy.tolist(),
                        "score": f.score,
                    }
                    for f in frame.seen
                ],
                "crop_points_xy": actor.points_xy.tolist(),
                "confidence": list(frame.confidence),
                "looked": actor.looked,
                "faces": [
                    {
                        "number": face.track,
                        "box_xyxy": np.round(face.box_xyxy, 6).tolist(),
                        "roll_deg": round(face.roll_deg, 6),
                        "points_xy": np.round(face.points_xy, 6).tolist(),
                    }
                    for face in faces
                ],
            }
        )
    return {
        "size_wh": list(SIZE_WH),
        "size_px": size_px,
        "eyes": list(Actor.scheme.eyes),
        "mark": MARK,
        "frames": frames,
    }
