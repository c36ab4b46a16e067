"""WFLW: the official lists `list_98pt_rect_attr_{train,test}.txt`, or HRNet's `face_landmarks_wflw_*.csv`.

A list's line is 196 coordinates, the rectangle of a face detector, six attributes and the picture's name. The set does
not say whether its coordinates count pixels from 0 or from 1; they are taken as they stand, as HRNet and MMPose do.
"""

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from toolkit.core.arrays import FloatArray
from toolkit.core.schemes import WFLW_98
from toolkit.data.formats.gather import (
    Format,
    NumberedLine,
    Split,
    coordinates,
    gather,
    numbers,
    picture_in,
    require_faces,
    shown,
    text_lines,
)
from toolkit.data.formats.hrnet_csv import CsvRow, find_csv, image_folders, read_csv
from toolkit.data.labels import Label, Problem, Reading
from toolkit.data.sample import box_of_points

ATTRIBUTES = ("pose", "expression", "illumination", "makeup", "occlusion", "blur")
"""In the order of the lists."""
PIXELS_FROM = 0
COORDINATES = 2 * WFLW_98.points
RECTANGLE = 4
PUBLISHED = {
    **{"train": 7500, "test": 2500, "pose": 326, "expression": 314},
    **{"illumination": 698, "makeup": 206, "occlusion": 736, "blur": 773},
}
LISTS = ("", "WFLW_annotations/list_98pt_rect_attr_train_test", "list_98pt_rect_attr_train_test")
PICTURES = "WFLW_images"


@dataclass(frozen=True, kw_only=True)
class ListedFace:
    """One annotation, whichever file it is from."""

    source: str
    image: str
    points_xy: FloatArray
    subsets: frozenset[str]


def _list(root: Path, split: Split) -> Path | None:
    files = (root / folder / f"list_98pt_rect_attr_{split}.txt" for folder in LISTS)
    return next((file for file in files if file.is_file()), None)


def _csv_name(split: Split, attribute: str = "") -> str:
    return f"face_landmarks_wflw_{split}{attribute and '_'}{attribute}.csv"


def recognises(root: Path) -> bool:
    """Whether one of the lists or one of HRNet's CSVs is there."""
    splits: tuple[Split, ...] = ("train", "test")
    return any(_list(root, s) is not None or find_csv(root, _csv_name(s)) is not None for s in splits)


def _read_list(path: Path) -> tuple[list[ListedFace], list[Problem]]:
    def source(line: NumberedLine) -> str:
        return f"{shown(path)}:{line[0]}"

    def face(line: NumberedLine) -> ListedFace:
        fields = line[1].split(maxsplit=COORDINATES + RECTANGLE + len(ATTRIBUTES))
        if len(fields) != COORDINATES + RECTANGLE + len(ATTRIBUTES) + 1:
            raise ValueError(
                f"{len(fields)} fields, expected {COORDINATES} coordinates, {RECTANGLE} of the rectangle, "
                f"{len(ATTRIBUTES)} attributes and the picture's name"
            )
        points = coordinates(fields[:COORDINATES], WFLW_98, PIXELS_FROM)
        left, top, right, bottom = numbers(fields[COORDINATES : COORDINATES + RECTANGLE])
        if not (left < right and top < bottom):
            # The rectangle is not used, see `gather`; one without an area tells of a damaged line.
            raise ValueError(f"the face rectangle {left:g} {top:g} {right:g} {bottom:g} has no area")
        flags = fields[COORDINATES + RECTANGLE : -1]
        if not set(flags) <= {"0", "1"}:
            raise ValueError(f"the attributes must be 0 or 1, found {' '.join(flags)}")
        subsets = frozenset(name for name, flag in zip(ATTRIBUTES, flags, strict=True) if flag == "1")
        return ListedFace(source=source(line), image=fields[-1], points_xy=points, subsets=subsets)

    return gather(text_lines(path), source, face)


def _read_csvs(root: Path, path: Path, split: Split) -> tuple[list[ListedFace], list[Problem]]:
    """The faces of a CSV; those of the test set belong to the subsets whose CSVs repeat them."""
    rows, problems = read_csv(path, WFLW_98, PIXELS_FROM)
    subsets: dict[tuple[str, bytes], set[str]] = {_key(row): set() for row in rows}
    for attribute in ATTRIBUTES if split == "test" else ():
        also = "largepose" if attribute == "pose" else attribute  # HRNet's release says largepose
        file = find_csv(root, _csv_name(split, also)) or find_csv(root, _csv_name(split, attribute))
        if file is None:
            continue
        members, bad = read_csv(file, WFLW_98, PIXELS_FROM)
        problems += bad
        for row in members:
            if _key(row) in subsets:
                subsets[_key(row)].add(attribute)
            else:
                problems.append(Problem(source=row.source, text=f"{row.image} with these points is not in {path.name}"))
    return [
        ListedFace(source=r.source, image=r.image, points_xy=r.points_xy, subsets=frozenset(subsets[_key(r)]))
        for r in rows
    ], problems


def _key(row: CsvRow) -> tuple[str, bytes]:
    """What tells a face from the others of its picture, whatever digits a CSV was written with."""
    return row.image, row.points_xy.round(2).tobytes()


def read(root: Path, split: Split) -> Reading:
    """The faces of a list, or of HRNet's CSV where there is no list.

    Raises:
        FileNotFoundError: neither is there.
        ValueError: a CSV has other columns.
    """
    names = f"list_98pt_rect_attr_{split}.txt (also in {LISTS[1]}) or {_csv_name(split)}"
    path = _list(root, split)
    csv_file = None if path else find_csv(root, _csv_name(split))
    source = path or csv_file
    if source is None:
        raise FileNotFoundError(f"{shown(root)} has no {names}")
    faces, problems = _read_list(source) if path else _read_csvs(root, source, split)
    folders = image_folders(root, source, PICTURES, f"{PICTURES}/{PICTURES}")

    def label(face: ListedFace) -> Label:
        return Label(
            name=f"{Path(face.image).stem}-{face.source.rpartition(':')[2]}",
            source=face.source,
            group=face.image,
            picture=picture_in(face.image, folders),
            points_xy=face.points_xy,
            box_xyxy=box_of_points(face.points_xy),
            subsets=face.subsets,
        )

    labels, bad = gather(faces, lambda face: face.source, label)
    title = f"WFLW{'' if len(labels) == PUBLISHED[split] else ' subset'}: {split} {len(labels)}"
    found = Reading(scheme=WFLW_98, title=title, labels=labels, problems=[*problems, *bad])
    return require_faces(found, f"{shown(source)} has no face that can be used, with its picture in {PICTURES}")


FORMAT = Format(
    name="wflw",
    title="WFLW",
    scheme=WFLW_98,
    recognises=recognises,
    read=read,
    published=MappingProxyType(PUBLISHED),
    obtain="wywu.github.io/projects/LAB/WFLW.html: WFLW_images and WFLW_annotations, unpacked into one folder",
    layout="list_98pt_rect_attr_train.txt (also in WFLW_annotations/...), or face_landmarks_wflw_*.csv",
)
