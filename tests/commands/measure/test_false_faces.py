"""`sdhrnet benchmark false-faces`: pictures without a face, and the floor beside true faces."""

from pathlib import Path

import numpy as np
import pytest

from toolkit.benchmarking.false_faces import PHOTOS, pictures, true_faces
from toolkit.commands.measure.false_faces import FalseFaceRate, run
from toolkit.core.arrays import ImageArray
from toolkit.core.progress import finish
from toolkit.core.schemes import W300_68
from toolkit.core.zoo import released
from toolkit.data.synthetic import SyntheticFaces
from toolkit.runtime.landmarker import Prediction

SMALL = released("float16", "sdhrnet-68pt-96")


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


class Wavering:
    """Is of another mean confidence each time."""

    scheme, size_px, engine, timed = W300_68, 64, "none", False
    said = iter((0.2, 0.6, 0.8, 0.9))

    def __call__(self, crop: ImageArray) -> Prediction:
        return Prediction(points_xy=np.zeros((68, 2)), confidence=np.full(68, next(self.said)))


def test_true_faces_below_the_floor_are_counted() -> None:
    """One of four; the median lies between the second and the third."""
    (own,) = finish(true_faces([Wavering()], SyntheticFaces(4, size_px=64)))
    assert (own["n"], own["below_floor_percent"]) == (4, 25.0)
    assert own["quantiles"]["0.5"] == pytest.approx(0.7)


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
    with pytest.raises(ValueError, match="train or val, got test"):
        FalseFaceRate(models=(SMALL,), split="test")
