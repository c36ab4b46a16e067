"""`python -m tools small-faces` and `stages`: pictures whose faces are where they are said to be, and their records."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from toolkit.core.progress import finish
from toolkit.core.records import read
from toolkit.core.zoo import released
from toolkit.data.synthetic import SyntheticFaces
from tools import small_faces, stages
from tools.small_faces import CANVAS_WH, LARGE_PART, PARTS, SmallFaces, scenes
from tools.stages import SIZE_WH, Stages, portrait

FACES = SyntheticFaces(2, seed=1, size_px=128)


def test_faces_are_where_they_are_said_to_be() -> None:
    """Of every size, alone and beside a large one: the box's pixels, made as large, are those of the photo."""
    seen = []
    for beside, size, scene, box_xyxy in scenes(FACES, 0):
        assert scene.shape[1::-1] == CANVAS_WH
        assert (box_xyxy[2:] - box_xyxy[:2]).max() == pytest.approx(PARTS[size] * CANVAS_WH[0], rel=0.03)
        left, top, right, bottom = np.rint(FACES[0].box_xyxy).astype(int)
        photo = FACES[0].image[top:bottom, left:right]
        left, top, right, bottom = np.rint(box_xyxy).astype(int)
        shown = cv2.resize(scene[top:bottom, left:right], photo.shape[1::-1], interpolation=cv2.INTER_AREA)
        assert np.corrcoef(shown.ravel(), photo.ravel())[0, 1] > 0.9
        seen.append((beside, size))
    assert sorted(seen) == [(beside, size) for beside in (0, 1) for size in range(len(PARTS))]
    assert max(PARTS) < LARGE_PART


@pytest.mark.slow
def test_small_faces_have_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one drawn face; where tiles are always looked at, no fewer are found, and it takes longer."""
    monkeypatch.setattr(small_faces, "open_faces", lambda *_: FACES)
    monkeypatch.setattr(small_faces, "told", lambda _: iter(()))
    finish(small_faces.run(SmallFaces(data=tmp_path, faces=1, results=tmp_path / "r.jsonl")))
    (record,) = read(tmp_path / "r.jsonl")
    whole, quick, always = record["ways"]
    assert sum(always["alone"].values()) >= sum(quick["alone"].values()) >= sum(whole["alone"].values())
    assert always["alone_ms_median"] > whole["alone_ms_median"]


def test_test_faces_decide_nothing() -> None:
    """Refused in a line."""
    with pytest.raises(ValueError, match='expected one of "train", "val", got "test"'):
        SmallFaces(data=Path("d"), split="test")


@pytest.mark.slow
def test_stages_add_up_to_the_photo(tmp_path: Path) -> None:
    """All but decoding, within a millisecond of medians; beside Face Mesh."""
    pytest.importorskip("mediapipe", reason="needs mediapipe: pip install '.[mediapipe]'")
    assert portrait().shape[1::-1] == SIZE_WH
    model = released("int8", "sdhrnet-68pt-128")
    (record,) = finish(stages.run(Stages(models=(model,), runs=3, results=tmp_path / "r.jsonl"))).records
    parts = record["stages_ms_median"]
    added = sum(parts[name] for name in ("detect", "crop", "network", "the rest"))
    assert added == pytest.approx(parts["photo"], rel=0.3)
    assert min(parts["network"], record["face_mesh_photo_ms_median"]) > 0
