"""The CSV files of HRNet's release: image_name, scale, center_w, center_h, original_0_x, original_0_y, ...

Scale and centre are those of the points' tight box (see `gather`) and are not read. The points are those of the set's
own annotation, unchanged: 300W's count pixels from 1 as .pts files do (helen/testset/296814969_3 is the same number by
number, and 2968784797_1 is clipped at y = 2848, the picture's height), WFLW's are as in its lists.
"""

from dataclasses import dataclass
from pathlib import Path

from toolkit.core.arrays import FloatArray
from toolkit.core.schemes import Scheme
from toolkit.data.formats.gather import NumberedLine, check_name, coordinates, csv_fields, gather, shown, text_lines
from toolkit.data.labels import Problem

BEFORE_POINTS = 4


@dataclass(frozen=True, kw_only=True)
class CsvRow:
    """One face of a CSV."""

    source: str
    image: str
    """The picture's path below the folder of pictures, with forward slashes."""
    points_xy: FloatArray


def find_csv(root: Path, name: str) -> Path | None:
    """The CSV of that name: in the folder, in its `annotations`, or above a folder of pictures named `images`."""
    folders = (root, root / "annotations", *((root.parent,) if root.name == "images" else ()))
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def image_folders(root: Path, file: Path, *names: str) -> tuple[Path, ...]:
    """Where the pictures of a CSV, or of another file of annotations, may be; `names` are the set's own folders."""
    return (*(root / name for name in names), root / "images", root, file.parent, file.parent.parent / "images")


def read_csv(path: Path, scheme: Scheme, first_px: float) -> tuple[list[CsvRow], list[Problem]]:
    """The faces of a CSV, and the lines that are none.

    Args:
        path: the file.
        scheme: what its points are.
        first_px: what it calls the first pixel's centre, 0 or 1.

    Raises:
        ValueError: its first line is not that of such a CSV.
    """
    lines = text_lines(path)
    columns = csv_fields(lines[0][1]) if lines else [""]
    if len(columns) != BEFORE_POINTS + 2 * scheme.points or columns[0] != "image_name":
        raise ValueError(
            f"{shown(path)}: expected the columns image_name, scale, center_w, center_h and {2 * scheme.points} "
            f"coordinates, found {len(columns)} columns, the first {columns[0]!r}"
        )

    def source(line: NumberedLine) -> str:
        return f"{shown(path)}:{line[0]}"

    def row(line: NumberedLine) -> CsvRow:
        fields = csv_fields(line[1])
        check_name(fields[0])
        points = coordinates(fields[BEFORE_POINTS:], scheme, first_px)
        return CsvRow(source=source(line), image=fields[0].replace("\\", "/"), points_xy=points)

    return gather(lines[1:], source, row)
