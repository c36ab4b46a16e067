"""Portraits of the Face Research Lab (DeBruine and Jones, CC-BY 4.0): `frl189.json`, file -> 189 (x, y), from 0.

Its template has 189 points in an order of its own, which are read as 300W's 68: most are one of the template's or lie
between two of them; the contour is its line from temple to chin, parted evenly. Which points those are, and how far
beside them 300W's annotators would put theirs, was settled by what released networks say of these portraits; what is
left, `python -m tools layout FOLDER` tells of each point, and `sdhrnet evaluate sdhrnet-68pt-160 --data FOLDER` in all.

The 3DSK portraits, which the same collection holds, come from a shop whose terms allow educational use: they are left
out, so that what is trained on the others can be used by anybody who names the authors.
"""

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from toolkit.core.arrays import FloatArray
from toolkit.core.files import read_json
from toolkit.core.geometry import lengths_along, on_line
from toolkit.core.schemes import W300_68
from toolkit.data.formats.gather import Format, Split, gather, picture_in, points_of, require_faces, shown
from toolkit.data.labels import Label, Reading
from toolkit.data.sample import box_of_points

NAME = "frl189.json"
POINTS = 189
LEFT_OUT = "3dsk"
"""Folders whose names begin so."""
SIDES = ((109, 110, 111, 125, 126, 127, 128, 129), (112, 113, 114, 133, 132, 131, 130, 129))
"""The contour from each temple to the chin."""
ABOVE = 0.09
"""Of the distance between two of 300W's contour points, by which the template begins above the first."""
LEVEL, OWN = 0.05, 0.5
"""How far below the outer eye corners 300W's contours begin on average, in distances between these, and how much of
what differs from it in the template stays: its contours begin at the ear, wherever that is."""
BETWEEN = MappingProxyType(
    {
        **{17: (71, 71, 0.0), 18: (71, 73, 2 / 3), 19: (72, 74, 2 / 3), 20: (74, 75, 1 / 3), 21: (75, 76, 1 / 4)},
        **{22: (78, 77, 1 / 4), 23: (79, 78, 1 / 3), 24: (81, 79, 2 / 3), 25: (82, 80, 2 / 3), 26: (82, 82, 0.0)},
        **{27: (51, 57, 1 / 2), 28: (52, 58, 1 / 2), 29: (53, 59, 1 / 2), 30: (54, 60, 1 / 2)},
        **{31: (64, 64, 0.0), 32: (64, 55, 1 / 2), 33: (55, 173, 1 / 4), 34: (69, 55, 1 / 2), 35: (69, 69, 0.0)},
        **{36: (18, 18, 0.0), 37: (19, 20, 1 / 3), 38: (21, 20, 1 / 3), 39: (22, 22, 0.0), 40: (30, 29, 1 / 3)},
        **{41: (28, 29, 1 / 3), 42: (23, 23, 0.0), 43: (24, 25, 1 / 3), 44: (26, 25, 1 / 3), 45: (27, 27, 0.0)},
        **{46: (33, 32, 1 / 3), 47: (31, 32, 1 / 3)},
        **{48 + i: (87 + i, 87 + i, 0.0) for i in range(7)},
        **{55: (108, 107, 1 / 4), 56: (107, 106, 1 / 4), 57: (106, 106, 0.0), 58: (105, 106, 1 / 4)},
        **{59: (104, 105, 1 / 4), 60: (87, 94, 1 / 4), 61: (95, 96, 1 / 8), 62: (96, 96, 0.0), 63: (97, 96, 1 / 8)},
        **{64: (93, 98, 1 / 4), 65: (102, 101, 1 / 4), 66: (101, 101, 0.0), 67: (100, 101, 1 / 4)},
    }
)
"""A point of 300W's: two of the template's, and how far it lies from the first to the second."""

BESIDE = MappingProxyType(
    {
        **{17: (-2, -19), 18: (-27, -10), 19: (0, -14), 20: (5, -7), 21: (26, -15)},
        **{27: (0, -52), 28: (0, -29), 29: (0, -1), 30: (0, 19), 31: (5, -13), 32: (1, 6), 33: (0, -11)},
        **{36: (4, 13), 37: (4, 3), 38: (1, 2), 39: (-18, 6), 40: (-2, 14), 41: (0, 14)},
        **{48: (-1, 10), 49: (4, 8), 50: (11, 9), 51: (0, 9), 57: (0, 0), 58: (7, 3), 59: (2, 7)},
        **{60: (21, 10), 61: (5, 7), 62: (0, 6), 66: (0, 14), 67: (-7, 12)},
    }
)
"""How far from there a point on the image's left is annotated, to the right and down, in thousandths of the distance
between the outer eye corners; those on its right mirror them."""


def recognises(root: Path) -> bool:
    """Whether the file is there."""
    return (root / NAME).is_file()


def read(root: Path, split: Split) -> Reading:
    """All portraits but those that are left out; they serve as any split.

    Raises:
        FileNotFoundError: no face can be used.
        ValueError: the file is no JSON, or not an object of files.
    """
    path = root / NAME
    whole = read_json(path, data_set=True)
    if not isinstance(whole, dict):
        raise ValueError(f"{shown(path)}: expected an object of file names and {POINTS} points each")
    rows = [row for row in whole.items() if not row[0].startswith(LEFT_OUT)]

    def source(row: tuple[str, Any]) -> str:
        return f"{shown(path)}: {row[0]}"

    def label(row: tuple[str, Any]) -> Label:
        file, written = row
        points = as_68(points_of(_template(written), 0))
        return Label(
            name=file.removesuffix(".jpg").replace("/", "-"),
            source=source(row),
            group=file,
            picture=picture_in(file, (root,)),
            points_xy=points,
            box_xyxy=box_of_points(points),
        )

    labels, problems = gather(rows, source, label)
    title = f"Face Research Lab portraits: {len(labels)}"
    return require_faces(
        Reading(scheme=W300_68, title=title, labels=labels, problems=problems), f"{shown(path)} has no face of use"
    )


def as_68(template_xy: FloatArray) -> FloatArray:
    """300W's 68 points (68, 2) from the template's (189, 2)."""
    points = np.empty((W300_68.points, 2))
    for place, (first, second, share) in BETWEEN.items():
        points[place] = (1 - share) * template_xy[first] + share * template_xy[second]
    right: FloatArray = points[45] - points[36]
    down = right[::-1] * (-1, 1)
    for place, (aside, below) in BESIDE.items():
        points[place] += (aside * right + below * down) / 1000
        if (other := W300_68.mirror[place]) != place:
            points[other] += (below * down - aside * right) / 1000
    near, far = (_contour(template_xy[list(side)], points[[36, 45]]) for side in SIDES)
    points[:17] = np.concatenate([near, far[-2::-1]])
    return points


def _contour(line_xy: FloatArray, eyes_xy: FloatArray) -> FloatArray:
    """Nine points (9, 2), evenly along a line from beside the eye to the chin; eyes_xy are the outer corners (2, 2)."""
    whole, across = lengths_along(line_xy)[-1], eyes_xy[1] - eyes_xy[0]
    first = ABOVE / 8 * whole
    ((right, down),) = on_line(line_xy, np.array([first])) - eyes_xy[0]
    level = (down * across[0] - right * across[1]) / (across @ across)
    first += (1 - OWN) * (LEVEL - level) * np.linalg.norm(across)
    return on_line(line_xy, np.linspace(first, whole, 9))


def _template(written: Any) -> FloatArray:
    """Raises ValueError where the value is not 189 pairs of numbers."""
    whole: Sequence[Any] = written if isinstance(written, list) else ()
    pairs = [pair for pair in whole if isinstance(pair, list) and len(pair) == 2]
    if len(whole) != POINTS or len(pairs) != POINTS or not all(type(v) in (int, float) for p in pairs for v in p):
        raise ValueError(f"expected {POINTS} points of two numbers each, found {len(pairs)}")
    return np.array(pairs, np.float64)


FORMAT = Format(
    name="frl",
    title="Face Research Lab portraits",
    scheme=W300_68,
    recognises=recognises,
    read=read,
    layout=f"{NAME}: an object of picture files and {POINTS} points each",
    obtain="https://doi.org/10.6084/m9.figshare.5047666.v5",
)
