"""`sdhrnet benchmark false-faces`: pictures without a face, and the floor beside true faces."""

from pathlib import Path

import numpy as np
import pytest

from tests.official import write_300w
from toolkit.benchmarking.false_faces import PHOTOS, fitted_floor, pictures, true_faces
from toolkit.commands.measure import false_faces
from toolkit.commands.measure.false_faces import FalseFaceRate, run
from toolkit.core.arrays import ImageArray
from toolkit.core.geometry import crop_of_box
from toolkit.core.progress import finish
from toolkit.core.schemes import W300_68
from toolkit.core.zoo import released
from toolkit.data.sample import Faces
from toolkit.data.synthetic import SyntheticFaces
from toolkit.detect import blazeface
from toolkit.runtime.landmarker import CONFIDENCE_FLOOR, Prediction

SMALL = released("float16", "sdhrnet-68pt-128")


def test_pictures_are_of_every_kind_and_the_same_each_time() -> None:
    """Those of the wheel first, then backgrounds and noise in turn."""
    seen = list(pictures(len(PHOTOS) + 4))
    kinds = [kind for kind, _, _ in seen]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "scikit-image": len(PHOTOS), "synthetic background": 2, "noise": 2,
    }  # fmt: skip
    assert all(image.dtype == np.uint8 and image.shape[2] == 3 for _, _, image in seen)
    assert len({name for _, name, _ in seen}) == len(seen)
    assert np.array_equal(seen[-1][2], list(pictures(len(PHOTOS) + 4))[-1][2])


class Doubting:
    """Right in plain crops, and nonsense in turned ones, of which it is less sure; it doubts every second face."""

    scheme, size_px, engine, timed = W300_68, 64, "none", False
    confidence_floor = CONFIDENCE_FLOOR

    def __init__(self, faces: Faces) -> None:
        self._faces, self._calls = faces, 0

    def __call__(self, crop: ImageArray) -> Prediction:
        face, turn = divmod(self._calls, 4)
        self._calls += 1
        sample = self._faces[face]
        points_xy = crop_of_box(sample.box_xyxy, self.size_px).to_crop(sample.points_xy)
        confidence = (0.6, 0.4)[face % 2] if turn == 0 else 0.1 * turn
        return Prediction(points_xy=points_xy if turn == 0 else points_xy[::-1], confidence=np.full(68, confidence))


def test_true_faces_below_the_floor_are_counted() -> None:
    """Two of four; of the twelve turned ones none passes, and a floor of 0.3 to 0.4 parts both."""
    faces = SyntheticFaces(4, size_px=64)
    (own,) = finish(true_faces([Doubting(faces)], faces))
    assert (own["n"], own["below_floor_percent"], own["wrong"], own["wrong_above_floor_percent"]) == (4, 50.0, 12, 0.0)
    assert own["quantiles"]["0.5"] == pytest.approx(0.5)
    assert 0.3 < own["fitted_floor"] <= 0.4
    assert own["fitted_errors_percent"] == [0.0, 0.0]


def test_the_floor_errs_least_where_none_parts_both() -> None:
    """One wrong one of ten above most faces: it passes, rather than half of the faces being doubted."""
    right, wrong = np.linspace(0.6, 0.8, 11), np.array([0.7, *np.linspace(0.2, 0.5, 9)])
    floor = fitted_floor(right, wrong)
    assert 0.5 < floor <= 0.6
    assert fitted_floor(right, np.array([])) <= 0.6


@pytest.mark.slow
def test_a_record_counts_pictures_by_kind(tmp_path: Path) -> None:
    """Of 26 pictures none of the drawn ones passes as a face."""
    outcome = finish(run(FalseFaceRate(models=(SMALL,), pictures=len(PHOTOS) + 2, results=tmp_path / "r.jsonl")))
    (record,) = outcome.records
    assert sum(own["pictures"] for own in record["pictures"].values()) == len(PHOTOS) + 2
    assert record["pictures"]["noise"]["sure"] == record["pictures"]["synthetic background"]["sure"] == 0
    assert record["true_faces"] is None


def test_test_faces_choose_no_floor() -> None:
    """Refused in a line."""
    with pytest.raises(ValueError, match='expected one of "train", "val", got "test"'):
        FalseFaceRate(models=(SMALL,), split="test")


def test_a_missing_detector_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labelled faces are not looked at."""
    write_300w(tmp_path)
    monkeypatch.setattr(blazeface, "inside", lambda package, inner: None)
    monkeypatch.setattr(false_faces, "true_faces", lambda *given: pytest.fail("looked at"))
    with pytest.raises(FileNotFoundError, match="no face detector here"):
        finish(run(FalseFaceRate(models=(SMALL,), data=tmp_path, results=tmp_path / "r.jsonl")))
