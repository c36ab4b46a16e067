"""The parts of a picture that the detector looks at."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.detect.views import VIEW_PX, shows_whole, tiles, view


@given(
    width=st.integers(1, 3000),
    height=st.integers(1, 3000),
    step=st.integers(1, 3),
    place=st.tuples(*[st.floats(0, 1)] * 2),
    share=st.floats(0.01, 1),
)
def test_a_face_of_half_a_tile_is_whole_in_one(width, height, step, place, share):
    """Wherever a square of up to half a tile's side lies in a picture, some tile holds all of it."""
    side = -(-max(width, height) // 2**step)
    face = np.minimum(share * (side - 1) / 2, [width, height])
    corner = np.array(place) * (np.array([width, height]) - face)
    assert any(
        left <= corner[0] and top <= corner[1] and corner[0] + face[0] <= right and corner[1] + face[1] <= bottom
        for left, top, right, bottom in tiles(width, height, side)
    )


def test_tiles_stay_in_the_picture_and_are_few():
    """A 1600 x 1200 picture in tiles of 400: 7 x 5 squares, none over the edge."""
    windows = tiles(1600, 1200, 400)
    assert len(windows) == 35
    assert all(right - left == bottom - top == 400 for left, top, right, bottom in windows)
    assert (windows[0], windows[-1]) == ((0, 0, 400, 400), (1200, 800, 1600, 1200))


def test_a_small_window_is_shown_as_it_is():
    """Within VIEW_PX no pixel changes; the scale is 1."""
    image = np.random.default_rng(0).integers(0, 256, (90, 130, 3), dtype=np.uint8)
    pixels, scale = view(image, (10, 20, 110, 70))
    assert np.array_equal(pixels, image[20:70, 10:110])
    assert scale.tolist() == [1, 1]
    assert pixels.flags.c_contiguous


def test_beyond_the_image_is_black():
    """A window over all four edges shows the image in a black frame."""
    image = np.full((30, 50, 3), 200, dtype=np.uint8)
    pixels, _ = view(image, (-5, -7, 61, 33))
    assert pixels.shape == (40, 66, 3)
    assert (pixels[7:37, 5:55] == 200).all()
    assert pixels.sum() == image.sum()


def test_a_large_window_is_averaged():
    """1024 x 500 pixels of fine checks become VIEW_PX x 125 of mid grey, each worth 4 x 4 pixels."""
    y, x = np.mgrid[:500, :1024]
    image = np.repeat(((x + y) % 2 * 254).astype(np.uint8)[..., None], 3, axis=2)
    pixels, scale = view(image, (0, 0, 1024, 500))
    assert pixels.shape == (125, VIEW_PX, 3)
    assert scale.tolist() == [4, 4]
    assert np.abs(pixels.astype(int) - 127).max() <= 1


@pytest.mark.parametrize(
    ("box", "whole"),
    [
        ([110, 60, 190, 140], True),
        ([95, 60, 190, 140], False),  # over the tile's left edge, inside the image
        ([110, 60, 190, 152], False),
        ([110, -8, 190, 60], True),  # over the image's own edge: there is no more of it
    ],
)
def test_faces_cut_by_a_tile_are_not_whole(box, whole):
    """A box may leave a tile only where the tile ends with the image."""
    image = np.zeros((400, 600, 3), np.uint8)
    assert shows_whole(np.array(box, dtype=float), (100, 0, 250, 150), image) is whole
