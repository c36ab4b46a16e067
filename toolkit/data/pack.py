"""A pack: a set as one memory-mapped file of faces that are decoded and cut already.

Layout: a line of JSON (format, split, scheme, title, count, sizes, names, groups, subsets, places of arrays, hash),
spaces up to a multiple of 64 bytes, then the arrays `patches` (N, P, P, 3) uint8, `points_xy` (N, M, 2) and
`boxes_xyxy` (N, 4) float64 in patch pixels, `covered` (N, M) uint8: 0 no, 1 yes, 2 not known, and `digests` (N, 32)
uint8, the SHA-256 of each patch. Little-endian, C order.

The hash in the line of JSON is that of all but the patches, and is compared when the pack is opened; a patch's own when
it is first looked at. Packs of format 1 have neither and are read as they are.
"""

import hashlib
import json
import mmap
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import ImageArray
from toolkit.core.files import new_file
from toolkit.core.progress import Progress, Steps
from toolkit.core.records import Whole
from toolkit.core.schemes import W300_68, Scheme, scheme
from toolkit.core.validation import Text, check, parse
from toolkit.data.augment import Patch, patch, patch_side
from toolkit.data.formats.format import Format, Split
from toolkit.data.labels import Label, Photos, Problem, Reading

VERSION = 2
"""Of the layout; 1 had no hashes."""
SUFFIX = ".faces"
ALIGN = 64
UNKNOWN = 2
"""In `covered`: the set does not say."""


class Place(TypedDict):
    """Where an array stands in the file."""

    start: Whole
    shape: list[Whole]
    dtype: Literal["|u1", "<f8"]


class Header(TypedDict):
    """The line of JSON."""

    split: Split
    scheme: Text
    title: str
    size_px: Whole
    count: Whole
    names: list[str]
    groups: list[str]
    subsets: dict[str, list[Whole]]
    arrays: dict[str, Place]


def write_pack(photos: Photos, split: Split, path: Path, size_px: int) -> Steps[None]:
    """Decode and cut every face for crops of up to size_px, and put the pack in place when it is whole.

    Raises:
        FileNotFoundError: a picture is not there.
        ValueError: a picture is damaged.
        OSError: the disk is full; the older pack, if any, is untouched.
    """
    head, layout = _header(photos, split, size_px)
    with new_file(path) as temporary, temporary.open("r+b") as file:
        file.write(head)
        end = max(start + int(np.prod(shape)) * dtype.itemsize for start, shape, dtype in layout.values())
        os.posix_fallocate(file.fileno(), 0, end) if hasattr(os, "posix_fallocate") else file.truncate(end)
        file.flush()
        yield from _fill(photos, size_px, file, layout)
        file.seek(0)
        file.write(_sealed(head, _map(file, layout, "r")))


Layout = dict[str, tuple[int, tuple[int, ...], np.dtype[Any]]]


def _header(photos: Photos, split: Split, size_px: int) -> tuple[bytes, Layout]:
    count, points, side = len(photos), photos.scheme.points, patch_side(size_px)
    shapes: dict[str, tuple[tuple[int, ...], str]] = {
        "patches": ((count, side, side, 3), "|u1"),
        "points_xy": ((count, points, 2), "<f8"),
        "boxes_xyxy": ((count, 4), "<f8"),
        "covered": ((count, points), "|u1"),
        "digests": ((count, hashlib.sha256().digest_size), "|u1"),
    }
    about: dict[str, Any] = {
        "format": VERSION,
        "sha256": hashlib.sha256().hexdigest(),  # of nothing, until the arrays are there
        "split": split,
        "scheme": photos.scheme.name,
        "title": photos.title,
        "size_px": size_px,
        "count": count,
        "names": [label.name for label in photos.labels],
        "groups": [label.group for label in photos.labels],
        "subsets": {name: list(indices) for name, indices in photos.subsets.items()},
        "arrays": {name: {"start": 0, "shape": shape, "dtype": dtype} for name, (shape, dtype) in shapes.items()},
    }
    length = -(-(len(json.dumps(about)) + 64 * len(shapes)) // ALIGN) * ALIGN  # room for the starts
    start = length
    for name, (shape, dtype) in shapes.items():
        about["arrays"][name]["start"] = start
        start += -(-int(np.prod(shape)) * np.dtype(dtype).itemsize // ALIGN) * ALIGN
    text = json.dumps(about).encode()
    return text.ljust(length - 1) + b"\n", _layout(about)


def _sealed(head: bytes, arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The line of JSON with the hash of the arrays in it."""
    about = json.loads(head)
    about["sha256"] = _digest(about, arrays)
    return json.dumps(about).encode().ljust(len(head) - 1) + b"\n"


def _digest(about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    """The SHA-256 of all that a pack says but its patches, which have their own."""
    said = json.dumps({key: value for key, value in about.items() if key != "sha256"}, sort_keys=True)
    digest = hashlib.sha256(said.encode())
    for name in sorted(arrays.keys() - {"patches"}):
        digest.update(arrays[name].data)
    return digest.hexdigest()


def _layout(about: dict[str, Any]) -> Layout:
    return {name: (int(a["start"]), tuple(a["shape"]), np.dtype(a["dtype"])) for name, a in about["arrays"].items()}


def _map(file: Any, layout: Layout, mode: Any) -> dict[str, NDArray[Any]]:
    access = mmap.ACCESS_READ if mode == "r" else mmap.ACCESS_WRITE
    memory = mmap.mmap(file.fileno(), 0, access=access)
    return {
        name: np.frombuffer(memory, dtype, int(np.prod(shape)), start).reshape(shape)
        for name, (start, shape, dtype) in layout.items()
    }


def _fill(photos: Photos, size_px: int, file: Any, layout: Layout) -> Steps[None]:
    arrays = _map(file, layout, "w")
    for i in range(len(photos)):
        sample = photos[i]
        face = patch(sample, size_px)
        arrays["patches"][i], arrays["points_xy"][i], arrays["boxes_xyxy"][i] = (
            face.image,
            face.points_xy,
            face.box_xyxy,
        )
        arrays["covered"][i] = UNKNOWN if sample.covered is None else sample.covered
        arrays["digests"][i] = np.frombuffer(hashlib.sha256(arrays["patches"][i].data).digest(), np.uint8)
        if i % 50 == 0 or i == len(photos) - 1:
            yield Progress(task=f"packing {photos.title}", done=i + 1, total=len(photos))


class PackedFaces(Photos):
    """The faces of a pack; pictures stay on disk until they are looked at.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a pack, a newer one, cut off or damaged.
    """

    def __init__(self, path: Path) -> None:
        about = _read_header(path)
        with path.open("rb") as file:
            try:
                arrays = _map(file, _layout(about), "r")
            except ValueError as error:
                raise ValueError(f"{path} is cut off: pack the set again") from error
        self.path = path
        self.hashed: bool = int(about["format"]) > 1
        """Whether damage is seen."""
        try:
            if self.hashed and about["sha256"] != _digest(about, arrays):
                raise ValueError("its hash differs")
            self._take(about, arrays)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ValueError(
                f"{path} is damaged, its points or names are not those packed: pack the set again"
            ) from error

    def _take(self, about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        self.size_px: int = about["size_px"]
        self.split: Split = about["split"]
        self._patches, self._digests = arrays["patches"], arrays.get("digests")
        self._sound: set[int] = set()
        self.scheme: Scheme = scheme(about["scheme"])
        self.title: str = about["title"]
        members: Mapping[str, Sequence[int]] = about["subsets"]
        of: list[set[str]] = [set() for _ in range(about["count"])]
        for name, indices in members.items():
            for i in indices:
                of[i].add(name)
        covered = arrays["covered"]
        self.labels = tuple(
            Label(
                name=about["names"][i],
                source=f"{self.path}, face {i}",
                group=about["groups"][i],
                picture=lambda i=i: np.array(self._patch(i)),  # type: ignore[misc]  # mypy cannot type a default
                points_xy=arrays["points_xy"][i],
                box_xyxy=arrays["boxes_xyxy"][i],
                covered=None if covered[i, 0] == UNKNOWN else covered[i].astype(bool),
                subsets=frozenset(of[i]),
            )
            for i in range(about["count"])
        )

    def patch(self, index: int) -> Patch:
        """A face as training cuts it, read from the disk's cache without a copy.

        Raises:
            ValueError: its pixels are damaged.
        """
        label = self.labels[index]
        return Patch(image=self._patch(index), points_xy=label.points_xy, box_xyxy=label.box_xyxy)

    def _patch(self, index: int) -> ImageArray:
        """A face's pixels, compared with their hash the first time."""
        image: ImageArray = self._patches[index]
        if self._digests is not None and index not in self._sound:
            if hashlib.sha256(image.data).digest() != self._digests[index].tobytes():
                name = self.labels[index].name
                raise ValueError(f"{self.path}: the pixels of face {index}, {name}, are damaged: pack the set again")
            self._sound.add(index)
        return image


def open_pack(path: Path, split: Split) -> PackedFaces:
    """The faces of a pack of that split. Raises as PackedFaces does, and FileNotFoundError where it has another one."""
    faces = PackedFaces(path)
    if faces.split != split:
        raise FileNotFoundError(f"{path} is a pack of {faces.split} faces, not of {split} faces")
    return faces


def read(path: Path, split: Split) -> Reading:
    """A pack as `data check` takes it. Raises as open_pack does."""
    faces = open_pack(path, split)
    note = Problem(source=str(path), text="made by an older release, without hashes: damage to its pixels goes unseen")
    return Reading(scheme=faces.scheme, title=faces.title, labels=faces.labels, notes=() if faces.hashed else (note,))


FORMAT = Format(
    name="pack",
    title="a pack of faces",
    scheme=W300_68,
    recognises=lambda path: path.suffix == SUFFIX,
    read=read,
    layout="NAME.faces, as `sdhrnet data pack` writes it",
)


def _read_header(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"no pack at {path}")
    with path.open("rb") as file:
        line = file.readline(1 << 28)
    about = None
    with suppress(ValueError):
        about = parse(line, str(path))
    version = about.get("format") if isinstance(about, dict) else None
    if type(version) is not int:
        raise ValueError(f"{path} is not a pack of faces: make one with `sdhrnet data pack`")
    if version > VERSION:
        raise ValueError(f"{path} has format {version}, this release reads up to {VERSION}: upgrade sdhrnet-toolkit")
    try:
        check(about, Header, "its first line")
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}): pack the set again") from error
    return about  # type: ignore[return-value]  # mypy does not see through version
