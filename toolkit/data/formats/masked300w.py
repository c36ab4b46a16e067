"""Masked 300W (Zhu et al. 2021): 300W's test pictures with masks put on the faces, under the same points.

A folder `masked`, `Masked_300W` or `Masked 300W`, as its authors' code has it, with `ibug/`, `helen/` and `lfpw/` (or
their `testset/`) in it. Where the archive brings no .pts files, those of the 300W around the folder serve.
"""

from pathlib import Path
from types import MappingProxyType

from toolkit.core.schemes import W300_68
from toolkit.data.formats.gather import Format, Split, require_faces, shown
from toolkit.data.formats.w300 import TEST, from_folders
from toolkit.data.labels import Reading

NAMES = ("masked", "Masked_300W", "Masked 300W", "masked_300w")


def _is_masked(folder: Path) -> bool:
    return folder.absolute().name in NAMES and bool(_folders(folder))


def _folders(masked: Path) -> dict[str, Path]:
    """Each part's folder of pictures."""
    found = {}
    for part in TEST:
        whole, short = masked / part, masked / Path(part).parts[0]
        if whole.is_dir() or short.is_dir():
            found[part] = whole if whole.is_dir() else short
    return found


def _beside(root: Path) -> Path:
    """The masked folder that a folder is, holds or has beside it; the folder itself where there is none."""
    places = (root, *(root / name for name in NAMES), *(root.absolute().parent / name for name in NAMES))
    return next(filter(_is_masked, places), root)


def recognises(root: Path) -> bool:
    """Whether the folder is called as the masked set and has a part of it."""
    return _is_masked(root)


def read(root: Path, split: Split) -> Reading:
    """The masked test faces in the folder, or in the masked folder within or beside it.

    Raises:
        FileNotFoundError: none is there, or another split than test is asked for.
    """
    if split != "test":
        raise FileNotFoundError(f"Masked 300W has no {split} faces, it is a test set")
    masked = _beside(root)
    found = _folders(masked)
    own = {part for part, folder in found.items() if next(folder.glob("*.pts"), None)}
    official = {part: masked.absolute().parent / part for part in found}
    points = {part: folder for part, folder in official.items() if part not in own and folder.is_dir()}
    whole = from_folders(found, TEST, "Masked 300W", points)
    return require_faces(
        whole, f"{shown(root)} has no folder {NAMES[0]} or {NAMES[1]} with {', '.join(TEST)} and .pts files"
    )


FORMAT = Format(
    name="masked300w",
    title="Masked 300W",
    scheme=W300_68,
    recognises=recognises,
    read=read,
    splits=("test",),
    published=MappingProxyType({"test": 689, "common": 554, "challenge": 135}),
    obtain="github.com/zhuccly/GlomFace: its README links the archive; unpack it as `masked` into 300W's folder",
    layout="a folder named masked or Masked_300W with helen/testset, lfpw/testset, ibug/",
)
