"""`sdhrnet evaluate --boxes detector`: three kinds of boxes on photos of the astronaut with points of our own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from toolkit.commands.measure import evaluate
from toolkit.commands.measure.evaluate import BOXES, Evaluate, face_at, run
from toolkit.core.files import read_lines
from toolkit.core.images import write_png
from toolkit.core.progress import finish
from toolkit.core.schemes import W300_68, Scheme
from toolkit.core.zoo import released
from toolkit.data import Sample
from toolkit.data.formats.pts import write_pts
from toolkit.detect import Detection
from toolkit.reporting.readme.deployment import device
from toolkit.runtime.landmarker import CONFIDENCE_FLOOR, Prediction

SHAPE = np.random.default_rng(0).uniform(12, 52, (68, 2))
"""What the fake network says of every crop: right only where the crop is that of the truth."""
BOX = np.array([178.0, 84.0, 272.0, 178.0])
"""About the astronaut's face; the truth's points fill a part of it."""


class Fake:
    scheme: Scheme = W300_68
    size_px = 64
    engine = "fake 1"
    timed = False
    confidence_floor = CONFIDENCE_FLOOR

    def __call__(self, crop: np.ndarray) -> Prediction:
        return Prediction(points_xy=SHAPE, confidence=np.ones(68))


@pytest.fixture
def faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one photo whose points have BOX for their box and the fake network's shape."""
    monkeypatch.setattr(evaluate, "open_model", lambda path, threads: Fake())
    write_png(tmp_path / "a.png", data.astronaut())
    unit = (SHAPE - SHAPE.min(axis=0)) / np.ptp(SHAPE, axis=0)
    (tmp_path / "a.pts").write_text(write_pts(BOX[:2] + unit * (BOX[2:] - BOX[:2])))
    return tmp_path


def test_every_kind_of_box_is_scored_on_the_faces_that_are_found(faces: Path, tmp_path: Path):
    """Eight records, four boxes by two passes; NME is smallest for the true box and larger for the detector's."""
    results = tmp_path / "out" / "results.jsonl"
    outcome = finish(run(Evaluate(model=released("float16"), boxes="detector", data=faces, results=results)))
    records = read_lines(results)
    assert len(records) == 8
    assert {(r["boxes"], r["passes"]) for r in records} == {(b, p) for b in BOXES for p in (1, 2)}
    assert all((r["n"], r["looked_at"]) == (1, 1) for r in records)
    nme = {r["boxes"]: r["nme_mean"] for r in records if r["passes"] == 1}
    assert len(set(nme.values())) == 4
    assert nme["calibrated"] < nme["detector"]
    assert "1 of 1 faces found" in outcome.text
    ((title, header, rows),) = device(records)
    assert "1 of 1 faces found" in title
    assert [len(row) for row in rows] == [len(header)] * 8


@pytest.mark.parametrize("damaged", [True, False], ids=["damaged", "of another face"])
def test_bad_pictures_are_left_out_of_both_kinds_of_boxes(faces: Path, monkeypatch: pytest.MonkeyPatch, damaged: bool):
    """Where that is asked for, and counted alike in data and faces; without it the first one is told."""
    (faces / "b.pts").write_bytes((faces / "a.pts").read_bytes())
    write_png(faces / "b.png", data.astronaut()[:100, :100])
    if damaged:
        (faces / "b.png").write_bytes(b"no picture")
    monkeypatch.setattr(evaluate, "open_model", lambda path, threads, decoder=None: Fake())
    found = {}
    for boxes in ("labels", "detector"):
        options = Evaluate(model=released("float16"), boxes=boxes, data=faces)
        with pytest.raises(ValueError, match=r"b\.p(ng|ts)"):
            finish(run(options))
        found[boxes] = finish(run(replace(options, skip_bad=True))).records[0]
    assert found["labels"]["data"] == found["detector"]["data"] and "1 left out" in found["labels"]["data"]
    assert found["labels"]["n"] == found["detector"]["n"] == found["detector"]["looked_at"] == 1


def test_the_largest_detection_on_the_face_is_taken():
    """One beside the face is not, and none is none."""
    sample = Sample(name="a", image=np.zeros((9, 9, 3), np.uint8), points_xy=np.zeros((68, 2)), box_xyxy=BOX)
    boxes = [np.array([0.0, 0, 150, 150]), np.array([170.0, 80, 280, 190]), np.array([200.0, 100, 250, 150])]
    found = [Detection(box_xyxy=box, score=0.9, keypoints_xy=np.zeros((6, 2))) for box in boxes]
    assert face_at(sample, found) is found[1]
    assert face_at(sample, found[:1]) is None


def test_a_photo_without_a_face_is_refused(faces: Path):
    """With how many were looked at."""
    write_png(faces / "a.png", np.full((512, 512, 3), 90, np.uint8))
    with pytest.raises(ValueError, match="finds none of 1 faces"):
        finish(run(Evaluate(model=released("float16"), boxes="detector", data=faces)))


def test_what_the_boxes_of_a_detector_cannot_score_is_refused(tmp_path: Path):
    """Drawn faces, baselines and heads, before anything is read."""
    for given in ({}, {"data": tmp_path, "baselines": True}, {"data": tmp_path, "head": "300w-68"}):
        with pytest.raises(ValueError, match="--boxes detector scores labelled photos"):
            Evaluate(model=tmp_path, boxes="detector", **given)
