"""`python -m tools first-crop`: what a first crop is worth, and its fit."""

from pathlib import Path

import numpy as np
import pytest

from toolkit.core.progress import finish
from toolkit.core.records import read
from toolkit.core.zoo import released
from toolkit.data.synthetic import SyntheticFaces
from tools import first_crop
from tools.first_crop import AGAIN, CROPS, FirstCrop

MODEL = released("float16", "sdhrnet-68pt-128")


@pytest.fixture(autouse=True)
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Synthetic faces in place of a set's."""
    sets = {"train": SyntheticFaces(8, seed=1, size_px=256), "val": SyntheticFaces(3, seed=2, size_px=256)}
    monkeypatch.setattr(first_crop, "open_faces", lambda _, split, __: sets[split])
    monkeypatch.setattr(first_crop, "told", lambda _: iter(()))


@pytest.mark.slow
def test_every_way_has_a_record(tmp_path: Path) -> None:
    """Both crops, with and without a second prediction, of every drawn face that is found; and turned."""
    options = FirstCrop(models=(MODEL,), data=tmp_path, angles=(0, 90), results=tmp_path / "r.jsonl")
    finish(first_crop.run(options))
    records = list(read(tmp_path / "r.jsonl"))
    ways = [(angle_deg, crop, again) for angle_deg in (0, 90) for crop in CROPS for again in AGAIN]
    assert [(r["angle_deg"], r["crop"], r["again"]) for r in records] == ways
    assert all(0 < r["n"] <= 3 and 0 < r["nme_mean"] < 40 for r in records)
    for never, needed, always in zip(records[::3], records[1::3], records[2::3], strict=True):
        assert never["predictions_mean"] <= needed["predictions_mean"] <= always["predictions_mean"]


@pytest.mark.slow
def test_the_fit_is_a_record(tmp_path: Path) -> None:
    """A row for x and y of each keypoint, and one; the text is what the module takes."""
    outcome = finish(first_crop.run(FirstCrop(data=tmp_path, fit=True)))
    (record,) = outcome.records
    assert np.shape(record["weights"]) == (13, 4)
    assert outcome.text.splitlines()[0] == "(" + ", ".join(f"{v:.4f}" for v in record["weights"][0]) + "),"
    assert 0 < record["found"] <= record["n"] == 8
