"""Faces from any source. A new data set is a module in `formats`."""

from dataclasses import replace
from pathlib import Path

from toolkit.core.schemes import W300_68, Scheme
from toolkit.data import pack
from toolkit.data.formats import detect
from toolkit.data.formats.gather import Split
from toolkit.data.labels import Photos, Reading, hold_out
from toolkit.data.sample import Faces, Sample, Subset, box_of_points, one_in
from toolkit.data.sets import in_own_scheme

SYNTHETIC_SEEDS: dict[Split, int] = {"train": 0, "val": 1, "test": 2}


def open_faces(
    data: Path | None,
    split: str,
    synthetic: int,
    *,
    scheme: Scheme = W300_68,
    skip_bad: bool | None = None,
    fresh: bool = False,
) -> Faces:
    """The faces of a split.

    Args:
        data: a folder (or file) of any known format, or a pack; None stands for the embedded synthetic faces.
        split: `train` and `val` are the set's own, or the nine tenths and the tenth of its training faces by a fixed
            rule; `test` is the official test set, or all faces of a plain folder. The name of a published subset, such
            as `challenge`, is those faces of the test set.
        synthetic: how many synthetic faces a split has.
        scheme: of the synthetic faces; data has its own, unless this is a scheme of one's own that picks points of it.
        fresh: synthetic faces are others in each epoch of a training.
        skip_bad: leave annotations out that cannot be used; None where the command has no such option.

    Raises:
        FileNotFoundError: there is no such folder, or no labelled face of the split in it.
        ValueError: the split is unknown, the folder is of no known format, or an annotation cannot be used.
    """
    known = next((s for s in SYNTHETIC_SEEDS if s == split), None)
    if data is None:
        if known is None:
            raise ValueError(f"no {split!r} of the synthetic faces; there are {', '.join(SYNTHETIC_SEEDS)}")
        from toolkit.data.synthetic import SyntheticFaces  # its tables take a moment to build

        return SyntheticFaces(synthetic, seed=SYNTHETIC_SEEDS[known], scheme=scheme, fresh=fresh)
    return in_own_scheme(_split(data, split, known, skip_bad), scheme)


def _split(data: Path, split: str, known: Split | None, skip_bad: bool | None) -> Faces:
    if known is None:
        return _subset(_photos(data, "test", skip_bad), split)
    if known == "test" or (data.suffix != pack.SUFFIX and "val" in detect(data).splits):
        return _photos(data, known, skip_bad)
    return hold_out(_photos(data, "train", skip_bad), known)


def open_folder(data: Path, *, test: bool, skip_bad: bool | None = None) -> Photos:
    """All training or all test faces of a folder; of a plain folder, all it has. Raises as open_faces does."""
    return _photos(data, "test" if test else "train", skip_bad)


def _photos(data: Path, split: Split, skip_bad: bool | None) -> Photos:
    if data.suffix == pack.SUFFIX:
        return pack.open_pack(data, split)
    format_ = detect(data)
    if split not in format_.splits:
        raise FileNotFoundError(f"{format_.title} has no {split} faces; it has {', '.join(format_.splits)}")
    return Photos(_usable(format_.read(data, split), skip_bad))


def _usable(reading: Reading, skip_bad: bool | None) -> Reading:
    problems = reading.problems
    if not problems:
        return reading
    if not skip_bad:
        more = f" (and {len(problems) - 1} more such)" if len(problems) > 1 else ""
        mend = "`sdhrnet data check` lists all" if skip_bad is None else "--skip-bad leaves bad annotations out"
        raise ValueError(f"{problems[0]}{more}; {mend}")
    return replace(reading, title=f"{reading.title}, {len(problems)} left out", problems=())


def _subset(faces: Photos, name: str) -> Faces:
    indices = faces.subsets.get(name)
    if indices is None:
        there = ", ".join((*SYNTHETIC_SEEDS, *faces.subsets))
        raise ValueError(f"no split or subset {name!r} of {faces.title}; there are {there}")
    return Subset(faces, indices, f"{name} of {faces.title} ({len(indices)} faces)")


__all__ = ["Faces", "Photos", "Sample", "Split", "Subset", "box_of_points", "one_in", "open_faces", "open_folder"]
