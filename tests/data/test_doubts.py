"""Labels that form no face, told of a whole set."""

from pathlib import Path

import numpy as np

from tests.faces import face_points
from toolkit.core.images import write_image
from toolkit.data import Subset, open_folder
from toolkit.data.doubts import doubtful, labels_of, told, warning
from toolkit.data.formats.pts import write_pts
from toolkit.data.mix import Mix, Part
from toolkit.data.synthetic import SyntheticFaces

FACE = face_points((5, 5, 55, 55))


def folder(path: Path) -> Path:
    """Two faces, the second with x and y swapped."""
    for name, points in (("a", FACE), ("b", FACE[:, ::-1])):
        write_image(path / f"{name}.png", np.zeros((60, 60, 3), np.uint8))
        (path / f"{name}.pts").write_text(write_pts(points))
    return path


def test_a_set_a_part_of_it_and_a_mixture_are_looked_at(tmp_path: Path) -> None:
    """Synthetic faces have no labels that could be wrong."""
    faces, drawn = open_folder(folder(tmp_path), test=True), SyntheticFaces(3)
    (problem,) = doubtful(faces)
    assert str(problem) == f"{tmp_path}/b.pts: x and y are swapped"
    assert doubtful(Subset(faces, [0], "good")) == [] and doubtful(Subset(faces, [1], "bad")) == [problem]
    assert doubtful(drawn) == [] and labels_of(drawn) is None
    assert doubtful(Mix([Part(faces=faces), Part(faces=drawn)])) == [problem]


def test_the_warning_is_one_line(tmp_path: Path) -> None:
    """How many, where all are told, and the first."""
    faces = open_folder(folder(tmp_path), test=True)
    text = f"wrong labels? 1 in 2 faces (`sdhrnet data check` lists them), first {tmp_path}/b.pts: x and y are swapped"
    assert warning(faces) == text
    assert warning(Subset(faces, [0], "good")) == ""


def test_it_is_told_while_a_command_runs(tmp_path: Path) -> None:
    """As a line to keep; nothing is said of good faces."""
    faces = open_folder(folder(tmp_path), test=True)
    assert [step.text for step in told(faces)] == [warning(faces)]
    assert list(told(Subset(faces, [0], "good"))) == []
