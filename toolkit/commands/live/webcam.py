"""Stage: the faces before a camera, followed live, in a window, to a file, or both."""

import os
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass

import numpy as np

from toolkit.commands.live.follow import Follow, Follower, follower
from toolkit.core.arrays import ImageArray
from toolkit.core.camera import Camera, close_windows, has_display, has_windows, show
from toolkit.core.draw import draw_caption
from toolkit.core.outputs import OutFile, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps, whole_steps
from toolkit.core.provenance import install
from toolkit.core.stopwatch import Stopwatch
from toolkit.core.video import VideoWriter, check_name

TITLE = "sdhrnet webcam (q to quit)"
SPEED_FRAMES = 30
"""The speed that is shown is that of so many frames."""


@dataclass(frozen=True, kw_only=True)
class Webcam(Follow):
    """Follow the faces before a camera. Frames stay on this machine, and on no disk without --out.

    Ends by q, Escape, Ctrl+C, kill, when its window or terminal is closed, or after --seconds; what was recorded until
    then is kept.
    """

    camera: int = 0
    """Which camera; 0 is the first one."""
    width: int = 640
    """Asked of the camera, as is the height; it may give another size."""
    height: int = 480
    """See width."""
    mirror: bool = True
    """Show and record the picture as a mirror does; --no-mirror as others see it. Points are of the camera's own
    picture either way: in a mirrored one x is width - 1 - x."""
    out: OutFile | None = None
    """Record what is shown, as an .mp4."""
    seconds: float | None = None
    """Stop after so long (default: go on)."""
    finest: int = 0
    """How small faces may be: 0 looks at the whole picture only, each step further at tiles of half the size too."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.camera < 0 or self.width < 1 or self.height < 1 or self.finest < 0:
            raise ValueError("--camera and --finest must be 0 or more, --width and --height at least 1")
        if self.seconds is not None and self.seconds <= 0:
            raise ValueError(f"--seconds must be above 0, got {self.seconds}")
        if self.out is not None:
            check_name(self.out)


def run(options: Webcam) -> Steps[Outcome]:
    """Follow, draw, show and record; see Webcam.

    Raises:
        ValueError: there is no camera, or nothing to show or write to.
    """
    check_outputs(options)
    window = has_windows() and has_display()
    if not window and options.out is None and options.json_out is None and options.csv_out is None:
        display = os.environ.get("DISPLAY")
        which = f"the display {display} cannot be opened" if display else "no display to open a window on"
        if not has_windows():
            which = f"this OpenCV opens no windows ({install('window')} brings one that does)"
        raise ValueError(f"{which}: record with --out FILE.mp4, --json-out or --csv-out")
    watch = Stopwatch()
    with ExitStack() as stack:
        camera = stack.enter_context(closing(Camera(options.camera, (options.width, options.height), watch)))
        about = {"kind": "webcam", "camera": options.camera, "size_wh": list(camera.size_wh), "mirror": options.mirror}
        frames = stack.enter_context(follower(options, about, options.finest, watch))
        writer = stack.enter_context(VideoWriter(options.out, camera.size_wh)) if options.out is not None else None
        if window:
            stack.callback(close_windows)
        seconds = 0.0
        try:
            with whole_steps() as stopped:
                for seconds, picture in _live(frames, camera, options):
                    if writer is not None:
                        with watch("encode"):
                            writer.write(picture, seconds)
                    if window and not show(TITLE, picture):
                        break
                    yield _progress(frames, seconds, options.seconds)
                    if stopped():
                        break
        except KeyboardInterrupt:  # how one ends a recording without a window; what there is is kept
            if not frames.frames:
                raise
        if not frames.frames:
            raise ValueError(f"camera {options.camera} gave no frame: is another program using it?")
    where = f": {options.out}" if options.out is not None else ""
    record = {**about, **frames.record(), "skipped": camera.skipped}
    return Outcome(text=f"{frames.text(max(seconds, 1e-3))}{where}", records=(record,))


def _live(frames: Follower, camera: Camera, options: Webcam) -> Iterator[tuple[float, ImageArray]]:
    """Time and drawn picture of each frame, with the speed on it, until the time is over or the camera gone."""
    times: deque[float] = deque(maxlen=SPEED_FRAMES)
    for frame in camera:
        if options.seconds is not None and frame.seconds > options.seconds:
            return
        _, picture = frames(frame.image, frame.seconds)
        picture = np.ascontiguousarray(picture[:, ::-1]) if options.mirror else picture
        times.append(frame.seconds)
        if len(times) > 1:
            speed = (len(times) - 1) / (times[-1] - times[0])
            network = frames.watch.latest_ms("network", SPEED_FRAMES)
            picture = draw_caption(picture, f"{speed:.0f} frames/s, network {network:.1f} ms")
        yield frame.seconds, picture


def _progress(frames: Follower, seconds: float, until: float | None) -> Progress:
    """How far a recording is; one without an end stays at its beginning."""
    if until is None:
        return Progress(task=f"following faces: {frames.frames} frames, Ctrl+C ends", done=0, total=1)
    return Progress(task="following faces", done=round(seconds), total=round(until))
