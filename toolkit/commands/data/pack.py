"""Stage: a set as one file of faces that are decoded and cut already, for training that never waits for pictures."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from tyro.conf import Positional

from toolkit.core.outputs import OutFile, OutRecords, WritesFiles, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append
from toolkit.core.selection import evenly_spaced
from toolkit.core.words import counted
from toolkit.data import open_folder
from toolkit.data.audit import told
from toolkit.data.augment import Augment, Patch, augment, patch
from toolkit.data.labels import Photos
from toolkit.data.pack import SUFFIX, PackedFaces, write_pack

TIMED = 200
"""Faces that the two ways are timed on."""


@dataclass(frozen=True, kw_only=True)
class Pack(WritesFiles):
    """Decode and cut every face of a set once, into one memory-mapped file that --data takes like the set itself."""

    data: Positional[Path]
    """Labelled faces of any format that `sdhrnet data check` knows."""
    out: OutFile
    """The pack, NAME.faces."""
    split: Literal["train", "test"] = "train"
    """Which faces. Those that are held out of a set's training faces for validation are in a training pack, and are
    told apart by the same rule; those of a set that names its validation faces are in none."""
    size: int = 128
    """The largest side of training crops it is good for, in pixels."""
    quality: int | None = None
    """Hold WebP pictures of this quality, from 1 to 100, in place of exact pixels: at 50 some forty times smaller, to
    travel. They are decoded when a training begins. The record has their PSNR."""
    skip_bad: bool = False
    """Leave out annotations that cannot be used."""
    results: OutRecords | None = None
    """Add the record to this .jsonl file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.out.suffix != SUFFIX:
            raise ValueError(f"--out must end in {SUFFIX}, got {self.out.name}")
        if self.size < 32:
            raise ValueError(f"--size must be at least 32 pixels, got {self.size}")
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise ValueError(f"--quality must be from 1 to 100, got {self.quality}")


def run(options: Pack) -> Steps[Outcome]:
    """Pack the set, and time training crops from its pictures and from the pack; see Pack."""
    check_outputs(options)
    photos = open_folder(options.data, test=options.split == "test", skip_bad=options.skip_bad)
    yield from told(photos)
    yield from write_pack(photos, options.split, options.out, options.size, options.quality)
    packed = PackedFaces(options.out)
    yield Progress(task="timing", done=0, total=1)
    record = {
        "kind": "pack",
        "model": None,
        "data": photos.title,
        "split": options.split,
        "n": len(photos),
        "size_px": options.size,
        "size_bytes": options.out.stat().st_size,
        "quality": options.quality,
        "psnr_db": None if options.quality is None else _psnr(photos, packed),
        "faces_per_second_photos": _throughput(photos, options.size, lambda i: patch(photos[i], options.size)),
        "faces_per_second_pack": _throughput(photos, options.size, packed.patch),
        **conditions(1),
    }
    if options.results is not None:
        append(options.results, (record,))
    lossy = "" if options.quality is None else f", PSNR {record['psnr_db']:.1f} dB"
    return Outcome(
        text=f"{counted(len(photos), 'face')} packed into {options.out} ({record['size_bytes'] / 1e6:.1f} MB{lossy}); "
        f"augmented crops of {options.size} px a second on one core: {record['faces_per_second_photos']:.0f} from the "
        f"pictures, {record['faces_per_second_pack']:.0f} from the pack",
        records=(record,),
    )


def _psnr(photos: Photos, packed: PackedFaces) -> float:
    """Peak signal-to-noise ratio of the packed patches, in dB, on average over up to TIMED faces."""
    ratios = []
    for i in evenly_spaced(TIMED, len(photos)):
        error = patch(photos[i], packed.size_px).image.astype(float) - packed.patch(i).image
        ratios.append(20 * np.log10(255) - 10 * np.log10(max(float((error**2).mean()), 1e-10)))
    return round(float(np.mean(ratios)), 2)


def _throughput(photos: Photos, size_px: int, source: Callable[[int], Patch]) -> float:
    """Augmented training crops a second of processor time."""
    rng = np.random.default_rng(0)
    faces: list[int] = rng.permutation(len(photos))[:TIMED].tolist()
    started = time.process_time()
    for i in faces:
        augment(source(i), size_px, Augment(), photos.scheme, rng)
    return round(len(faces) / (time.process_time() - started), 1)
