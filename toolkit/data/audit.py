"""Labels held to account: whose points form no face or lie outside their picture, and which pictures show the same."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.geometry import crop_of_box, cut
from toolkit.core.progress import Progress, Steps
from toolkit.core.schemes import Scheme
from toolkit.core.words import counted
from toolkit.data.labels import Label, Photos, Problem, decoded, inside, misplaced
from toolkit.data.mean_shape import common_doubt, doubts
from toolkit.data.sample import Faces, Subset
from toolkit.data.sets import Mix, Translated

SIDE = 16
"""Of the fingerprint, in cells."""
NEAR_BITS = 24
"""Crops whose fingerprints differ in no more of the 256 bits show the same picture. Among 300W's 337 AFW, 870 Helen
training and 165 Helen test faces 8 pairs lie within 21 bits, and looking at them shows the same shot each time; the
next, at 31 bits and more, are other shots of the same person."""
CHUNK = 1024


def labels_of(faces: Faces) -> Sequence[Label] | None:
    """Every face's label, in order; None where a set has none, as synthetic faces."""
    if isinstance(faces, Photos):
        return faces.labels
    if isinstance(faces, Subset):
        whole = labels_of(faces.faces)
        return None if whole is None else [whole[i] for i in faces.indices]
    if isinstance(faces, Translated):
        whole = labels_of(faces.faces)
        return None if whole is None else [faces.told(label) for label in whole]
    return None


def doubtful(faces: Faces) -> list[Problem]:
    """The faces whose points form no face, and what is wrong with each; then what is wrong with all others alike."""
    if isinstance(faces, Mix):
        return [problem for part in faces.parts for problem in doubtful(part.faces)]
    if isinstance(faces, Translated):
        return doubtful(faces.faces)
    labels = labels_of(faces) or ()
    if not labels:
        return []
    points = np.stack([label.points_xy for label in labels])
    found = doubts(points, faces.scheme)
    common = common_doubt(np.delete(points, list(found), axis=0), faces.scheme)
    alone = [Problem(source=labels[i].source, text=text) for i, text in found.items()]
    return [*alone, Problem(source=faces.title, text=common)] if common else alone


def warning(faces: Faces) -> str:
    """One line about such faces; empty where there is none."""
    found = doubtful(faces)
    if not found:
        return ""
    of = f"{len(found)} in {counted(len(faces), 'face')}"
    return f"wrong labels? {of} (`sdhrnet data check` lists them), first {found[0]}"


def told(faces: Faces) -> Steps[None]:
    """Tell of such faces before hours are spent on them."""
    text = warning(faces)
    if text:
        yield Progress(task="labels", done=0, total=0, text=text)


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What one face's picture showed."""

    split: str
    label: Label
    digest: bytes
    """Of the picture's file; of its pixels where it lies within a larger file."""
    fingerprint: NDArray[np.bool_]
    """(SIDE * SIDE,)."""
    outside: int
    """Points that lie outside the picture."""
    points: int
    """Points that are given."""
    wrong: str
    """Why the points are not of this picture; empty where they may be."""


def inspect(label: Label, split: str, scheme: Scheme) -> Inspection:
    """Decode the face's picture and measure it.

    Raises:
        FileNotFoundError: the picture is not there.
        ValueError: the picture is damaged.
    """
    image, how = decoded(label)
    content = label.picture.read_bytes() if isinstance(label.picture, Path) else image.tobytes()
    given = label.points_xy[np.isfinite(label.points_xy).all(axis=1)]
    return Inspection(
        split=split,
        label=label,
        digest=hashlib.sha256(content).digest(),
        fingerprint=fingerprint(image, label.box_xyxy),
        outside=int((~inside(given, image)).sum()),
        points=len(given),
        wrong=misplaced(label.points_xy, image, how, scheme),
    )


def fingerprint(image: ImageArray, box_xyxy: FloatArray) -> NDArray[np.bool_]:
    """Which of neighbouring cells of the plain crop is the brighter one: the same for a copy in other size or quality.

    Returns:
        (SIDE * SIDE,) of a grid of SIDE x (SIDE + 1) cells.
    """
    crop = cv2.cvtColor(cut(image, crop_of_box(box_xyxy, 4 * SIDE)), cv2.COLOR_RGB2GRAY)
    cells = cv2.resize(crop, (SIDE + 1, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cells[:, 1:] > cells[:, :-1]).ravel()


def same_pictures(looks: Sequence[Inspection]) -> Iterator[tuple[Inspection, Inspection, bool]]:
    """Pairs of faces that show the same, and whether their pictures are the same byte by byte.

    Faces whose crops are alike; and, across splits, faces of the same picture whatever their crops.
    """
    found = set()
    for first, second in _near([each.fingerprint for each in looks]):
        found.add((first, second))
        yield looks[first], looks[second], looks[first].digest == looks[second].digest
    by_digest: dict[bytes, list[int]] = {}
    for index, each in enumerate(looks):
        by_digest.setdefault(each.digest, []).append(index)
    for members in by_digest.values():
        for place, first in enumerate(members):
            for second in members[place + 1 :]:
                if looks[first].split != looks[second].split and (first, second) not in found:
                    yield looks[first], looks[second], True


def _near(fingerprints: Sequence[NDArray[np.bool_]]) -> Iterator[tuple[int, int]]:
    """Pairs of indices, the lower one first, whose fingerprints differ in at most NEAR_BITS."""
    if not fingerprints:
        return
    signs = np.where(np.stack(fingerprints), np.float32(1), np.float32(-1))
    for start in range(0, len(signs), CHUNK):
        differ = (SIDE * SIDE - signs[start : start + CHUNK] @ signs.T) / 2
        rows, columns = np.nonzero(differ <= NEAR_BITS)
        for row, column in zip((rows + start).tolist(), columns.tolist(), strict=True):
            if row < column:
                yield row, column
