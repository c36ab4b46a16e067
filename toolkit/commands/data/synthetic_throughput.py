"""Stage: how fast synthetic faces are drawn, as a record."""

import time
from dataclasses import dataclass

from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions, versions
from toolkit.core.records import append
from toolkit.core.schemes import SchemeName, scheme
from toolkit.data.synthetic import SyntheticFaces

WARM_UP = 100
"""Faces that are drawn first and not counted: they make the tables that later ones share."""
BLOCK = 25


@dataclass(frozen=True, kw_only=True)
class SyntheticThroughput(Options):
    """Draw synthetic faces and say how many a second one core draws.

    It counts processor time, so that other work on the machine disturbs it less.
    """

    size: int = 128
    """Side of the pictures in pixels."""
    count: int = 1000
    """How many faces are timed."""
    seed: int = 0
    """Draws the faces."""
    scheme: SchemeName = "300w-68"
    """Landmarks that are read from them."""
    results: OutRecords | None = None
    """Add the record to this .jsonl file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.count < 1:
            raise ValueError(f"expected --count of at least 1, got {self.count}")
        if not 32 <= self.size <= 1024:
            raise ValueError(f"expected --size from 32 to 1024 pixels, got {self.size}")
        if self.seed < 0:
            raise ValueError(f"expected --seed 0 or more, got {self.seed}")


def run(options: SyntheticThroughput) -> Steps[Outcome]:
    """Time the drawing; see SyntheticThroughput."""
    check_outputs(options)
    total = WARM_UP + options.count
    faces = SyntheticFaces(total, seed=options.seed, size_px=options.size, scheme=scheme(options.scheme))
    marks = [time.process_time()]
    for index in range(total):
        faces[index]
        marks.append(time.process_time())
        if index % BLOCK == 0 or index == total - 1:
            yield Progress(task="drawing", done=index + 1, total=total)
    record = {
        "kind": "pace",
        "model": None,
        "drawn": SyntheticFaces(options.count, seed=options.seed, scheme=faces.scheme).title,
        "n": options.count,
        "warmup": WARM_UP,
        "size_px": options.size,
        "faces_per_second": round(options.count / (marks[-1] - marks[WARM_UP]), 1),
        "first_face_seconds": round(marks[1] - marks[0], 3),
        "warmup_seconds": round(marks[WARM_UP] - marks[0], 3),
        **conditions(1),
        "versions": versions("numpy", "opencv-contrib-python"),
    }
    if options.results is not None:
        append(options.results, (record,))
    return Outcome(
        text=f"{record['faces_per_second']:.0f} faces of {options.size} px a second on one core (processor time, "
        f"{options.count} faces); the first one after {record['first_face_seconds']:.2f} s, with its tables",
        records=(record,),
    )
