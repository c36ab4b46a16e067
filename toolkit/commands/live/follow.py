"""What `video` and `webcam` share: options, and faces followed frame by frame, drawn, and their points written."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.core.arrays import ImageArray
from toolkit.core.draw import draw_box, draw_landmarks
from toolkit.core.outputs import OutFile, WritesFiles
from toolkit.core.schemes import Scheme
from toolkit.core.smoothing import SMOOTHING
from toolkit.core.stopwatch import Stopwatch
from toolkit.core.video import Frame, VideoReader, VideoWriter
from toolkit.core.zoo import MAIN, ModelPath
from toolkit.detect import FaceTracker, TrackedFace, Tracking
from toolkit.detect.landmarks import NO_FACE
from toolkit.detect.points import Sink, csv_points, json_points
from toolkit.landmarkers import load


@dataclass(frozen=True, kw_only=True)
class Follow(WritesFiles):
    """Options of every command that follows faces."""

    model: ModelPath = Path(MAIN)
    """A .tflite, .onnx or .mlpackage, a bundle's folder, or the name of a released model, which is its float16 TFLite
    file (`sdhrnet models` lists them; sdhrnet-68pt-128 is the fast one)."""
    json_out: OutFile | None = None
    """Write the points of every frame, as JSON: x, y in 0-based pixels, whole numbers at pixel centres."""
    csv_out: OutFile | None = None
    """Write the points of every frame as a table, a row for each face."""
    smooth: bool = True
    """Steady the points over time (One-Euro filter); --no-smooth gives them as the network does."""
    flip_test: bool = False
    """Look at the mirror image of each crop too and take the mean: points tremble less, by a fifth, and the network
    takes nearly twice as long."""
    boxes: bool = False
    """Draw the box that each crop is made of as well."""
    faces: int = 4
    """Faces to follow at most. With 1, the detector rests while a face is followed."""
    min_confidence: float | None = None
    """A face whose points are less sure on average is lost, and looked for again (default: the model's own floor)."""
    detector: Path | None = None
    """The face detector's .tflite, face_detection_short_range.tflite. By default that of an installed mediapipe;
    `mediapipe` runs MediaPipe's own FaceDetector."""
    threads: int = 1
    """CPU threads of the engine (XNNPACK's, for .tflite)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "faces", "threads")
        if self.min_confidence is not None and not 0 <= self.min_confidence <= 1:
            raise ValueError(f"--min-confidence must be from 0 to 1, got {self.min_confidence:g}")

    def tracking(self) -> Tracking:
        """How faces are followed."""
        return Tracking(
            faces=self.faces,
            min_confidence=self.min_confidence,
            flip_test=self.flip_test,
            smoothing=SMOOTHING if self.smooth else None,
        )


class Follower:
    """One run of a command: a frame in, its faces and a picture of them out."""

    def __init__(
        self, tracker: FaceTracker, scheme: Scheme, *, boxes: bool, sinks: list[Sink], watch: Stopwatch
    ) -> None:
        """See `follower`."""
        self._tracker, self._scheme, self._boxes, self._sinks = tracker, scheme, boxes, sinks
        self.watch = watch
        self.frames = 0
        self.with_face = 0
        """Frames in which a face was followed."""
        self.resized = 0
        """Frames that are not as large as the first."""
        self._shape: tuple[int, ...] | None = None
        self._tracks: set[int] = set()

    def __call__(self, image: ImageArray, seconds: float) -> tuple[list[TrackedFace], ImageArray]:
        """The faces of the next frame, and a copy of it with them drawn.

        Args:
            image: (H, W, 3) uint8 RGB.
            seconds: when it was taken, later than the frame before.
        """
        faces = self._tracker(image, seconds)
        self._shape = self._shape or image.shape
        size_wh = None if image.shape == self._shape else (image.shape[1], image.shape[0])
        self.resized += size_wh is not None
        for sink in self._sinks:
            sink(self.frames, seconds, faces, size_wh)
        with self.watch("draw"):
            for face in faces:
                image = draw_box(image, face.box_xyxy, roll_deg=face.roll_deg) if self._boxes else image
                image = draw_landmarks(image, face.points_xy, self._scheme, face.confidence)
        self.frames += 1
        self.with_face += bool(faces)
        self._tracks.update(face.track for face in faces)
        return faces, image

    def record(self) -> dict[str, Any]:
        """What happened so far, as plain JSON values."""
        return {
            "frames": self.frames,
            "frames_with_face": self.with_face,
            "tracks": len(self._tracks),
            "stages": self.watch.summary(self.frames),
        }

    def text(self, wall_s: float) -> str:
        """The same for a person, with the speed that `wall_s` for all frames means."""
        stages = ", ".join(
            f"{name} {row['mean_ms_per_frame']:.1f}" for name, row in self.watch.summary(self.frames).items()
        )
        tracks = "1 face" if len(self._tracks) == 1 else f"{len(self._tracks)} faces"
        seen = f"{tracks} in {self.with_face} of {self.frames} frames" if self._tracks else NO_FACE
        return f"{seen}; {self.frames / wall_s:.0f} frames a second ({stages} ms a frame)"


def play(frames: Follower, reader: VideoReader, writer: VideoWriter) -> Iterator[tuple[Frame, list[TrackedFace]]]:
    """A video through a follower and into a file: each frame with its faces."""
    for frame in reader:
        faces, picture = frames(frame.image, frame.seconds)
        with frames.watch("encode"):
            writer.write(picture, frame.seconds)
        yield frame, faces


@contextmanager
def follower(options: Follow, about: dict[str, Any], finest: int, watch: Stopwatch | None = None) -> Iterator[Follower]:
    """Everything opened for a run; points files appear, whole, when the block ends well.

    Args:
        options: of the command.
        about: goes at the head of the JSON file, with the model and its scheme.
        finest: how small faces may be, see FaceDetector.
        watch: gets every stage.

    Raises:
        ValueError: the model is none, or a place cannot be written to.
    """
    watch, sinks = watch or Stopwatch(), list[Sink]()
    with ExitStack() as stack:
        model = stack.enter_context(
            load(options.model, threads=options.threads, finest=finest, detector=options.detector)
        )
        if options.json_out is not None:
            head = {**about, "model": model.name, "engine": model.engine, "scheme": model.scheme.name}
            head |= {"smooth": options.smooth, "flip_test": options.flip_test}
            sinks.append(stack.enter_context(json_points(options.json_out, head)))
        if options.csv_out is not None:
            sinks.append(stack.enter_context(csv_points(options.csv_out, model.scheme)))
        yield Follower(
            model.tracker(options.tracking(), watch), model.scheme, boxes=options.boxes, sinks=sinks, watch=watch
        )
