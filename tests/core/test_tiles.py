"""Small pictures of faces for contact sheets."""

import numpy as np
import pytest

from toolkit.core.schemes import W300_68
from toolkit.core.tiles import CAPTION_PX, captioned, face_tile, numbered

IMAGE = np.full((120, 200, 3), 90, dtype=np.uint8)
POINTS = np.random.default_rng(0).uniform((60, 30), (120, 90), (68, 2))
BOX = np.array([60.0, 30.0, 120.0, 90.0])


def test_a_tile_is_the_plain_crop_with_points() -> None:
    """Its size is the one asked for; covered points are drawn in another colour than the others."""
    sure = face_tile(IMAGE, POINTS, BOX, W300_68, 96)
    covered = face_tile(IMAGE, POINTS, BOX, W300_68, 96, np.zeros(68))
    assert sure.shape == covered.shape == (96, 96, 3)
    assert (sure != 90).any() and (sure != covered).any()
    assert (IMAGE == 90).all()


def test_numbers_stand_beside_points_that_are_there() -> None:
    """A missing point has none; the tile itself is not changed."""
    tile = np.full((100, 100, 3), 90, dtype=np.uint8)
    written = numbered(tile, np.array([[20.0, 50.0], [np.nan, np.nan]]))
    changed = np.argwhere((written != tile).any(axis=2))
    assert len(changed) and (tile == 90).all()
    assert changed[:, 1].min() >= 19 and changed[:, 1].max() <= 35 and changed[:, 0].max() <= 50


@pytest.mark.parametrize("text", ["", "name_1", "Gesicht \u00fc \u4eba", "x" * 500])
def test_a_caption_keeps_the_tiles_width(text: str) -> None:
    """Long names are cut off; letters that the font lacks do no harm."""
    tile = np.zeros((50, 80, 3), dtype=np.uint8)
    both = captioned(tile, text)
    assert both.shape == (50 + CAPTION_PX, 80, 3) and (both[:50] == 0).all()
    assert bool((both[50:] > 100).any()) == bool(text)
