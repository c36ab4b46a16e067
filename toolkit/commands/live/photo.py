"""Stage: the faces of one photo, with their landmarks drawn on it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tyro.conf import Positional

from toolkit.core.arrays import ImageArray
from toolkit.core.draw import DOUBTFUL, STYLE, draw_box, draw_landmarks
from toolkit.core.files import write_json
from toolkit.core.images import SUFFIXES, read_image, write_image
from toolkit.core.outputs import OutFile, WritesFiles, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.schemes import Scheme, scheme
from toolkit.core.zoo import MAIN, ModelPath
from toolkit.detect import FaceLandmarks, TrackedFace
from toolkit.detect.detector import FINEST
from toolkit.detect.landmarks import NO_FACE, PASSES
from toolkit.detect.points import csv_points
from toolkit.landmarkers import Model, load

EXAMPLE = "astronaut"
"""scikit-image's portrait of Eileen Collins (NASA, public domain), inside its wheel."""


@dataclass(frozen=True, kw_only=True)
class Photo(WritesFiles):
    """Find the faces in a photo and draw their landmarks."""

    image: Positional[Path | None] = None
    """The photo; without it, scikit-image's portrait of an astronaut."""
    model: ModelPath = Path(MAIN)
    """A .tflite, .onnx or .mlpackage, a bundle's folder, or the name of a released model, which is its float16 TFLite
    file (`sdhrnet models` lists them; sdhrnet-68pt-128 is the fast one)."""
    out: OutFile | None = None
    """The picture to write; by default NAME-landmarks.png in the current folder."""
    json_out: OutFile | None = None
    """Write the points too, as JSON: x, y in 0-based pixels of the upright photo, whole numbers at pixel centres."""
    csv_out: OutFile | None = None
    """Write the points as a table, a row for each face, with the columns that `sdhrnet video` writes."""
    boxes: bool = False
    """Draw each face's box as well."""
    finest: int | None = None
    """How small faces may be: 0 looks at the whole photo only, each step further at tiles of half the size too. By
    default no tiles are looked at where the whole photo shows large faces alone."""
    passes: int = PASSES
    """Predictions a face at most; each after the first crops around the points of the one before, and is left out where
    those lie as its crop does."""
    detector: Path | None = None
    """The face detector's .tflite, face_detection_short_range.tflite. By default that of an installed mediapipe;
    `mediapipe` runs MediaPipe's own FaceDetector."""
    threads: int = 1
    """CPU threads of the engine."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "threads")
        if (self.finest is not None and self.finest < 0) or self.passes < 1:
            raise ValueError(f"expected --finest 0 or more and --passes 1 or more, got {self.finest} and {self.passes}")
        if self.out is not None and self.out.suffix.lower() not in SUFFIXES:
            raise ValueError(f"--out {self.out} names no kind of picture: end it in one of {', '.join(SUFFIXES)}")

    @property
    def name(self) -> str:
        """Of the photo."""
        return self.image.name if self.image is not None else EXAMPLE

    @property
    def picture(self) -> Path:
        """The picture to write."""
        return self.out if self.out is not None else Path(f"{Path(self.name).stem}-landmarks.png")


def run(options: Photo) -> Steps[Outcome]:
    """Detect, predict, draw, write; see Photo."""
    check_outputs(options, out=options.picture)
    name, out = options.name, options.picture
    image = read_image(options.image) if options.image is not None else example()
    yield Progress(task=f"finding faces in {name}", done=0, total=2)
    with load(
        options.model,
        threads=options.threads,
        finest=options.finest,
        passes=options.passes,
        detector=options.detector,
    ) as model:
        faces = model.find(image)
    yield Progress(task=f"drawing {len(faces)} faces", done=1, total=2)
    record = _record(name, image, model, faces)
    _write(options, out, drawn(image, faces, model.scheme, options.boxes), record, faces)
    if not faces:
        finest = FINEST if options.finest is None else options.finest
        again = f"--finest {finest + 1} looks for smaller faces"
        return Outcome(text=f"{NO_FACE} in {name} ({again}): {out} is the photo as it is", records=(record,))
    count = "1 face" if len(faces) == 1 else f"{len(faces)} faces"
    unsure = "".join(
        f"; the points of face {number} are not sure (mean confidence {face.confidence.mean():.2f}, turned by "
        f"{face.roll_deg:.0f} degrees): turn the photo upright, or look at them"
        for number, face in enumerate(faces, start=1)
        if not face.sure
    )
    return Outcome(text=f"{count} with {model.scheme.points} points each{unsure}: {out}", records=(record,))


def drawn(image: ImageArray, faces: list[FaceLandmarks], scheme: Scheme, boxes: bool) -> ImageArray:
    """A copy of the image with every face's landmarks and, if asked for, boxes; those of a face not sure are gray."""
    for face in faces:
        style = STYLE if face.sure else DOUBTFUL
        image = draw_box(image, face.box_xyxy, style, roll_deg=face.roll_deg) if boxes else image
        image = draw_landmarks(image, face.points_xy, scheme, face.confidence, style)
    return image


def example() -> ImageArray:
    """The example portrait, (512, 512, 3) RGB.

    Raises:
        ValueError: scikit-image is not installed.
    """
    try:
        from skimage import data
    except ImportError as error:
        raise ValueError(
            "the example photo comes with scikit-image: `pip install scikit-image`, or name a photo"
        ) from error
    return np.asarray(data.astronaut(), dtype=np.uint8)


def _record(name: str, image: ImageArray, model: Model, faces: list[FaceLandmarks]) -> dict[str, Any]:
    """What was found, as plain JSON values."""
    return {
        "kind": "photo",
        "image": name,
        "size_wh": [image.shape[1], image.shape[0]],
        "model": model.name,
        "engine": model.engine,
        "scheme": model.scheme.name,
        "faces": [
            {
                "box_xyxy": face.box_xyxy.tolist(),
                "roll_deg": face.roll_deg,
                "sure": face.sure,
                "score": face.score,
                "points_xy": face.points_xy.tolist(),
                "confidence": face.confidence.tolist(),
            }
            for face in faces
        ],
    }


def _write(options: Photo, out: Path, picture: ImageArray, record: dict[str, Any], faces: list[FaceLandmarks]) -> None:
    """Write the picture and, if asked for, the points.

    Raises:
        ValueError: the place cannot be written to.
    """
    try:
        write_image(out, picture)
        if options.json_out is not None:
            write_json(options.json_out, record)
        if options.csv_out is not None:
            numbered = [TrackedFace(**vars(face), track=number) for number, face in enumerate(faces, start=1)]
            with csv_points(options.csv_out, scheme(record["scheme"])) as write:
                write(0, 0.0, numbered)
    except OSError as error:
        raise ValueError(f"cannot write to {error.filename or out} ({error.strerror}): choose another place") from error
