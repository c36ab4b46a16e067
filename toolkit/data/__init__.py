"""Faces from any source: `open_faces` is where a new data set is added."""

from pathlib import Path
from typing import Literal

from toolkit.core.schemes import W300_68
from toolkit.data import w300
from toolkit.data.pts import PtsFolder, hold_out
from toolkit.data.sample import Faces, Sample, Subset, box_of_points

Split = Literal["train", "val", "test"]

SYNTHETIC_SEEDS: dict[Split, int] = {"train": 0, "val": 1, "test": 2}


def open_faces(data: Path | None, split: Split, synthetic: int) -> Faces:
    """The faces of a split.

    Args:
        data: a folder in 300W's official layout, or any folder of pictures with .pts files beside them; None stands
            for the embedded synthetic faces.
        split: `train` and `val` are the nine tenths and the tenth of the training faces by a fixed rule; `test` is
            the official test set, or all faces of a plain folder.
        synthetic: how many synthetic faces a split has.

    Raises:
        FileNotFoundError: there is no such folder, or no labelled face in it.
        ValueError: an annotation cannot be read.
    """
    if data is None:
        from toolkit.data.synthetic import SyntheticFaces  # its tables take a moment to build

        return SyntheticFaces(synthetic, seed=SYNTHETIC_SEEDS[split])
    faces = open_folder(data, test=split == "test")
    return faces if split == "test" else hold_out(faces, split)


def open_folder(data: Path, *, test: bool) -> PtsFolder:
    """All training or all test faces of a folder; of a plain folder, all it has."""
    if not data.is_dir():
        raise FileNotFoundError(f"no folder at {data}")
    if w300.is_w300(data):
        return w300.w300(data, w300.TEST if test else w300.TRAIN)
    faces = len(list(data.glob("*.pts")))
    return PtsFolder([data], W300_68, f"folder {data.name}: {faces} faces")


__all__ = ["Faces", "Sample", "Split", "Subset", "box_of_points", "open_faces", "open_folder"]
