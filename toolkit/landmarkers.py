"""Any model by its path or name: `load` for faces in pictures, `open_model` for its network alone.

A bundle runs on torch, which is imported for bundles alone; a converted file runs on its engine.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Self

from toolkit import runtime
from toolkit.core.arrays import ImageArray
from toolkit.core.files import sha256, size_bytes
from toolkit.core.heatmap import Decoder
from toolkit.core.images import checked_image, read_image
from toolkit.core.schemes import Scheme
from toolkit.core.stopwatch import Stopwatch
from toolkit.core.zoo import MAIN, folder_name, is_bundle, resolve
from toolkit.detect import FaceDetector, FaceLandmarks, FaceTracker, Tracking, landmarks_in
from toolkit.detect.boxes import Detection
from toolkit.detect.landmarks import PASSES
from toolkit.detect.tracking import TRACKING
from toolkit.runtime import sidecar
from toolkit.runtime.landmarker import Landmarker, Prediction


class Model:
    """A landmark network and the face detector before it: pictures in, faces out. `load` makes one.

    It may be shared by threads, which then wait for one another; for work side by side give each thread its own.
    A call that is refused leaves it as it was. `close`, or leaving its `with` block, ends the detector's threads.
    """

    timed: bool
    """Whether its speed says anything about a device; a reference interpreter's does not."""

    def __init__(
        self,
        path: Path,
        landmarker: Landmarker,
        *,
        finest: int | None = None,
        passes: int = PASSES,
        detector: Path | str | None = None,
        threads: int = 1,
    ) -> None:
        """See `load`."""
        if (finest is not None and finest < 0) or passes < 1:
            raise ValueError(f"expected finest 0 or more and passes 1 or more, got {finest} and {passes}")
        self.path = path
        self.scheme, self.size_px = landmarker.scheme, landmarker.size_px
        self.engine, self.timed = landmarker.engine, landmarker.timed
        self.confidence_floor = landmarker.confidence_floor
        self._landmarker, self._passes = landmarker, passes
        file = None if detector is None else Path(detector)
        self._open_detector = partial(FaceDetector, finest, detector=file, threads=threads)
        self._detector: FaceDetector | None = None
        self._closed = False
        self._lock = RLock()

    @property
    def name(self) -> str:
        """Of the file or the bundle's folder."""
        return self.path.name

    def find(self, image: ImageArray | Path | str) -> list[FaceLandmarks]:
        """The faces in a picture with their landmarks, largest first; an empty list where there is none.

        Faces may stand upright, lie on their side or stand on their head. `sdhrnet photo` gives just these.

        Args:
            image: (H, W, 3) uint8 in RGB order, 0..255, of any strides; it is not changed. Or the path of a picture,
                which is turned upright by its EXIF orientation.

        Returns:
            Of each face `points_xy` (M, 2) float64 and `box_xyxy` (4,) in pixels of the upright picture, whole numbers
            at pixel centres; `confidence` (M,) in [0, 1]; `roll_deg`, by how much it is turned clockwise; `score` of
            the detector in [0, 1]; `sure`, False where the points may be nonsense.

        Raises:
            ValueError: an array of another kind, or a file that is no picture, or the model was closed.
            FileNotFoundError: there is no picture at the path, or no face detector.

        Example:
            with toolkit.load("sdhrnet-68pt-160") as model:
                for face in model.find("me.jpg"):
                    print(face.points_xy.shape, face.confidence.mean(), face.roll_deg)
        """
        pixels = read_image(Path(image)) if isinstance(image, Path | str) else checked_image(image)
        with self._lock:
            return landmarks_in(pixels, self.detect, self._landmarker, self._passes)

    def detect(self, image: ImageArray) -> list[Detection]:
        """The upright faces in a picture (H, W, 3) uint8 RGB, by the detector alone, largest first.

        Raises:
            ValueError: the model was closed.
        """
        with self._lock:
            if self._closed:
                raise ValueError("this model was closed: load it again")
            if self._detector is None:  # crops alone need none
                self._detector = self._open_detector()
            return self._detector(image)

    def __call__(self, crop: ImageArray) -> Prediction:
        """The landmarks of one crop (size_px, size_px, 3) uint8 RGB that holds a face as `core.geometry` cuts it.

        Returns:
            points_xy (M, 2) in crop pixels and confidence (M,) in [0, 1].

        Raises:
            ValueError: a crop of another size or kind.
        """
        with self._lock:
            return self._landmarker(crop)

    def tracker(self, settings: Tracking = TRACKING, watch: Stopwatch | None = None) -> FaceTracker:
        """What follows faces from frame to frame of a video, from its first frame on.

        Args:
            settings: see detect.Tracking.
            watch: gets the time of each stage.

        Example:
            follow = model.tracker()
            for number, frame in enumerate(frames):  # (H, W, 3) uint8 RGB
                faces = follow(frame, seconds=number / 30)
        """
        return FaceTracker(self.detect, self, settings, watch)

    def close(self) -> None:
        """End the detector's threads; the model finds no more faces then."""
        with self._lock:
            self._closed = True
            if self._detector is not None:
                self._detector.close()
                self._detector = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{self.name}: {self.scheme.points} points of {self.scheme.name}, {self.size_px} px, on {self.engine}>"


def load(
    model: Path | str = MAIN,
    *,
    threads: int = 1,
    engine: str | None = None,
    finest: int | None = None,
    passes: int = PASSES,
    detector: Path | str | None = None,
) -> Model:
    """A model, ready to find faces in pictures.

    Args:
        model: the name of a released model, such as sdhrnet-68pt-160 (`sdhrnet models` lists them), which stands for
            its float16 TFLite file; or the path of a .tflite, .onnx or .mlpackage with its sidecar beside it, or of a
            bundle's folder, which runs on torch.
        threads: CPU threads of its engine, torch's for a bundle, and of the detector's.
        engine: of a .tflite, ai-edge-litert (the default) or tflite-runtime.
        finest: how small faces may be: 0 looks at the whole picture only, each step further at tiles of half the size
            too. None looks at no tiles where the whole picture shows large faces alone, which is many times as fast.
        passes: predictions a face at most; each after the first crops around the points of the one before, and is left
            out where those lie as its crop does.
        detector: the face detector's .tflite, face_detection_short_range.tflite; None takes it from an installed
            mediapipe, and "mediapipe" runs MediaPipe's own FaceDetector. It is opened by the first `find`.

    Raises:
        FileNotFoundError: there is no such file and no released model of that name.
        ValueError: it is no model, or a damaged one, or the options mean nothing.
        ModuleNotFoundError: its engine is not installed.

    Example:
        model = toolkit.load("sdhrnet-68pt-160")
        for face in model.find("me.jpg"):
            print(face.points_xy)  # (68, 2) in pixels
    """
    path = resolve(model)
    landmarker = open_model(path, threads, engine)
    return Model(path, landmarker, finest=finest, passes=passes, detector=detector, threads=threads)


def open_model(
    path: Path,
    threads: int = 1,
    engine: str | None = None,
    head: Scheme | None = None,
    decoder: Decoder | None = None,
) -> Landmarker:
    """The landmarker of a bundle's folder or of a converted file.

    Args:
        path: the folder or file.
        threads: CPU threads of its engine, torch's for a bundle.
        engine: of a converted file, where there are several.
        head: of a bundle with heads for several schemes, the one wanted; None for all of its points.
        decoder: of a bundle, in place of its card's.

    Raises:
        FileNotFoundError: there is nothing at the path.
        ValueError: it is no model, or a damaged one, has no such head, or is a file, which decodes in its own way.
    """
    runtime.check_threads(threads)
    if is_bundle(path):
        from toolkit import bundle
        from toolkit.export.deployed import TorchLandmarker

        loaded = bundle.read(path)
        if decoder is not None:
            loaded = replace(loaded, card=replace(loaded.card, decoder=decoder))
        return TorchLandmarker(loaded if head is None else bundle.part(loaded, head), threads)
    if decoder is not None:
        raise ValueError(f"{path.name} decodes in its own way: --decoder is for a bundle's folder")
    return runtime.load(path, engine=engine, threads=threads)


def identify(path: Path) -> dict[str, Any]:
    """The fields of a record that say which model it is about."""
    if not is_bundle(path):
        about = {"precision": sidecar.read(path).precision, "size_bytes": size_bytes(path), "seed": None}
        return {"model": path.name, "file_sha256": sha256(path), **about}
    from toolkit import bundle
    from toolkit.slimming.complexity import complexity

    loaded = bundle.read(path)
    cost = complexity(loaded.spec, loaded.card.size_px)
    return {
        "model": loaded.card.stage,
        "bundle": folder_name(path),
        "name": loaded.card.name,
        "input_px": loaded.card.size_px,
        "trained_on": loaded.card.data.get("train"),
        "taught_by": None if loaded.card.taught_by is None else list(loaded.card.taught_by),
        "file_sha256": bundle.digest(path),
        "precision": "float32",
        "size_bytes": size_bytes(path / "weights.safetensors"),
        "params_full": cost.params_full,
        "params_paper": cost.params_paper,
        "macs_full": cost.macs_full,
        "macs_paper": cost.macs_paper,
        "seed": loaded.card.config.get("seed"),
    }
