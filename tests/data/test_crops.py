"""Crops for validation, calibration and parity."""

import pytest

from toolkit.core.progress import finish
from toolkit.core.schemes import COFW_29, W300_68
from toolkit.data import open_faces
from toolkit.data.crops import open_crops, spread_crops
from toolkit.data.sample import Subset


def test_crops_are_spread_over_the_faces() -> None:
    """The same each time, with labels in crop pixels."""
    faces = open_faces(None, "val", 9)
    found = finish(spread_crops(faces, W300_68, 64, 3, "crops"))
    assert [c.shape for c in found.crops] == [(64, 64, 3)] * 3
    assert found.truth_xy is not None
    assert found.truth_xy.shape == (3, 68, 2)
    assert ((found.truth_xy > 0) & (found.truth_xy < 63)).all()
    again = finish(spread_crops(Subset(faces, [0, 4, 8], "some"), W300_68, 64, 3, "crops"))
    assert all((a == b).all() for a, b in zip(found.crops, again.crops, strict=True))


def test_crops_of_another_scheme_have_no_labels() -> None:
    """68 labels say nothing about 29 points."""
    assert finish(spread_crops(open_faces(None, "val", 2), COFW_29, 64, 2, "crops")).truth_xy is None


def test_no_faces_are_an_error() -> None:
    """The message names the set."""
    with pytest.raises(ValueError, match="empty has no faces"):
        finish(spread_crops(Subset(open_faces(None, "val", 2), [], "empty"), W300_68, 64, 2, "crops"))


def test_crops_of_a_split_are_those_of_its_faces() -> None:
    """Opened and cut in one step, under a title that says how many of which set."""
    found = finish(open_crops(None, "val", 3, scheme=W300_68, size_px=64))
    same = finish(spread_crops(open_faces(None, "val", 3), W300_68, 64, 3, "crops"))
    assert found.title == same.title == "3 of synthetic faces v4, seed 1, 3"
    assert all((a == b).all() for a, b in zip(found.crops, same.crops, strict=True))
