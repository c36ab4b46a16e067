"""Pictures from files and to files, whatever state they are in."""

import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.files import check_regular, write_bytes

MAX_PIXELS = 150_000_000
"""Larger pictures are refused: 450 MB once decoded."""

ORIENTATION = 0x0112
"""EXIF's tag; 1 is upright."""

SRGB = "sRGB"
"""In the name of the profile that most pictures carry, which needs no conversion."""

HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
"""How HEIC names itself in bytes 8 to 11."""

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


class _Refused(ValueError):  # noqa: N818 - seen by nobody but read_image
    """What is wrong with a picture, in words that name it."""


def checked_image(image: ImageArray) -> ImageArray:
    """An image that a program made, with its rows one after the other in memory, as what looks at it needs.

    Raises:
        ValueError: it is no (H, W, 3) uint8 array of one pixel or more; the message says what to do.
    """
    shape, dtype = getattr(image, "shape", None), getattr(image, "dtype", None)
    if not isinstance(image, np.ndarray) or dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        got = type(image).__name__ if shape is None else f"{tuple(shape)} {dtype}"
        raise ValueError(
            f"expected an image (H, W, 3) uint8 in RGB order, 0 to 255, got {got}: read it with "
            "toolkit.core.images.read_image, or convert its colours and values first"
        )
    if image.size == 0:
        raise ValueError(f"expected an image of one pixel or more, got {tuple(image.shape)}")
    return np.ascontiguousarray(image)


def read_image(path: Path) -> ImageArray:
    """A picture as (H, W, 3) uint8 RGB, turned upright by its EXIF orientation.

    Grayscale, palette, CMYK, 16-bit and floating-point pictures are converted (of [0, 1], or of levels where one is
    above 1), transparency is laid over black, and of an animation
    the first frame is taken. Colours of another profile (Display P3 of phones, Adobe RGB of cameras, CMYK of print)
    become those of sRGB, as browsers show them.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: it may not be read.
        ValueError: it is no regular file or no picture, is cut off, has more than MAX_PIXELS, or is HEIC without
            pillow-heif.
    """
    check_regular(path)
    try:
        _prepare_for_heic(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata and, where we refuse, of size
            # by its name, Pillow maps a gray TIFF into memory and mixes up the sides of one that lies on its side
            with path.open("rb") as file, Image.open(file) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise _Refused(f"{path} has {image.width} x {image.height} pixels, the limit is {MAX_PIXELS:,}")
                return _upright_rgb(image)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise FileNotFoundError(f"no picture at {path}") from error
    except Image.DecompressionBombError as error:  # Pillow refuses what is still larger before it tells the size
        raise ValueError(f"{path} has over {MAX_PIXELS:,} pixels, the limit") from error
    except UnidentifiedImageError as error:
        raise ValueError(f"{path} is not a picture that can be read") from error
    except _Refused:
        raise
    except (OSError, SyntaxError, EOFError, ValueError) as error:  # what readers raise for cut-off and damaged files
        if isinstance(error, OSError) and error.errno is not None:  # the system's word, not Pillow's
            raise
        raise ValueError(f"{path} is damaged or cut off ({' '.join(str(error).split())})") from error


@dataclass(frozen=True, kw_only=True)
class Stored:
    """How a file holds its pixels, before EXIF's orientation turns them upright."""

    size_wh: tuple[int, int]
    orientation: int
    """1 to 8; 1 is upright, and what an unknown value counts as."""

    @property
    def upright_wh(self) -> tuple[int, int]:
        """The size of the upright picture."""
        width, height = self.size_wh
        return (height, width) if self.orientation >= 5 else (width, height)

    def upright(self, points_xy: FloatArray) -> FloatArray:
        """Points (..., 2) of the stored pixels as points of the upright picture."""
        x, y = points_xy[..., 0], points_xy[..., 1]
        across, down = self.size_wh[0] - 1 - x, self.size_wh[1] - 1 - y
        places = ((x, y), (across, y), (across, down), (x, down), (y, x), (down, x), (down, across), (y, across))
        return np.stack(places[self.orientation - 1], axis=-1)


def stored(path: Path) -> Stored:
    """The size and orientation that a picture's header says, or an upright picture of no size where it says nothing.

    Cheap, since no pixel is decoded; damage is for read_image to name.
    """
    try:
        check_regular(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                said = image.getexif().get(ORIENTATION, 1)
                orientation = said if said in range(1, 9) else 1
                told_upright = image.format == "TIFF" and orientation >= 5  # Pillow's size of such files
                return Stored(size_wh=image.size[::-1] if told_upright else image.size, orientation=orientation)
    except (OSError, SyntaxError, EOFError, ValueError, Image.DecompressionBombError):
        return Stored(size_wh=(0, 0), orientation=1)


def _prepare_for_heic(path: Path) -> None:
    """Let Pillow read a HEIC file, by pillow-heif, which is imported for such files only."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] != b"ftyp" or head[8:] not in HEIC_BRANDS:
        return
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise _Refused(
            f"{path} is HEIC, as iPhones take photos: read it after `pip install pillow-heif`, or save it as JPEG "
            "(on the phone: Settings, Camera, Formats, Most Compatible)"
        ) from error
    register_heif_opener()


def write_png(path: Path, image: ImageArray) -> None:
    """Write (H, W, 3) uint8 RGB as PNG, whole or not at all."""
    write_bytes(path, png(image))


def png(image: ImageArray) -> bytes:
    """(H, W, 3) uint8 RGB as a PNG file's bytes."""
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    return buffer.getvalue()


def write_image(path: Path, image: ImageArray) -> None:
    """Write (H, W, 3) uint8 RGB in the format that the suffix names.

    Raises:
        ValueError: the suffix names no format.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"cannot write a picture as {path.name}: the suffix must be one of {', '.join(SUFFIXES)}")
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, format=Image.registered_extensions()[path.suffix.lower()], quality=95)
    write_bytes(path, buffer.getvalue())


def _upright_rgb(image: Image.Image) -> ImageArray:
    image.seek(0)
    profile = image.info.get("icc_profile")
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I;16") or upright.mode == "I":
        levels = np.asarray(upright, dtype=np.int64)
        upright = Image.fromarray(np.clip(levels // 257, 0, 255).astype(np.uint8))
    elif upright.mode == "F":
        values = np.nan_to_num(np.asarray(upright))
        upright = Image.fromarray(np.clip(values * (255 if values.max() <= 1 else 1), 0, 255).astype(np.uint8))
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        over = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", over.size, (0, 0, 0, 255)), over)
    if upright.mode not in ("L", "CMYK"):
        upright = upright.convert("RGB")
    return np.asarray(_srgb(upright, profile).convert("RGB"), dtype=np.uint8).copy()


def _srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """A picture with the colours that its profile means, as RGB; as it is where it has none, or one that is broken."""
    if not profile:
        return image
    try:
        own = ImageCms.ImageCmsProfile(BytesIO(profile))
        if SRGB in ImageCms.getProfileDescription(own):
            return image
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        return ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), intent, "RGB") or image
    except (OSError, ValueError, ImageCms.PyCMSError):  # the profile is of another kind of picture, or damaged
        return image
