"""`sdhrnet webcam` with the released network: what is mirrored, and what is not."""

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from toolkit.commands.live import webcam
from toolkit.commands.live.webcam import Webcam
from toolkit.core.progress import finish
from toolkit.core.video import Frame, VideoReader
from toolkit.core.zoo import released
from toolkit.data.sample import Sample
from toolkit.data.synthetic import SyntheticFaces

FACE = SyntheticFaces(5, seed=7, size_px=240)
RIGHT_EYE, LEFT_EYE = 36, 45
"""Outer corners, as the person has them."""


def at_the_left() -> Sample:
    """A drawn face in the left part of a picture (240, 320, 3)."""
    face = FACE[4]
    return replace(face, image=np.pad(face.image, ((0, 0), (0, 80), (0, 0)), mode="edge"))


class Camera:
    """Shows the drawn face three times."""

    size_wh = (320, 240)
    skipped = 0

    def __init__(self, *_: object) -> None: ...

    def __iter__(self) -> Iterator[Frame]:
        for index in range(3):
            yield Frame(index=index, seconds=index / 30, image=at_the_left().image)

    def close(self) -> None: ...


@pytest.mark.parametrize("mirror", [True, False])
def test_a_mirror_changes_the_picture_that_is_shown_and_no_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror: bool
):
    """Points in JSON and CSV lie on the camera's picture, 5 px off on average at most, and say right from left; the
    film is the mirror's, drawing included."""
    monkeypatch.setattr(webcam, "Camera", Camera)
    monkeypatch.setattr(webcam, "has_windows", lambda: False)
    film, points, table = (tmp_path / name for name in ("film.mp4", "points.json", "points.csv"))
    options = Webcam(model=released("int8"), mirror=mirror, out=film, json_out=points, csv_out=table)
    finish(webcam.run(options))
    truth, record = at_the_left(), json.loads(points.read_text())
    assert record["mirror"] is mirror
    (face,) = record["frames"][-1]["faces"]
    found = np.array(face["points_xy"])
    assert np.linalg.norm(found - truth.points_xy, axis=1).mean() < 5
    assert found[RIGHT_EYE, 0] < found[LEFT_EYE, 0]
    *_, row = csv.reader(table.read_text().splitlines())
    assert [float(value) for value in row[4:]] == pytest.approx(found.ravel(), abs=1e-3)
    shown = list(VideoReader(film))[-1].image.astype(int)
    drawn = np.abs((shown[:, ::-1] if mirror else shown) - truth.image).max(axis=2)
    nose = found[30].astype(int)
    assert drawn[:200, 240:].mean() < 10  # below it the speed is written
    assert drawn[nose[1] - 1 : nose[1] + 2, nose[0] - 1 : nose[0] + 2].max() > 60
