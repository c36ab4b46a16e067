"""`sdhrnet photo`: from a file to a drawn picture and points, with a landmarker that needs no weights."""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from toolkit import landmarkers
from toolkit.commands.live import photo
from toolkit.commands.live.photo import Photo, run
from toolkit.core.draw import DOUBTFUL, STYLE
from toolkit.core.geometry import crop_of_box
from toolkit.core.images import read_image, write_image
from toolkit.core.progress import finish
from toolkit.core.schemes import W300_68, Scheme
from toolkit.data.sample import box_of_points
from toolkit.detect import Detection, calibrate, landmarks_in, landmarks_of
from toolkit.runtime.landmarker import CONFIDENCE_FLOOR, Prediction

SIZE_PX = 96
SHAPE = np.random.default_rng(0).uniform(20, 70, size=(68, 2))
SHAPE[[36, 45]] = (30, 40), (60, 40)  # level eyes
"""What the fake landmarker says of every crop, in crop pixels."""


class Fake:
    """A Landmarker that gives one shape for every crop and keeps the crops."""

    scheme: Scheme = W300_68
    size_px = SIZE_PX
    engine = "fake 1"
    timed = False
    confidence_floor = CONFIDENCE_FLOOR

    def __init__(self) -> None:
        self.crops: list[np.ndarray] = []
        self.shape = SHAPE

    def __call__(self, crop: np.ndarray) -> Prediction:
        self.crops.append(crop)
        return Prediction(points_xy=self.shape, confidence=np.linspace(0.5, 1, 68))


@pytest.fixture
def model(monkeypatch) -> Fake:
    """The stage opens this instead of a file."""
    fake = Fake()
    monkeypatch.setattr(landmarkers, "open_model", lambda *_: fake)
    return fake


@pytest.fixture
def portrait(tmp_path: Path) -> Path:
    """The astronaut as a file."""
    write_image(tmp_path / "in" / "portrait.png", data.astronaut())
    return tmp_path / "in" / "portrait.png"


def test_points_come_back_to_the_image_from_the_last_crop():
    """Two passes: the second crop is made of the first one's points, and its points are mapped back by it."""
    image = np.random.default_rng(1).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    fake, box = Fake(), np.array([100.0, 60.0, 220.0, 200.0])
    look = landmarks_of(image, box, fake, passes=2)
    first = crop_of_box(box, SIZE_PX).to_image(SHAPE)
    assert look.box_xyxy == pytest.approx(box_of_points(first))
    assert look.seen.points_xy == pytest.approx(crop_of_box(look.box_xyxy, SIZE_PX).to_image(SHAPE))
    assert look.roll_deg == 0
    assert [c.shape for c in fake.crops] == [(SIZE_PX, SIZE_PX, 3)] * 2


def test_one_pass_uses_the_box_as_given():
    """With one pass the network runs once, on the crop of the box."""
    image = np.zeros((300, 400, 3), np.uint8)
    fake, box = Fake(), np.array([100.0, 60.0, 220.0, 200.0])
    look = landmarks_of(image, box, fake, passes=1)
    assert len(fake.crops) == 1
    assert np.array_equal(look.box_xyxy, box)
    assert look.seen.points_xy == pytest.approx(crop_of_box(box, SIZE_PX).to_image(SHAPE))


@pytest.mark.parametrize("spread", [0.0, 0.01, 10.0])
def test_points_that_are_no_face_end_the_passes(spread):
    """Points that collapse or fly apart, as of an untrained network, make no second crop and no error."""
    fake = Fake()
    fake.shape = 48 + (SHAPE - 48) * spread
    box = np.array([100.0, 60.0, 220.0, 200.0])
    look = landmarks_of(np.zeros((300, 400, 3), np.uint8), box, fake, passes=3)
    assert len(fake.crops) == 1
    assert np.array_equal(look.box_xyxy, box)
    assert np.isfinite(look.seen.points_xy).all()


def test_no_pass_is_refused():
    """Zero passes raise ValueError."""
    with pytest.raises(ValueError, match="at least one pass, got 0"):
        landmarks_of(np.zeros((9, 9, 3), np.uint8), np.array([1.0, 1, 5, 5]), Fake(), passes=0)


def test_unsure_points_are_told(model, portrait: Path, tmp_path: Path, monkeypatch):
    """In the text, in JSON and by gray on the picture; sure ones are not spoken of and are in colour."""
    options = Photo(model=Path("m.tflite"), image=portrait, out=tmp_path / "o.png")
    sure = finish(run(options))
    colours = {tuple(rgb) for rgb in read_image(tmp_path / "o.png").reshape(-1, 3).tolist()}
    assert STYLE.line in colours
    monkeypatch.setattr(Fake, "__call__", lambda self, crop: Prediction(points_xy=SHAPE, confidence=np.full(68, 0.3)))
    unsure = finish(run(dataclasses.replace(options, overwrite=True)))
    colours = {tuple(rgb) for rgb in read_image(tmp_path / "o.png").reshape(-1, 3).tolist()}
    assert DOUBTFUL.line in colours and STYLE.line not in colours
    assert [each.records[0]["faces"][0]["sure"] for each in (sure, unsure)] == [True, False]
    assert "not sure" not in sure.text
    assert "the points of face 1 are not sure (mean confidence 0.30, turned by 0 degrees)" in unsure.text


def test_every_detection_becomes_a_face_in_order():
    """Boxes are calibrated, scores kept, and the order is the detector's."""
    boxes = [np.array([10.0, 10, 110, 110]), np.array([150.0, 40, 200, 90])]
    seen = [
        Detection(box_xyxy=b, score=s, keypoints_xy=np.zeros((6, 2))) for b, s in zip(boxes, (0.9, 0.8), strict=True)
    ]
    faces = landmarks_in(np.zeros((200, 300, 3), np.uint8), lambda image: seen, Fake(), passes=1)
    assert [f.score for f in faces] == [0.9, 0.8]
    for face, box in zip(faces, boxes, strict=True):
        assert face.box_xyxy == pytest.approx(calibrate(box))


def test_a_photo_becomes_a_picture_and_points(model, portrait: Path, tmp_path: Path):
    """The picture has the photo's size and new colours; the JSON holds the points of its one face."""
    out, points, table = (tmp_path / "out" / name for name in ("drawn.png", "points.json", "points.csv"))
    outcome = finish(run(Photo(model=Path("any.tflite"), image=portrait, out=out, json_out=points, csv_out=table)))
    drawn = read_image(out)
    assert drawn.shape == (512, 512, 3)
    assert not np.array_equal(drawn, data.astronaut())
    record = json.loads(points.read_text())
    assert (record,) == outcome.records
    assert (record["image"], record["scheme"], record["engine"]) == ("portrait.png", "300w-68", "fake 1")
    assert record["size_wh"] == [512, 512]
    (face,) = record["faces"]
    crop = crop_of_box(np.array(face["box_xyxy"]), SIZE_PX)
    assert crop.to_crop(np.array(face["points_xy"])) == pytest.approx(SHAPE)
    assert len(face["confidence"]) == 68
    (row,) = np.loadtxt(table, delimiter=",", skiprows=1, ndmin=2)
    assert row[:3].tolist() == [0, 0, 1]
    assert row[4:].reshape(68, 2) == pytest.approx(np.array(face["points_xy"]), abs=0.0006)
    assert "1 face with 68 points" in outcome.text
    assert str(out) in outcome.text
    assert outcome.ok
    assert len(model.crops) == 2


def test_the_picture_is_written_to_the_current_folder_by_default(model, portrait: Path, tmp_path: Path, monkeypatch):
    """Without --out it is NAME-landmarks.png, here and not beside the photo; nothing else is written."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    finish(run(Photo(model=Path("m.tflite"), image=portrait)))
    assert [p.name for p in Path().iterdir()] == ["portrait-landmarks.png"]
    assert [p.name for p in portrait.parent.iterdir()] == ["portrait.png"]


def test_without_a_photo_the_astronaut_is_used(model, tmp_path: Path):
    """The example needs no file; --boxes draws more than is drawn without."""
    plain, boxed = tmp_path / "plain.png", tmp_path / "boxed.png"
    finish(run(Photo(model=Path("m.tflite"), out=plain)))
    finish(run(Photo(model=Path("m.tflite"), out=boxed, boxes=True)))
    changed = [(read_image(p) != data.astronaut()).any(axis=2).sum() for p in (plain, boxed)]
    assert changed[1] > changed[0] + 50


def test_without_scikit_image_the_example_says_how_to_get_it(monkeypatch):
    """A missing scikit-image becomes one line with the command that installs it."""
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(ValueError, match=r"pip install scikit-image.*or name a photo"):
        photo.example()


def test_no_face_is_an_answer_with_what_to_try(model, tmp_path: Path):
    """Status 0, an empty list in the record, the JSON and the table, the photo as it is, and a line with a remedy."""
    write_image(tmp_path / "wall.png", np.full((300, 400, 3), 99, np.uint8))
    out, points, table = (tmp_path / name for name in ("drawn.png", "points.json", "points.csv"))
    options = Photo(model=Path("m.tflite"), image=tmp_path / "wall.png", out=out, json_out=points, csv_out=table)
    outcome = finish(run(options))
    assert outcome.ok and outcome.text.startswith("no face found in wall.png (--finest 3")
    assert outcome.records[0]["faces"] == json.loads(points.read_text())["faces"] == []
    assert len(table.read_text().splitlines()) == 1
    assert np.array_equal(read_image(out), read_image(tmp_path / "wall.png"))
    assert model.crops == []


def test_a_missing_photo_and_a_text_file_are_refused(model, tmp_path: Path):
    """FileNotFoundError for what is not there, ValueError for what is no picture."""
    with pytest.raises(FileNotFoundError, match=r"no picture at .*none\.jpg"):
        finish(run(Photo(model=Path("m.tflite"), image=tmp_path / "none.jpg")))
    (tmp_path / "text.jpg").write_text("hello")
    with pytest.raises(ValueError, match=r"text\.jpg is not a picture"):
        finish(run(Photo(model=Path("m.tflite"), image=tmp_path / "text.jpg")))


def test_a_place_that_cannot_be_written_is_named(model, portrait: Path):
    """A folder that is a file gives one line that names the place."""
    with pytest.raises(ValueError, match=r"cannot write to .*portrait\.png"):
        finish(run(Photo(model=Path("m.tflite"), image=portrait, out=portrait / "drawn.png")))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out": Path("drawn.xyz")}, "names no kind of picture"),
        ({"finest": -1}, "--finest 0 or more"),
        ({"passes": 0}, "--passes 1 or more"),
    ],
)
def test_bad_options_are_refused_at_once(options, message):
    """What cannot work is refused when the options are made, before any work."""
    with pytest.raises(ValueError, match=message):
        Photo(model=Path("m.tflite"), **options)
