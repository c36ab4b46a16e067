"""`python -m tools detectors`: the two looks beside one another, as a record."""

from pathlib import Path

import pytest
from skimage import data

from toolkit.core.images import write_image
from toolkit.core.progress import finish
from toolkit.core.records import read
from tools.detector import Detectors, run


@pytest.mark.slow
def test_both_see_the_same_faces(tmp_path: Path) -> None:
    """A portrait and a picture without a face: one face, keypoints within 0.1 input px, boxes within 1.5 px; kept."""
    pytest.importorskip("mediapipe", reason="needs mediapipe: pip install '.[mediapipe]'")
    write_image(tmp_path / "face.png", data.astronaut())
    write_image(tmp_path / "none.png", data.astronaut()[300:])
    outcome = finish(run(Detectors(photos=tmp_path, results=tmp_path / "results.jsonl")))
    (record,) = read(tmp_path / "results.jsonl")
    assert record.fields == outcome.records[0] and record["n"] == 2 and record["photos_with_another_count"] == 0
    assert record["faces"] == 1 and record["worst_keypoint_input_px"] < 0.1 and record["worst_score"] < 0.002
    assert record["worst_corner_px"] < 1.5 and record["worst_size_px"] < 1.5


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    """Before anything is started."""
    with pytest.raises(FileNotFoundError, match="no photo in"):
        finish(run(Detectors(photos=tmp_path)))
