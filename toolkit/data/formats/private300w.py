"""The 600 test faces of the 300W challenges, kept back at first: `01_Indoor/` and `02_Outdoor/` with .pts files.

They lie in `300W/` as published and in `Test/` or `images/Test/` in MMPose's and HRNet's layout, whose
`face_landmarks_300w_test.csv` is read where there is no .pts file. They belong to no split of the paper's 300W.
"""

from pathlib import Path
from types import MappingProxyType

from toolkit.core.schemes import W300_68
from toolkit.data.formats.gather import Format, Split, require_faces, shown
from toolkit.data.formats.hrnet_csv import find_csv
from toolkit.data.formats.w300 import Folder, Folders, from_csvs, from_folders
from toolkit.data.labels import Reading

PARTS: Folders = MappingProxyType(
    {
        "01_Indoor": Folder(title="indoor", faces=300, subset="indoor"),
        "02_Outdoor": Folder(title="outdoor", faces=300, subset="outdoor"),
    }
)
CSV = "face_landmarks_300w_test.csv"


def _folders(root: Path) -> dict[str, Path]:
    """Each part's folder that is there."""
    for above in (root, root / "300W", root / "Test", root / "images" / "Test"):
        found = {part: above / part for part in PARTS if (above / part).is_dir()}
        if found:
            return found
    return {}


def recognises(root: Path) -> bool:
    """Whether one of the two folders, or HRNet's CSV, is there."""
    return bool(_folders(root)) or find_csv(root, CSV) is not None


def read(root: Path, split: Split) -> Reading:
    """The 600 faces.

    Raises:
        FileNotFoundError: none is there, or another split than test is asked for.
        ValueError: the CSV has other columns.
    """
    if split != "test":
        raise FileNotFoundError(f"the 600 test faces of 300W are no {split} faces")
    found = {part: folder for part, folder in _folders(root).items() if next(folder.glob("*.pts"), None)}
    csv_file = None if found else find_csv(root, CSV)
    name = "300W private test"
    whole = from_csvs(root, [csv_file], PARTS, name) if csv_file else from_folders(found, PARTS, name, {})
    return require_faces(whole, f"{shown(root)} has neither {' nor '.join(PARTS)} with .pts files, nor {CSV}")


FORMAT = Format(
    name="private300w",
    title="300W private test",
    scheme=W300_68,
    recognises=recognises,
    read=read,
    splits=("test",),
    published=MappingProxyType({"test": 600, "indoor": 300, "outdoor": 300}),
    obtain="ibug.doc.ic.ac.uk/resources/300-W: the four parts of 300w.zip",
    layout="01_Indoor/ and 02_Outdoor/, or face_landmarks_300w_test.csv",
)
