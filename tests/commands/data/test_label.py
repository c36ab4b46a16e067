"""`sdhrnet data label`: from a folder of photos to a folder to train on, with a mesh that needs no network."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from toolkit.cli import main
from toolkit.commands.data import label
from toolkit.core.files import read_json, read_lines
from toolkit.core.images import read_image, write_image
from toolkit.data import open_faces
from toolkit.data.formats.pts import write_pts
from toolkit.data.own import SHEET, write_labels
from toolkit.data.sample import box_of_points
from toolkit.detect import Detection
from toolkit.detect.mesh import MeshFace

SHAPE = np.random.default_rng(0).uniform((-1, -1), (1, 1), (68, 2))


def points_at(x: float, y: float) -> np.ndarray:
    return SHAPE * 10 + (x, y)


class FakeDetector:
    """A face wherever a pixel is pure red."""

    def __init__(self, finest: int = 0) -> None:
        self.finest = finest

    def __call__(self, image: np.ndarray) -> list[Detection]:
        red = np.argwhere((image == (255, 0, 0)).all(axis=2))
        boxes = [np.array([x - 15.0, y - 15, x + 15, y + 15]) for y, x in red]
        return [Detection(box_xyxy=box, score=0.9, keypoints_xy=np.zeros((6, 2))) for box in boxes]

    def close(self) -> None:
        """Nothing to end."""


class FakeMesh:
    """SHAPE around the middle of the box, more sure the further right it is; no mesh at the very left."""

    def __call__(self, image: np.ndarray, face: Detection) -> MeshFace | None:
        x, y = ((face.box_xyxy[:2] + face.box_xyxy[2:]) / 2).tolist()
        points = points_at(x, y)
        if x < 20:
            return None
        return MeshFace(points_xy=points, uncorrected_xy=points + 1, confidence=x / 100, box_xyxy=box_of_points(points))

    def close(self) -> None:
        """Nothing to end."""


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label, "FaceDetector", FakeDetector)
    monkeypatch.setattr(label, "FaceMesh", FakeMesh)


def photo(path: Path, *faces: tuple[int, int]) -> Path:
    """A gray 100 x 60 picture with faces."""
    image = np.full((60, 100, 3), 80, dtype=np.uint8)
    for x, y in faces:
        image[y, x] = (255, 0, 0)
    write_image(path, image)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """One face, two faces, an unsure one, no face, a face that the mesh does not see, and no picture at all."""
    folder = tmp_path / "photos"
    photo(folder / "one.png", (80, 30))
    photo(folder / "two.png", (60, 30), (90, 20))
    photo(folder / "unsure.png", (30, 30))
    photo(folder / "wall.png")
    photo(folder / "unseen.png", (10, 30))
    (folder / "broken.jpg").write_text("hello")
    return folder


def labelled(photos: Path, out: Path, *more: str) -> int:
    return main(["data", "label", str(photos), "--out", str(out), "--quiet", *more])


def test_photos_become_a_set(fakes: None, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three faces with their points to 1e-4 px, and a text that says what became of every photo."""
    before = {p.name: p.read_bytes() for p in photos.iterdir()}
    assert labelled(photos, tmp_path / "out") == 0
    text = capsys.readouterr().out
    assert "3 faces of 6 photos labelled" in text
    assert "1 face below the confidence, 2 photos without a face, 1 that cannot be read" in text
    assert "no face in unseen.png, wall.png" in text and "broken.jpg is not a picture" in text
    faces = open_faces(tmp_path / "out", "test", 0)
    found = {faces[i].name: faces[i] for i in range(len(faces))}
    assert set(found) == {"one_1", "two_1", "two_2"}
    assert found["one_1"].points_xy == pytest.approx(points_at(80, 30), abs=1e-4)
    assert np.array_equal(found["two_1"].image, read_image(photos / "two.png"))
    assert {p.name: p.read_bytes() for p in photos.iterdir()} == before


def test_labels_json_says_where_each_face_is_from(fakes: None, photos: Path, tmp_path: Path) -> None:
    """Source, confidence, box, method and versions; and what was left out."""
    labelled(photos, tmp_path / "out")
    about = json.loads((tmp_path / "out" / "labels.json").read_text())
    assert "Face Mesh" in about["method"] and {"mediapipe", "sdhrnet-toolkit"} <= set(about["versions"])
    assert [(f["name"], f["source"], f["confidence"]) for f in about["faces"]] == [
        ("one_1", "one.png", 0.8), ("two_1", "two.png", 0.9), ("two_2", "two.png", 0.6),
    ]  # fmt: skip
    assert about["faces"][0]["box_xyxy"] == pytest.approx(box_of_points(points_at(80, 30)), abs=0.06)
    assert [f["source"] for f in about["left_out"]] == ["unsure.png"] and about["no_face"] == ["unseen.png", "wall.png"]


def test_the_sheet_shows_the_least_sure_first(
    fakes: None, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sorted by confidence, and no more faces than SHOWN."""
    order = []
    monkeypatch.setattr(label, "captioned", lambda tile, text: order.append(text) or tile)
    monkeypatch.setattr(label, "contact_sheet", lambda tiles, columns: order.append(len(tiles)) or tiles[0])
    monkeypatch.setattr(label, "SHOWN", 1)
    labelled(photos, tmp_path / "out", "--confidence", "0")
    assert order == ["0.80 one_1", "0.90 two_1", "0.60 two_2", "0.30 unsure_1", 1]
    sheet = read_image(tmp_path / "out" / "contact_sheet.png")
    unsure = label.face_tile(
        read_image(photos / "unsure.png"),
        *(points_at(30, 30), box_of_points(points_at(30, 30)), label.SCHEME, label.TILE_PX, np.full(68, 0.3)),
    )
    assert np.array_equal(sheet, unsure)


def test_a_filled_folder_is_replaced_only_when_told(
    fakes: None, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2 and nothing changed without --overwrite, or where the folder holds what this command did not write."""
    out = tmp_path / "out"
    assert labelled(photos, out) == 0
    (out / "one_1.pts").write_text("edited")
    (out / "mine.pts").write_text("mine")
    assert labelled(photos, out) == 2
    assert "--overwrite" in capsys.readouterr().err and (out / "mine.pts").exists()
    assert labelled(photos, out, "--overwrite") == 2
    assert "holds mine.pts, which was not made by this command" in capsys.readouterr().err
    assert (out / "mine.pts").read_text() == "mine" and (out / "one_1.pts").read_text() == "edited"
    (out / "mine.pts").unlink()
    assert labelled(photos, out, "--overwrite") == 0
    assert (out / "one_1.pts").read_text() != "edited"


def test_a_folder_of_pseudo_labels_is_not_replaced(
    fakes: None, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, and everything is there."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.pts").write_text("points")
    write_labels(out, {"kind": "pseudo-label", "kept": [{"name": "a"}]})
    assert labelled(photos, out, "--overwrite") == 2
    error = capsys.readouterr().err
    assert "names the kind pseudo-label, expected labels" in error and error.count("\n") == 1
    assert (out / "a.pts").read_text() == "points"


def test_no_face_at_all_leaves_no_folder(fakes: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line with remedies."""
    photo(tmp_path / "photos" / "wall.png")
    assert labelled(tmp_path / "photos", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert "no face to label in the 1 photos" in error and "--finest 3" in error
    assert [p.name for p in tmp_path.iterdir()] == ["photos"]


def test_measuring_compares_with_labels_of_people(
    fakes: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Truth 1 px beside the corrected points: the errors follow, the unseen face is counted, no names are kept."""
    for name, x in (("a", 80), ("b", 40), ("unseen", 10)):
        photo(tmp_path / "set" / f"{name}.png", (x, 30))
        (tmp_path / "set" / f"{name}.pts").write_text(write_pts(points_at(x, 31)))
    results = tmp_path / "results.jsonl"
    assert main(["data", "label", "--measure", str(tmp_path / "set"), "--results", str(results), "--quiet"]) == 0
    text = capsys.readouterr().out
    eyes = np.linalg.norm(points_at(0, 0)[36] - points_at(0, 0)[45])
    plain, corrected, sure = read_lines(results)
    assert corrected["nme_mean"] == pytest.approx(100 / eyes, abs=0.01) == corrected["nme_inner_median"]
    assert plain["nme_mean"] == pytest.approx(100 / eyes, abs=0.01) and plain["nme_regions"].keys() >= {
        "contour", "brows", "nose", "eyes", "mouth", "inner"
    }  # fmt: skip
    assert (corrected["n"], corrected["faces_not_found"], sure["n"], sure["faces_left_out"]) == (2, 1, 1, 1)
    assert "1 of 3 faces not found" in text and "inner" in text
    assert "unseen" not in results.read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "expected a folder of photos and --out"),
        ({"photos": "photos"}, "needs --out"),
        ({"photos": "photos", "out": "out", "measure": "set"}, "expected a folder of photos and --out, or --measure"),
        ({"measure": "set", "out": "out"}, "--measure needs none"),
        ({"photos": "photos", "out": "out", "results": "r.jsonl"}, "give both"),
        ({"photos": "photos", "out": "out", "confidence": 2.0}, "--confidence from 0 to 1"),
        ({"photos": "photos", "out": "out", "finest": -1}, "--finest 0 or more"),
    ],
)
def test_bad_options_are_refused_at_once(options: dict, message: str) -> None:
    """Before a network is started."""
    with pytest.raises(ValueError, match=message):
        label.LabelPhotos(**{k: Path(v) if isinstance(v, str) else v for k, v in options.items()})


@pytest.mark.parametrize("arguments", [["photos", "--out", "out"], ["--measure", "photos"]])
def test_a_missing_folder_is_one_line(
    fakes: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
) -> None:
    """Status 2, and nothing is made."""
    monkeypatch.chdir(tmp_path)
    assert main(["data", "label", *arguments, "--quiet"]) == 2
    error = capsys.readouterr().err
    assert "no folder at photos" in error and error.count("\n") == 1 and list(tmp_path.iterdir()) == []


def test_a_real_photo(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The astronaut, lying on her side by EXIF: kept upright, and MediaPipe says nothing."""
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "photos").mkdir()
    stored = Image.fromarray(data.astronaut()).transpose(Image.Transpose.ROTATE_90)
    stored.save(tmp_path / "photos" / "IMG_0001.jpg", exif=exif, quality=95)
    assert labelled(tmp_path / "photos", tmp_path / "out") == 0
    assert capfd.readouterr().err == ""
    (face,) = (open_faces(tmp_path / "out", "test", 0)[0],)
    assert face.name == "IMG_0001_1" and face.image.shape == (512, 512, 3)
    assert np.abs(face.points_xy[[36, 45, 8]] - [(193, 103), (257, 104), (226, 177)]).max() < 6


def test_a_labelled_folder_is_labelled_without_its_own_sheet(fakes: None, photos: Path, tmp_path: Path) -> None:
    """A sheet of that name among somebody's photos is one of them."""
    photo(photos / SHEET, (80, 30))
    assert labelled(photos, tmp_path / "first") == 0
    first = read_json(tmp_path / "first" / "labels.json")
    assert SHEET in {face["source"] for face in first["faces"]}
    assert labelled(tmp_path / "first", tmp_path / "second") == 0
    again = read_json(tmp_path / "second" / "labels.json")
    assert SHEET not in {face["source"] for face in again["faces"]}
    assert again["photos"] == len(first["faces"])
