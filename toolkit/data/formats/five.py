"""Photos with five points each in one CSV: file, x0, y0 ... x4, y4, pixels from 0.

The points are FIVE_5's: left eye's centre, right eye's centre, nose tip, left and right corner of the mouth, left being
the picture's left. Faces for detectors are marked so (Sun et al. 2013). A box of five points holds half of a face, so
that the box is that of the mean head seen with these points.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from toolkit.core.arrays import FloatArray
from toolkit.core.schemes import FIVE_5
from toolkit.data.formats.gather import (
    Format,
    NumberedLine,
    Split,
    coordinates,
    csv_fields,
    csv_rows,
    gather,
    picture_in,
    require_faces,
    shown,
)
from toolkit.data.formats.pts import photos_of
from toolkit.data.labels import Label, Reading
from toolkit.data.mean_shape import whole_boxes
from toolkit.data.sample import box_of_points

NAME = "points5.csv"
PIXELS_FROM = 0
COLUMNS = ["file", *(f"{axis}{i}" for i in range(FIVE_5.points) for axis in "xy")]


def recognises(root: Path) -> bool:
    """Whether the file is there."""
    return (root / NAME).is_file()


def read(root: Path, split: Split) -> Reading:
    """All faces of a folder, which serves as any split.

    Raises:
        FileNotFoundError: there is no file, or no face in it that can be used.
        ValueError: the file has other columns.
    """
    path = root / NAME
    lines = csv_rows(path, COLUMNS)

    def source(line: NumberedLine) -> str:
        return f"{shown(path)}:{line[0]}"

    def parsed(line: NumberedLine) -> tuple[NumberedLine, str, FloatArray]:
        file, *values = csv_fields(line[1])
        points = coordinates(values, FIVE_5, PIXELS_FROM)
        box_of_points(points)  # refuses points that span no area
        return line, file, points

    def label(row: tuple[tuple[NumberedLine, str, FloatArray], FloatArray]) -> Label:
        (line, file, points), box = row
        return Label(
            name=Path(file).stem,
            source=source(line),
            group=photos[Path(file).stem],
            picture=picture_in(file, (root,)),
            points_xy=points,
            box_xyxy=box,
        )

    rows, bad = gather(lines, source, parsed)
    photos = photos_of([Path(file).stem for _, file, _ in rows])
    boxes: Sequence[FloatArray] = list(whole_boxes(np.stack([p for *_, p in rows]), FIVE_5)) if rows else []
    labels, unread = gather(list(zip(rows, boxes, strict=True)), lambda row: source(row[0][0]), label)
    title = f"folder {shown(Path(root.resolve().name))}: {len(labels)} faces with five points"
    found = Reading(scheme=FIVE_5, title=title, labels=labels, problems=[*bad, *unread])
    return require_faces(found, f"{shown(path)} has no face that can be used")


FORMAT = Format(
    name="five",
    title="photos with five points",
    scheme=FIVE_5,
    recognises=recognises,
    read=read,
    layout=f"{NAME} with the columns file, x0, y0, ... x4, y4",
)
