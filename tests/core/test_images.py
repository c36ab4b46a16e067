"""Pictures in every state that people have them in."""

import struct
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from toolkit.core import images

SIZE_WH = (48, 32)
"""Wider than tall."""


def picture() -> np.ndarray:
    """(32, 48, 3): smooth, with four different corners; survives JPEG within 12 levels."""
    x, y = np.meshgrid(np.arange(48), np.arange(32))
    return np.stack([x * 5, y * 7, 255 - x * 3], axis=2).astype(np.uint8)


def saved(path: Path, image: Image.Image, **options) -> Path:
    """Write a picture with Pillow."""
    image.save(path, **options)
    return path


def undo(orientation: int, upright: np.ndarray) -> np.ndarray:
    """The stored pixels of an upright picture under an EXIF orientation, from the EXIF standard's table of rows."""
    return {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: upright[:, ::-1].transpose(1, 0, 2),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: upright[::-1].transpose(1, 0, 2),
    }[orientation]


@pytest.mark.parametrize("name", ["p.png", "P.PNG", "p.bmp", "p.tif", "picture without suffix"])
def test_lossless_pictures_come_back_exactly(tmp_path: Path, name):
    """Every lossless format, upper-case suffixes and none at all give the same pixels, writable."""
    path = saved(tmp_path / name, Image.fromarray(picture()), format=None if "." in name else "PNG")
    read = images.read_image(path)
    assert np.array_equal(read, picture())
    assert read.dtype == np.uint8
    assert read.flags.writeable


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_lossy_pictures_come_back_nearly(tmp_path: Path, suffix):
    """JPEG and WebP at quality 95 change no pixel by more than 16 levels."""
    path = saved(tmp_path / f"p{suffix}", Image.fromarray(picture()), quality=95)
    assert np.abs(images.read_image(path).astype(int) - picture()).max() <= 16


def heic(path: Path) -> Path:
    """As an iPhone takes it, on its side by EXIF."""
    pillow_heif = pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    exif = Image.Exif()
    exif[0x0112] = 6
    heif = pillow_heif.from_pillow(Image.fromarray(undo(6, picture())))
    heif.save(path, quality=100, exif=exif.tobytes())
    return path


@pytest.mark.parametrize("name", ["p.heic", "p.jpg"])
def test_heic_is_read_upright(tmp_path: Path, name: str):
    """Whatever its name; within 16 levels."""
    assert np.abs(images.read_image(heic(tmp_path / name)).astype(int) - picture()).max() <= 16


def test_without_its_reader_heic_says_how_to_get_it(tmp_path: Path, monkeypatch):
    """Or a JPEG."""
    (tmp_path / "p.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ValueError, match=r"p\.heic is HEIC.*pip install pillow-heif.*Most Compatible"):
        images.read_image(tmp_path / "p.heic")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(tmp_path: Path, orientation):
    """All eight orientations are turned upright, mirrored ones too."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(undo(orientation, picture())))
    path = saved(tmp_path / "p.png", stored, exif=exif)
    assert np.array_equal(images.read_image(path), picture())


def test_a_broken_orientation_is_ignored(tmp_path: Path):
    """An orientation outside 1 to 8 leaves the picture as it is stored."""
    exif = Image.Exif()
    exif[0x0112] = 77
    assert np.array_equal(
        images.read_image(saved(tmp_path / "p.png", Image.fromarray(picture()), exif=exif)), picture()
    )


@pytest.mark.parametrize("mode", ["L", "1", "LA"])
def test_grayscale_has_three_equal_channels(tmp_path: Path, mode):
    """Grey, bilevel and grey with (full) transparency become (H, W, 3)."""
    grey = Image.fromarray(picture()).convert("L").convert(mode)
    read = images.read_image(saved(tmp_path / "p.png", grey))
    assert read.shape == (32, 48, 3)
    assert np.array_equal(read[..., 0], np.asarray(grey.convert("L")))
    assert np.array_equal(read[..., 0], read[..., 2])


def test_transparency_is_laid_over_black(tmp_path: Path):
    """A pixel of half opacity is half as bright; where nothing is opaque it is black, whatever colour hides there."""
    rgba = np.dstack([picture(), np.full((32, 48), 255, np.uint8)])
    rgba[:, :10, 3] = 0
    rgba[:, 10:20, 3] = 128
    read = images.read_image(saved(tmp_path / "p.png", Image.fromarray(rgba))).astype(float)
    assert not read[:, :10].any()
    assert np.abs(read[:, 10:20] - picture()[:, 10:20] * (128 / 255)).max() <= 1
    assert np.array_equal(read[:, 20:], picture()[:, 20:])


def test_a_palette_with_a_transparent_colour(tmp_path: Path):
    """A transparent palette entry becomes black, the others keep their colours."""
    palette = Image.new("P", SIZE_WH, 1)
    palette.putpalette([200, 10, 20, 30, 140, 50])
    palette.paste(0, (0, 0, 24, 32))
    read = images.read_image(saved(tmp_path / "p.png", palette, transparency=0))
    assert not read[:, :24].any()
    assert read[5, 30].tolist() == [30, 140, 50]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_keep_their_brightness(tmp_path: Path, suffix):
    """0, half and full scale of 16-bit grey become 0, 127 or 128 and 255, not clipped at 255."""
    levels = np.repeat(np.array([[0, 32768, 65535]], dtype=np.uint16), 5, axis=0)
    read = images.read_image(saved(tmp_path / f"p{suffix}", Image.fromarray(levels)))
    assert read.shape == (5, 3, 3)
    assert read[0, :, 0].tolist() in ([0, 127, 255], [0, 128, 255])


def test_cmyk_jpeg_is_converted(tmp_path: Path):
    """A CMYK JPEG gives its RGB colours within 12 levels."""
    path = saved(tmp_path / "p.jpg", Image.new("RGB", SIZE_WH, (180, 60, 30)).convert("CMYK"), quality=95)
    assert np.abs(images.read_image(path).astype(int) - [180, 60, 30]).max() <= 12


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_of_colour_keep_their_brightness(tmp_path: Path, suffix):
    """As scanners and cameras write them: RGB within a level."""
    rgb16 = picture().astype(np.uint16) * 257
    assert cv2.imwrite(str(tmp_path / f"p{suffix}"), rgb16[..., ::-1])
    assert np.abs(images.read_image(tmp_path / f"p{suffix}").astype(int) - picture()).max() <= 1


@pytest.mark.parametrize("scale", [1, 1 / 255])
def test_floating_point_levels_keep_their_brightness(tmp_path: Path, scale: float):
    """As measuring programs write them: of 255, or of 1; what is no number is black."""
    levels = picture()[..., 0].astype(np.float32) * scale
    levels[0, 0] = np.nan
    read = images.read_image(saved(tmp_path / "p.tif", Image.fromarray(levels)))
    assert not read[0, 0].any()
    assert np.abs(read[1:].astype(int) - picture()[1:, :, :1]).max() <= 1


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.float32])
def test_gray_pictures_of_any_depth_are_turned_upright(tmp_path: Path, kind: type):
    """A TIFF of one channel, on its side by its orientation."""
    times = 257 if kind in (np.uint16, np.int32) else 1
    levels = (undo(6, picture())[..., 0].astype(np.int64) * times).astype(kind)
    stored = Image.fromarray(np.ascontiguousarray(levels))
    read = images.read_image(saved(tmp_path / "p.tif", stored, tiffinfo={0x0112: 6}))
    assert np.array_equal(read[..., 0], picture()[..., 0])


def test_a_gray_png_of_16_bits_is_turned_upright(tmp_path: Path):
    """By EXIF, which its conversion to 8 bits must not lose."""
    exif = Image.Exif()
    exif[0x0112] = 6
    levels = undo(6, picture())[..., 0].astype(np.uint16) * 257
    read = images.read_image(saved(tmp_path / "p.png", Image.fromarray(np.ascontiguousarray(levels)), exif=exif))
    assert np.array_equal(read[..., 0], picture()[..., 0])


def test_a_heic_that_is_cut_off_is_named_in_a_line(tmp_path: Path):
    """Whatever its reader says."""
    path = heic(tmp_path / "p.heic")
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(ValueError, match=r"^\S*p\.heic is (damaged or cut off|not a picture)[^\n]*$"):
        images.read_image(path)


ADOBE = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
"""Adobe RGB (1998) to XYZ under D50, by its specification; its gamma is 563 / 256."""
SRGB_D50 = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])


def adobe_profile() -> bytes:
    """A profile of matrix and gamma, by ICC.1:2001."""

    def fixed(*values: float) -> bytes:
        return struct.pack(f">{len(values)}i", *(round(v * 65536) for v in values))

    text = b"Adobe RGB (1998)"
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, 563) + bytes(2)
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(text) + 1) + text + bytes(1 + 4 + 4 + 2 + 1 + 67),
        b"cprt": b"text" + bytes(4) + b"none" + bytes(1),
        b"wtpt": b"XYZ " + bytes(4) + fixed(0.9642, 1, 0.8249),
        **{name: b"XYZ " + bytes(4) + fixed(*ADOBE[:, i]) for i, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    table, content, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += name + struct.pack(">II", at + len(content), len(value))
        content += value + bytes(-len(value) % 4)
    size = 128 + len(table) + len(content)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02100000, b"mntr", b"RGB ", b"XYZ ") + bytes(12) + b"acsp"
    return head.ljust(68, b"\0") + fixed(0.9642, 1, 0.8249).ljust(60, b"\0") + table + content


def adobe_as_srgb(rgb: np.ndarray) -> np.ndarray:
    """Adobe RGB levels as sRGB's, by the formulas of both."""
    linear = np.clip((rgb / 255) ** (563 / 256) @ ADOBE.T @ np.linalg.inv(SRGB_D50).T, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("name", ["p.png", "p.jpg", "p.tif", "p.webp"])
def test_colours_of_a_wide_gamut_become_those_of_srgb(tmp_path: Path, name: str):
    """Within a level of what the formulas make of the file's own; some by more than 20 levels."""
    path = saved(tmp_path / name, Image.fromarray(picture() // 2 + 60), icc_profile=adobe_profile())
    with Image.open(path) as stored:
        own = np.asarray(stored.convert("RGB")).astype(float)
    wanted = adobe_as_srgb(own)
    assert np.abs(wanted - own).max() > 20
    assert np.abs(images.read_image(path) - wanted).max() <= 1


def test_transparency_and_orientation_stay_with_a_profile(tmp_path: Path):
    """A mirrored picture, half of it transparent."""
    rgba = np.dstack([picture(), np.full((32, 48), 255, np.uint8)])
    rgba[:, :10, 3] = 0
    exif = Image.Exif()
    exif[0x0112] = 2
    path = saved(tmp_path / "p.png", Image.fromarray(rgba), icc_profile=adobe_profile(), exif=exif)
    read = images.read_image(path).astype(float)
    assert not read[:, -10:].any()
    assert np.abs(read[:, :-10] - adobe_as_srgb(picture())[:, :9:-1]).max() <= 3


@pytest.mark.parametrize("profile", [b"no profile", b"\0" * 200])
def test_a_broken_profile_is_ignored(tmp_path: Path, profile: bytes):
    """The picture is read as if it had none; and so is one of print with a profile of screens."""
    path = saved(tmp_path / "p.png", Image.fromarray(picture()), icc_profile=profile)
    assert np.array_equal(images.read_image(path), picture())
    cmyk = Image.new("RGB", SIZE_WH, (180, 60, 30)).convert("CMYK")
    path = saved(tmp_path / "p.jpg", cmyk, quality=95, icc_profile=adobe_profile())
    assert np.abs(images.read_image(path).astype(int) - [180, 60, 30]).max() <= 12


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_of_an_animation_the_first_frame_is_taken(tmp_path: Path, suffix):
    """An animated GIF, WebP or PNG is its first frame."""
    frames = [Image.new("RGB", SIZE_WH, colour) for colour in ((250, 0, 0), (0, 0, 250))]
    options = {"lossless": True} if suffix == ".webp" else {}
    path = saved(tmp_path / f"p{suffix}", frames[0], save_all=True, append_images=frames[1:], duration=100, **options)
    assert np.abs(images.read_image(path).astype(int) - [250, 0, 0]).max() <= 4


@pytest.mark.parametrize("path", ["missing.jpg", "folder.jpg", "missing/p.jpg"])
def test_what_is_not_there_is_named(tmp_path: Path, path):
    """A missing file, a folder and a missing folder raise FileNotFoundError with the path."""
    (tmp_path / "folder.jpg").mkdir()
    with pytest.raises(FileNotFoundError, match=f"no picture at .*{path}"):
        images.read_image(tmp_path / path)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", bytes(1000)])
def test_what_is_no_picture_is_refused(tmp_path: Path, content):
    """Empty files, text, zeros and bare headers raise ValueError with the path."""
    (tmp_path / "p.jpg").write_bytes(content)
    with pytest.raises(ValueError, match=r"p\.jpg is (not a picture|damaged)"):
        images.read_image(tmp_path / "p.jpg")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".gif", ".bmp", ".tif"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_cut_off_picture_is_refused(tmp_path: Path, suffix, share):
    """A file that ends early raises ValueError; no grey half picture passes for a whole one."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    whole = saved(tmp_path / f"whole{suffix}", Image.fromarray(noise)).read_bytes()
    (tmp_path / f"p{suffix}").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ValueError, match=r"is (not a picture|damaged)"):
        images.read_image(tmp_path / f"p{suffix}")


def test_random_damage_is_a_value_error_or_a_picture(tmp_path: Path):
    """A hundred files with bytes changed at random either read as (H, W, 3) or raise ValueError, nothing else."""
    rng = np.random.default_rng(1)
    outcomes = set()
    for number in range(100):
        path = saved(tmp_path / f"p{('.png', '.jpg', '.gif', '.tif')[number % 4]}", Image.fromarray(picture()))
        content = bytearray(path.read_bytes())
        for _ in range(8):
            content[rng.integers(len(content))] = rng.integers(256)
        path.write_bytes(content)
        try:
            outcomes.add(images.read_image(path).shape[2])
        except ValueError:
            outcomes.add("refused")
    assert outcomes == {3, "refused"}


@pytest.mark.parametrize("side", [20_000, 2**31 - 1])
def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path: Path, side):
    """A PNG of a few bytes that claims 20,000 or two milliards of pixels a side raises ValueError."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    (tmp_path / "p.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"p\.png (has over 150,000,000 pixels, the limit|is not a picture)"):
        images.read_image(tmp_path / "p.png")


@pytest.mark.parametrize("name", ["Gesicht \u00fc \u4eba.png", "a b;c'd\".png", "-dash.png", "new\nline.png"])
def test_odd_names_work(tmp_path: Path, name):
    """Non-ASCII letters, blanks, quotes, a leading dash and a line break in a name."""
    images.write_image(tmp_path / name, picture())
    assert np.array_equal(images.read_image(tmp_path / name), picture())


def test_names_that_are_not_utf8_work(tmp_path: Path):
    """A name of bytes that are no UTF-8, as old archives leave them."""
    path = Path(str(tmp_path) + "/caf\udce9.png")
    try:
        images.write_png(path, picture())
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    assert np.array_equal(images.read_image(path), picture())


@pytest.mark.parametrize("suffix", images.SUFFIXES)
def test_every_suffix_can_be_written_and_read(tmp_path: Path, suffix):
    """All of SUFFIXES, in upper case too, come back within 16 levels."""
    for name in (f"p{suffix}", f"q{suffix.upper()}"):
        images.write_image(tmp_path / name, picture())
        assert np.abs(images.read_image(tmp_path / name).astype(int) - picture()).max() <= 16


def test_an_unknown_suffix_is_refused_before_writing(tmp_path: Path):
    """A suffix that names no format raises ValueError and writes nothing."""
    with pytest.raises(ValueError, match=r"p\.xyz: the suffix must be one of \.jpg"):
        images.write_image(tmp_path / "p.xyz", picture())
    assert list(tmp_path.iterdir()) == []


def test_writing_leaves_nothing_behind(tmp_path: Path):
    """After writing twice there is one file; after a write into a file's place as folder, none is added."""
    for _ in range(2):
        images.write_image(tmp_path / "p.png", picture())
    with pytest.raises(OSError, match=r"p\.png"):
        images.write_image(tmp_path / "p.png" / "q.png", picture())
    assert [p.name for p in tmp_path.iterdir()] == ["p.png"]


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_points_of_stored_pixels_follow_their_picture_upright(tmp_path: Path, suffix: str, orientation: int) -> None:
    """A pixel's colour is found again where its point goes; the sizes are those of both pictures."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if suffix == "webp" else {}
    path = saved(tmp_path / f"a.{suffix}", Image.fromarray(picture()), exif=exif, **options)
    how, upright = images.stored(path), images.read_image(path)
    assert how.size_wh == SIZE_WH and how.orientation == orientation
    assert how.upright_wh == upright.shape[1::-1]
    x, y = how.upright(np.array([40.0, 3.0])).astype(int)
    assert upright[y, x].tolist() == picture()[3, 40].tolist()


def test_a_header_that_says_nothing_is_upright(tmp_path: Path) -> None:
    """Damage is for reading the picture to name; an orientation that does not exist turns nothing."""
    (tmp_path / "a.png").write_bytes(b"no picture")
    assert images.stored(tmp_path / "a.png").size_wh == (0, 0) == images.stored(tmp_path / "none.png").size_wh
    exif = Image.Exif()
    exif[0x0112] = 77
    assert images.stored(saved(tmp_path / "b.png", Image.fromarray(picture()), exif=exif)).orientation == 1
