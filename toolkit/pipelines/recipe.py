"""How the released models are trained: the steps, in the order and with the settings that they were trained with.

What each ingredient gave is in results/release.
"""

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from toolkit.pipelines.jobs import Job

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
quarter of most, so that the state on disk is never old. Babies are shown more often; AFLW is marked in another way."""
SYNTHETIC = 400
"""Drawn faces beside them."""
PUBLISHED = MappingProxyType({"all": 0.0, "scale": 0.25, "rotation": 30.0, "flip": 0.5})
FROM_TEACHER = MappingProxyType({"peers_weight": 0.0, "teacher_weight": 0.2, "temperature": 0.1, "mask": 0.0})
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

Wave = tuple[Job, ...]


def waves(data: Path, out: Path) -> tuple[Wave, ...]:
    """Steps that can run side by side, wave after wave; each writes a bundle to its folder under `out`.

    Args:
        data: the folder that holds those of MIXTURE, and POINTS_29.
        out: the run's folder.
    """

    def train(stage: str, config: str, name: str, sets: Sequence[tuple[str, float]], **options: Any) -> Job:
        faces = {"data": tuple(data / s for s, _ in sets), "share": tuple(share for _, share in sets)}
        common = {"out": out / name, "resume": True}
        return Job(stage, config, {**faces, **common, **options}, label=name)

    def distil(name: str, student: str, size: int, epochs: int, **terms: Any) -> Job:
        options = {"size": size, "epochs": epochs, "lr": 1.5e-3, "synthetic": SYNTHETIC}
        return train("distil", "Distil", name, MIXTURE, **{**options, **terms}, student=out / student)

    def long(name: str, student: str, size: int, passes: int, lr: float) -> Job:
        """On the truth alone, in large batches for a GPU; eight passes over the faces count as an epoch."""
        sets = tuple((folder, round(8 * share, 1)) for folder, share in MIXTURE)
        options = {"size": size, "epochs": passes // 8, "batch": 128, "lr": lr, "synthetic": SYNTHETIC}
        return train("distil", "Distil", name, sets, student=out / student, **options, **alone)

    def cut(name: str, parent: str, **options: Any) -> Job:
        return Job("slim", "Slim", {"supernet": out / parent, "out": out / name, **options}, label=name)

    def other(name: str, scheme: str | None = None, sets: Sequence[tuple[str, float]] = (), **options: Any) -> Job:
        """The small network, for other points."""
        return train("teacher", "Teacher", name, sets, scheme=scheme, size=96, **options)

    taught: dict[str, Any] = {"teacher": out / "teacher", **FROM_TEACHER}
    alone: dict[str, Any] = {"peers_weight": 0.0, "teacher_weight": 0.0, "mask": 0.0}
    search = {"updates": "joint", "sparsity": 5e-6, "penalty": "macs", "seed": 2}
    grown = {"start": out / "teacher-64", "size": 128, "progressive": (96,), "synthetic": 700}
    drawn = out / "points-29-drawn"
    headed = [(folder, share) for folder, _, share in HEADED]
    every: dict[str, Any] = {
        **{"start": out / "teacher", "heads": HEADS, "marked": tuple(marked for _, marked, _ in HEADED)},
        **{"hold_out": "all", "synthetic": 2000, "size": 128, "progressive": (96,)},
        **{"epochs": 200, "lr": 1e-3, "augment": {"tilt": 0.25}},
    }
    even: dict[str, Any] = {"remove": "channels", "even": 128}
    return (
        (
            train("teacher", "Teacher", "teacher-64", CLOSE, epochs=14, augment=dict(PUBLISHED)),
            train("supernet", "Supernet", "supernet", CLOSE, epochs=10, augment=dict(PUBLISHED), **search),
        ),
        (
            cut("main-operations", "supernet", share=0.6, importance="gamma"),
            cut("small-operations", "supernet", share=0.49, importance="gamma"),
        ),
        (
            train("teacher", "Teacher", "teacher", MIXTURE, epochs=8, lr=1e-3, **grown),
            distil("small-alone", "small-operations", 128, 22, **alone),
        ),
        (
            cut("main-channels", "main-operations", **even),
            cut("small-channels", "small-alone", **even),
        ),
        (
            distil("main-taught", "main-channels", 128, 22, **taught),
            distil("small-taught", "small-channels", 96, 24, **taught),
            other("points-98", "wflw-98", arch=str(out / "small-channels"), synthetic=6000, epochs=22),
        ),
        (
            long("main-long", "main-taught", 128, 72, 2.5e-3),
            long("small-long", "small-taught", 96, 72, 2.5e-3),
            other("points-29-drawn", "cofw-29", start=out / "points-98", synthetic=3000, epochs=6, lr=1e-3),
        ),
        (
            distil("main", "main-long", 128, 14, **alone, augment=dict(LIGHT), lr=5e-4),
            distil("small", "small-long", 96, 20, **alone, augment=dict(PLAIN), lr=6e-4),
            other("points-29", None, ((POINTS_29, 1.0),), start=drawn, synthetic=300, epochs=40, lr=7e-4),
        ),
        (distil("large", "main", 160, 10, **alone, augment=dict(LIGHT), lr=8e-4),),
        (train("teacher", "Teacher", "teacher-heads", headed, **every),),
    )
