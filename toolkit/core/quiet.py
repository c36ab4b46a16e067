"""Starting mediapipe and TFLite without the TensorFlow and the log lines that they bring."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

CHATTER = re.compile(r"WARNING: All log messages before absl|INFO: |[IW]\d{4} |Matplotlib is building the font cache")
"""What mediapipe, its imports and TFLite say in good health; errors (E, F) begin otherwise."""


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
    """Keep CHATTER off the process's stderr; whatever else is written there follows when the block ends."""
    if sys.stderr is None:  # closed by who started the process
        yield
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            caught.seek(0)
            for line in caught.read().decode(errors="replace").splitlines():
                if line and not CHATTER.match(line):
                    os.write(2, f"{line}\n".encode())
