"""Videos frame by frame, by PyAV: read from any container that FFmpeg knows, written as MP4, each frame at its time.

Sound is neither read nor written. Only files are opened, never an address. PyAV comes with the extra `video` and is
imported when a file is opened.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, cast

import cv2
import numpy as np

from toolkit.core.arrays import ImageArray
from toolkit.core.files import check_regular, new_file
from toolkit.core.stopwatch import Stopwatch

if TYPE_CHECKING:
    import av

FPS = 30.0
"""Assumed of a container that does not tell."""
CODEC: Final = "libx264"
"""H.264, which every browser and phone plays."""
CODEC_OPTIONS = {"preset": "ultrafast", "crf": "20"}
"""2 ms for 640 x 480, and no frame refers to a later one."""
TICKS = 90_000
"""Of the times that are written, a second; as is usual for video."""
APART_S = 2 / TICKS
"""Frames that are nearer to each other are of one time: written times would hardly tell them apart."""
ONLY_FILES = {"protocol_whitelist": "file"}
"""A playlist may name addresses; they are not followed."""
TEXT = "tty"
"""FFmpeg shows a text as a film of a terminal."""
MISSING_S = 0.5
"""A file whose frames end so long before its own length was cut off."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A picture and its time."""

    index: int
    """Number of the frame among those that could be read."""
    seconds: float
    """When it is shown, from the video's start; later than the frame before, by APART_S or more."""
    image: ImageArray
    """(H, W, 3) RGB, upright, with square pixels. A stream may change its size midway."""


class VideoReader:
    """The frames of a video file, in order; those that cannot be decoded are left out and counted.

    What an edit list hides, as a lossless cut does, is neither shown nor counted.
    """

    def __init__(self, path: Path, watch: Stopwatch | None = None) -> None:
        """Open a file and decode its first frame.

        Args:
            path: the file.
            watch: gets the stage decode.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: no video that can be read, or none of its frames can be decoded.
        """
        from av.video.reformatter import VideoReformatter

        check_regular(path)
        if not path.is_file():
            raise FileNotFoundError(f"no video at {path}")
        self.name = path.name
        self._watch = watch or Stopwatch()
        self._container, self._stream = _open(path)
        rate = float(self._stream.guessed_rate or 0)
        self.fps = rate if 1 <= rate <= 1000 else FPS
        """Frames a second, by the container; not what a video of changing rate keeps to."""
        self.read = 0
        """Frames read so far."""
        self.skipped = 0
        """Broken frames so far."""
        self._start = self._end = self._stream.start_time or 0
        self._told_end = self._start + (self._stream.duration or 0)
        self._tick_s = float(self._stream.time_base or 0)
        self._reformatter = VideoReformatter()
        self._frames = self._decoded()
        self._first = next(self._frames, None)
        if self._first is None:
            codec = self._stream.codec_context.name
            self.close()
            broken = f"none of its {self.skipped} frames can be decoded" if self.skipped else "it holds no frame"
            raise ValueError(f"{path} is damaged or cut off: {broken} (codec {codec}); make or copy it anew")
        height, width = self._first[1].shape[:2]
        self.size_wh = width, height
        """Of the first frame."""

    @property
    def about(self) -> int:
        """How many frames there are, by the container; 0 where it does not tell. For a progress bar."""
        import av

        seconds = self._container.duration / av.time_base if self._container.duration else 0
        return self._stream.frames or round(seconds * self.fps)

    @property
    def missing_s(self) -> float:
        """Once all are read, also when the file is closed: how much of its end is missing; 0 unless it was cut off."""
        missing = (self._told_end - self._end) * self._tick_s
        return missing if missing > MISSING_S else 0.0

    def __iter__(self) -> Iterator[Frame]:
        before: float | None = None
        while True:
            with self._watch("decode"):
                found, self._first = self._first or next(self._frames, None), None
            if found is None:
                return
            told_s, image = found
            before = self._time(told_s, before)
            self.read += 1
            yield Frame(index=self.read - 1, seconds=before, image=image)

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    def _time(self, told_s: float | None, before_s: float | None) -> float:
        """When a frame is shown: as the container tells, or at a steady pace where it tells none or one that is not
        later than the frame before."""
        if before_s is None:
            return told_s or 0.0
        return before_s + 1 / self.fps if told_s is None or told_s - before_s < APART_S else told_s

    def _decoded(self) -> Iterator[tuple[float | None, ImageArray]]:
        """Time, if the container tells, and picture of every whole frame."""
        import av

        for packet in self._packets():
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self.skipped += 1
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self.skipped += 1
                    continue
                told = None if frame.pts is None else float((frame.pts - self._start) * (frame.time_base or 0))
                yield told, self._upright(frame)

    def _packets(self) -> Iterator[av.Packet[av.VideoStream]]:
        import av

        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.FFmpegError):  # the container is damaged from here on
                return
            if packet.pts is not None:
                self._end = max(self._end, packet.pts + (packet.duration or 0))
            yield packet

    def _upright(self, frame: av.VideoFrame) -> ImageArray:
        """The picture as a player shows it: pixels made square, turned and mirrored as the file asks."""
        from av.buffer import Buffer
        from av.sidedata.sidedata import Type as SideData

        aspect = float(self._stream.sample_aspect_ratio or 1)
        width = round(frame.width * aspect) if 0.1 < aspect < 10 else frame.width
        rgb = self._reformatter.reformat(frame, width=width, height=frame.height, format="rgb24")
        image = np.asarray(rgb.to_ndarray(), dtype=np.uint8)
        matrix = cast(Mapping[SideData, Buffer], frame.side_data).get(SideData.DISPLAYMATRIX)
        if matrix is None:
            return image
        a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()  # phones film sideways and say so
        if abs(b) > abs(a):
            image, a, d = image.transpose(1, 0, 2), c, b
        return np.ascontiguousarray(image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])


class VideoWriter:
    """An MP4 without sound, whole or absent; used in a `with` block, at whose end the file appears."""

    def __init__(self, path: Path, size_wh: tuple[int, int], fps: float = FPS) -> None:
        """Prepare a file.

        Args:
            path: its name must end in .mp4.
            size_wh: of the film; an odd last column or row is left out, as the codec asks.
            fps: about how many frames a second there will be, for the encoder's budget of bits.
        """
        check_name(path)
        self._path, self._size_wh, self._fps = path, size_wh, min(max(fps, 5.0), 60.0)
        self._ticks: list[int] = []

    def __enter__(self) -> VideoWriter:
        import av

        self._file: AbstractContextManager[Path] = new_file(self._path)
        self._container = av.open(str(self._file.__enter__()), "w", format="mp4")
        stream = self._container.add_stream(CODEC, Fraction(self._fps).limit_denominator(1001), CODEC_OPTIONS)
        stream.width, stream.height = (side // 2 * 2 for side in self._size_wh)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS)
        self._stream = stream
        return self

    def write(self, image: ImageArray, seconds: float) -> None:
        """Add a frame, shown from this time on; times rise, and the first one is the film's start.

        Args:
            image: (H, W, 3) RGB; of another size than the film, it is fitted into it, with black borders.
            seconds: its time.

        Raises:
            ValueError: the time does not rise.
            OSError: the disk is full.
        """
        import av

        width, height = self._stream.width, self._stream.height
        if image.shape[1::-1] != self._size_wh:
            image = _fitted(image, (width, height))
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image[:height, :width]), format="rgb24")
        self._ticks.append(round(seconds * TICKS))
        if len(self._ticks) > 1 and self._ticks[-1] <= self._ticks[-2]:
            raise ValueError(f"the frames of {self._path.name} need rising times, got {seconds} s after a later one")
        frame.pts, frame.time_base = self._ticks[-1] - self._ticks[0], Fraction(1, TICKS)
        self._mux(frame)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        import av

        try:
            if kind is None:
                self._finish()
        except BaseException as failed:
            kind, error, traceback = type(failed), failed, failed.__traceback__
            raise
        finally:
            with suppress(av.FFmpegError):  # told already
                self._container.close()
            self._file.__exit__(kind, error, traceback)

    def _finish(self) -> None:
        if not self._ticks:
            raise ValueError(f"no frame was written to {self._path}")
        self._mux(None)

    def _mux(self, frame: av.VideoFrame | None) -> None:
        """Encode a frame, or what is left; the last one lasts as long as the one before."""
        try:
            for packet in self._stream.encode(frame):
                packet.duration = self._ticks[-1] - self._ticks[-2] if len(self._ticks) > 1 else TICKS // 30
                self._container.mux(packet)
            if frame is None:
                self._container.close()
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._path)) from error


def check_name(path: Path) -> None:
    """Raises ValueError unless a name ends in .mp4."""
    if path.suffix.lower() != ".mp4":
        raise ValueError(f"cannot write a video as {path.name}: end the name in .mp4")


def _open(path: Path) -> tuple[av.container.InputContainer, av.VideoStream]:
    """The file and the stream of its film."""
    import av
    from av.codec.context import Flags

    try:
        # an absolute name is never taken for an address
        container = av.open(str(path.resolve()), options=ONLY_FILES)
    except PermissionError as error:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path)) from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise ValueError(f"{path} is not a video that can be read: it may be cut off or damaged") from error
    stream = container.streams.best("video")
    wrong = ""
    if not isinstance(stream, av.VideoStream) or av.stream.Disposition.attached_pic in stream.disposition:
        wrong = f"{path} is not a video that can be read: it is sound only"
    elif container.format.name == TEXT:
        wrong = f"{path} is not a video but a text"
    elif cast(av.CodecContext | None, stream.codec_context) is None:
        wrong = (
            f"the codec of {path} cannot be decoded here: make an H.264 video of it, "
            f"for instance by `ffmpeg -i {path.name} -c:v libx264 new.mp4`"
        )
    if wrong:
        container.close()
        raise ValueError(wrong)
    stream = cast(av.VideoStream, stream)
    stream.thread_type = "AUTO"
    stream.codec_context.flags |= Flags.output_corrupt  # or broken frames would vanish uncounted
    return container, stream


def _fitted(image: ImageArray, size_wh: tuple[int, int]) -> ImageArray:
    """The whole picture in the middle of another size, as large as it fits."""
    height, width = image.shape[:2]
    zoom = min(size_wh[0] / width, size_wh[1] / height)
    inside = max(1, round(width * zoom)), max(1, round(height * zoom))
    small = cv2.resize(image, inside, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)
    left, top = (size_wh[0] - inside[0]) // 2, (size_wh[1] - inside[1]) // 2
    fitted = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    fitted[top : top + inside[1], left : left + inside[0]] = small
    return fitted
