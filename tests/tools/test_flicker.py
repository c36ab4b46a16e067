"""`python -m tools flicker`: two looks at a crop, averaged."""

from pathlib import Path

import numpy as np
import pytest

from toolkit.core.arrays import ImageArray
from toolkit.core.progress import finish
from toolkit.core.records import read
from toolkit.core.schemes import W300_68
from toolkit.core.zoo import released
from toolkit.data.synthetic import SyntheticFaces
from toolkit.runtime.landmarker import Prediction
from tools import flicker
from tools.flicker import SHIFT_PX, Flicker, Shifted


class Brightest:
    """Gives the brightest pixel for every point, to whole multiples of four, as a coarse grid does."""

    scheme, size_px, engine, timed = W300_68, 64, "none", False

    def __call__(self, crop: ImageArray) -> Prediction:
        y, x = np.unravel_index(crop[..., 0].argmax(), crop.shape[:2])
        point = np.floor(np.array([x, y]) / 4) * 4 + 1.5
        return Prediction(points_xy=np.tile(point, (68, 1)), confidence=np.ones(68))


def test_a_shifted_look_halves_what_a_grid_does() -> None:
    """A point that moves by one pixel at a time: steps of four become steps of two, and it lags nowhere by more."""
    errors = {"once": [], "shifted": []}
    for x in range(8, 40):
        crop = np.zeros((64, 64, 3), np.uint8)
        crop[30, x] = 255
        errors["once"].append(Brightest()(crop).points_xy[0, 0] - x)
        errors["shifted"].append(Shifted(Brightest())(crop).points_xy[0, 0] - x)
    assert SHIFT_PX == 2
    assert np.abs(np.diff(errors["once"])).max() == pytest.approx(3)
    assert np.abs(np.diff(errors["shifted"])).max() == pytest.approx(1)
    assert np.mean(errors["shifted"]) == pytest.approx(np.mean(errors["once"]), abs=0.01)


def test_test_faces_decide_nothing() -> None:
    """Refused in a line."""
    with pytest.raises(ValueError, match='expected one of "train", "val", got "test"'):
        Flicker(models=(), data=Path("d"), split="test")


@pytest.mark.slow
def test_every_way_has_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three of a model and one of Face Mesh; two looks take longer than one."""
    pytest.importorskip("mediapipe", reason="needs mediapipe: pip install '.[mediapipe]'")
    monkeypatch.setattr(flicker, "open_faces", lambda *_: SyntheticFaces(2, seed=1, size_px=160))
    monkeypatch.setattr(flicker, "told", lambda _: iter(()))
    model = released("int8", "sdhrnet-68pt-128")
    finish(flicker.run(Flicker(models=(model,), data=tmp_path, clips=1, results=tmp_path / "r.jsonl")))
    once, mirrored, shifted, mesh = read(tmp_path / "r.jsonl")
    assert [r["looks"] for r in (once, mirrored, shifted, mesh)] == [
        "once", "and its mirror image", "and shifted", "once",
    ]  # fmt: skip
    assert mesh["model"] == "mediapipe" and once["model"] == "sdhrnet-68pt-128-int8.tflite"
    assert min(mirrored["ms_median"], shifted["ms_median"]) > once["ms_median"]
    assert all(value > 0 for r in (once, mirrored, shifted, mesh) for value in r["flicker_percent"].values())
