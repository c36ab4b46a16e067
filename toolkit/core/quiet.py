"""Native libraries without their log lines, and mediapipe without the TensorFlow that it brings."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

CHATTER = re.compile(r"WARNING: All log messages before absl|INFO: |[IW]\d{4} |Matplotlib is building the font cache")
"""What TensorFlow Lite, mediapipe and their imports say in good health; errors (E, F) begin otherwise."""
END = b"\0"
"""Ends what is read; no line has one."""


@contextmanager
def no_tensorflow() -> Iterator[None]:
    """Let mediapipe find no TensorFlow: it wants it for its documentation only, and waits 5 s for it."""
    if "tensorflow" in sys.modules:
        yield
        return
    sys.modules["tensorflow"] = None  # type: ignore[assignment]  # documented: makes its import fail
    try:
        yield
    finally:
        del sys.modules["tensorflow"]


@contextmanager
def no_chatter() -> Iterator[None]:
    """Keep CHATTER off the process's stderr; every other line goes on to it as it comes."""
    if sys.stderr is None:  # closed by who started the process
        yield
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    reading, writing = os.pipe()
    os.dup2(writing, 2)
    reader = Thread(target=_pass_on, args=(reading, stderr), daemon=True)
    reader.start()
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(stderr, 2)
        os.write(writing, END)  # a process that was started meanwhile may hold the pipe open
        os.close(writing)
        reader.join()
        os.close(reading)
        os.close(stderr)


def _pass_on(reading: int, stderr: int) -> None:
    """Write what comes through a pipe to stderr, line by line, without CHATTER."""
    left = b""
    while END not in left and (more := os.read(reading, 1 << 16)):
        *lines, left = (left + more).split(b"\n")
        for line in lines:
            _write(stderr, line)
    _write(stderr, left.partition(END)[0])


def _write(stderr: int, line: bytes) -> None:
    if line and not CHATTER.match(line.decode(errors="replace")):
        with suppress(OSError):  # the terminal may be gone
            os.write(stderr, line + b"\n")
