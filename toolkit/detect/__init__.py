"""Faces in pictures and videos: MediaPipe's detector, its boxes made those of training, the landmarks of every face
found, and faces followed by their landmarks."""

from toolkit.detect.boxes import CALIBRATION, Calibration, Detection, calibrate, fit_calibration
from toolkit.detect.detector import FaceDetector
from toolkit.detect.landmarks import FaceLandmarks, landmarks_in, landmarks_of, landmarks_of_detection
from toolkit.detect.tracking import TRACKING, FaceTracker, TrackedFace, Tracking

__all__ = [
    "CALIBRATION",
    "TRACKING",
    "Calibration",
    "Detection",
    "FaceDetector",
    "FaceLandmarks",
    "FaceTracker",
    "TrackedFace",
    "Tracking",
    "calibrate",
    "fit_calibration",
    "landmarks_in",
    "landmarks_of",
    "landmarks_of_detection",
]
