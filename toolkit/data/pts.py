"""Folders of NAME.jpg + NAME.pts, the format of 300W: one face a picture, its points in a small text file."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from toolkit.core.images import SUFFIXES, read_image
from toolkit.core.schemes import Scheme
from toolkit.data.sample import Faces, Sample, Subset, box_of_points

FloatArray = NDArray[np.float64]

VALIDATION_SHARE = 10
"""One photo in this many is held out of training."""


def read_pts(path: Path, points: int) -> FloatArray:
    """The (points, 2) array of a .pts file, moved to 0-based pixel centres; `nan nan` marks a missing point.

    Raises:
        ValueError: not the .pts format, another number of points, or values that are no coordinates.
    """
    try:
        text = path.read_text(encoding="ascii")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a .pts file: it is not plain text") from error
    head, brace, body = text.partition("{")
    if not brace or "n_points" not in head or "}" not in body:
        raise ValueError(f"{path} is not a .pts file: expected `version`, `n_points` and points between braces")
    rows = [line.split() for line in body.partition("}")[0].splitlines() if line.strip()]
    if len(rows) != points:
        raise ValueError(f"{path} has {len(rows)} points, expected {points}")
    try:
        values = np.array([[float(x), float(y)] for x, y in rows])
    except ValueError as error:
        raise ValueError(f"{path}: every line between the braces must be two numbers ({error})") from error
    if np.isinf(values).any() or (np.isnan(values[:, 0]) != np.isnan(values[:, 1])).any():
        raise ValueError(f"{path} holds a coordinate that is not a number; write `nan nan` for a missing point")
    return values - 1.0  # .pts counts pixels from 1


def write_pts(points_xy: FloatArray) -> str:
    """The text of a .pts file for 0-based points (M, 2)."""
    lines = "\n".join(f"{x + 1:.4f} {y + 1:.4f}" for x, y in points_xy)
    return f"version: 1\nn_points: {len(points_xy)}\n{{\n{lines}\n}}\n"


class PtsFolder:
    """Every labelled picture of some folders. Annotations are read at once, pictures when asked for."""

    def __init__(self, folders: Sequence[Path], scheme: Scheme, title: str) -> None:
        self.scheme = scheme
        self.title = title
        self.files = [file for folder in folders for file in sorted(folder.glob("*.pts"))]
        if not self.files:
            raise FileNotFoundError(f"no .pts file in {', '.join(map(str, folders))}: point --data at labelled faces")
        self.points = [read_pts(file, scheme.points) for file in self.files]
        self.images = [_picture_of(file) for file in self.files]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Sample:
        """Decodes one picture.

        Raises:
            ValueError: the picture is damaged, or its points make no face box.
        """
        file, points = self.files[index], self.points[index]
        try:
            box = box_of_points(points)
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from error
        return Sample(name=file.stem, image=read_image(self.images[index]), points_xy=points, box_xyxy=box)


def hold_out(faces: PtsFolder, part: Literal["train", "val"]) -> Faces:
    """One side of a fixed split by photo: faces of one photo (`NAME_1`, `NAME_2`) never part."""

    def held_out(stem: str) -> bool:
        photo = stem.rpartition("_")[0] or stem
        return int(hashlib.sha256(photo.encode()).hexdigest(), 16) % VALIDATION_SHARE == 0

    chosen = [i for i, file in enumerate(faces.files) if held_out(file.stem) == (part == "val")]
    if not chosen:
        raise ValueError(f"{faces.title}: {len(faces)} faces are too few to split off a {part} part")
    share = "held-out tenth of" if part == "val" else "nine tenths of"
    return Subset(faces, chosen, f"{share} {faces.title} ({len(chosen)} faces)")


def mean_shape_points(train: PtsFolder, test: PtsFolder) -> dict[str, FloatArray]:
    """Two baselines that look at no pixel, as points (N, M, 2) predicted for `test` in image pixels.

    `mean shape`: the mean of the training shapes in their boxes, placed in each test face's box.
    `oracle similarity`: that mean under the best similarity transform onto each test face's truth, a floor for any
    method that only places a rigid mean face.
    """
    mean = np.nanmean([_in_box(p) for p in train.points], axis=0)
    placed, fitted = [], []
    for truth in test.points:
        box = box_of_points(truth)
        centre, side = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]).max()
        placed.append(mean * side + centre)
        fitted.append(_similarity(mean, truth))
    return {"mean shape": np.array(placed), "oracle similarity": np.array(fitted)}


def _in_box(points: FloatArray) -> FloatArray:
    box = box_of_points(points)
    return np.asarray((points - (box[:2] + box[2:]) / 2) / (box[2:] - box[:2]).max())


def _similarity(source: FloatArray, target: FloatArray) -> FloatArray:
    """`source` under the least-squares rotation, scale and shift onto `target`, as complex numbers."""
    s, t = source @ [1, 1j], target @ [1, 1j]
    ok = ~np.isnan(t)
    factor = np.vdot(s[ok] - s[ok].mean(), t[ok] - t[ok].mean()) / np.vdot(s[ok] - s[ok].mean(), s[ok] - s[ok].mean())
    moved = (s - s[ok].mean()) * factor + t[ok].mean()
    return np.column_stack([moved.real, moved.imag])


def _picture_of(file: Path) -> Path:
    for suffix in SUFFIXES:
        for candidate in (file.with_suffix(suffix), file.with_suffix(suffix.upper())):
            if candidate.is_file():
                return candidate
    raise FileNotFoundError(f"{file} has no picture beside it: expected {file.stem}.jpg or .png")
