"""Native libraries without log lines and without hiding errors; mediapipe without TensorFlow."""

import os
import subprocess
import sys
import types

import pytest

from toolkit.core.quiet import no_chatter, no_tensorflow

START = """
import socket, sys

def refuse(*args, **kwargs):
    raise AssertionError("a socket was opened")

socket.socket.connect = refuse
import toolkit.detect
assert "mediapipe" not in sys.modules, "imported before it is needed"
detector = toolkit.detect.FaceDetector()
detector.close()
assert "tensorflow" not in sys.modules, "TensorFlow was loaded, or is still blocked"
"""


@pytest.mark.slow
def test_starting_a_detector_is_silent_offline_and_without_tensorflow():
    """In a fresh process: nothing on stdout or stderr, no connection, no TensorFlow, and no block on it."""
    done = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_chatter_is_dropped_and_errors_are_not(capfd):
    """Information and warnings of the C++ side go; its errors, and lines of anyone else, stay in order."""
    with no_chatter():
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\nW0000 00:00:17 x.cc:1] careful\n")
        os.write(2, b"E0000 00:00:17 x.cc:2] broken\n")
        os.write(2, b"Warning of a library\n")
    assert capfd.readouterr().err == "E0000 00:00:17 x.cc:2] broken\nWarning of a library\n"


def test_stderr_is_given_back_when_the_block_fails(capfd):
    """After an exception what was caught is shown and stderr works."""
    with pytest.raises(RuntimeError), no_chatter():
        os.write(2, b"F0000 00:00:17 x.cc:3] reason\n")
        raise RuntimeError
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "F0000 00:00:17 x.cc:3] reason\nafter\n"


def test_a_process_that_stays_keeps_nobody_waiting(capfd):
    """One that was started in the block holds its stderr; the block ends all the same."""
    with no_chatter():
        stays = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        os.write(2, b"half a line")
    assert stays.poll() is None
    stays.communicate(b"\n")
    assert capfd.readouterr().err == "half a line\n"


def test_tensorflow_is_missing_only_inside(monkeypatch):
    """Its import fails in the block, and the block leaves no trace, not even when it fails."""
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    with pytest.raises(ImportError), no_tensorflow():
        import tensorflow  # noqa: F401 - the import is the test
    assert "tensorflow" not in sys.modules


def test_a_loaded_tensorflow_stays(monkeypatch):
    """Who has imported it already keeps it."""
    loaded = types.ModuleType("tensorflow")
    monkeypatch.setitem(sys.modules, "tensorflow", loaded)
    with no_tensorflow():
        assert sys.modules["tensorflow"] is loaded
    assert sys.modules["tensorflow"] is loaded
