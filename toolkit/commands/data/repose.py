"""Stage: studio portraits seen anew, in other poses, expressions, light and places, to train on."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tyro.conf import Positional

from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.files import new_folder
from toolkit.core.options import Options
from toolkit.core.outputs import NewFolder, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.core.schemes import W300_68
from toolkit.core.words import counted
from toolkit.data import Faces, open_faces
from toolkit.data.audit import told
from toolkit.data.own import LabelledFolder, check_place, clean
from toolkit.data.sample import Sample
from toolkit.data.synthetic import VERSION as DRAWN
from toolkit.data.synthetic.reposed import VERSION, Portrait, repose

KIND = "reposed"
"""Of the folder, in its labels.json."""
MOST = 99
"""Times that a portrait is seen: more digits would read as numbers of photos, and faces of one photo part."""
BLOCK = 20


@dataclass(frozen=True, kw_only=True)
class Repose(Options):
    """Make many faces of few: studio portraits turned, with other expressions, in other light, with glasses, hats and
    things held before them, before other backgrounds.

    A portrait is taken from the front, its mouth closed, before an even background, and has 68 points; of a set's
    portraits the training ones are taken. What the drawn faces know of heads moves the points, and the picture is
    warped after them. Faces of one portrait stay together when the new folder is parted for validation.
    """

    data: Positional[Path]
    """Labelled portraits of any format that `sdhrnet data check` knows."""
    out: NewFolder
    """The folder to make: pictures with .pts files, visibility.json and labels.json. Train on it as on any other."""
    count: int = 2000
    """How many faces to make, up to 99 of each portrait."""
    size: int = 256
    """Side of the pictures in pixels: twice that of the crops of a training."""
    seed: int = 0
    """Draws poses, expressions, light and all else."""
    skip_bad: bool = False
    """Leave out annotations and pictures that cannot be used, also those whose background is not even."""
    overwrite: bool = False
    """Replace --out where it was made by this command."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "count")
        self.at_least(0, "seed")
        if not 64 <= self.size <= 1024:
            raise ValueError(f"expected --size from 64 to 1024 pixels, got {self.size}")


def run(options: Repose) -> Steps[Outcome]:
    """Make the folder; see Repose."""
    check_outputs(options)
    check_place(options.out, options.data, KIND, overwrite=options.overwrite)
    faces = open_faces(options.data, "train", 0, skip_bad=options.skip_bad)
    yield from told(faces)
    if faces.scheme != W300_68:
        raise ValueError(f"{faces.title} has points of {faces.scheme.name}; portraits need the 68 of {W300_68.name}")
    portraits = yield from _portraits(faces, options)
    if options.count > MOST * len(portraits):
        raise ValueError(
            f"--count {options.count} is more than {MOST} of each of {counted(len(portraits), 'portrait')}: ask for "
            f"{MOST * len(portraits)} at most"
        )
    names = list(portraits)
    with new_folder(options.out) as temporary:
        own = LabelledFolder(temporary)
        for number in range(options.count):
            if number % BLOCK == 0:
                yield Progress(task="portraits seen anew", done=number, total=options.count)
            which = names[number % len(names)]
            try:
                face = repose(portraits[which], options.size, np.random.default_rng([options.seed, number]))
            except ValueError as error:
                raise ValueError(f"{which}: {error}") from error
            own.draw(f"{which}_{number // len(names) + 1}", face.image, face.points_xy, face.covered)
        about = {
            "kind": KIND,
            "origin": f"seen anew (v{VERSION}, by drawn faces v{DRAWN}, seed {options.seed}), of {faces.title}",
            "data": faces.title,
            "n_portraits": len(portraits),
            "count": options.count,
            "size_px": options.size,
            "seed": options.seed,
            **conditions(1),
        }
        own.close(about, faces.scheme)
    text = f"{counted(options.count, 'face')} of {counted(len(portraits), 'portrait')}: {options.out}"
    return Outcome(text=f"{text}\nsdhrnet data preview {options.out} --out sheet.png")


def _portraits(faces: Faces, options: Repose) -> Steps[dict[str, Portrait]]:
    """The portraits, by names that can be files', none much larger than their new pictures."""
    found: dict[str, Portrait] = {}
    for number in range(len(faces)):
        yield Progress(task="portraits", done=number, total=len(faces))
        try:
            name, portrait = _portrait(faces[number], 2 * options.size)
        except (ValueError, FileNotFoundError) as error:
            if not options.skip_bad:
                raise ValueError(f"{error}; --skip-bad leaves such pictures out") from error
            continue
        found[name] = portrait
    if not found:
        raise ValueError(f"{faces.title} has no portrait before an even background")
    return found


def _portrait(sample: Sample, most_px: float) -> tuple[str, Portrait]:
    """A name that can be a file's, and the portrait, its face no longer than that.

    Raises:
        ValueError: it is none, or its picture cannot be used.
    """
    if not np.isfinite(sample.points_xy).all():
        raise ValueError(f"{sample.name}: some of its points are missing")
    share = min(1.0, most_px / float(np.ptp(sample.points_xy, axis=0).max()))
    try:
        return clean(sample.name).replace("/", "-"), Portrait.of(*smaller(sample.image, sample.points_xy, share))
    except ValueError as error:
        raise ValueError(f"{sample.name}: {error}") from error


def smaller(image: ImageArray, points_xy: FloatArray, share: float) -> tuple[ImageArray, FloatArray]:
    """A picture (H, W, 3) and its points (M, 2), both of so many times their size; as they are where that is 1."""
    if share == 1:
        return image, points_xy
    shrunk = cv2.resize(image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.uint8), (points_xy + 0.5) * share - 0.5
