"""Stage: the faces of a video, followed from frame to frame, with their landmarks drawn on it."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tyro.conf import Positional

from toolkit.commands.live.follow import Follow, Follower, follower, play
from toolkit.core.outputs import OutFile, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps, whole_steps
from toolkit.core.stopwatch import Stopwatch
from toolkit.core.video import VideoReader, VideoWriter, check_name


@dataclass(frozen=True, kw_only=True)
class Video(Follow):
    """Follow the faces of a video, draw their landmarks and write their points.

    Reads any file that FFmpeg does, sideways phone videos, changing frame rates and sizes included; frames that are
    broken are left out. Every frame keeps its time. Writes H.264, which browsers play. Sound is not copied. Stopped by
    Ctrl+C, kill or a closed terminal, it keeps the frames until then and says how many those are.
    """

    video: Positional[Path]
    """The video file."""
    out: OutFile | None = None
    """The video to write, an .mp4; by default NAME-landmarks.mp4 in the current folder."""
    finest: int = 1
    """How small faces may be: 0 looks at the whole picture only, each step further at tiles of half the size too."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.finest < 0:
            raise ValueError(f"expected --finest 0 or more, got {self.finest}")
        if self.out is not None:
            check_name(self.out)


def run(options: Video) -> Steps[Outcome]:
    """Read, follow, draw, write; see Video."""
    out = options.out if options.out is not None else Path(f"{options.video.stem}-landmarks.mp4")
    check_outputs(options, out=out)
    watch, frames = Stopwatch(), None
    with closing(VideoReader(options.video, watch)) as reader:
        try:
            with whole_steps() as stopped:
                frames, wall_s = yield from _followed(options, reader, out, watch, stopped)
        except KeyboardInterrupt as stop:
            if frames is not None:
                kept = " and ".join(str(path) for path in (out, options.json_out, options.csv_out) if path is not None)
                whole = f" of {reader.about}" if reader.about else ""
                stop.add_note(f"stopped after {frames.frames}{whole} frames of {reader.name}; {kept} have those")
            raise
    assert frames is not None
    speed = {"skipped": reader.skipped, "frames_per_second": round(frames.frames / wall_s, 2)}
    notes = f"; {reader.skipped} broken frames left out" if reader.skipped else ""
    if reader.missing_s:
        notes += f"; the last {reader.missing_s:.1f} s are missing: {reader.name} was cut off"
    if frames.resized:
        notes += f"; {frames.resized} frames are of another size, their points in their own pixels"
    return Outcome(
        text=f"{frames.text(wall_s)}{notes}: {out}", records=({**_about(reader), **frames.record(), **speed},)
    )


def _about(reader: VideoReader) -> dict[str, Any]:
    return {"kind": "video", "video": reader.name, "size_wh": list(reader.size_wh)}


def _followed(
    options: Video, reader: VideoReader, out: Path, watch: Stopwatch, stopped: Callable[[], bool]
) -> Steps[tuple[Follower, float]]:
    """Write film and points, whole, of all frames or of those until it is stopped; and the seconds that took.

    Raises:
        ValueError: one of the files cannot be written.
        FileNotFoundError: there is no model or no face detector.
    """
    try:
        with (
            follower(options, _about(reader), options.finest, watch) as frames,
            VideoWriter(out, reader.size_wh, reader.fps) as writer,
        ):
            started = time.perf_counter()
            for frame, _ in play(frames, reader, writer):
                yield Progress(task=f"following faces in {reader.name}", done=frame.index + 1, total=reader.about)
                if stopped():
                    break
            wall_s = time.perf_counter() - started
    except OSError as error:
        if not _of_writing(error, out, options.json_out, options.csv_out):
            raise
        raise ValueError(f"cannot write to {error.filename} ({error.strerror}): choose another place") from error
    return frames, wall_s


def _of_writing(error: OSError, *places: Path | None) -> bool:
    """Whether it is about one of the files that are written, or a folder for it."""
    named = None if error.filename is None else Path(str(error.filename))
    return any(named in (place, *place.parents) for place in places if place is not None)
