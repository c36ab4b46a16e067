"""A face's landmarks, frame by frame, in one file that needs nothing else of this repository but contract.json.

Whole numbers are pixel centres, x comes before y, pictures are RGB; every other number is the contract's.
"""

import json
from itertools import cycle
from pathlib import Path

import cv2
import mediapipe
import numpy as np
from ai_edge_litert.interpreter import Interpreter

FORMAT = 2  # the newest of the contract that this file reads


def read_contract():
    """contract.json from beside this file or, as in the repository, from one folder up."""
    places = [folder / "contract.json" for folder in Path(__file__).resolve().parents[:2]]
    path = next((path for path in places if path.is_file()), None)
    if path is None:
        raise FileNotFoundError(f"no {places[0]}: copy it there from the repository's deploy/")
    contract = json.loads(path.read_text())
    if contract["format"] > FORMAT:
        raise ValueError(f"{path} has format {contract['format']}, known up to {FORMAT}: take a newer landmarks.py")
    if [contract["input"][name] for name in ("layout", "dtype", "colours")] != ["NHWC", "float32", "RGB"]:
        raise ValueError(f"{path} is not of a .tflite file: python -m tools contract --model FILE.tflite")
    return contract


CONTRACT = read_contract()
SIZE, TRACKING, SMOOTHING = CONTRACT["model"]["size_px"], CONTRACT["tracking"], CONTRACT["smoothing"]
TURNING, CALIBRATION = CONTRACT["turning"], CONTRACT["detector"]["calibration"]
WEIGHTS = np.array(CONTRACT["detector"]["first_crop"]["weights"])


class Detector:
    """MediaPipe's face detector, whose boxes are made those that the network was trained with."""

    def __init__(self):
        self.detect = mediapipe.solutions.face_detection.FaceDetection(CONTRACT["detector"]["min_score"], 0).process

    def __call__(self, image, quarters):
        """Faces, the largest first: each as its views, the surest first, a view being a box (4,) and how it is turned.

        Where none is seen, the picture is looked at after some quarter turns to the left; where one may not stand
        upright, after all of them.
        """
        upright = self.look(image, 0)
        tried = [] if upright else quarters
        seen = upright + [face for quarter in tried for face in self.look(image, quarter)]
        if any(score < TURNING["clear"] for score, _, _ in seen):
            others = [quarter for quarter in TURNING["quarters"] if quarter not in tried]
            seen += [face for quarter in others for face in self.look(image, quarter)]
        faces = []
        for face in sorted(seen, key=lambda face: -face[0]):
            known = next((views for views in faces if same(face, views[0])), None)
            if known is not None:
                known.append(face)
            elif not upright or any(same(face, other) for other in upright):
                faces.append([face])
        faces.sort(key=lambda views: -area(views[0][1]))
        return [[first_crop(box, keypoints) for _, box, keypoints in views] for views in faces]

    def look(self, image, quarter):
        """Score, box (4,) and keypoints of what has an area and is seen after so many quarter turns to the left."""
        faces = []
        for face in self.detect(np.ascontiguousarray(np.rot90(image, quarter))).detections or []:
            box, keypoints = face.location_data.relative_bounding_box, face.location_data.relative_keypoints
            corners = [(box.xmin, box.ymin), (box.xmin + box.width, box.ymin + box.height)]
            size = np.roll(image.shape[1::-1], quarter)
            points = np.array([*corners, *((point.x, point.y) for point in keypoints)]) * size - 0.5
            if not (box.width > 0 and box.height > 0 and np.isfinite(points).all()):
                continue
            for _ in range(quarter):  # a quarter turn to the right
                points, size = np.stack([size[1] - 1 - points[:, 1], points[:, 0]], axis=1), size[::-1]
            faces.append((face.score[0], around(points[:2]), points[2:]))
        return faces


def same(face, other):
    """Whether two views are of one face."""
    a, b = face[1], other[1]
    common = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)
    return np.prod(common) > TRACKING["same_face"] * min(area(a), area(b))


def area(box):
    """Square pixels."""
    return np.prod(box[2:] - box[:2])


def first_crop(box, keypoints):
    """The box of training, before it is turned, by the detector's keypoints or, where odd, its box; the roll."""
    turn, middle, plain = rotation(roll := roll_of(*keypoints[:2])), keypoints.mean(axis=0), calibrated(box, roll)
    spread = np.sqrt(((keypoints - middle) ** 2).sum(axis=1).mean())
    if len(WEIGHTS) == 2 * len(keypoints) + 1 and spread > 0:
        x, y, *extent = spread * np.append((keypoints - middle) @ turn / spread, 1) @ WEIGHTS
        closer = np.tile(middle + turn @ (x, y), 2) + np.outer((-0.5, 0.5), extent).ravel()
        plain = closer if min(extent) > 0 and similar(closer, plain) else plain
    return plain, roll


def calibrated(box, roll):
    """The box of training, before it is turned by a roll, for the detector's."""
    low, extent = box[:2], box[2:] - box[:2]
    centre = low + extent / 2 + rotation(roll) @ (extent * CALIBRATION["shift_xy"])
    return np.tile(centre, 2) + np.outer((-0.5, 0.5), extent * CALIBRATION["scale_xy"]).ravel()


def roll_of(right, left):
    """By how many degrees a crop is turned clockwise, for eyes at two places; 0 for a level face."""
    roll = (np.degrees(np.arctan2(left[1] - right[1], left[0] - right[0])) + 180) % 360 - 180
    return np.sign(roll) * min(abs(roll), 2 * max(abs(roll) - TURNING["level_deg"], 0))


def rotation(degrees):
    """The matrix that turns points clockwise on the screen."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[cos, -sin], [sin, cos]])


class Network:
    """The converted network, with the crop it needs."""

    def __init__(self, path, threads=1):
        self.engine = Interpreter(model_path=str(path), num_threads=threads)
        self.engine.allocate_tensors()
        self.input = self.engine.get_input_details()[0]["index"]
        self.outputs = {tensor["name"]: tensor["index"] for tensor in self.engine.get_output_details()}

    def __call__(self, image, box, roll=0.0):
        """Points (M, 2) in the image's pixels and their confidence (M,), for the face in a box turned by a roll."""
        linear = rotation(-roll) * SIZE / (CONTRACT["crop"]["box_scale"] * (box[2:] - box[:2]).max())
        offset = (SIZE - 1) / 2 - linear @ (box[:2] + box[2:]) / 2  # crop pixel = linear @ image pixel + offset
        self.engine.set_tensor(self.input, cut(image, linear, offset).astype(np.float32)[None])
        self.engine.invoke()
        points, confidence = (self.engine.get_tensor(self.outputs[name])[0] for name in ("points", "confidence"))
        return (points * SIZE - 0.5 - offset) @ np.linalg.inv(linear).T, confidence


def cut(image, linear, offset):
    """The crop's pixels; where it shrinks the image, blocks of pixels are averaged first."""
    block = max(int(1 / np.sqrt(np.linalg.det(linear))), 1)
    if block > 1:
        height, width = image.shape[:2]
        image = cv2.copyMakeBorder(image, 0, -height % block, 0, -width % block, cv2.BORDER_REPLICATE)
        image = cv2.resize(image, (-(-width // block), -(-height // block)), interpolation=cv2.INTER_AREA)
    matrix = np.column_stack([linear * block, offset + linear @ np.full(2, (block - 1) / 2)])
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
    """Follows one face: the detector looks only while there is none, and then from one further side a frame."""

    def __init__(self, detector, network):
        self.detector, self.network, self.box = detector, network, None
        self.quarters = cycle(TURNING["quarters"])

    def __call__(self, image, seconds):
        """The face's points in the next frame of a film, or None; seconds rise from frame to frame."""
        if self.box is not None:
            if not seconds > self.seconds:
                raise ValueError(f"a frame at {seconds} s cannot follow one at {self.seconds} s")
            crop = self.box + np.tile(self.speed * min(seconds - self.seconds, TRACKING["ahead_s"]), 2)
            points = self.follow(image, *self.network(image, crop, self.roll), crop, seconds)
            if points is not None:
                return points
        return self.find(image, [next(self.quarters)], seconds)

    def photo(self, image):
        """The points of the largest face of a photo, or None."""
        return self.find(image, TURNING["quarters"], 0.0)

    def find(self, image, quarters, seconds):
        """The points of the largest face that is one, or None."""
        self.box, self.speed, self.smoother = None, np.zeros(2), Smoother()
        for views in self.detector(image, quarters):
            looks = [self.settle(image, *view) for view in views]
            points = self.follow(image, *max(looks, key=lambda look: look[1].mean()), seconds)
            if points is not None:
                return points
        return None

    def settle(self, image, box, roll):
        """Points and confidence of a detected face, and the box of the crop that they are of."""
        points, confidence = self.network(image, box, roll)
        for _ in range(TRACKING["passes"] - 1):
            closer, roll = turned_around(points)
            side, before, shift = compared(closer, box)
            settled = max(shift, abs(side - before) / 2) <= TRACKING["settled"] * before
            if settled or not similar(closer, box):
                break
            box = closer
            points, confidence = self.network(image, box, roll)
        return points, confidence, box

    def follow(self, image, points, confidence, crop, seconds):
        """The points, smoothed, or None where they are of no face; the next crop is around them."""
        before = self.box
        self.box, self.roll = turned_around(points)
        corners = np.clip(self.box.reshape(2, 2), -0.5, np.array(image.shape[1::-1]) - 0.5)
        inside = np.prod(corners[1] - corners[0]) / max(np.prod(self.box[2:] - self.box[:2]), 1e-9)
        sure = confidence.mean() >= TRACKING["min_confidence"] and inside >= TRACKING["min_inside"]
        small = (self.box[2:] - self.box[:2]).max() < TRACKING["largest"] * max(image.shape)
        if not (sure and small and similar(self.box, crop)):
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


def turned_around(points):
    """Their tight box as it is when turned upright around its middle, and by how much it is turned."""
    turn = rotation(roll := roll_of(*points[TURNING["eyes"]]))
    box = around(points @ turn)
    centre = (box[:2] + box[2:]) / 2
    return box + np.tile(turn @ centre - centre, 2), roll


def similar(box, before):
    """Whether a box can be the same face as one just before."""
    side, side_before, shift = compared(box, before)
    return side_before / TRACKING["farthest"] < side < side_before * TRACKING["farthest"] and shift < side_before / 2


def compared(box, before):
    """The longer sides of both, and how far the centre has moved along an axis."""
    shift = np.abs(box[:2] + box[2:] - before[:2] - before[2:]).max() / 2
    return (box[2:] - box[:2]).max(), (before[2:] - before[:2]).max(), shift
