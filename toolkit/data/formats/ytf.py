"""Crops of YouTube Faces: `annotations.csv` with the columns split, file, x0, y0, ... x67, y67, pixels from 0.

Its splits are its own, by person. Pictures are in the folder of their split; a person's are in one folder there, or
named PERSON_NUMBER.
"""

from pathlib import Path, PurePosixPath

from toolkit.core.schemes import W300_68
from toolkit.data.formats.gather import (
    Format,
    NumberedLine,
    Split,
    check_name,
    coordinates,
    csv_fields,
    csv_rows,
    gather,
    picture_in,
    require_faces,
    shown,
)
from toolkit.data.labels import Label, Reading
from toolkit.data.sample import box_of_points

NAME = "annotations.csv"
PIXELS_FROM = 0
SPLITS: tuple[Split, ...] = ("train", "val", "test")
COLUMNS = ["split", "file", *(f"{axis}{i}" for i in range(W300_68.points) for axis in "xy")]


def recognises(root: Path) -> bool:
    """Whether the file is there and begins as it should."""
    if not (root / NAME).is_file():
        return False
    with (root / NAME).open("rb") as file:
        return b"split,file,x0,y0" in file.readline(1000)


def read(root: Path, split: Split) -> Reading:
    """The faces of a split; lines that name no split are problems of all three.

    Raises:
        FileNotFoundError: there is no file, or no face of the split in it.
        ValueError: the file has other columns.
    """
    path = root / NAME
    lines = csv_rows(path, COLUMNS)

    def source(line: NumberedLine) -> str:
        return f"{shown(path)}:{line[0]}"

    def label(line: NumberedLine) -> Label:
        group, file, *values = csv_fields(line[1])
        check_name(file)
        if group not in SPLITS:
            raise ValueError(f"{group!r} is no split, expected {', '.join(SPLITS)}")
        points = coordinates(values, W300_68, PIXELS_FROM)
        folder, stem = PurePosixPath(file).parent.name, PurePosixPath(file).stem
        return Label(
            name=stem,
            source=source(line),
            group=folder or _person(stem),
            picture=picture_in(file, (root / split, root)),
            points_xy=points,
            box_xyxy=box_of_points(points),
        )

    others = tuple(f"{name}," for name in SPLITS if name != split)
    labels, problems = gather([line for line in lines if not line[1].startswith(others)], source, label)
    found = Reading(scheme=W300_68, title=f"YouTube Faces crops: {len(labels)}", labels=labels, problems=problems)
    return require_faces(found, f"{shown(path)} has no {split} face that can be used")


def _person(stem: str) -> str:
    """Of PERSON_NUMBER."""
    person, _, number = stem.rpartition("_")
    return person if person and number.isdecimal() else stem


FORMAT = Format(
    name="ytf",
    title="YouTube Faces crops",
    scheme=W300_68,
    recognises=recognises,
    read=read,
    splits=SPLITS,
    layout=f"{NAME} with the columns split, file, x0, y0, ... x67, y67",
)
