"""COFW: `COFW_{train,test}_color.mat`, or the grayscale `COFW_{train,test}.mat`, of MATLAB 7.3 (HDF5) or 5.

Pictures are decoded from the file when asked for. Points count pixels from 1, as MATLAB does, and MMPose's converter
takes 1 off, as is done here; HRNet's code uses them as they stand, one pixel right of and below where they belong.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.schemes import COFW_29
from toolkit.data.formats.gather import Format, Split, gather, points_of, require_faces, shown
from toolkit.data.labels import Label, Reading
from toolkit.data.sample import box_of_points

FILES: dict[Split, tuple[str, ...]] = {
    "train": ("COFW_train_color.mat", "COFW_train.mat"),
    "test": ("COFW_test_color.mat", "COFW_test.mat"),
}
IMAGES: dict[Split, str] = {"train": "IsTr", "test": "IsT"}
POINTS: dict[Split, str] = {"train": "phisTr", "test": "phisT"}
PUBLISHED = {"train": 1345, "test": 507}
PIXELS_FROM = 1
VALUES = 3 * COFW_29.points
"""Of a face: every x, every y, then 1 for every point that is covered and 0 for the others."""


@dataclass(frozen=True, kw_only=True)
class CofwFaces:
    """What a file holds, whichever version of MATLAB wrote it."""

    values: FloatArray
    """(N, VALUES)."""
    shapes: Sequence[tuple[int, ...]]
    """Of each picture, as (height, width[, 3]); empty where it has none."""
    pictures: Sequence[Callable[[], ImageArray]]


@dataclass(frozen=True, kw_only=True)
class HdfPicture:
    """A picture within a MATLAB 7.3 file, which stores arrays with their axes in reverse."""

    file: Path
    cell: str
    index: int

    def __call__(self) -> ImageArray:
        import h5py

        with h5py.File(self.file) as file:
            return _rgb(np.asarray(file[np.asarray(file[self.cell]).ravel()[self.index]]).T, shown(self.file))


@dataclass(frozen=True, kw_only=True)
class ArrayPicture:
    """A picture of a MATLAB 5 file, which can only be read as a whole."""

    file: Path
    array: Any

    def __call__(self) -> ImageArray:
        return _rgb(self.array, shown(self.file))


def _rgb(array: Any, source: str) -> ImageArray:
    if array.dtype != np.uint8:
        raise ValueError(f"{source}: expected pictures of 8 bits, found {array.dtype}")
    return np.ascontiguousarray(array if array.ndim == 3 else np.repeat(array[..., None], 3, axis=2))


def _read_hdf(path: Path, images: str, points: str) -> CofwFaces:
    import h5py

    with h5py.File(path) as file:
        _require(set(file), images, points)
        values, cells = file[points], file[images]
        if h5py.check_ref_dtype(cells.dtype) is not h5py.Reference:
            raise ValueError(f"its {images} is no cell array of pictures")
        found = [file[reference] for reference in np.asarray(cells).ravel()]
        return CofwFaces(
            values=_values(np.empty((0, VALUES)) if "MATLAB_empty" in values.attrs else np.asarray(values).T),
            shapes=[() if "MATLAB_empty" in array.attrs else array.shape[::-1] for array in found],
            pictures=[HdfPicture(file=path, cell=images, index=i) for i in range(len(found))],
        )


def _read_mat(path: Path, images: str, points: str) -> CofwFaces:
    from scipy.io import loadmat

    found = loadmat(path, variable_names=[images, points])
    _require(set(found), images, points)
    cells = found[images]
    if cells.dtype != object:
        raise ValueError(f"its {images} is no cell array of pictures")
    arrays = [np.asarray(array) for array in cells.ravel()]
    return CofwFaces(
        values=_values(found[points]),
        shapes=[array.shape if array.size else () for array in arrays],
        pictures=[ArrayPicture(file=path, array=array) for array in arrays],
    )


def _require(there: set[str], *names: str) -> None:
    if not there >= set(names):
        kept = sorted(name for name in there if not name.startswith(("#", "__")))
        raise ValueError(f"expected the variables {' and '.join(names)}, found {', '.join(kept) or 'neither'}")


def _values(array: Any) -> FloatArray:
    if not np.issubdtype(array.dtype, np.number) or (array.size and array.shape[1:] != (VALUES,)):
        raise ValueError(f"expected {VALUES} numbers for each face, found an array {array.shape} of {array.dtype}")
    return np.asarray(array, dtype=np.float64).reshape(-1, VALUES)


def _content(path: Path, split: Split) -> CofwFaces:
    """What the file holds.

    Raises:
        ValueError: it is no .mat file, or another one than COFW's.
    """
    import h5py

    try:
        content = (_read_hdf if h5py.is_hdf5(path) else _read_mat)(path, IMAGES[split], POINTS[split])
        if len(content.values) != len(content.pictures):
            raise ValueError(f"{len(content.values)} faces but {len(content.pictures)} pictures")
    except ImportError:
        raise
    except Exception as error:  # both libraries raise whatever their parsers stumble upon
        raise ValueError(f"{shown(path)} is not a file of COFW that can be read: {error}") from error
    return content


def recognises(root: Path) -> bool:
    """Whether one of the files is there."""
    return any((root / name).is_file() for names in FILES.values() for name in names)


def read(root: Path, split: Split) -> Reading:
    """The faces of a file; the one with colours goes first.

    Raises:
        FileNotFoundError: there is no file, or no face in it.
        ValueError: the file is not COFW's.
        ModuleNotFoundError: h5py or scipy is not installed.
    """
    path = next((root / name for name in FILES[split] if (root / name).is_file()), None)
    if path is None:
        raise FileNotFoundError(f"{shown(root)} has neither {' nor '.join(FILES[split])}")
    content = _content(path, split)

    def source(index: int) -> str:
        return f"{shown(path)}, face {index + 1}"

    def label(index: int) -> Label:
        values, shape = content.values[index], content.shapes[index]
        if len(shape) not in (2, 3) or shape[2:] not in ((), (3,)):
            raise ValueError(f"its picture must be height x width or height x width x 3, it is {shape or 'empty'}")
        if not np.isfinite(values).all():
            raise ValueError("a coordinate or occlusion flag is not a number")
        flags = values[2 * COFW_29.points :]
        if not np.isin(flags, (0, 1)).all():
            raise ValueError("the occlusion flags must be 0 or 1")
        points = points_of(values[: 2 * COFW_29.points].reshape(2, -1).T, PIXELS_FROM)
        name = f"cofw-{split}-{index + 1:04d}"
        return Label(
            name=name,
            source=source(index),
            group=name,
            picture=content.pictures[index],
            points_xy=points,
            box_xyxy=box_of_points(points),
            covered=(flags == 1) & np.isfinite(points[:, 0]),
        )

    labels, problems = gather(range(len(content.pictures)), source, label)
    tones = "" if path.name == FILES[split][0] else " gray"
    title = f"COFW{tones}{'' if len(labels) == PUBLISHED[split] else ' subset'}: {split} {len(labels)}"
    found = Reading(scheme=COFW_29, title=title, labels=labels, problems=problems)
    return require_faces(found, f"{shown(path)} has no face that can be used")


FORMAT = Format(
    name="cofw",
    title="COFW",
    scheme=COFW_29,
    recognises=recognises,
    read=read,
    published=MappingProxyType(PUBLISHED),
    obtain="data.caltech.edu/records/20099: COFW_train_color.mat and COFW_test_color.mat",
    layout="COFW_train_color.mat, COFW_test_color.mat",
)
