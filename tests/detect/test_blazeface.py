"""BlazeFace on our engine: its steps one by one, and the whole beside MediaPipe's own FaceDetector."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from toolkit.core.images import read_image
from toolkit.core.zoo import released
from toolkit.detect import blazeface
from toolkit.detect.blazeface import (
    INPUT_PX,
    MEDIAPIPE,
    BlazeFace,
    MediaPipeFaceDetector,
    anchors,
    decode,
    detector_file,
    letterboxed,
    overlap,
    suppress,
)
from toolkit.detect.detector import FaceDetector

KEYPOINTS_PX, SCORES = 0.1, 2e-3
"""How far both may be apart: keypoints in pixels of the network's input, and scores."""


def pictures() -> list[np.ndarray]:
    """A portrait as it is, wide, tall and small."""
    image = data.astronaut()
    return [image, image[:300], image[:, 80:330], cv2.resize(image, (97, 131), interpolation=cv2.INTER_AREA)]


def hold_together(ours: BlazeFace, theirs: MediaPipeFaceDetector, image: np.ndarray) -> int:
    """The number of faces, once both are shown to agree on them."""
    mine, other = ours(image), theirs(image)
    assert len(mine) == len(other)
    for a, b in zip(mine, other, strict=True):
        scale = INPUT_PX / max(image.shape)
        assert a.score == pytest.approx(b.score, abs=SCORES)
        assert np.abs(a.keypoints_xy - b.keypoints_xy).max() * scale < KEYPOINTS_PX
        low = np.maximum(a.box_xyxy[:2], -0.5)  # MediaPipe cuts off there, and rounds corner and size down
        slack = KEYPOINTS_PX / scale
        assert (np.abs(low - b.box_xyxy[:2]) < 1 + slack).all()
        size, cut = a.box_xyxy[2:] - a.box_xyxy[:2], b.box_xyxy[2:] - b.box_xyxy[:2]
        assert (np.abs(size - cut) < 1 + slack).all()
    return len(mine)


@pytest.fixture(scope="module")
def both():
    """Ours and MediaPipe's, on the same file."""
    pytest.importorskip("mediapipe", reason="needs mediapipe: pip install '.[mediapipe]'")
    theirs = MediaPipeFaceDetector(detector_file())
    yield BlazeFace(detector_file()), theirs
    theirs.close()


@pytest.mark.slow
def test_faces_are_those_of_mediapipe(both):
    """On a portrait in four shapes: as many faces, keypoints within a tenth of an input pixel, scores to 0.002."""
    assert sum(hold_together(*both, image) for image in pictures()) >= 4


@pytest.mark.slow
@pytest.mark.data
def test_real_faces_are_those_of_mediapipe(both):
    """The same on 60 photos of 300W's AFW, of which all but a few show a face that can be seen at one look."""
    if "SDHRNET_DATA" not in os.environ:
        pytest.skip("SDHRNET_DATA does not point at real faces")
    photos = sorted((Path(os.environ["SDHRNET_DATA"]) / "300w" / "afw").glob("*.jpg"))[:60]
    assert sum(hold_together(*both, read_image(path)) for path in photos) > 50


@pytest.mark.slow
def test_a_search_by_mediapipe_finds_the_same_face(both):
    """By either look, within 3 px: MediaPipe rounds the box that the second look is made of."""
    theirs = FaceDetector(0, detector=MEDIAPIPE)
    try:
        (ours,), (other,) = FaceDetector(0)(data.astronaut()), theirs(data.astronaut())
    finally:
        theirs.close()
    assert theirs.engine.startswith("mediapipe ") and ours.box_xyxy == pytest.approx(other.box_xyxy, abs=3)
    assert ours.keypoints_xy == pytest.approx(other.keypoints_xy, abs=3)


def test_the_model_is_found_without_importing_mediapipe():
    """In a process that refuses its import, as where it was installed without what it needs."""
    code = (
        "import sys; sys.modules['mediapipe.python'] = None\n"
        "from toolkit.detect import FaceDetector\n"
        "import numpy as np\n"
        "assert FaceDetector(0)(np.zeros((90, 70, 3), np.uint8)) == []\n"
        "assert 'mediapipe' not in sys.modules and 'jax' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("version", "words"), [((3, 11), "photo, video and webcam also take"), ((3, 13), "PYTHONPATH=mp")]
)
def test_without_a_detector_one_line_says_the_two_ways(monkeypatch, version, words):
    """The wheel and the option, in words that fit the running Python; a wrong file says so too."""
    monkeypatch.setattr(blazeface, "inside", lambda package, inner: None)
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(FileNotFoundError, match=r"pip install --no-deps .*--detector") as raised:
        FaceDetector()
    assert words in str(raised.value) and "\n" not in str(raised.value)
    with pytest.raises(FileNotFoundError, match=r"no face detector at nowhere.tflite: pip install"):
        FaceDetector(detector=Path("nowhere.tflite"))


def test_another_network_is_refused():
    """A landmark network is no detector, and is told by what it takes."""
    with pytest.raises(ValueError, match=r"68pt-128-float16\.tflite"):
        BlazeFace(released("float16", "sdhrnet-68pt-128"))


def test_anchors_are_the_centres_of_two_grids():
    """896: two in each of 16 x 16 cells, row by row, then six in each of 8 x 8."""
    found = anchors()
    assert found.shape == (896, 2)
    assert found[:4].tolist() == [[1 / 32, 1 / 32], [1 / 32, 1 / 32], [3 / 32, 1 / 32], [3 / 32, 1 / 32]]
    assert found[512:519, 0].tolist() == [1 / 16] * 6 + [3 / 16] and found[-1].tolist() == [15 / 16, 15 / 16]


def test_a_letterbox_is_black_and_keeps_the_middle():
    """A white picture of 64 x 32 fills the middle half; black is -1, white 1."""
    square = letterboxed(np.full((32, 64, 3), 255, np.uint8))
    assert square.shape == (128, 128, 3) and square.dtype == np.float32
    assert (square[:31] == -1).all() and (square[97:] == -1).all() and (square[34:94, :126] == 1).all()


def test_boxes_are_decoded_from_their_anchor():
    """Offset, size and keypoints in input pixels from the anchor; low scores and boxes inside out are dropped."""
    raw = np.zeros((3, 16), np.float32)
    raw[:, :4] = [[12.8, 0, 25.6, 51.2], [0, 0, 10, 10], [0, 0, -10, 10]]
    raw[0, 4:6] = [-12.8, 6.4]
    logits = np.array([np.log(3), -1, 5], np.float32)
    scores, boxes, keypoints = decode(raw, logits, np.full((3, 2), 0.5), 0.5)
    assert scores == pytest.approx([0.75])
    assert boxes[0] == pytest.approx([0.5, 0.3, 0.7, 0.7])
    assert keypoints.shape == (1, 6, 2) and keypoints[0, 0] == pytest.approx([0.4, 0.55])


def test_overlapping_boxes_become_their_weighted_mean():
    """Two of one face, a third of another: the mean by score, with the better one's score."""
    boxes = np.array([[0, 0, 1, 1], [0.1, 0, 1.1, 1], [3, 3, 4, 5]])
    keypoints = np.stack([np.full((6, 2), value) for value in (0.0, 1.0, 2.0)])
    scores, found, points = suppress(np.array([0.6, 0.9, 0.7]), boxes, keypoints)
    assert scores.tolist() == [0.9, 0.7]
    assert found[0] == pytest.approx([0.06, 0, 1.06, 1]) and found[1].tolist() == [3, 3, 4, 5]
    assert points[0] == pytest.approx(np.full((6, 2), 0.6))


def test_suppression_ends_with_boxes_without_area():
    """Each is kept, and so is nothing at all."""
    scores, boxes, keypoints = suppress(np.array([0.6, 0.9]), np.zeros((2, 4)), np.zeros((2, 6, 2)))
    assert (scores.tolist(), boxes.shape, keypoints.shape) == ([0.9, 0.6], (2, 4), (2, 6, 2))
    scores, boxes, keypoints = suppress(np.zeros(0), np.zeros((0, 4)), np.zeros((0, 6, 2)))
    assert (scores.shape, boxes.shape, keypoints.shape) == ((0,), (0, 4), (0, 6, 2))


def test_overlap_is_intersection_over_union():
    """The same box 1, half beside it a third, apart 0."""
    others = np.array([[0, 0, 2, 1], [1, 0, 3, 1], [5, 5, 6, 6]], float)
    assert overlap(np.array([0, 0, 2, 1], float), others) == pytest.approx([1, 1 / 3, 0])
