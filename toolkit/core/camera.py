"""A camera's frames, the newest first in line, and a window to show them in."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from toolkit.core.arrays import ImageArray
from toolkit.core.stopwatch import Stopwatch
from toolkit.core.video import APART_S, Frame

BROKEN_IN_A_ROW = 30
"""So many frames that do not come, and the camera counts as gone."""
QUIT = (ord("q"), 27)
"""Keys that close the window: q and Escape."""


class Camera:
    """A camera of this machine."""

    def __init__(self, number: int, size_wh: tuple[int, int], watch: Stopwatch | None = None) -> None:
        """Open a camera.

        Args:
            number: 0 is the first one.
            size_wh: asked for; a camera that cannot gives its nearest.
            watch: gets the stage camera, most of it waiting for the next frame.

        Raises:
            ValueError: there is no such camera, or it gives no picture.
        """
        self._watch = watch or Stopwatch()
        level = cv2.getLogLevel()
        cv2.setLogLevel(0)  # what it says of a missing camera, we say in words
        try:
            self._capture = cv2.VideoCapture(number)
        finally:
            cv2.setLogLevel(level)
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, size_wh[0])
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size_wh[1])
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest frame, not the oldest one waiting
        whole, image = self._capture.read() if self._capture.isOpened() else (False, None)
        if not whole or image is None:
            raise ValueError(_no_camera(number))
        self.size_wh: tuple[int, int] = (image.shape[1], image.shape[0])
        self.skipped = 0
        """Frames that did not come whole."""

    def __iter__(self) -> Iterator[Frame]:
        """Frames with the time at which they came, until the camera is gone; two of one time are one."""
        started, before, index, broken = time.perf_counter(), -1.0, 0, 0  # on Windows, monotonic() is 16 ms coarse
        while broken < BROKEN_IN_A_ROW:
            with self._watch("camera"):
                whole, image = self._capture.read()
            if not whole:
                broken, self.skipped = broken + 1, self.skipped + 1
                continue
            seconds, broken = time.perf_counter() - started, 0
            if seconds - before < APART_S:
                continue
            rgb = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)
            yield Frame(index=index, seconds=seconds, image=rgb)
            before, index = seconds, index + 1

    def close(self) -> None:
        """Let go of the camera."""
        self._capture.release()


def has_windows() -> bool:
    """Whether this OpenCV can open windows at all; its headless wheel, which the toolkit asks for, cannot."""
    built = (line.partition(":") for line in cv2.getBuildInformation().splitlines())
    return next((value.strip() != "NONE" for name, _, value in built if name.strip() == "GUI"), True)


def has_display() -> bool:
    """Whether a window can be opened here; on Linux OpenCV's wheel needs X11 for it, or Wayland's X11 beside it.

    Tried in a process of its own: where DISPLAY names no server, or one that refuses, Qt ends the whole process.
    """
    if sys.platform in ("darwin", "win32"):
        return True
    open_one = "import cv2; cv2.namedWindow('', cv2.WINDOW_AUTOSIZE); cv2.destroyAllWindows()"
    tried = [sys.executable, "-c", open_one]
    return bool(os.environ.get("DISPLAY")) and not subprocess.run(tried, capture_output=True, check=False).returncode


def show(title: str, image: ImageArray) -> bool:
    """Show a picture (H, W, 3) RGB in a window; False once a person has closed it, or pressed q or Escape."""
    cv2.imshow(title, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    pressed = cv2.waitKey(1) & 0xFF
    return pressed not in QUIT and cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) >= 1


def close_windows() -> None:
    """Close every window."""
    cv2.destroyAllWindows()


def _no_camera(number: int) -> str:
    there = sorted(path.name.removeprefix("video") for path in Path("/dev").glob("video*"))
    known = f"; there is --camera {', '.join(there)}" if there else "; this machine has none that can be seen"
    advice = "plug one in, close the program that uses it, or allow cameras in the system's settings"
    return f"no camera {number}{known if sys.platform == 'linux' else ''}: {advice}"
