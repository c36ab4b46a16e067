"""Detector boxes against landmark boxes."""

from pathlib import Path

import numpy as np
import pytest

from toolkit.commands.data.boxes import Boxes, residual, run
from toolkit.core.images import write_png
from toolkit.core.progress import finish
from toolkit.data.formats.pts import write_pts


def test_the_residual_is_in_sides_of_the_true_box() -> None:
    """A box of side 40 moved by (4, -2) and grown to 44, by hand."""
    truth = np.array([[10.0, 20, 40, 60]])
    found = np.array([[8.0 + 4, 18 - 2, 42 + 4, 62 - 2]])
    np.testing.assert_allclose(residual(found, truth), [[0.1, -0.05, np.log(44 / 40)]], atol=1e-12)


def test_a_folder_without_faces_is_refused(tmp_path: Path) -> None:
    """With how many were found."""
    rng = np.random.default_rng(0)
    for i in range(3):
        write_png(tmp_path / f"{i}.png", np.full((80, 80, 3), 90, np.uint8))
        (tmp_path / f"{i}.pts").write_text(write_pts(rng.uniform(10, 60, (68, 2))))
    with pytest.raises(ValueError, match="finds 0 of 3"):
        finish(run(Boxes(data=tmp_path)))


def test_faces_are_found_and_fitted(tmp_path: Path) -> None:
    """The astronaut at two sizes, with points spread over the face: the fit maps its boxes onto theirs."""
    from PIL import Image
    from skimage.data import astronaut

    face = Image.fromarray(astronaut()[:300, 80:380])
    spread = np.random.default_rng(0).uniform((95, 65), (200, 180), (68, 2))
    for i, side in enumerate((300, 450)):
        write_png(tmp_path / f"a{i}.png", np.asarray(face.resize((side, side))))
        (tmp_path / f"a{i}.pts").write_text(write_pts(spread * side / 300))
    record = finish(run(Boxes(data=tmp_path))).records[0]
    assert record["found"] == 2
    assert max(record["error_sd"]) < 0.05
