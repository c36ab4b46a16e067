"""Sets with every kind of bad picture and bad annotation: one line says which file and what is wrong with it."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.faces import face_points
from toolkit.commands.data.check import Check, run
from toolkit.core.geometry import crop_of_box, cut
from toolkit.core.progress import Outcome, finish
from toolkit.data import open_faces
from toolkit.data.formats.pts import write_pts

SIZE_WH = (80, 60)
POINTS = face_points((20, 10, 60, 50))


def picture() -> Image.Image:
    """Wider than tall, four different corners."""
    x, y = np.meshgrid(np.arange(SIZE_WH[0]), np.arange(SIZE_WH[1]))
    return Image.fromarray(np.stack([x * 3, y * 4, 255 - x * 3], axis=2).astype(np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One good face."""
    (tmp_path / "set").mkdir()
    picture().transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(tmp_path / "set" / "good.png")
    add_points(tmp_path / "set", "good")
    return tmp_path / "set"


def add_points(folder: Path, name: str, points: np.ndarray = POINTS) -> None:
    (folder / f"{name}.pts").write_text(write_pts(points))


def checked(folder: Path) -> Outcome:
    return finish(run(Check(data=folder)))


def blocks(image: Image.Image) -> np.ndarray:
    """Mean levels of 20 x 20 pixels, which dithering to two colours keeps."""
    return np.asarray(image.convert("L"), dtype=float).reshape(3, 20, 4, 20).mean(axis=(1, 3))


def png_header(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims that size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("mode", ["L", "1", "LA", "RGBA", "P", "I;16", "CMYK", "animated", "rotated"])
def test_odd_pictures_are_faces_like_others(folder: Path, mode: str) -> None:
    """Gray, transparent, 16 bits, CMYK, animated or stored lying on its side: (60, 80, 3), and nothing is wrong."""
    path = folder / ("odd.tif" if mode == "CMYK" else "odd.webp" if mode == "animated" else "odd.png")
    if mode == "animated":
        picture().save(path, save_all=True, append_images=[Image.new("RGB", SIZE_WH)], duration=50, lossless=True)
    elif mode == "rotated":
        exif = Image.Exif()
        exif[0x0112] = 6
        picture().transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)
    elif mode == "I;16":
        Image.fromarray(np.asarray(picture().convert("L")).astype(np.uint16) * 257).save(path)
    else:
        picture().convert(mode).save(path)
    add_points(folder, "odd")
    faces = open_faces(folder, "test", 0)
    sample = next(faces[i] for i in range(2) if faces[i].name == "odd")
    assert sample.image.shape == (60, 80, 3)
    assert blocks(Image.fromarray(sample.image)) == pytest.approx(blocks(picture()), abs=16)
    assert checked(folder).ok


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a picture that can be read"),
        (b"not a picture", "is not a picture that can be read"),
        (b"\xff\xd8\xff", "is not a picture that can be read"),
        ("cut", "is damaged or cut off"),
        (png_header(13_000, 12_000), "has 13000 x 12000 pixels, the limit is 150,000,000"),
        (png_header(30_000, 30_000), "has over 150,000,000 pixels, the limit"),
    ],
    ids=["empty", "text", "start only", "cut", "large", "bomb"],
)
def test_a_picture_that_cannot_be_read_is_named(folder: Path, content: bytes | str, message: str) -> None:
    """Reading the face raises ValueError with the file; the check goes on and counts it as a problem."""
    if isinstance(content, str):
        noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / "bad.png")
        content = (folder / "bad.png").read_bytes()[:5000]
    (folder / "bad.png").write_bytes(content)
    add_points(folder, "bad")
    faces = open_faces(folder, "test", 0)
    with pytest.raises(ValueError, match=rf"bad\.png {message}"):
        [faces[i] for i in range(len(faces))]
    outcome = checked(folder)
    (record,) = outcome.records
    assert not outcome.ok and len(record["problems"]) == 1
    assert "bad.pts" in record["problems"][0] and message in record["problems"][0]
    assert record["rows"][0]["found"] == 2


def test_a_picture_that_went_away_is_named(folder: Path) -> None:
    """Deleted between reading the labels and the pictures."""
    faces = open_faces(folder, "test", 0)
    (folder / "good.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"no picture at .*good\.png"):
        faces[0]


def test_a_strip_of_30000_pixels_is_read(folder: Path) -> None:
    """30000 x 2 pixels: the face in it is cut like any other, with its edges repeated."""
    Image.new("RGB", (30_000, 2), (200, 100, 50)).save(folder / "strip.png")
    add_points(folder, "strip", POINTS * (1, 0.02) + (29_000, 0))
    faces = open_faces(folder, "test", 0)
    sample = next(faces[i] for i in range(2) if faces[i].name == "strip")
    crop = cut(sample.image, crop_of_box(sample.box_xyxy, 64))
    assert (crop == [200, 100, 50]).all()
    assert "strip.pts: the points form no face" in checked(folder).text


def test_a_gif_is_no_picture_of_a_set(folder: Path) -> None:
    """GIFs hold 256 colours and no set uses them; the message says what is expected."""
    picture().save(folder / "old.gif")
    add_points(folder, "old")
    with pytest.raises(ValueError, match=r"old\.pts: has no picture beside it: expected old\.jpg or \.png"):
        open_faces(folder, "test", 0)


def test_missing_points_are_missing(folder: Path) -> None:
    """`nan nan` is a point that is not there: the box is that of the others, the check counts the others only."""
    points = POINTS.copy()
    points[:17] = np.nan
    picture().save(folder / "part.png")
    add_points(folder, "part", points)
    faces = open_faces(folder, "test", 0)
    sample = next(faces[i] for i in range(2) if faces[i].name == "part")
    assert np.isnan(sample.points_xy[:17]).all()
    low, high = POINTS[17:].min(axis=0), POINTS[17:].max(axis=0)
    assert sample.box_xyxy == pytest.approx([*low, *high], abs=1e-4)
    outcome = checked(folder)
    assert outcome.ok and outcome.records[0]["points"] == 68 + 51


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.full((68, 2), np.nan), "at least two different points"),
        (np.ones((68, 2)), "at least two different points"),
        (POINTS[:67], "has 67 points, expected 68"),
        (np.where(np.arange(68)[:, None] == 3, (np.nan, 5), POINTS), "write `nan nan` for a missing point"),
        (np.where(np.arange(68)[:, None] == 3, np.inf, POINTS), "point 3 is at inf, inf: no place in a picture"),
    ],
)
def test_points_that_cannot_be_used_are_named(folder: Path, points: np.ndarray, message: str) -> None:
    """Training stops with the file's name and a remedy; the check counts the good face and tells of the bad one."""
    picture().save(folder / "bad.png")
    add_points(folder, "bad", points)
    with pytest.raises(ValueError, match=rf"bad\.pts: .*{message}.*--skip-bad"):
        open_faces(folder, "test", 0, skip_bad=False)
    outcome = checked(folder)
    assert not outcome.ok and outcome.records[0]["rows"][0]["found"] == 1
    assert message in outcome.text and "bad.pts" in outcome.text


def test_points_outside_are_counted_and_far_ones_are_a_problem(folder: Path) -> None:
    """Two points beyond an edge are a note; a face whose points are mostly elsewhere is a problem."""
    second, third = np.sort(POINTS[:, 0])[1:3]
    moved = {"edge": POINTS - np.array([(second + third) / 2 + 0.5, 0]), "far": POINTS + np.array([45, 0])}
    for name, points in moved.items():
        image = Image.fromarray(np.random.default_rng(len(name)).integers(0, 256, (60, 80, 3), dtype=np.uint8))
        image.save(folder / f"{name}.png")
        add_points(folder, name, points)
    far = int(((POINTS[:, 0] + 45) > 79.5).sum())
    outcome = checked(folder)
    (record,) = outcome.records
    assert far > 34 and record["points_outside"] == 2 + far
    assert [p.rpartition("/")[2] for p in record["faces_with_points_outside"]] == [
        f"far.pts: {far} of 68 points are outside the picture",
        "edge.pts: 2 of 68 points are outside the picture",
    ]
    assert not outcome.ok and len(record["problems"]) == 1 and "far.pts" in record["problems"][0]


def test_an_empty_folder_is_told_what_was_looked_for(tmp_path: Path) -> None:
    """No traceback, and the layouts that are known."""
    with pytest.raises(ValueError, match=r"(?s)no labelled faces of a known format.*NAME\.pts beside it"):
        checked(tmp_path)
    with pytest.raises(FileNotFoundError, match="no folder at"):
        checked(tmp_path / "nowhere")


def test_a_name_that_is_not_utf8_is_a_problem_of_one_face(folder: Path) -> None:
    """As old archives leave them: shown with its bytes written out, the other face is read."""
    try:
        picture().save(folder / "caf\udce9.png")
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    add_points(folder, "caf\udce9")
    outcome = checked(folder)
    assert not outcome.ok and outcome.records[0]["rows"][0]["found"] == 1
    assert r"caf\xe9.pts" in outcome.text and "rename the file" in outcome.text
    outcome.text.encode()
