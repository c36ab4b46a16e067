"""Faces in pictures: MediaPipe's detector, its boxes made those of training, and the landmarks of every face found."""

from toolkit.detect.calibration import CALIBRATION, Calibration, calibrate, fit_calibration
from toolkit.detect.faces import Detection, FaceDetector
from toolkit.detect.landmarks import FaceLandmarks, landmarks_in, landmarks_of

__all__ = [
    "CALIBRATION",
    "Calibration",
    "Detection",
    "FaceDetector",
    "FaceLandmarks",
    "calibrate",
    "fit_calibration",
    "landmarks_in",
    "landmarks_of",
]
