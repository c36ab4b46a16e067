"""A pack: a set as one memory-mapped file of faces that are decoded and cut already.

Layout: a line of JSON (format, split, scheme, title, count, sizes, names, groups, subsets, places of arrays), spaces up
to a multiple of 64 bytes, then the arrays `patches` (N, P, P, 3) uint8, `points_xy` (N, M, 2) and `boxes_xyxy` (N, 4)
float64 in patch pixels, and `covered` (N, M) uint8: 0 no, 1 yes, 2 not known. Little-endian, C order.
"""

import json
import mmap
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.core.files import new_file
from toolkit.core.progress import Progress, Steps
from toolkit.core.schemes import Scheme, scheme
from toolkit.data.augment import Patch, patch, patch_side
from toolkit.data.formats.format import Split
from toolkit.data.labels import Label, Photos

FORMAT = 1
SUFFIX = ".faces"
ALIGN = 64
UNKNOWN = 2
"""In `covered`: the set does not say."""


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


Layout = dict[str, tuple[int, tuple[int, ...], np.dtype[Any]]]


def _header(photos: Photos, split: Split, size_px: int) -> tuple[bytes, Layout]:
    count, points, side = len(photos), photos.scheme.points, patch_side(size_px)
    shapes: dict[str, tuple[tuple[int, ...], str]] = {
        "patches": ((count, side, side, 3), "|u1"),
        "points_xy": ((count, points, 2), "<f8"),
        "boxes_xyxy": ((count, 4), "<f8"),
        "covered": ((count, points), "|u1"),
    }
    about: dict[str, Any] = {
        "format": FORMAT,
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
        if i % 50 == 0 or i == len(photos) - 1:
            yield Progress(task=f"packing {photos.title}", done=i + 1, total=len(photos))


class PackedFaces(Photos):
    """The faces of a pack; pictures stay on disk until they are looked at.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a pack, a newer one, or cut off.
    """

    def __init__(self, path: Path) -> None:
        about = _read_header(path)
        with path.open("rb") as file:
            try:
                arrays = _map(file, _layout(about), "r")
            except ValueError as error:
                raise ValueError(f"{path} is cut off: pack the set again") from error
        self.path = path
        self.size_px: int = about["size_px"]
        self.split: Split = about["split"]
        self._patches = arrays["patches"]
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
                source=f"{path}, face {i}",
                group=about["groups"][i],
                picture=lambda i=i: np.array(self._patches[i]),  # type: ignore[misc]  # mypy cannot type a default
                points_xy=arrays["points_xy"][i],
                box_xyxy=arrays["boxes_xyxy"][i],
                covered=None if covered[i, 0] == UNKNOWN else covered[i].astype(bool),
                subsets=frozenset(of[i]),
            )
            for i in range(about["count"])
        )

    def patch(self, index: int) -> Patch:
        """A face as training cuts it, read from the disk's cache without a copy."""
        label = self.labels[index]
        return Patch(image=self._patches[index], points_xy=label.points_xy, box_xyxy=label.box_xyxy)


def _read_header(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"no pack at {path}")
    with path.open("rb") as file:
        line = file.readline(1 << 28)
    try:
        about = json.loads(line)
        version = about["format"]
        _layout(about)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a pack of faces: make one with `sdhrnet data pack`") from error
    if version > FORMAT:
        raise ValueError(f"{path} has format {version}, this release reads up to {FORMAT}: upgrade sdhrnet-toolkit")
    return dict(about)
