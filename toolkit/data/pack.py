"""A pack: a set as one memory-mapped file of faces that are cut already, their pixels as they are or as WebP pictures.

It is a safetensors file: `points_xy` (N, M, 2) and `boxes_xyxy` (N, 4) float64 in patch pixels, `patches` (N, P, P, 3)
uint8, `covered` (N, M) uint8: 0 no, 1 yes, 2 not known, and `digests` (N, 32) uint8, the SHA-256 of each patch. Where
it says a `quality`, `pictures` (B) uint8 are WebP files one behind the other in the patches' place, each ending at its
number in `ends` (N) int64; the points are float32, and the digests are the pictures'. Its metadata hold `pack`, the
rest as JSON (see About), and `sha256`, of all but the pixels. That is compared when a pack is opened, a patch's own
hash when it is first looked at.
"""

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.files import check_file_name, new_file
from toolkit.core.progress import Progress, Steps
from toolkit.core.records import Whole
from toolkit.core.schemes import W300_68, Scheme, SchemeFile, file_of, known, scheme
from toolkit.core.validation import Text, parse, versioned
from toolkit.data.augment import Patch, patch, patch_side
from toolkit.data.formats.gather import Format, Split
from toolkit.data.labels import Label, Photos, Reading
from toolkit.data.sample import Faces, Subset
from toolkit.data.sets import Mix, Portion, Translated
from toolkit.data.visibility import UNKNOWN

RAW, ENCODED = 3, 4
"""Of what the metadata say, by how the pixels are held; 1 and 2 had a layout of their own."""
SUFFIX = ".faces"
Kind = Literal["F64", "F32", "I64", "U8"]
DTYPES: Mapping[str, np.dtype[Any]] = {
    **{"F64": np.dtype("<f8"), "F32": np.dtype("<f4")},
    **{"I64": np.dtype("<i8"), "U8": np.dtype("u1")},
}
"""The kinds of numbers in a pack, by their names in safetensors."""
UNSEALED = "0" * 64
AGAIN = "pack the set again"
PIXELS = ("patches", "pictures")
"""Arrays whose parts have hashes of their own."""

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class About:
    """What a pack says of its faces beside the arrays."""

    split: Split
    scheme: Text
    own_scheme: SchemeFile | None = None
    """Of points of one's own, whole."""
    title: str
    size_px: Whole
    names: tuple[str, ...]
    groups: tuple[str, ...]
    subsets: dict[str, tuple[Whole, ...]]
    quality: Whole | None = None
    """Of the WebP pictures, from 1 to 100; None where the pixels are as they are."""

    def __post_init__(self) -> None:
        for name in self.names:
            check_file_name(name)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A face on its way into a pack."""

    pixels: NDArray[np.uint8]
    """(P, P, 3), or the bytes of its WebP picture."""
    points_xy: FloatArray
    box_xyxy: FloatArray
    covered: NDArray[np.bool_] | None


def write_pack(photos: Photos, split: Split, path: Path, size_px: int, quality: int | None = None) -> Steps[None]:
    """Decode and cut every face for crops of up to size_px, and put the pack in place when it is whole.

    Args:
        photos: the faces.
        split: which they are.
        path: the file.
        size_px: side of the largest crops that it is good for.
        quality: of WebP pictures, from 1 to 100: some thirty times smaller than the pixels, which None keeps exactly.

    Raises:
        FileNotFoundError: a picture is not there.
        ValueError: a picture is damaged.
        OSError: the disk is full; the older pack, if any, is untouched.
    """
    about = About(
        split=split,
        scheme=photos.scheme.name,
        own_scheme=file_of(photos.scheme),
        title=photos.title,
        size_px=size_px,
        names=tuple(label.name for label in photos.labels),
        groups=tuple(label.group for label in photos.labels),
        subsets={name: tuple(indices) for name, indices in photos.subsets.items()},
        quality=quality,
    )
    told = {k: v for k, v in dataclasses.asdict(about).items() if v is not None}
    said = json.dumps({"format": RAW if quality is None else ENCODED, **told})
    count, points, side = len(photos), photos.scheme.points, patch_side(size_px)
    rows: Iterable[Row] = _rows(photos, size_px, quality)
    place: Kind = "F64" if quality is None else "F32"
    pixels: dict[str, tuple[Kind, tuple[int, ...]]] = {"patches": ("U8", (count, side, side, 3))}
    if quality is not None:  # how large they are is known once all are made
        rows = yield from _gathered(rows, photos)
        whole = sum(len(row.pixels) for row in rows)
        pixels = {"ends": ("I64", (count,)), "pictures": ("U8", (whole,))}
    shapes: dict[str, tuple[Kind, tuple[int, ...]]] = {
        "points_xy": (place, (count, points, 2)),
        "boxes_xyxy": ("F64", (count, 4)),
        **pixels,
        "covered": ("U8", (count, points)),
        "digests": ("U8", (count, hashlib.sha256().digest_size)),
    }
    header: dict[str, Any] = {"__metadata__": {"pack": said, "sha256": UNSEALED}}
    end = 0
    for name, (dtype, shape) in shapes.items():
        start, end = end, end + int(np.prod(shape)) * DTYPES[dtype].itemsize
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with new_file(path) as temporary:
        with temporary.open("r+b") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            whole = file.tell() + end
            os.posix_fallocate(file.fileno(), 0, whole) if hasattr(os, "posix_fallocate") else file.truncate(whole)
        arrays = _mapped(temporary, "r+")
        yield from _fill(rows, photos, arrays)
        with temporary.open("r+b") as file:
            file.seek(8)
            file.write(text.replace(UNSEALED.encode(), _digest(said, arrays).encode(), 1))


def _rows(photos: Photos, size_px: int, quality: int | None) -> Iterator[Row]:
    for i in range(len(photos)):
        sample = photos[i]
        face = patch(sample, size_px)
        pixels = face.image if quality is None else _encoded(face.image, quality)
        yield Row(pixels=pixels, points_xy=face.points_xy, box_xyxy=face.box_xyxy, covered=sample.covered)


def _gathered(rows: Iterable[Row], photos: Photos) -> Steps[list[Row]]:
    made = []
    for i, row in enumerate(rows):
        made.append(row)
        if i % 50 == 0:
            yield Progress(task=f"encoding {photos.title}", done=i + 1, total=len(photos))
    return made


def _fill(rows: Iterable[Row], photos: Photos, arrays: Arrays) -> Steps[None]:
    end = 0
    for i, row in enumerate(rows):
        arrays["points_xy"][i], arrays["boxes_xyxy"][i] = row.points_xy, row.box_xyxy
        arrays["covered"][i] = UNKNOWN if row.covered is None else row.covered
        arrays["digests"][i] = np.frombuffer(hashlib.sha256(row.pixels.data).digest(), np.uint8)
        if "patches" in arrays:
            arrays["patches"][i] = row.pixels
        else:
            start, end = end, end + len(row.pixels)
            arrays["pictures"][start:end], arrays["ends"][i] = row.pixels, end
        if i % 50 == 0 or i == len(photos) - 1:
            yield Progress(task=f"packing {photos.title}", done=i + 1, total=len(photos))


def _encoded(image: ImageArray, quality: int) -> NDArray[np.uint8]:
    """The bytes of a WebP picture."""
    done, data = cv2.imencode(".webp", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_WEBP_QUALITY, quality])
    assert done
    return np.asarray(data, dtype=np.uint8)


def _decoded(data: NDArray[np.uint8]) -> ImageArray:
    return np.asarray(cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _digest(said: str, arrays: Arrays) -> str:
    """The SHA-256 of all that a pack says but its pixels, which have their own."""
    digest = hashlib.sha256(said.encode())
    for name in sorted(arrays.keys() - {*PIXELS}):
        digest.update(arrays[name].data)
    return digest.hexdigest()


def _mapped(path: Path, mode: Literal["r", "r+"]) -> Arrays:
    """The arrays of a safetensors file where they lie; the library itself would read them into memory."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = parse(file.read(length), str(path))
    memory = np.memmap(path, np.uint8, mode, 8 + length)
    found = {}
    for name, about in header.items():
        if name != "__metadata__":
            start, end = about["data_offsets"]
            found[name] = np.asarray(memory[start:end]).view(DTYPES[about["dtype"]]).reshape(about["shape"])
    return found


class PackedFaces(Photos):
    """The faces of a pack; pictures stay on disk until they are looked at.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a pack, an older or newer one, cut off or damaged.
    """

    def __init__(self, path: Path) -> None:
        said, sha256 = _metadata(path)
        about = versioned(parse(said.encode(), f"{path}: what it says"), About, ENCODED, str(path))
        if about.own_scheme is not None:
            known(about.own_scheme, str(path))
        self.path = path
        self.size_px, self.split, self.title, self.quality = about.size_px, about.split, _title(about), about.quality
        self._sound: set[int] = set()
        try:
            arrays = _mapped(path, "r")
            if sha256 != _digest(said, arrays):
                raise ValueError("its hash differs")
            self._arrays = arrays
            self._pixels(len(about.names) - 1)  # KeyError where there are none
            self.scheme: Scheme = scheme(about.scheme)
            self.labels = self._labels(about, arrays)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ValueError(f"{path} is damaged, its points or names are not those packed: {AGAIN}") from error

    def _labels(self, about: About, arrays: Arrays) -> tuple[Label, ...]:
        covered = arrays["covered"]
        of: list[set[str]] = [set() for _ in about.names]
        for name, indices in about.subsets.items():
            for i in indices:
                of[i].add(name)
        return tuple(
            Label(
                name=name,
                source=f"{self.path}, face {i}",
                group=about.groups[i],
                picture=lambda i=i: np.array(self._patch(i)),  # type: ignore[misc]  # mypy cannot type a default
                points_xy=np.asarray(arrays["points_xy"][i], np.float64),
                box_xyxy=arrays["boxes_xyxy"][i],
                covered=None if covered[i, 0] == UNKNOWN else covered[i].astype(bool),
                subsets=frozenset(of[i]),
            )
            for i, name in enumerate(about.names)
        )

    def patch(self, index: int) -> Patch:
        """A face as training cuts it: pixels are read from the disk's cache without a copy, a picture is decoded.

        Raises:
            ValueError: its pixels are damaged.
        """
        label = self.labels[index]
        return Patch(
            image=self._patch(index), points_xy=label.points_xy, box_xyxy=label.box_xyxy, covered=label.covered
        )

    def _patch(self, index: int) -> ImageArray:
        """A face's pixels, compared with their hash the first time."""
        held = self._pixels(index)
        if index not in self._sound:
            if hashlib.sha256(held.data).digest() != self._arrays["digests"][index].tobytes():
                name = self.labels[index].name
                raise ValueError(f"{self.path}: the pixels of face {index}, {name}, are damaged: {AGAIN}")
            self._sound.add(index)
        return held if self.quality is None else _decoded(held)

    def _pixels(self, index: int) -> NDArray[np.uint8]:
        """A face as it lies in the file, as Row's."""
        if self.quality is None:
            return np.asarray(self._arrays["patches"][index])
        ends = self._arrays["ends"]
        return np.asarray(self._arrays["pictures"][ends[index - 1] if index else 0 : ends[index]])


def open_pack(path: Path, split: Split) -> PackedFaces:
    """The faces of a pack of that split. Raises as PackedFaces does, and FileNotFoundError where it has another one."""
    faces = PackedFaces(path)
    if faces.split != split:
        raise FileNotFoundError(f"{path} is a pack of {faces.split} faces, not of {split} faces")
    return faces


def read(path: Path, split: Split) -> Reading:
    """A pack as `data check` takes it. Raises as open_pack does."""
    faces = open_pack(path, split)
    return Reading(scheme=faces.scheme, title=faces.title, labels=faces.labels)


FORMAT = Format(
    name="pack",
    title="a pack of faces",
    scheme=W300_68,
    recognises=lambda path: path.suffix == SUFFIX,
    read=read,
    layout="NAME.faces, as `sdhrnet data pack` writes it",
)


def _title(about: About) -> str:
    """The set's, and what the pack made of its pictures: a score on a pack is not one on the set."""
    lossy = "" if about.quality is None else f", WebP {about.quality}"
    return f"{about.title}, packed at {about.size_px} px{lossy}"


def trained_on(faces: Faces, size_px: int) -> str:
    """What a card says of faces that crops of size_px were made of: exact packs that were made for these crops train as
    their sets do, so they are not named."""
    parts = faces.parts if isinstance(faces, Mix) else (Portion(faces=faces),)
    return " + ".join(part.named(_exact(part.faces, size_px)) for part in parts)


def _exact(faces: Faces, size_px: int) -> str:
    """The title without the pack, unless crops are made around another box than the set's."""
    whole = faces
    while isinstance(whole, Subset):
        whole = whole.faces
    if isinstance(whole, Translated) and whole.scheme.own:
        return faces.title
    return re.sub(rf", packed at {size_px} px(?!, WebP)", "", faces.title)


def _metadata(path: Path) -> tuple[str, str]:
    """What a pack says of itself, and the hash; the file is laid out as its header tells."""
    if not path.is_file():
        raise FileNotFoundError(f"no pack at {path}")
    with path.open("rb") as file:
        if file.read(11) == b'{"format": ':
            raise ValueError(f"{path} was packed by an older release: {AGAIN}")
    try:
        with safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
    except SafetensorError as error:
        if "not fully covered" in str(error):
            raise ValueError(f"{path} is cut off: {AGAIN}") from error
        about = {}
    if about.keys() != {"pack", "sha256"}:
        raise ValueError(f"{path} is not a pack of faces: make one with `sdhrnet data pack`")
    return about["pack"], about["sha256"]
