"""Videos frame by frame: read from any container that OpenCV's FFmpeg knows, written as MP4, each frame at its time.

Sound is neither read nor written. Only files are opened, never an address.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.core.files import new_file
from toolkit.core.mp4 import retime
from toolkit.core.stopwatch import Stopwatch

ImageArray = NDArray[np.uint8]

FPS = 30.0
"""Assumed of a container that does not tell."""
CODEC = "mp4v"
"""MPEG-4 part 2: in every build of OpenCV, and quick (1.3 ms for 640 x 480). Browsers do not play it."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A picture and its time."""

    index: int
    """Number of the frame among those that could be read."""
    seconds: float
    """When it is shown, from the video's start; later than the frame before."""
    image: ImageArray
    """(H, W, 3) RGB, upright."""


class VideoReader:
    """The frames of a video file, in order; those that cannot be decoded are left out and counted."""

    def __init__(self, path: Path, watch: Stopwatch | None = None) -> None:
        """Open a file.

        Args:
            path: the file.
            watch: gets the stage decode.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: no video that can be read.
        """
        if not path.is_file():
            raise FileNotFoundError(f"no video at {path}")
        self.name = path.name
        self._watch = watch or Stopwatch()
        self.packets = _packets(path)
        """Frames in the file, broken ones included."""
        self._capture = _open(path)
        width, height = (int(self._capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if not self.packets or width < 1 or height < 1:
            raise ValueError(f"{path} is not a video that can be read: it may be cut off, damaged or sound only")
        self.size_wh = width, height
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = rate if 1 <= rate <= 1000 else FPS
        """Frames a second, by the container; not what a video of changing rate keeps to."""
        self.read = 0
        """Frames read so far."""

    @property
    def skipped(self) -> int:
        """Broken frames, once all are read."""
        return max(self.packets - self.read, 0)

    def __iter__(self) -> Iterator[Frame]:
        before = -1.0
        while True:
            with self._watch("decode"):
                if not self._capture.grab():
                    return
                seconds = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                whole, image = self._capture.retrieve()
                if not whole or image.shape[1::-1] != self.size_wh:
                    continue
                rgb = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)
            if seconds <= before:  # a container without times, or damaged ones
                seconds = before + 1 / self.fps
            before = seconds
            self.read += 1
            yield Frame(index=self.read - 1, seconds=seconds, image=rgb)

    def close(self) -> None:
        """Let go of the file."""
        self._capture.release()


class VideoWriter:
    """An MP4 without sound, whole or absent; used in a `with` block, at whose end the file appears."""

    def __init__(self, path: Path, size_wh: tuple[int, int], fps: float = FPS) -> None:
        """Prepare a file.

        Args:
            path: its name must end in .mp4.
            size_wh: of every frame; an odd last column or row is left out, as the codec asks.
            fps: about how many frames a second there will be, for the encoder's budget of bits.
        """
        check_name(path)
        self._path, self._size_wh, self._fps = path, size_wh, min(max(fps, 5.0), 60.0)
        self._seconds: list[float] = []

    def __enter__(self) -> "VideoWriter":
        self._file: AbstractContextManager[Path] = new_file(self._path)
        self._temporary = self._file.__enter__()
        _quiet()
        fourcc = cv2.VideoWriter.fourcc(*CODEC)
        self._writer = cv2.VideoWriter(str(self._temporary.resolve()), cv2.CAP_FFMPEG, fourcc, self._fps, self._size_wh)
        if not self._writer.isOpened():
            self._file.__exit__(ValueError, ValueError(), None)
            raise ValueError(f"cannot write a video of {self._size_wh[0]} x {self._size_wh[1]} pixels to {self._path}")
        return self

    def write(self, image: ImageArray, seconds: float) -> None:
        """Add a frame (H, W, 3) RGB, shown from this time on; times rise, and the first one is the film's start."""
        self._writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        self._seconds.append(seconds)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._writer.release()
        try:
            if kind is None:
                self._finish()
        except BaseException as failed:
            self._file.__exit__(type(failed), failed, failed.__traceback__)
            raise
        self._file.__exit__(kind, error, traceback)

    def _finish(self) -> None:
        """Set the times and see that every frame has arrived: OpenCV says nothing of a full disk."""
        if not self._seconds:
            raise ValueError(f"no frame was written to {self._path}")
        written = _packets(self._temporary)
        if written != len(self._seconds):
            raise OSError(f"only {written} of {len(self._seconds)} frames reached {self._path}: is the disk full?")
        retime(self._temporary, self._seconds)


def check_name(path: Path) -> None:
    """Raises ValueError unless a name ends in .mp4."""
    if path.suffix.lower() != ".mp4":
        raise ValueError(f"cannot write a video as {path.name}: end the name in .mp4")


def _packets(path: Path) -> int:
    """How many frames a file holds, by walking through it without decoding; what containers say of it is a guess."""
    capture = _open(path)
    capture.set(cv2.CAP_PROP_FORMAT, -1)
    count = 0
    while capture.grab():
        count += 1
    capture.release()
    return count


def _open(path: Path) -> cv2.VideoCapture:
    _quiet()
    level = cv2.getLogLevel()
    cv2.setLogLevel(0)
    try:
        # an absolute name is never taken for an address
        return cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG)
    finally:
        cv2.setLogLevel(level)


def _quiet() -> None:
    """Keep FFmpeg from telling of every broken frame: they are counted. OpenCV has no other way, and reads it once."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
