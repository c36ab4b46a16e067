"""A few synthetic faces as the paper's data sets are published: 300W's folders, COFW's .mat files, WFLW's lists."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.data.formats.test_cofw import hdf
from tests.data.formats.test_wflw import line
from toolkit.core.images import write_image
from toolkit.core.schemes import COFW_29, W300_68, WFLW_98, Scheme
from toolkit.data.formats.pts import write_pts
from toolkit.data.formats.w300 import TEST, TRAIN
from toolkit.data.sample import Sample
from toolkit.data.synthetic import SyntheticFaces

PARTS = {"train": TRAIN, "test": TEST}


def samples(count: int, split: str, scheme: Scheme) -> list[Sample]:
    """Faces of a split."""
    faces = SyntheticFaces(count, seed=("train", "test").index(split), scheme=scheme)
    return [faces[i] for i in range(count)]


def write_300w(root: Path, train: int = 3, test: int = 3) -> None:
    """Faces dealt out to the official folders."""
    for split, count in (("train", train), ("test", test)):
        folders = [root / part for part in PARTS[split]]
        for number, sample in enumerate(samples(count, split, W300_68)):
            write_face(folders[number % len(folders)], f"{number}_1", sample)


def write_masked_300w(root: Path, test: int = 3) -> None:
    """The test faces with a gray patch over the mouth, beside the official folders."""
    folders = [root / "masked" / part for part in TEST]
    for number, sample in enumerate(samples(test, "test", W300_68)):
        left, top, right, bottom = sample.box_xyxy.astype(int).clip(0)
        image = sample.image.copy()
        image[(top + bottom) // 2 : bottom, left:right] = 127
        write_face(folders[number % len(folders)], f"{number}_1", replace(sample, image=image))


def write_face(folder: Path, name: str, sample: Sample) -> None:
    """A picture and its .pts file."""
    write_image(folder / f"{name}.jpg", sample.image)
    (folder / f"{name}.pts").write_text(write_pts(sample.points_xy))


def write_cofw(root: Path, train: int = 3, test: int = 2) -> None:
    """MATLAB 7.3; every third point is covered."""
    root.mkdir(parents=True, exist_ok=True)
    covered = (np.arange(COFW_29.points) % 3 == 0).astype(float)
    for split, count in (("train", train), ("test", test)):
        faces = samples(count, split, COFW_29)
        rows = np.stack([np.concatenate([*(face.points_xy.T + 1), covered]) for face in faces])
        hdf(root / f"COFW_{split}_color.mat", split, [face.image for face in faces], rows)


def write_wflw(root: Path, train: int = 3, test: int = 2) -> None:
    """The official lists; each test face is in all subsets but that of its number."""
    for split, count in (("train", train), ("test", test)):
        lines = []
        for number, face in enumerate(samples(count, split, WFLW_98)):
            name = f"{split}/{number}.jpg"
            write_image(root / "WFLW_images" / name, face.image)
            attributes = " ".join(str(int(i != number)) for i in range(6))
            rectangle = " ".join(str(int(v)) for v in face.box_xyxy)
            lines.append(line(face.points_xy, rectangle, attributes, name))
        (root / f"list_98pt_rect_attr_{split}.txt").write_text("\n".join(lines) + "\n")
