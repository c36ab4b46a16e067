"""300W: the official folders `afw/`, `helen/{train,test}set`, `lfpw/{train,test}set`, `ibug/` with .pts files, or
HRNet's `face_landmarks_300w_{train,valid,valid_common,valid_challenge}.csv` beside the same folders of pictures.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from toolkit.core.schemes import W300_68
from toolkit.data.formats.gather import Format, Split, gather, picture_in, require_faces, shown
from toolkit.data.formats.hrnet_csv import CsvRow, find_csv, image_folders, read_csv
from toolkit.data.formats.pts import labels_in, photos_of
from toolkit.data.labels import Label, Problem, Reading
from toolkit.data.sample import box_of_points


@dataclass(frozen=True, kw_only=True)
class Folder:
    """One of the sets that 300W is made of."""

    title: str
    faces: int
    """As published."""
    subset: str | None = None

    @property
    def subsets(self) -> frozenset[str]:
        return frozenset({self.subset} if self.subset else ())


Folders = Mapping[str, Folder]
"""By the folder, below the set's."""

TRAIN: Folders = MappingProxyType(
    {
        "afw": Folder(title="AFW", faces=337),
        "helen/trainset": Folder(title="Helen train", faces=2000),
        "lfpw/trainset": Folder(title="LFPW train", faces=811),
    }
)
TEST: Folders = MappingProxyType(
    {
        "helen/testset": Folder(title="Helen test", faces=330, subset="common"),
        "lfpw/testset": Folder(title="LFPW test", faces=224, subset="common"),
        "ibug": Folder(title="iBUG", faces=135, subset="challenge"),
    }
)
CSV_PIXELS_FROM = 1
CSV_TRAIN = ("face_landmarks_300w_train.csv",)
CSV_TEST = ("face_landmarks_300w_valid.csv",)
CSV_TEST_HALVES = ("face_landmarks_300w_valid_common.csv", "face_landmarks_300w_valid_challenge.csv")


def from_folders(found: Mapping[str, Path], parts: Folders, name: str, points: Mapping[str, Path]) -> Reading:
    """The faces in folders of pictures.

    Args:
        found: the folder of pictures of each part that is there.
        parts: all parts.
        name: what the set is called.
        points: the folder of .pts files of the parts whose folder holds none.
    """
    labels: list[Label] = []
    problems: list[Problem] = []
    counts = {}
    for part, folder in found.items():
        aside = points.get(part)
        more, bad = labels_in(aside or folder, W300_68, pictures=folder if aside else None, subsets=parts[part].subsets)
        counts[part] = len(more)
        labels += more
        problems += bad
    return Reading(scheme=W300_68, title=title_of(name, parts, counts), labels=labels, problems=problems)


def from_csvs(root: Path, files: list[Path], parts: Folders, name: str) -> Reading:
    """The faces in HRNet's CSVs, whose picture names begin with the part's folder."""
    labels: list[Label] = []
    problems: list[Problem] = []
    counts = dict.fromkeys(parts, 0)

    def part_of(image: str) -> str:
        folder = PurePosixPath("/", image).parent.as_posix()
        for part in parts:
            if folder.endswith(f"/{part}"):
                return part
        raise ValueError(f"{image!r} is in none of the folders {', '.join(parts)}")

    for file in files:
        rows, unread = read_csv(file, W300_68, CSV_PIXELS_FROM)
        photos = photos_of([PurePosixPath(row.image).stem for row in rows])

        def label(
            row: CsvRow, folders: tuple[Path, ...] = image_folders(root, file), photos: Mapping[str, str] = photos
        ) -> Label:
            part, stem = part_of(row.image), PurePosixPath(row.image).stem
            face = Label(
                name=stem,
                source=row.source,
                group=photos[stem],
                picture=picture_in(row.image, folders),
                points_xy=row.points_xy,
                box_xyxy=box_of_points(row.points_xy),
                subsets=parts[part].subsets,
            )
            counts[part] += 1
            return face

        more, bad = gather(rows, lambda row: row.source, label)
        labels += more
        problems += [*unread, *bad]
    return Reading(scheme=W300_68, title=title_of(name, parts, counts), labels=labels, problems=problems)


def title_of(name: str, parts: Folders, counts: Mapping[str, int]) -> str:
    """Which parts and how many faces of each; it says `subset` where some are missing or short."""
    whole = all(counts.get(key) == part.faces for key, part in parts.items())
    there = " + ".join(f"{parts[key].title} {n}" for key, n in counts.items() if n)
    return f"{name}{'' if whole else ' subset'}: {there}"


def _csvs(root: Path, split: Split) -> list[Path]:
    """The CSVs that hold a split; the test set's two halves where it is not there in one."""
    for names in (CSV_TRAIN,) if split == "train" else (CSV_TEST, CSV_TEST_HALVES):
        files = [file for name in names if (file := find_csv(root, name))]
        if files:
            return files
    return []


def recognises(root: Path) -> bool:
    """Whether a folder holds any part of 300W in the official layout, or one of HRNet's CSVs."""
    in_parts = any((root / part).is_dir() for part in (*TRAIN, *TEST))
    return in_parts or any(find_csv(root, name) for name in (*CSV_TRAIN, *CSV_TEST, *CSV_TEST_HALVES))


def read(root: Path, split: Split) -> Reading:
    """The parts of 300W that are there; .pts files go before CSVs.

    Raises:
        FileNotFoundError: none of the split's parts is there.
        ValueError: a CSV has other columns.
    """
    parts = TRAIN if split == "train" else TEST
    found = {part: root / part for part in parts if next((root / part).glob("*.pts"), None)}
    files = [] if found else _csvs(root, split)
    whole = from_csvs(root, files, parts, "300W") if files else from_folders(found, parts, "300W", {})
    names = ", ".join(CSV_TRAIN if split == "train" else (*CSV_TEST, *CSV_TEST_HALVES))
    return require_faces(
        whole, f"{shown(root)} has none of the 300W folders {', '.join(parts)} with .pts files, nor {names}"
    )


FORMAT = Format(
    name="w300",
    title="300W",
    scheme=W300_68,
    recognises=recognises,
    read=read,
    published=MappingProxyType({"train": 3148, "test": 689, "common": 554, "challenge": 135}),
    obtain=(
        "ibug.doc.ic.ac.uk/resources/facial-point-annotations: the archives afw, helen, lfpw and ibug, "
        "unpacked into one folder"
    ),
    layout="afw/, helen/trainset, helen/testset, lfpw/trainset, lfpw/testset, ibug/, or face_landmarks_300w_*.csv",
)
