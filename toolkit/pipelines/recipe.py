"""How the released models are trained: the steps, in the order and with the settings that they were trained with.

What each ingredient gave is in results/release.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TypedDict, TypeVar

from toolkit.commands.train import distil, slim, supernet, teacher
from toolkit.commands.train.distil import ALONE, Distil, Terms
from toolkit.commands.train.slim import Slim
from toolkit.commands.train.supernet import Supernet
from toolkit.commands.train.teacher import Teacher
from toolkit.core.progress import Outcome, Steps
from toolkit.pipelines.jobs import Job
from toolkit.train.options import Training

CLOSE = (("300w", 1.0), ("helen_extra/normal", 1.0), ("helen_extra/hard", 1.0))
"""Photos with the best labels, by folder under the data, and how much of each an epoch shows."""
MIXTURE = (*CLOSE, ("aflw_pose", 0.7), ("ytf68", 0.15))
"""With turned heads, and a little of the frames whose labels are a network's."""
HEADS = ("300w-68", "aflw-68", "wflw-98", "cofw-29")
"""Of the teacher of all schemes."""
HEADED = (
    *(("300w", "own", 0.25), ("helen_extra/normal", "own", 0.25), ("helen_extra/hard", "own", 0.25)),
    *(("infanface", "own", 0.5), ("aflw_pose", "aflw-68", 0.25), ("aflw_merl", "aflw-68", 0.2)),
    ("helen29/train", "own", 0.25),
)
"""What it learns from: folder under the data, the scheme that it is marked by, and how much of it an epoch shows, a
quarter of most, so that the checkpoint is never old. Babies are shown more often; AFLW is marked in another way."""
SYNTHETIC = 400
"""Drawn faces beside them."""
PUBLISHED = MappingProxyType({"all": 0.0, "scale": 0.25, "rotation": 30.0, "flip": 0.5})

FROM_TEACHER: Terms = {"peers_weight": 0.0, "teacher_weight": 0.2, "temperature": 0.1, "mask": 0.0}
"""The teacher alone, at a low temperature: only there does the softmax of a map say where its peak is. Peers cost twice
the time and gave nothing in results/training."""

LIGHT = MappingProxyType(
    {
        **{"colour": 0.2, "gray": 0.05, "shade": 0.08, "blur": 0.08, "motion": 0.03, "resolution": 0.05},
        **{"noise": 0.08, "jpeg": 0.08, "occlude": 0.12, "mask": 0.03},
    }
)
"""About half of the usual augmentation, with which a training ends: at full strength few crops look like plain ones."""
PLAIN = MappingProxyType({**PUBLISHED, "jitter": 1.0})
"""The published augmentation, on boxes as a detector gives them."""
POINTS_29 = "helen29/train"
"""Photos with 29 points, by folder under the data."""

Wave = tuple[Job[Training | Slim], ...]
Step = TypeVar("Step", Teacher, Supernet, Distil, Slim)


class Kept(TypedDict):
    """What each training has of its own, and what all of them do."""

    out: Path
    data: tuple[Path, ...]
    share: tuple[float, ...]
    resume: bool


def waves(data: Path, out: Path) -> tuple[Wave, ...]:
    """Steps that can run side by side, wave after wave; each writes a bundle to its folder under `out`.

    Args:
        data: the folder that holds those of MIXTURE, and POINTS_29.
        out: the run's folder.
    """

    def on(name: str, sets: Sequence[tuple[str, float]]) -> Kept:
        """A bundle's name, and the sets that it is trained on with how much of each."""
        folders, shares = tuple(data / name for name, _ in sets), tuple(share for _, share in sets)
        return {"out": out / name, "data": folders, "share": shares, "resume": True}

    def taught(name: str, student: str, size: int, epochs: int) -> Distil:
        """A small network, by the teacher."""
        return replace(alone(name, student, size, epochs), teacher=out / "teacher", **FROM_TEACHER)

    def alone(name: str, student: str, size: int, epochs: int) -> Distil:
        """A small network, on the truth alone."""
        own = on(name, MIXTURE)
        return Distil(**own, student=out / student, size=size, epochs=epochs, lr=1.5e-3, synthetic=SYNTHETIC, **ALONE)

    def long(name: str, student: str, size: int, passes: int) -> Distil:
        """On the truth alone, in large batches for a GPU; eight passes over the faces count as an epoch."""
        eightfold = tuple(round(8 * share, 1) for _, share in MIXTURE)
        return replace(alone(name, student, size, passes // 8), share=eightfold, batch=128, lr=2.5e-3)

    def cut(name: str, parent: str, share: float) -> Slim:
        return Slim(supernet=out / parent, out=out / name, share=share, importance="gamma")

    def even(name: str, parent: str) -> Slim:
        return Slim(supernet=out / parent, out=out / name, remove="channels", even=128)

    headed = on("teacher-heads", [(folder, share) for folder, _, share in HEADED])
    return (
        (
            _step(teacher.run, Teacher(**on("teacher-64", CLOSE), epochs=14, augment=dict(PUBLISHED))),
            _step(
                supernet.run,
                Supernet(
                    **on("supernet", CLOSE),
                    epochs=10,
                    augment=dict(PUBLISHED),
                    updates="joint",
                    sparsity=5e-6,
                    penalty="macs",
                    seed=2,
                ),
            ),
        ),
        (
            _step(slim.run, cut("main-operations", "supernet", 0.6)),
            _step(slim.run, cut("small-operations", "supernet", 0.49)),
        ),
        (
            _step(
                teacher.run,
                Teacher(
                    **on("teacher", MIXTURE),
                    start=out / "teacher-64",
                    size=128,
                    progressive=(96,),
                    epochs=8,
                    lr=1e-3,
                    synthetic=700,
                ),
            ),
            _step(distil.run, alone("small-alone", "small-operations", 128, 22)),
        ),
        (
            _step(slim.run, even("main-channels", "main-operations")),
            _step(slim.run, even("small-channels", "small-alone")),
        ),
        (
            _step(distil.run, taught("main-taught", "main-channels", 128, 22)),
            _step(distil.run, taught("small-taught", "small-channels", 96, 24)),
            _step(
                teacher.run,
                Teacher(
                    **on("points-98", ()),
                    scheme="wflw-98",
                    arch=str(out / "small-channels"),
                    size=96,
                    synthetic=6000,
                    epochs=22,
                ),
            ),
        ),
        (
            _step(distil.run, long("main-long", "main-taught", 128, 72)),
            _step(distil.run, long("small-long", "small-taught", 96, 72)),
            _step(
                teacher.run,
                Teacher(
                    **on("points-29-drawn", ()),
                    scheme="cofw-29",
                    start=out / "points-98",
                    size=96,
                    synthetic=3000,
                    epochs=6,
                    lr=1e-3,
                ),
            ),
        ),
        (
            _step(distil.run, replace(alone("main", "main-long", 128, 14), augment=dict(LIGHT), lr=5e-4)),
            _step(distil.run, replace(alone("small", "small-long", 96, 20), augment=dict(PLAIN), lr=6e-4)),
            _step(
                teacher.run,
                Teacher(
                    **on("points-29", [(POINTS_29, 1.0)]),
                    start=out / "points-29-drawn",
                    size=96,
                    synthetic=300,
                    epochs=40,
                    lr=7e-4,
                ),
            ),
        ),
        (_step(distil.run, replace(alone("large", "main", 160, 10), augment=dict(LIGHT), lr=8e-4)),),
        (
            _step(
                teacher.run,
                Teacher(
                    **headed,
                    start=out / "teacher",
                    heads=HEADS,
                    marked=tuple(marked for _, marked, _ in HEADED),
                    hold_out="all",
                    size=128,
                    progressive=(96,),
                    synthetic=2000,
                    epochs=200,
                    lr=1e-3,
                    augment={"tilt": 0.25},
                ),
            ),
        ),
    )


def _step(run: Callable[[Step], Steps[Outcome]], options: Step) -> Job[Step]:
    """A step is called by its folder."""
    return Job(run, options, options.out.name)
