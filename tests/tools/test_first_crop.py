"""`python -m tools first-crop`: boxes from keypoints, wherever and however turned a face is."""

from pathlib import Path

import numpy as np
import pytest

from toolkit.core.geometry import rotation
from toolkit.core.progress import finish
from toolkit.core.records import read
from toolkit.core.zoo import released
from toolkit.data.synthetic import SyntheticFaces
from toolkit.detect import Detection
from tools import first_crop
from tools.first_crop import FirstCrop, described, fitted, frame_of

KEYPOINTS = np.array([[-0.2, -0.15], [0.2, -0.15], [0.0, 0.05], [0.0, 0.2], [-0.45, -0.1], [0.45, -0.1]])


def placed(shape: np.ndarray, roll_deg: float, side_px: float, centre: tuple[float, float]) -> Detection:
    """A detection of keypoints (6, 2) about the origin, the box a side large."""
    centre_xy = np.array(centre)
    return Detection(
        box_xyxy=np.concatenate([centre_xy - side_px / 2, centre_xy + side_px / 2]),
        score=0.9,
        keypoints_xy=shape @ rotation(roll_deg).T * side_px + centre_xy,
    )


def test_a_face_is_described_alike_wherever_it_is() -> None:
    """Larger, elsewhere, and turned by more than a level one's 20 degrees; and a box in its frame goes back with it."""
    plain = placed(KEYPOINTS, 0, 100, (50, 60))
    turned = placed(KEYPOINTS, 143, 240, (300, 200))
    assert described(turned) == pytest.approx(described(plain))
    box_xyxy = frame_of(turned).box_xyxy(np.array([0.1, 0.0, 0.5, 0.8]))
    assert box_xyxy[2:] - box_xyxy[:2] == pytest.approx([120, 192])
    assert (box_xyxy[:2] + box_xyxy[2:]) / 2 == pytest.approx(np.array([300, 200]) + rotation(143) @ [24, 0])


def test_a_box_that_follows_from_keypoints_is_learned() -> None:
    """Within 0.01 of the side, from 300 shapes, of which the box is a linear map."""
    rng = np.random.default_rng(0)
    shapes = KEYPOINTS + rng.normal(0, 0.05, (300, 6, 2))
    seen = np.stack([described(placed(shape, rng.uniform(-180, 180), 90, (70, 80))) for shape in shapes])
    truth = rng.normal(0, 1, (13, 4))
    assert np.abs(seen @ fitted(seen, seen @ truth) - seen @ truth).max() < 0.2
    assert np.abs(seen @ fitted(seen, seen @ truth) - seen @ truth).mean() < 0.05


@pytest.mark.slow
def test_every_way_has_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both crops, once and twice, of every drawn face that is found."""
    sets = {"train": SyntheticFaces(8, seed=1, size_px=256), "val": SyntheticFaces(3, seed=2, size_px=256)}
    monkeypatch.setattr(first_crop, "open_faces", lambda _, split, __: sets[split])
    monkeypatch.setattr(first_crop, "told", lambda _: iter(()))
    model = released("float16", "sdhrnet-68pt-96")
    finish(first_crop.run(FirstCrop(models=(model,), data=tmp_path, results=tmp_path / "r.jsonl")))
    records = list(read(tmp_path / "r.jsonl"))
    assert [(r["crop"], r["passes"]) for r in records] == [("box", 1), ("box", 2), ("keypoints", 1), ("keypoints", 2)]
    assert all(0 < r["n"] <= 3 and 0 < r["nme_mean"] < 40 for r in records)
