"""COCO-style JSON as MMPose has it: images, and annotations with keypoints as triples x, y, v.

COCO counts pixels from 0. MMPose's COFW files do (its converter takes MATLAB's 1 off), its WFLW files repeat the
official lists, but its 300W files appear to repeat HRNet's CSVs, which count from 1: read 300W from .pts files instead.
v is 0 for no place known, 1 for covered, 2 for seen. A file that says 1 of every point, as MMPose's WFLW and 300W files
do, means that all are labelled and says nothing of covers. A person without a labelled point is no face.

Where `width` and `height` are those of the stored pixels of a picture that EXIF turns, so are the points: they are
turned with it. Of a picture without them, or of a square one, points are those of the upright picture.

A `scheme.json` beside the file, or in the folder that is given, says what points of one's own are.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.core.arrays import FloatArray
from toolkit.core.files import read_json
from toolkit.core.images import Stored, stored
from toolkit.core.schemes import W300_68, Scheme
from toolkit.data.formats.gather import (
    FARTHEST_PX,
    LONGEST,
    SCHEME,
    Format,
    Split,
    gather,
    picture_in,
    points_of,
    require_faces,
    scheme_in,
    scheme_of,
    shown,
)
from toolkit.data.formats.pts import VISIBILITY
from toolkit.data.labels import Label, Problem, Reading
from toolkit.data.sample import box_of_points

PIXELS_FROM = 0
UNKNOWN, COVERED, SEEN = 0, 1, 2
SPLITS: tuple[Split, ...] = ("train", "test")
OTHER_NAMES = {"train": {"train"}, "test": {"test", "val", "valid"}}
"""What a file's name calls a split; MMPose's test faces of 300W are in `valid`."""


@dataclass(frozen=True, kw_only=True)
class CocoFaces:
    """A file's annotations."""

    path: Path
    images: Mapping[Any, str]
    """File names by image id."""
    sizes_wh: Mapping[Any, tuple[Any, Any]]
    """What the file says of their size."""
    annotations: Sequence[Any]

    @property
    def tells_covered(self) -> bool:
        return any(SEEN in _keypoints(a)[2::3] for a in self.annotations)


def _json_files(root: Path) -> list[Path]:
    if root.is_file():
        return [root] if root.suffix.lower() == ".json" else []
    found = [file for folder in (root, root / "annotations") for file in sorted(folder.glob("*.json"))]
    return [file for file in found if file.name not in (VISIBILITY, SCHEME)]


def recognises(root: Path) -> bool:
    """Whether it is a .json file, or a folder with some and without .pts files."""
    return bool(_json_files(root)) and not (root.is_dir() and any(root.glob("*.pts")))


def _file_of(root: Path, split: Split) -> Path:
    """The file of a split by its name; one file that names no split serves as any, as does one given itself.

    Raises:
        FileNotFoundError: none is the split's.
        ValueError: several may be.
    """
    files = _json_files(root)
    if root.is_file() and files:
        return root
    words = {file: re.split(r"[^a-z]+", file.stem.lower()) for file in files}
    named = [file for file in files if OTHER_NAMES[split] & set(words[file])]
    last = [file for file in named if words[file][-1] == split] or [
        file for file in named if words[file][-1] in OTHER_NAMES[split]
    ]
    plain = [file for file in files if not set.union(*OTHER_NAMES.values()) & set(words[file])]
    for found in (named, last, plain if not named else []):
        if len(found) == 1:
            return found[0]
    listed = ", ".join(file.name for file in files) or "none"
    if named or plain:
        raise ValueError(
            f"{shown(root)} has several .json files that may be the {split} set: {listed}; give one itself"
        )
    raise FileNotFoundError(f"{shown(root)} has no .json file of the {split} set; it has {listed}")


def _load(path: Path) -> CocoFaces:
    """A file's content.

    Raises:
        ValueError: it is not JSON, or not of COCO's layout.
    """
    whole = read_json(path, data_set=True)
    images = whole.get("images") if isinstance(whole, dict) else None
    annotations = whole.get("annotations") if isinstance(whole, dict) else None
    if not isinstance(images, list) or not isinstance(annotations, list):
        raise ValueError(f"{shown(path)} is not COCO-style: expected the lists `images` and `annotations`")
    known = {
        image["id"]: image
        for image in images
        if isinstance(image, dict)
        and isinstance(image.get("id"), int | str)
        and isinstance(image.get("file_name"), str)
    }
    return CocoFaces(
        path=path,
        images={key: image["file_name"] for key, image in known.items()},
        sizes_wh={key: (image.get("width"), image.get("height")) for key, image in known.items()},
        annotations=annotations,
    )


def _keypoints(annotation: Any) -> list[Any]:
    values = annotation.get("keypoints") if isinstance(annotation, dict) else None
    return values if isinstance(values, list) else []


def _unlabelled(annotation: Any) -> bool:
    """Whether it is a person or a thing without a labelled point, as COCO has many."""
    if not isinstance(annotation, dict):
        return False
    values = annotation.get("keypoints") or []
    return isinstance(values, list) and len(values) % 3 == 0 and all(seen == UNKNOWN for seen in values[2::3])


def _points(values: Sequence[Any], scheme: Scheme) -> tuple[FloatArray, NDArray[np.bool_]]:
    """The points (M, 2), and which are covered (M,)."""
    if len(values) != 3 * scheme.points:
        raise ValueError(f"{len(values)} values in `keypoints`, expected 3 for each point of {scheme.title}")
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        raise ValueError("`keypoints` must hold numbers only")
    try:
        triples = np.array(values, dtype=np.float64).reshape(-1, 3)
    except OverflowError as error:
        raise ValueError("`keypoints` holds a number of hundreds of digits: no place in a picture") from error
    seen = triples[:, 2]
    if not np.isin(seen, (UNKNOWN, COVERED, SEEN)).all():
        raise ValueError("each third value of `keypoints` must be 0, 1 or 2")
    if not np.isfinite(triples[seen != UNKNOWN]).all():
        raise ValueError("`keypoints` holds a coordinate that is not a number")
    points = points_of(np.where((seen == UNKNOWN)[:, None], np.nan, triples[:, :2]), PIXELS_FROM)
    return points, (seen == COVERED) & np.isfinite(points[:, 0])


def _turned(picture: Path, said_wh: tuple[Any, Any]) -> Stored | None:
    """How the points are turned upright, where the file's width and height are those of the stored pixels.

    Raises:
        ValueError: the picture has another size either way.
    """
    if not all(isinstance(side, int) and 0 < side <= FARTHEST_PX for side in said_wh):
        return None
    there = stored(picture)
    if said_wh == there.upright_wh or there.size_wh == (0, 0):
        return None
    if said_wh == there.size_wh:
        return there
    raise ValueError(
        f"its image is said to be {said_wh[0]} x {said_wh[1]} pixels, and {shown(picture)} has {there.size_wh[0]} x "
        f"{there.size_wh[1]}: the points are of another picture or another size of it"
    )


def _label(content: CocoFaces, number: int, scheme: Scheme, folders: Sequence[Path], tells_covered: bool) -> Label:
    annotation = content.annotations[number]
    if not isinstance(annotation, dict):
        raise ValueError(f"is {json.dumps(annotation)[:LONGEST]}, expected an object with `keypoints`")
    points, covered = _points(_keypoints(annotation), scheme)
    image = annotation.get("image_id")
    if not isinstance(image, int | str) or image not in content.images:
        raise ValueError(f"`images` has no file name for its image_id {repr(image)[:LONGEST]}")
    name = content.images[image]
    picture = picture_in(name, folders)
    turned = _turned(picture, content.sizes_wh[image])
    points = points if turned is None else turned.upright(points)
    return Label(
        name=f"{Path(name).stem}-{annotation.get('id', number)}",
        source=_source(content, number),
        group=name,
        picture=picture,
        points_xy=points,
        box_xyxy=box_of_points(points),
        turned=turned is not None,
        covered=covered if tells_covered else None,
    )


def _source(content: CocoFaces, number: int) -> str:
    annotation = content.annotations[number]
    known = annotation.get("id") if isinstance(annotation, dict) else None
    return f"{shown(content.path)}, annotation {number + 1 if known is None else f'of id {str(known)[:LONGEST]}'}"


def read(root: Path, split: Split) -> Reading:
    """The faces of the split's file.

    Raises:
        FileNotFoundError: there is no such file, or no face in it.
        ValueError: it is not COCO-style JSON, or several files may be meant; or scheme.json does not fit.
    """
    content = _load(_file_of(root, split))
    above = content.path.parent
    folders = (above, above / "images", root, root / "images", root / "WFLW_images", above.parent / "images")
    scheme = scheme_in(above, root) or scheme_of(len(_keypoints(a)) // 3 for a in content.annotations) or W300_68
    tells_covered = content.tells_covered
    chosen = [number for number, annotation in enumerate(content.annotations) if not _unlabelled(annotation)]
    passed = len(content.annotations) - len(chosen)
    labels, problems = gather(
        chosen,
        lambda number: _source(content, number),
        lambda number: _label(content, number, scheme, folders, tells_covered),
    )
    title = f"file {shown(Path(content.path.name))}: {len(labels)} faces"
    note = Problem(source=shown(content.path), text=f"{passed} annotations without a labelled point are passed over")
    found = Reading(
        scheme=scheme, title=title, labels=labels, problems=problems, notes=(note,) if passed and labels else ()
    )
    why = "" if problems else f": {note.text}" if passed else ": `annotations` is empty"
    return require_faces(found, f"{shown(content.path)} has no annotation that can be used{why}")


FORMAT = Format(
    name="coco",
    title="a COCO-style JSON file",
    scheme=W300_68,
    recognises=recognises,
    read=read,
    splits=SPLITS,
    layout="a .json file with images and annotations, and the pictures beside it or in images/; scheme.json for points "
    "of your own",
)
