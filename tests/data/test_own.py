"""Folders made of one's own photos."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from toolkit.core.images import read_image
from toolkit.data import open_faces
from toolkit.data.own import OwnFolder, check_place, clean, photos_in, write_labels

POINTS = np.random.default_rng(0).uniform((20, 10), (60, 50), (68, 2))
UPRIGHT = np.random.default_rng(1).integers(0, 256, (60, 80, 3), dtype=np.uint8)


@pytest.fixture
def own(tmp_path: Path) -> OwnFolder:
    (tmp_path / "own").mkdir()
    return OwnFolder(tmp_path / "own")


def test_an_upright_rgb_jpeg_is_copied_byte_by_byte(own: OwnFolder, tmp_path: Path) -> None:
    """One copy a face, whatever the suffix's case, and the points come back as a set."""
    photo = tmp_path / "beach.JPEG"
    Image.fromarray(UPRIGHT).save(photo)
    assert own.add(photo, [POINTS, POINTS[::-1]]) == ["beach_1", "beach_2"]
    assert (own.folder / "beach_1.jpg").read_bytes() == (own.folder / "beach_2.jpg").read_bytes() == photo.read_bytes()
    faces = open_faces(own.folder, "test", 0)
    assert faces[1].points_xy == pytest.approx(POINTS[::-1], abs=1e-4)


@pytest.mark.parametrize("kind", ["gray.png", "rgba.png", "turned.jpg", "photo.webp", "photo.gif", "photo.bmp"])
def test_other_pictures_are_kept_as_upright_png(own: OwnFolder, tmp_path: Path, kind: str) -> None:
    """The pixels are those that the points were found on."""
    photo, image, exif = tmp_path / kind, Image.fromarray(UPRIGHT), Image.Exif()
    exif[0x0112] = 6 if kind == "turned.jpg" else 1
    mode = {"gray.png": "L", "rgba.png": "RGBA"}.get(kind, "RGB")
    image.convert(mode).save(photo, **({"exif": exif} if kind == "turned.jpg" else {}))
    (name,) = own.add(photo, [POINTS])
    assert np.array_equal(read_image(own.folder / f"{name}.png"), read_image(photo))
    with Image.open(own.folder / f"{name}.png") as kept:
        assert kept.mode == "RGB" and kept.getexif().get(0x0112, 1) == 1


def test_photos_of_one_name_do_not_replace_each_other(own: OwnFolder, tmp_path: Path) -> None:
    """a.jpg, A.png and a.bmp are three photos, also where a file system takes a and A for the same."""
    names = []
    for file in ("a.jpg", "A.png", "a.bmp"):
        Image.fromarray(UPRIGHT).save(tmp_path / file)
        names += own.add(tmp_path / file, [POINTS])
    assert names == ["a_1", "A-2_1", "a-3_1"]


def test_photos_that_are_numbered_are_photos_of_their_own(own: OwnFolder, tmp_path: Path) -> None:
    """beach_1 and beach_2 may part between training and validation, two faces of beach_1 may not."""
    for file in ("beach_1.png", "beach_2.png"):
        Image.fromarray(UPRIGHT).save(tmp_path / file)
        own.add(tmp_path / file, [POINTS, POINTS])
    faces = open_faces(own.folder, "test", 0)
    assert [label.group for label in faces.labels] == ["beach_1", "beach_1", "beach_2", "beach_2"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a b", "a b"), ("caf\udce9", "caf-"), ("a\nb\t", "a-b-"), ("C:..\\a", "C-..-a"), ("é人", "é人")],
)
def test_names_are_made_printable(name: str, expected: str) -> None:
    """Bytes that are not UTF-8, control characters, backslashes and colons become dashes, everything else stays."""
    assert clean(name) == expected


def test_photos_are_found_by_suffix(tmp_path: Path) -> None:
    """Sorted, upper case and GIF too; other files and folders within are not looked at."""
    for name in ("b.JPG", "a.gif", "notes.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "within.png").mkdir()
    assert [p.name for p in photos_in(tmp_path)] == ["a.gif", "b.JPG"]
    with pytest.raises(FileNotFoundError, match="no picture in"):
        photos_in(tmp_path / "within.png")
    with pytest.raises(FileNotFoundError, match="no folder at"):
        photos_in(tmp_path / "b.JPG")


def test_nothing_is_replaced_that_was_not_made_here(tmp_path: Path) -> None:
    """A filled folder needs --overwrite and to be of the kind; the photos are never in danger."""
    photos, out = tmp_path / "all" / "photos", tmp_path / "out"
    photos.mkdir(parents=True)
    out.mkdir()
    check_place(out, photos, "labels", overwrite=False)
    check_place(tmp_path / "new", photos, "labels", overwrite=False)
    for place in (photos, photos.parent, photos / ".." / "photos"):
        with pytest.raises(ValueError, match="holds the photos themselves"):
            check_place(place, photos, "labels", overwrite=True)
    (out / "thesis.doc").write_text("years of work")
    with pytest.raises(ValueError, match="is not empty: choose another folder, or replace it with --overwrite"):
        check_place(out, photos, "labels", overwrite=False)
    with pytest.raises(ValueError, match=r"has no labels\.json, so it was not made by this command"):
        check_place(out, photos, "labels", overwrite=True)
    for text, message in (
        ("{}", r"was made otherwise \(labels\.json names the kind None, expected labels\)"),
        ('{"kind": "pseudo-label"}', "names the kind pseudo-label, expected labels"),
        ('{"kind": "labels"}', r"holds thesis\.doc, which was not made by this command: move it away"),
        ('{"kind": "labels", "faces": 3}', "labels.json: faces: expected a list, got 3"),
        ("[]", "labels.json: expected an object"),
    ):
        (out / "labels.json").write_text(text)
        with pytest.raises(ValueError, match=message):
            check_place(out, photos, "labels", overwrite=True)
    with pytest.raises(ValueError, match="is a file"):
        check_place(out / "thesis.doc", photos, "labels", overwrite=True)


def test_a_folder_is_replaced_as_long_as_it_holds_its_own_files(tmp_path: Path) -> None:
    """As labels.json lists them, some of them deleted, and by the names of faces where it lists none, as in 0.1.0."""
    out = tmp_path / "out"
    out.mkdir()
    for name in ("a_1.jpg", "a_1.pts", "contact_sheet.png"):
        (out / name).touch()
    write_labels(out, {"kind": "labels", "faces": [{"name": "a_1", "confidence": 0.9}]})
    check_place(out, tmp_path / "photos", "labels", overwrite=True)
    (out / "a_1.pts").unlink()
    (out / ".DS_Store").touch()
    check_place(out, tmp_path / "photos", "labels", overwrite=True)
    (out / "a_1.png").touch()
    with pytest.raises(ValueError, match=r"holds a_1\.png, which was not made by this command"):
        check_place(out, tmp_path / "photos", "labels", overwrite=True)
    (out / "labels.json").write_text('{"kind": "labels", "faces": [{"name": "a_1"}]}')
    check_place(out, tmp_path / "photos", "labels", overwrite=True)
    (out / "more").mkdir()
    with pytest.raises(ValueError, match="holds more, which was not made by this command"):
        check_place(out, tmp_path / "photos", "labels", overwrite=True)
