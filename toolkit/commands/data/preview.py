"""Stage: a contact sheet of labelled faces, to see what a network will learn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tyro.conf import Positional

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.draw import captioned, contact_sheet, draw_landmarks, face_tile, numbered
from toolkit.core.geometry import crop_of_box
from toolkit.core.images import SUFFIXES, write_image
from toolkit.core.outputs import OutFile, WritesFiles, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.schemes import scheme
from toolkit.data import Faces, Sample, open_faces
from toolkit.data.audit import labels_of, warning
from toolkit.data.augment import Augment, augment, patch
from toolkit.data.visibility import COVERED

TILE_PX = 160
NUMBERED_PX = 512
"""Smaller tiles have no room for the numbers of 68 points."""
COLUMNS, SHEET_PX = 8, 2048
"""At most so many faces in a row, and about so wide a sheet."""
MOST = 500


@dataclass(frozen=True, kw_only=True)
class Preview(WritesFiles):
    """A contact sheet of labelled faces: the crop that a network sees, its points, its name.

    Points that something covers, whose place was estimated, are orange. Without a folder, synthetic faces.
    """

    data: Positional[Path | None] = None
    """A folder (or file) of labelled faces of any known format."""
    out: OutFile = Path("sheet.png")
    """The picture to write."""
    split: str = "train"
    """train, val or test, or a published subset of the test faces."""
    subset: str | None = None
    """Only faces of this subset of the split, such as challenge, pose or occlusion."""
    count: int = 40
    """How many faces."""
    size: int | None = None
    """Side of a face in pixels (default: 160; 512 with --numbers)."""
    seed: int = 0
    """Draws the faces, and the augmentation."""
    numbers: bool = False
    """Write every point's index beside it."""
    worst: bool = False
    """The faces whose points are least like the mean shape, most unusual first: where wrong labels are."""
    augment: bool = False
    """Show training crops: turned, mirrored, covered, blurred, as a network sees them."""
    scheme: str = "300w-68"
    """Landmarks of the synthetic faces: 300w-68, cofw-29, wflw-98, or a JSON file of your own points, which a folder's
    faces are shown by too where it picks some of theirs."""
    skip_bad: bool = False
    """Leave annotations out that cannot be used."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.count <= MOST:
            raise ValueError(f"expected --count from 1 to {MOST}, got {self.count}")
        if self.size is not None and not 32 <= self.size <= 1024:
            raise ValueError(f"expected --size from 32 to 1024 pixels, got {self.size}")
        _ = scheme(self.scheme)  # refuses unknown ones
        if self.seed < 0:
            raise ValueError(f"expected --seed 0 or more, got {self.seed}")
        if self.out.suffix.lower() not in SUFFIXES:
            raise ValueError(f"--out {self.out} names no kind of picture: end it in one of {', '.join(SUFFIXES)}")


def run(options: Preview) -> Steps[Outcome]:
    """Draw the sheet; see Preview."""
    check_outputs(options)
    faces = open_faces(
        options.data, options.split, options.count, scheme=scheme(options.scheme), skip_bad=options.skip_bad
    )
    members = _members(faces, options.subset)
    if options.worst:
        shapes = yield from _shapes(faces, members)
        unusual = strangeness(shapes)
        order = np.argsort(-unusual, kind="stable")[: options.count]
        chosen = [(members[i], f"{100 * unusual[i]:.0f}% ") for i in order]
    else:
        count = min(options.count, len(members))
        drawn = np.sort(np.random.default_rng(options.seed).choice(len(members), count, replace=False))
        chosen = [(members[i], "") for i in drawn]
    rng = np.random.default_rng([options.seed, 1])
    tiles = []
    for number, (index, note) in enumerate(chosen):
        yield Progress(task="drawing faces", done=number, total=len(chosen))
        sample = faces[index]
        tiles.append(captioned(_tile(sample, faces, options, rng), f"{note}{sample.name}"))
    columns = max(1, min(COLUMNS, SHEET_PX // tiles[0].shape[1]))
    write_image(options.out, contact_sheet(tiles, columns))
    part = f"{options.subset} of " if options.subset else ""
    what = f"{len(tiles)} of {len(members)} faces: {part}{faces.title}"
    record = {
        "kind": "preview",
        "data": faces.title,
        "split": options.split,
        "out": str(options.out),
        "faces": len(tiles),
    }
    return Outcome(text="\n".join(filter(None, (what, warning(faces), str(options.out)))), records=(record,))


def strangeness(shapes: FloatArray) -> FloatArray:
    """How far each shape is from the mean one under the best similarity transform.

    Args:
        shapes: (N, M, 2); NaN where a point is missing.

    Returns:
        (N,) mean point distance over the mean shape's size (its points' root mean square distance from their centre).
    """
    flat = shapes @ [1, 1j]  # as complex numbers, where turning and scaling is a product
    flat = flat - np.nanmean(flat, axis=1, keepdims=True)
    flat /= np.sqrt(np.nanmean(np.abs(flat) ** 2, axis=1, keepdims=True))
    mean = flat[0]
    for _ in range(5):
        flat = flat * np.exp(-1j * np.angle(np.nansum(np.conj(mean) * flat, axis=1, keepdims=True)))
        present = np.isfinite(flat).any(axis=0)
        mean = np.where(present, np.nansum(flat, axis=0) / np.maximum(1, np.isfinite(flat).sum(axis=0)), np.nan)
    return np.asarray(np.nanmean(np.abs(flat - mean), axis=1))


def _members(faces: Faces, subset: str | None) -> Sequence[int]:
    if subset is None:
        return range(len(faces))
    if subset not in faces.subsets:
        there = ", ".join(faces.subsets) or "none"
        raise ValueError(f"{faces.title} has no subset {subset!r}; there are: {there}")
    return faces.subsets[subset]


def _shapes(faces: Faces, members: Sequence[int]) -> Steps[FloatArray]:
    """Every face's points (N, M, 2); without decoding pictures where that is possible."""
    known = labels_of(faces)
    shapes = []
    for number, index in enumerate(members):
        shapes.append(faces[index].points_xy if known is None else known[index].points_xy)
        if number % 50 == 0:
            yield Progress(task="comparing shapes", done=number, total=len(members))
    return np.stack(shapes)


def _tile(sample: Sample, faces: Faces, options: Preview, rng: np.random.Generator) -> ImageArray:
    usual = NUMBERED_PX if options.numbers else TILE_PX
    size = usual if options.size is None else options.size
    if options.augment:
        crop = augment(patch(sample, size), size, Augment(), faces.scheme, rng)
        points = crop.points_xy
        tile = draw_landmarks(crop.image, points, faces.scheme, np.where(crop.states == COVERED, 0.0, 1.0))
    else:
        sure = None if sample.covered is None else np.where(sample.covered, 0.0, 1.0)
        tile = face_tile(sample.image, sample.points_xy, sample.box_xyxy, faces.scheme, size, sure)
        points = crop_of_box(sample.box_xyxy, size).to_crop(sample.points_xy)
    return numbered(tile, points) if options.numbers else tile
