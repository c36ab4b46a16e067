"""The landmark models that people use today, as candidates: MediaPipe's Face Mesh and dlib's 68-point predictor.

Both are run as their own pipelines run them, from the box that their own detector would have drawn: the benchmark's
tight box of the landmarks, moved by what training faces say of the difference.
"""

from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from toolkit.benchmarking.framing import Framing, inverse
from toolkit.core.arrays import ImageArray
from toolkit.core.provenance import inside, install
from toolkit.core.schemes import W300_68, Scheme
from toolkit.detect.boxes import CALIBRATION, Calibration
from toolkit.detect.mesh import corrected_landmarks, landmarks_of_mesh
from toolkit.runtime.landmarker import CONFIDENCE_FLOOR, Prediction
from toolkit.runtime.raw import open_raw
from toolkit.runtime.tensors import check_crop

CompetitorName = Literal["mediapipe", "mediapipe-uncorrected", "dlib"]

MESH_FRAMING = Framing(size_px=192, scale=1.5, box=inverse(CALIBRATION))
"""MediaPipe's graph cuts a square of 1.5 times the box of its detector, for a network of 192 pixels."""

DLIB_FRAMING = Framing(size_px=320, scale=1.6, box=Calibration(shift_xy=(-0.016, -0.077), scale_xy=(1.003, 1.037)))
"""From the landmarks' box to that of dlib's detector, by fit_calibration on every third of 300W's AFW and Helen
training faces (391 of 403 found; centre right within 9 % of the side across and 6 % down, size within 10 %, standard
deviations). The predictor reads pixels in and around its box; the margin is for those around it."""


class MeshLandmarker:
    """MediaPipe's Face Mesh, the TFLite file of its wheel, as 68 points; one upright look.

    Corrected, points lie where annotators of 300W put them (a linear table fitted on training faces, see
    detect.mesh_table); uncorrected, they are the mesh points that lie nearest.
    """

    timed, confidence_floor = True, CONFIDENCE_FLOOR
    scheme: Scheme = W300_68
    size_px = MESH_FRAMING.size_px

    def __init__(self, threads: int, *, corrected: bool = True) -> None:
        self._model = open_raw(mesh_file(), threads, (1, self.size_px, self.size_px, 3))
        self._map = corrected_landmarks if corrected else landmarks_of_mesh
        self.engine = self._model.engine

    def __call__(self, crop: ImageArray) -> Prediction:
        check_crop(crop, self.size_px)
        outputs = self._model(crop.astype(np.float32)[None] / 255)
        mesh, score = (next(a for a in outputs.values() if (a.size > 1) == larger) for larger in (True, False))
        mesh_xyz = mesh.reshape(-1, 3).astype(np.float64) - (0.5, 0.5, 0)
        confidence = 1 / (1 + np.exp(-float(score.ravel()[0])))
        points_xy = self._map(mesh_xyz)
        return Prediction(points_xy=points_xy, confidence=np.full(len(points_xy), confidence))


class DlibLandmarker:
    """dlib's shape predictor of 68 points (Kazemi and Sullivan 2014), from PyPI's face_recognition_models."""

    timed, confidence_floor = True, CONFIDENCE_FLOOR
    scheme: Scheme = W300_68
    size_px = DLIB_FRAMING.size_px

    def __init__(self) -> None:
        dlib = import_dlib()
        self._predictor = dlib.shape_predictor(str(dlib_file()))
        side = self.size_px / DLIB_FRAMING.scale
        low, high = round((self.size_px - side) / 2), round((self.size_px + side) / 2) - 1
        self._box = dlib.rectangle(low, low, high, high)
        self.engine = f"dlib {dlib.__version__}"

    def __call__(self, crop: ImageArray) -> Prediction:
        check_crop(crop, self.size_px)
        points_xy = dlib_points(self._predictor(np.ascontiguousarray(crop), self._box))
        return Prediction(points_xy=points_xy, confidence=np.ones(len(points_xy)))


def dlib_points(shape: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(68, 2) of a dlib shape, whose pixel centres are whole numbers as ours are."""
    return np.array([(p.x, p.y) for p in shape.parts()], np.float64)


def open_competitor(name: CompetitorName, threads: int) -> tuple[Any, Framing, Path]:
    """A competitor's landmarker, its framing and the file that it is.

    Raises:
        FileNotFoundError: the file is not where its package keeps it.
        ModuleNotFoundError: the package is not installed.
    """
    if name == "dlib":
        return DlibLandmarker(), DLIB_FRAMING, dlib_file()
    return MeshLandmarker(threads, corrected=name == "mediapipe"), MESH_FRAMING, mesh_file()


def mesh_file() -> Path:
    """The Face Mesh in mediapipe's wheel."""
    return _of("mediapipe", "modules/face_landmark/face_landmark.tflite", "mediapipe")


def dlib_file() -> Path:
    """The predictor in face_recognition_models, which is looked for without being imported."""
    return _of("face_recognition_models", "models/shape_predictor_68_face_landmarks.dat", "competitors")


def import_dlib() -> Any:
    """The module.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    try:
        import dlib
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"dlib is not installed: {install('competitors')}", name="dlib") from error
    return dlib


def versions() -> dict[str, str]:
    """Versions of the competitors that are installed, of dlib from either distribution."""
    named = (("dlib", "dlib"), ("dlib-bin", "dlib"), ("face-recognition-models", "face_recognition_models"))
    found = {}
    for distribution, module in (*named, ("mediapipe", "mediapipe")):
        with suppress(PackageNotFoundError):
            found[module] = version(distribution)
    return found


def _of(package: str, inner: str, extra: str) -> Path:
    path = inside(package, inner)
    if path is None:
        raise ModuleNotFoundError(f"no {package} with {inner} is installed: {install(extra)}", name=package)
    return path
