"""300W in its official layout: `afw/`, `helen/{train,test}set`, `lfpw/{train,test}set`, `ibug/`, with .pts files."""

from pathlib import Path

from toolkit.core.schemes import W300_68
from toolkit.data.pts import PtsFolder

TRAIN = {"afw": "AFW", "helen/trainset": "Helen train", "lfpw/trainset": "LFPW train"}
TEST = {"helen/testset": "Helen test", "lfpw/testset": "LFPW test", "ibug": "iBUG"}
PUBLISHED = {
    "afw": 337,
    "helen/trainset": 2000,
    "lfpw/trainset": 811,
    "helen/testset": 330,
    "lfpw/testset": 224,
    "ibug": 135,
}


def is_w300(root: Path) -> bool:
    """Whether a folder holds any part of 300W in the official layout."""
    return any((root / part).is_dir() for part in PUBLISHED)


def w300(root: Path, parts: dict[str, str]) -> PtsFolder:
    """The parts of 300W that are there; the title says which, and `subset` where some are missing or short.

    Raises:
        FileNotFoundError: none of the parts is there.
    """
    counts = {part: len(list((root / part).glob("*.pts"))) for part in parts}
    there = {part: n for part, n in counts.items() if n}
    if not there:
        raise FileNotFoundError(f"{root} has none of the 300W folders {', '.join(parts)} with .pts files in them")
    whole = counts == {part: PUBLISHED[part] for part in parts}
    names = " + ".join(f"{parts[part]} {n}" for part, n in there.items())
    title = f"300W{'' if whole else ' subset'}: {names}"
    return PtsFolder([root / part for part in there], W300_68, title)
