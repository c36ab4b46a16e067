"""From a picture to faces: what `find` takes, gives and refuses."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from toolkit import bundle
from toolkit.cli import main
from toolkit.core.geometry import crop_of_box, cut
from toolkit.core.zoo import MAIN, WEIGHTS
from toolkit.landmarkers import Model, load

SMALL = "sdhrnet-68pt-128"


@pytest.fixture(scope="module")
def model() -> Model:
    """The small one, with the detector of a whole picture."""
    return load(SMALL, finest=0)


def test_it_says_what_it_is(model: Model) -> None:
    """Name, points, size and engine."""
    assert (model.name, model.scheme.points, model.size_px) == (f"{SMALL}-float16.tflite", 68, 128)
    assert model.engine.startswith("ai-edge-litert") and "68 points of 300w-68, 128 px" in repr(model)


def test_loading_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    """What XNNPACK says of itself stays off stderr: only the command line prints."""
    load(SMALL).close()
    assert capfd.readouterr() == ("", "")


def test_find_gives_what_the_command_photo_gives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every number, of the main model on the astronaut."""
    points = tmp_path / "points.json"
    assert main(["photo", "--out", str(tmp_path / "drawn.png"), "--json-out", str(points), "--quiet"]) == 0
    (told,) = json.loads(points.read_text())["faces"]
    with load(MAIN) as whole:
        (face,) = whole.find(data.astronaut())
    assert face.points_xy.shape == (68, 2) and face.points_xy.dtype == np.float64
    assert told["points_xy"] == face.points_xy.tolist() and told["confidence"] == face.confidence.tolist()
    assert told["box_xyxy"] == face.box_xyxy.tolist() and told["roll_deg"] == face.roll_deg


def test_a_path_is_read_upright(model: Model, tmp_path: Path) -> None:
    """A PNG with an EXIF turn, by str and by Path, gives the faces of the upright array."""
    turned, exif = np.rot90(data.astronaut()), Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.ascontiguousarray(turned)).save(tmp_path / "me.png", exif=exif)
    (upright,) = model.find(data.astronaut())
    for path in (tmp_path / "me.png", str(tmp_path / "me.png")):
        (face,) = model.find(path)
        assert np.array_equal(face.points_xy, upright.points_xy)


def test_any_strides_are_taken_and_nothing_is_changed(model: Model) -> None:
    """Rows backwards in memory, or a part of a wider array, read-only."""
    image = data.astronaut()
    (face,) = model.find(image)
    wide = np.zeros((512, 1024, 4), np.uint8)
    wide[:, ::2, :3] = image
    for view in (image[::-1].copy()[::-1], wide[:, ::2, :3], np.asfortranarray(image)):
        view.flags.writeable = False
        assert np.array_equal(model.find(view)[0].points_xy, face.points_xy)
    assert np.array_equal(image, data.astronaut())


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((0, 0, 3), np.uint8),
        np.zeros((64, 0, 3), np.uint8),
        np.zeros((64, 64, 3), np.float64),
        np.zeros((64, 64), np.uint8),
        np.zeros((64, 64, 4), np.uint8),
        np.zeros((1, 64, 64, 3), np.uint8),
        [[1, 2, 3]],
        None,
    ],
    ids=["empty", "no columns", "float", "gray", "four channels", "a batch", "a list", "nothing"],
)
def test_a_wrong_array_is_one_error_and_breaks_nothing(model: Model, wrong: object) -> None:
    """ValueError in one line, from `find`, from the detector and from a tracker; each works afterwards."""
    follow = model.tracker()
    assert len(follow(data.astronaut(), 0.0)) == 1
    for refuse in (model.find, model.detect, lambda image: follow(image, 0.1)):
        with pytest.raises(ValueError, match=r"^expected an image [^\n]*, got [^\n]*$"):
            refuse(wrong)
    assert len(model.find(data.astronaut())) == 1
    assert [face.track for face in follow(data.astronaut(), 0.2)] == [1]


def test_no_face_is_an_empty_list(model: Model) -> None:
    """Of a flat picture, down to one pixel."""
    assert model.find(np.full((1, 1, 3), 9, np.uint8)) == model.find(np.full((90, 120, 3), 9, np.uint8)) == []


def test_a_crop_gives_its_points_and_a_wrong_one_an_error(model: Model) -> None:
    """In crop pixels: by the crop of a found face, its points again, within 2 px of the picture."""
    image = data.astronaut()
    (face,) = model.find(image)
    crop = crop_of_box(face.box_xyxy, model.size_px)
    assert crop.to_image(model(cut(image, crop)).points_xy) == pytest.approx(face.points_xy, abs=2)
    with pytest.raises(ValueError, match=r"expected a \(128, 128, 3\) uint8 RGB crop"):
        model(image)


def test_a_bundle_finds_the_points_of_its_file(model: Model) -> None:
    """On torch, by the path of the folder; within a pixel of the float16 file."""
    with load(WEIGHTS / SMALL, finest=0) as whole:
        (face,) = whole.find(data.astronaut())
        assert whole.scheme == bundle.read(WEIGHTS / SMALL).scheme and whole.engine.startswith("torch")
    assert face.points_xy == pytest.approx(model.find(data.astronaut())[0].points_xy, abs=1.0)


def test_threads_may_share_one(model: Model) -> None:
    """Two at once get the points of one."""
    (face,) = model.find(data.astronaut())
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(model.find, [data.astronaut()] * 4))
    assert all(np.array_equal(each.points_xy, face.points_xy) for (each,) in found)


def test_a_closed_model_finds_no_more() -> None:
    """And says so; closing twice is no error."""
    with load(SMALL, finest=0) as closed:
        pass
    closed.close()
    with pytest.raises(ValueError, match="was closed: load it again"):
        closed.find(data.astronaut())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"model": "sdhrnet-68pt-97"}, FileNotFoundError, "did you mean"),
        ({"model": "none/of.tflite"}, FileNotFoundError, "no converted model at"),
        ({"model": SMALL, "threads": 0}, ValueError, "threads must be at least 1"),
        ({"model": SMALL, "threads": 100_000}, ValueError, "threads must be at least 1 and at most 1,024, got 100000"),
        ({"model": WEIGHTS / SMALL, "threads": 100_000}, ValueError, "and at most 1,024, got 100000"),
        ({"model": SMALL, "engine": "abacus"}, ValueError, "abacus"),
        ({"model": SMALL, "finest": -1}, ValueError, "finest 0 or more"),
        ({"model": SMALL, "passes": 0}, ValueError, "passes 1 or more"),
    ],
)
def test_what_cannot_be_loaded_is_told(arguments: dict, error: type[Exception], message: str) -> None:
    """In one line."""
    with pytest.raises(error, match=message):
        load(**arguments)
