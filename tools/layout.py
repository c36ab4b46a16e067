"""Stage: how far points are annotated from where drawn faces or a template have them, by what released networks say."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tyro.conf import Positional

from toolkit.benchmarking.results import columns
from toolkit.core.arrays import FloatArray
from toolkit.core.options import Options
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import cores
from toolkit.core.schemes import W300_68
from toolkit.core.zoo import MAIN, ModelPath
from toolkit.data import open_faces
from toolkit.detect.ensemble import Mirrored, consensus
from toolkit.landmarkers import open_model

MOST = 0.1
"""Mean distance from the labels, in eye distances, beyond which networks did not see a face."""
ASIDE = 0.15
"""How far from the middle between the eyes a nose's tip may lie, in eye distances, on faces seen from the front."""
LEFT, RIGHT, TIP = 36, 45, 30


@dataclass(frozen=True, kw_only=True)
class Layout(Options):
    """Say by how much networks, mirrored too, put each point beside its label: the median over faces seen from the
    front, both sides of the face together, in thousandths of the distance between the outer eye corners.

    It tells what is left beside the tables of `toolkit/data/synthetic/scheme_points.py` and
    `toolkit/data/formats/frl.py`, which such offsets settled.
    """

    data: Positional[Path | None] = None
    """Labelled faces with 68 points, of which the training ones are taken; without it, faces are drawn."""
    count: int = 400
    """How many are drawn."""
    models: tuple[ModelPath, ...] = (Path(MAIN), Path("sdhrnet-68pt-224"))
    """Networks, whose points are averaged."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "count")


def run(options: Layout) -> Steps[Outcome]:
    """Compare; see Layout."""
    faces = open_faces(options.data, "train", options.count)
    networks = [Mirrored(open_model(path, cores())) for path in options.models]
    if {faces.scheme.name, *(each.scheme.name for each in networks)} != {W300_68.name}:
        raise ValueError(f"faces and networks need the points of {W300_68.name}")
    found: list[FloatArray] = []
    for number in range(len(faces)):
        yield Progress(task="faces looked at", done=number, total=len(faces))
        sample = faces[number]
        points_xy, _ = consensus(sample.image, sample.box_xyxy, networks, 1)
        off = beside(points_xy, sample.points_xy)
        if off is not None:
            found.append(off)
    if not found:
        raise ValueError(f"{faces.title}: no face seen from the front that the networks see, too")
    middle = np.median(found, axis=0)
    mirrored = middle[list(W300_68.mirror)] * (-1, 1)
    rows = [["point", "right", "down"]]
    rows += [[str(i), *(f"{1000 * v:+.0f}" for v in row)] for i, row in enumerate((middle + mirrored) / 2)]
    return Outcome(text="\n".join([*columns(rows, left=0), f"{len(found)} of {faces.title}"]))


def beside(found_xy: FloatArray, given_xy: FloatArray) -> FloatArray | None:
    """From a face's labels (68, 2) to what was found (68, 2), aside and down the face in eye distances (68, 2).

    None where the face is not seen from the front, or what was found is another.
    """
    across = given_xy[RIGHT] - given_xy[LEFT]
    turn = np.array([[across[0], -across[1]], [across[1], across[0]]]) / (across @ across)
    off, tip = (found_xy - given_xy) @ turn, (given_xy[TIP] - given_xy[[LEFT, RIGHT]].mean(axis=0)) @ turn
    if abs(tip[0]) > ASIDE or np.linalg.norm(off, axis=1).mean() > MOST:
        return None
    return np.asarray(off)
