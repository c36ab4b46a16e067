"""QR codes, read back by OpenCV's own decoder."""

import cv2
import numpy as np
import pytest

from toolkit.core import qr

BLOCKS = {" ": (False, False), "▀": (True, False), "▄": (False, True), "█": (True, True)}


def decoded(modules: np.ndarray) -> str:
    picture = np.where(np.pad(modules, qr.QUIET), 0, 255).astype(np.uint8)
    text, _, _ = cv2.QRCodeDetector().detectAndDecode(np.kron(picture, np.ones((8, 8), np.uint8)))
    return text


@pytest.mark.parametrize(
    "text", ["a", "http://192.168.1.23:8080/", "https://phöne.local:65535/#bench", "x" * 60, "0" * 78, "y" * 106]
)
def test_a_code_is_read_back(text):
    """All five versions, also with bytes beyond ASCII."""
    assert decoded(qr.encode(text)) == text


def test_versions_grow_with_the_text():
    """The smallest version that holds the text: 17 bytes fit version 1, 18 do not."""
    assert [len(qr.encode("x" * n)) for n in (17, 18, 33, 54, 79, 106)] == [21, 25, 29, 33, 37, 37]


def test_a_text_that_is_too_long_is_refused():
    """One byte more than version 5 holds."""
    with pytest.raises(ValueError, match="holds 106 bytes, the text has 107"):
        qr.encode("x" * 107)


def test_a_terminal_shows_the_same_modules():
    """Two rows of modules a line, light ones drawn, white on black in any terminal."""
    modules = qr.encode("http://localhost:8080/")
    lines = [line.removeprefix("\x1b[97;40m").removesuffix("\x1b[0m") for line in qr.in_terminal(modules).split("\n")]
    halves = np.array([[BLOCKS[c] for c in line] for line in lines])  # (lines, n, 2)
    light = halves.transpose(0, 2, 1).reshape(-1, halves.shape[1])
    size = len(modules) + 2 * qr.QUIET
    assert np.array_equal(light[:size], np.pad(~modules, qr.QUIET, constant_values=True))
