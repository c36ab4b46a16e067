"""A face's landmarks, frame by frame, in one file that needs nothing else of this repository but contract.json.

Whole numbers are pixel centres, x comes before y, pictures are RGB; every other number is the contract's.
"""

import json
from pathlib import Path

import cv2
import mediapipe
import numpy as np
from ai_edge_litert.interpreter import Interpreter

CONTRACT = json.loads((Path(__file__).resolve().parents[1] / "contract.json").read_text())
SIZE, TRACKING, SMOOTHING = CONTRACT["model"]["size_px"], CONTRACT["tracking"], CONTRACT["smoothing"]


class Detector:
    """MediaPipe's face detector, whose boxes are made those that the network was trained with."""

    def __init__(self):
        self.detect = mediapipe.solutions.face_detection.FaceDetection(CONTRACT["detector"]["min_score"], 0).process

    def __call__(self, image):
        """The box (left, top, right, bottom) of the surest face, or None."""
        faces = self.detect(image).detections
        if not faces:
            return None
        box = max(faces, key=lambda face: face.score[0]).location_data.relative_bounding_box
        size, calibration = image.shape[1::-1], CONTRACT["detector"]["calibration"]
        low, extent = np.array([box.xmin, box.ymin]) * size - 0.5, np.array([box.width, box.height]) * size
        centre = low + extent / 2 + extent * calibration["shift_xy"]
        half = extent * calibration["scale_xy"] / 2
        return np.concatenate([centre - half, centre + half])


class Network:
    """The converted network, with the crop it needs."""

    def __init__(self, path, threads=1):
        self.engine = Interpreter(model_path=str(path), num_threads=threads)
        self.engine.allocate_tensors()
        self.input = self.engine.get_input_details()[0]["index"]
        self.outputs = {tensor["name"]: tensor["index"] for tensor in self.engine.get_output_details()}

    def __call__(self, image, box):
        """Points (M, 2) in the image's pixels and their confidence (M,), for the face in a box."""
        scale = SIZE / (CONTRACT["crop"]["box_scale"] * (box[2:] - box[:2]).max())
        offset = (SIZE - 1) / 2 - scale * (box[:2] + box[2:]) / 2  # crop pixel = scale * image pixel + offset
        self.engine.set_tensor(self.input, cut(image, scale, offset).astype(np.float32)[None])
        self.engine.invoke()
        points, confidence = (self.engine.get_tensor(self.outputs[name])[0] for name in ("points", "confidence"))
        return (points * SIZE - 0.5 - offset) / scale, confidence


def cut(image, scale, offset):
    """The crop's pixels; where it shrinks the image, blocks of pixels are averaged first."""
    block = max(int(1 / scale), 1)
    if block > 1:
        height, width = image.shape[:2]
        image = cv2.copyMakeBorder(image, 0, -height % block, 0, -width % block, cv2.BORDER_REPLICATE)
        image = cv2.resize(image, (-(-width // block), -(-height // block)), interpolation=cv2.INTER_AREA)
    matrix = np.column_stack([np.eye(2) * scale * block, offset + scale * (block - 1) / 2])
    return cv2.warpAffine(image, matrix, (SIZE, SIZE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


class Smoother:
    """One-Euro filter (Casiez et al., CHI 2012), its speeds in face sizes a second."""

    def __init__(self):
        self.points, self.speed, self.seconds = None, 0.0, 0.0

    def __call__(self, points, seconds):
        """The points of a frame at a time, steadied."""
        if self.points is None:
            self.points = points
        else:
            interval, size = seconds - self.seconds, max(np.ptp(points, axis=0).max(), 1.0)
            speed = (points - self.points) / size / interval
            self.speed += (speed - self.speed) * share(interval, SMOOTHING["derivative_cutoff_hz"])
            cutoff = SMOOTHING["min_cutoff_hz"] + SMOOTHING["beta"] * np.abs(self.speed)
            self.points = self.points + (points - self.points) * share(interval, cutoff)
        self.seconds = seconds
        return self.points


def share(interval, cutoff_hz):
    """The new value's part in a low-pass filter."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff_hz * interval))


class Tracker:
    """Follows one face: the detector looks only while there is none."""

    def __init__(self, detector, network):
        self.detector, self.network, self.box = detector, network, None

    def __call__(self, image, seconds):
        """The face's points, or None."""
        if self.box is not None:
            ahead = self.speed * min(seconds - self.seconds, TRACKING["ahead_s"])
            points = self.follow(image, self.box + np.tile(ahead, 2), seconds)
            if points is not None:
                return points
        box = self.detector(image)
        for _ in range(TRACKING["passes"] - 1 if box is not None else 0):
            closer = around(self.network(image, box)[0])
            box = closer if similar(closer, box) else box
        self.box, self.speed, self.smoother = None, np.zeros(2), Smoother()
        return None if box is None else self.follow(image, box, seconds)

    def follow(self, image, crop, seconds):
        """One frame further, or None where the face is lost."""
        points, confidence = self.network(image, crop)
        before, self.box = self.box, around(points)
        corners = np.clip(self.box.reshape(2, 2), -0.5, np.array(image.shape[1::-1]) - 0.5)
        inside = np.prod(corners[1] - corners[0]) / max(np.prod(self.box[2:] - self.box[:2]), 1e-9)
        sure = confidence.mean() >= TRACKING["min_confidence"] and inside >= TRACKING["min_inside"]
        if not (sure and similar(self.box, crop)):
            self.box = None
            return None
        if before is not None:
            shift = (self.box[:2] + self.box[2:] - before[:2] - before[2:]) / 2
            still = TRACKING["leeway"] * (self.box[2:] - self.box[:2]).max() / max(np.linalg.norm(shift), 1e-9)
            self.speed = shift * max(1 - still, 0) / (seconds - self.seconds)
        self.seconds = seconds
        return self.smoother(points, seconds)


def around(points):
    """Their tight box."""
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def similar(box, before):
    """Whether a box can be the same face as one just before."""
    side, side_before = (box[2:] - box[:2]).max(), (before[2:] - before[:2]).max()
    shift = np.abs(box[:2] + box[2:] - before[:2] - before[2:]).max() / 2
    farthest = TRACKING["farthest"]
    return side_before / farthest < side < side_before * farthest and shift < side_before / 2
