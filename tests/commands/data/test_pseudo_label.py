"""`sdhrnet data pseudo-label`: sets with points of networks, by networks that read their points from the picture."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.faces import face_points
from tests.own import scheme_file
from toolkit.cli import main
from toolkit.commands.data import pseudo_label
from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.correspondence import translated
from toolkit.core.files import read_lines
from toolkit.core.geometry import rotation
from toolkit.core.images import write_image
from toolkit.core.schemes import COFW_29, FIVE_5, W300_68, Scheme, own_scheme
from toolkit.data import open_faces, open_folder
from toolkit.data.formats.pts import write_pts
from toolkit.data.licences import licence_of
from toolkit.data.own import LabelledFolder, write_labels
from toolkit.runtime.landmarker import CONFIDENCE_FLOOR, Prediction

WIDTH, HEIGHT = 220, 180
FACE = face_points((60, 40, 150, 130))
EYES = float(np.linalg.norm(FACE[36] - FACE[45]))


def photo(folder: Path, name: str, points: FloatArray | None = None) -> None:
    """A picture whose red and green say where each pixel is, with its points."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[..., 0], image[..., 1] = np.arange(WIDTH), np.arange(HEIGHT)[:, None]
    write_image(folder / f"{name}.png", image)
    if points is not None:
        (folder / f"{name}.pts").write_text(write_pts(points))


class Seer:
    """A network that finds FACE wherever the crop is, `off` pixels of the picture to the right, by the colours."""

    engine, timed, size_px = "seer", True, 64
    confidence_floor = CONFIDENCE_FLOOR

    def __init__(self, off: float = 0.0, scheme: Scheme = W300_68) -> None:
        self.off, self.scheme = off, scheme

    def __call__(self, crop: ImageArray) -> Prediction:
        inside = (crop[..., 0] > 3) & (crop[..., 0] < WIDTH - 4) & (crop[..., 1] > 3) & (crop[..., 1] < HEIGHT - 4)
        y, x = np.nonzero(inside)
        where = crop[y, x, :2].astype(float)
        matrix = np.linalg.lstsq(np.column_stack([where, np.ones(len(x))]), np.column_stack([x, y]), rcond=None)[0]
        face = translated(FACE + np.array([self.off, 0]), W300_68, self.scheme)
        points = np.column_stack([face, np.ones(len(face))]) @ matrix
        if np.linalg.det(matrix[:2]) < 0:  # of a mirrored face the left eye is the one on the left
            points = points[list(self.scheme.mirror)]
        return Prediction(points_xy=points, confidence=np.ones(len(points)))


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> dict[str, Seer]:
    """What a file's name opens."""
    known = {"right.tflite": Seer(), "two_left.tflite": Seer(-2), "four_right.tflite": Seer(4)}
    monkeypatch.setattr(pseudo_label, "open_model", lambda path, head=None: known[path.name])
    monkeypatch.setattr(pseudo_label, "_terms", lambda path: "Made from faces of AFLW.")
    return known


@pytest.fixture
def five(tmp_path: Path) -> Path:
    """Three faces with five points: right, within three pixels, and with the nose on the cheek."""
    root = tmp_path / "photos5"
    root.mkdir()
    rows = []
    for name, change in (("right_1", (0, 0)), ("near_2", (3, 0)), ("nose_3", (0, 0))):
        photo(root, name)
        points = translated(FACE, W300_68, FIVE_5) + change
        points[2] += (0.5 * EYES * (name == "nose_3"), 0)
        rows.append(",".join([f"{name}.png", *(f"{value:.3f}" for value in points.reshape(-1))]))
    header = ",".join(["file", *(f"{axis}{i}" for i in range(5) for axis in "xy")])
    (root / "points5.csv").write_text("\n".join([header, *rows]) + "\n")
    return root


def labelled(data: Path, out: Path, *more: str) -> int:
    for name in ("right", "two_left", "four_right"):
        (data.parent / f"{name}.tflite").touch()
    models = [] if "--model" in more else ["--model", str(data.parent / "right.tflite")]
    return main(["data", "pseudo-label", str(data), "--out", str(out), "--quiet", *models, *more])


def test_five_points_become_all_where_they_agree(networks: dict[str, Seer], five: Path, tmp_path: Path) -> None:
    """Points to 0.3 px, the face of another nose left out, the pictures as they were, the source untouched."""
    before = {path.name: path.read_bytes() for path in five.iterdir()}
    assert labelled(five, tmp_path / "out") == 0
    faces = open_folder(tmp_path / "out", test=False)
    assert [label.name for label in faces.labels] == ["near_2", "right_1"]
    for i in range(2):
        assert np.abs(faces[i].points_xy - FACE).max() < 0.3
    assert (tmp_path / "out" / "right_1.png").read_bytes() == before["right_1.png"]
    assert {path.name: path.read_bytes() for path in five.iterdir()} == before


def test_the_folder_says_who_labelled_it(networks: dict[str, Seer], five: Path, tmp_path: Path) -> None:
    """Every face's distance, what was left out, the networks' hashes; and cards inherit the sets behind the labels."""
    results = tmp_path / "r.jsonl"
    assert labelled(five, tmp_path / "out", "--results", str(results)) == 0
    about = json.loads((tmp_path / "out" / "labels.json").read_text())
    assert (about["n"], about["n_changed"], about["n_left_out"]) == (3, 2, 1)
    apart = {verdict["name"]: verdict["before"] for verdict in about["kept"]}
    assert apart["near_2"] == pytest.approx(3 / EYES, abs=0.01) and apart["right_1"] < 0.01
    assert about["left_out"][0]["name"] == "nose_3" and len(about["labelled_by"][0]["sha256"]) == 64
    title = open_faces(tmp_path / "out", "test", 0).title
    terms = licence_of(title) or ""
    assert "AFLW" in terms and "Sun et al. (2013)" in terms and "research use only" in terms
    assert read_lines(results)[0]["n_left_out"] == 1


def test_networks_are_averaged_and_their_spread_is_told(networks: dict[str, Seer], five: Path, tmp_path: Path) -> None:
    """Two and four pixels off on either side: one on average, three from the mean; the same with mirrored crops."""
    models = ("--model", str(tmp_path / "two_left.tflite"), str(tmp_path / "four_right.tflite"), "--flip")
    assert labelled(five, tmp_path / "out", *models) == 0
    faces = open_folder(tmp_path / "out", test=False)
    assert np.abs(faces[1].points_xy - FACE - np.array([1, 0])).max() < 0.3
    about = json.loads((tmp_path / "out" / "labels.json").read_text())
    assert about["kept"][0]["spread"] == pytest.approx(3 / EYES, abs=0.01)


@pytest.fixture
def misplaced(tmp_path: Path) -> Path:
    """Faces with 68 points: in place, turned and shifted as a whole, and another shape; a point covered, one hidden."""
    root = tmp_path / "misplaced"
    root.mkdir()
    middle = FACE.mean(axis=0)
    moved = (FACE - middle) @ rotation(4.0).T * 1.05 + middle + (4, -3)
    other = FACE + np.random.default_rng(0).normal(0, 0.2 * EYES, FACE.shape)
    for name, points in (("as_1", FACE), ("moved_2", moved), ("other_3", other)):
        photo(root, name, points)
    state = [0, 1, *[2] * 66]
    visible = {name: {"pose": "left", "visible": state} for name in ("as_1", "moved_2", "other_3")}
    (root / "visibility.json").write_text(json.dumps(visible))
    return root


def test_a_placement_is_corrected_where_it_is_off(networks: dict[str, Seer], misplaced: Path, tmp_path: Path) -> None:
    """The moved face lies where it belongs to 0.3 px; the others are as they were; what was hidden or covered is so."""
    assert labelled(misplaced, tmp_path / "out", "--correct", "placement") == 0
    given, faces = (open_folder(folder, test=False) for folder in (misplaced, tmp_path / "out"))
    assert [label.name for label in faces.labels] == ["as_1", "moved_2", "other_3"]
    assert np.abs(faces[1].points_xy - FACE)[1:].max() < 0.3
    for i in (0, 2):
        np.testing.assert_allclose(faces[i].points_xy, given[i].points_xy, atol=1e-3)
    assert np.isnan(faces[1].points_xy[0]).all() and faces[1].covered is not None
    assert faces[1].covered[1] and not faces[1].covered[2:].any() and set(faces.subsets) == {"left"}
    about = json.loads((tmp_path / "out" / "labels.json").read_text())
    assert (about["n_changed"], about["n_as_given"], about["n_left_out"]) == (1, 2, 0)
    assert about["kept"][0]["after"] < 0.01 < about["kept"][0]["before"]


def test_noisy_points_are_replaced_but_for_those_that_are_hidden(
    networks: dict[str, Seer], misplaced: Path, tmp_path: Path
) -> None:
    """The face of another shape is left out."""
    assert labelled(misplaced, tmp_path / "out", "--agree", "0.2") == 0
    faces = open_folder(tmp_path / "out", test=False)
    assert [label.name for label in faces.labels] == ["as_1", "moved_2"]
    assert np.isnan(faces[1].points_xy[0]).all() and np.abs(faces[1].points_xy - FACE)[1:].max() < 0.3


def test_what_cannot_be_labelled_is_one_line(
    networks: dict[str, Seer], five: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2, and no folder is made: networks of two schemes, no face that agrees, a folder that is the source."""
    networks["four_right.tflite"] = Seer(0, COFW_29)
    both = ("--model", str(tmp_path / "right.tflite"), str(tmp_path / "four_right.tflite"))
    assert labelled(five, tmp_path / "out", *both) == 2
    assert "need one landmark scheme, got 300w-68, cofw-29" in capsys.readouterr().err
    assert labelled(five, tmp_path / "out", "--agree", "0.0001") == 2
    assert "allow more by --agree" in capsys.readouterr().err and not (tmp_path / "out").exists()
    assert labelled(five, five, "--overwrite") == 2
    assert "choose another" in capsys.readouterr().err and (five / "points5.csv").exists()


def test_only_what_this_command_made_is_replaced(
    networks: dict[str, Seer], five: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder of its own with nothing else in it; not one of `data label`, nor one that a person added to."""
    made, other = tmp_path / "out", tmp_path / "other"
    assert labelled(five, made) == 0 and labelled(five, made, "--overwrite") == 0
    (made / "MY_NOTES.txt").write_text("mine")
    (made / "visibility.json").write_text("{}")
    assert labelled(five, made, "--overwrite") == 2
    assert "holds MY_NOTES.txt, which was not made by this command: move it away first" in capsys.readouterr().err
    (made / "MY_NOTES.txt").unlink()
    assert labelled(five, made, "--overwrite") == 2
    assert "holds visibility.json" in capsys.readouterr().err and (made / "visibility.json").exists()
    photo(other, "a_1", FACE)
    write_labels(other, {"kind": "labels", "faces": [{"name": "a_1"}]})
    before = {path.name: path.read_bytes() for path in other.iterdir()}
    assert labelled(five, other, "--overwrite") == 2
    assert "names the kind labels, expected pseudo-label) and is not replaced" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in other.iterdir()} == before


def test_a_folder_says_which_points_of_ones_own_it_has(tmp_path: Path) -> None:
    """In scheme.json, as its readers want it; of a known scheme there is none."""
    own = own_scheme(scheme_file(tmp_path / "own.json", "pseudo-7"))
    LabelledFolder(tmp_path).close({"origin": "networks"}, own)
    assert own_scheme(tmp_path / "scheme.json") == own
    (tmp_path / "other").mkdir()
    LabelledFolder(tmp_path / "other").close({"origin": "networks"}, W300_68)
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["labels.json"]
