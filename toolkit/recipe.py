"""How the released models are trained: the steps, in the order and with the settings that they were trained with.

What each ingredient gave is in results/release.
"""

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from toolkit.jobs import Job

CLOSE = (("300w", 1.0), ("helen_extra/normal", 1.0), ("helen_extra/hard", 1.0))
"""Photos with the best labels, by folder under the data, and how much of each an epoch shows."""
MIXTURE = (*CLOSE, ("aflw_pose", 0.7), ("ytf68", 0.15))
"""With turned heads, and a little of the frames whose labels are a network's."""
SYNTHETIC = 400
"""Drawn faces beside them."""
PUBLISHED = MappingProxyType({"all": 0.0, "scale": 0.25, "rotation": 30.0, "flip": 0.5})
FROM_TEACHER = MappingProxyType({"peers_weight": 0.0, "teacher_weight": 0.2, "temperature": 0.1, "mask": 0.0})
"""The teacher alone, at a low temperature: only there does the softmax of a map say where its peak is. Peers cost twice
the time and gave nothing in results/training."""

Wave = tuple[Job, ...]


def waves(data: Path, out: Path) -> tuple[Wave, ...]:
    """Steps that can run side by side, wave after wave; each writes a bundle to its folder under `out`.

    Args:
        data: the folder that holds those of MIXTURE.
        out: the run's folder.
    """

    def train(stage: str, config: str, name: str, sets: Sequence[tuple[str, float]], **options: Any) -> Job:
        faces = {"data": tuple(data / s for s, _ in sets), "share": tuple(share for _, share in sets)}
        common = {"out": out / name, "processes": 1, "resume": True}
        return Job(stage, config, {**faces, **common, **options}, label=name)

    def distil(name: str, student: str, size: int, epochs: int, **terms: Any) -> Job:
        options = {"size": size, "epochs": epochs, "lr": 1.5e-3, "synthetic": SYNTHETIC}
        return train("distil", "Distil", name, MIXTURE, student=out / student, **options, **terms)

    def cut(name: str, parent: str, **options: Any) -> Job:
        return Job("slim", "Slim", {"supernet": out / parent, "out": out / name, **options}, label=name)

    teacher: dict[str, Any] = {"teacher": out / "teacher", **FROM_TEACHER}
    alone: dict[str, Any] = {"peers_weight": 0.0, "teacher_weight": 0.0, "mask": 0.0}
    search = {"updates": "joint", "sparsity": 5e-6, "penalty": "macs", "seed": 2}
    grown = {"start": out / "teacher-64", "size": 128, "progressive": (96,), "synthetic": 700}
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
            cut("main-channels", "main-operations", remove="channels", even=128),
            cut("small-channels", "small-alone", remove="channels", even=128),
        ),
        (
            distil("main", "main-channels", 128, 22, **teacher),
            distil("small", "small-channels", 96, 24, **teacher),
        ),
    )
