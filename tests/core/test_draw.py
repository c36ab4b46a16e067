"""What is drawn on pictures of faces, and the small pictures of contact sheets."""

import numpy as np
import pytest

from toolkit.core.draw import (
    CAPTION_PX,
    STYLE,
    captioned,
    contact_sheet,
    draw_box,
    draw_caption,
    draw_landmarks,
    face_tile,
    numbered,
)
from toolkit.core.schemes import COFW_29, SCHEMES, W300_68, Line, Scheme

GREY = np.full((120, 200, 3), 128, dtype=np.uint8)
"""Wider than tall."""
SOFT = 50
"""Grey levels by which anti-aliasing may change a line of one pixel."""


def dots(count: int, lines: tuple[Line, ...] = ()) -> Scheme:
    """A scheme of `count` points, for one thing at a time."""
    order = tuple(range(count))
    return Scheme(name="dots", title="dots", mirror=order, eyes=(0, 1), regions={"all": order}, lines=lines)


def centroid(image: np.ndarray) -> np.ndarray:
    """Mean (x, y) of what differs from GREY, weighted by how much."""
    weight = np.abs(image.astype(int) - GREY).sum(axis=2)
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]]
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


@pytest.mark.parametrize("point", [(60.0, 40.0), (60.5, 40.25), (150.3, 90.8)])
def test_a_dot_is_drawn_at_its_sub_pixel_place(point):
    """The centre of gravity of a lone dot is within 0.1 px of its point, x along columns."""
    drawn = draw_landmarks(GREY, np.array([point, [np.nan, np.nan]]), dots(2))
    assert np.abs(centroid(drawn) - point).max() < 0.1


def test_the_image_is_copied():
    """Drawing leaves its input untouched and returns the same shape and type."""
    before = GREY.copy()
    drawn = draw_box(draw_landmarks(GREY, np.array([[50.0, 50.0], [90.0, 60.0]]), dots(2)), np.array([10, 20, 90, 80]))
    assert np.array_equal(GREY, before)
    assert drawn.shape == GREY.shape
    assert drawn.dtype == np.uint8
    assert not np.array_equal(drawn, GREY)


def test_confidence_is_the_colour_of_a_dot():
    """From `sure_from` on it is `sure`, 0 and NaN are `unsure`, half of it is between, exactly at the dot's centre."""
    points = np.array([[40.0, 60.0], [80.0, 60.0], [120.0, 60.0], [160.0, 60.0], [190.0, 60.0]])
    drawn = draw_landmarks(GREY, points, dots(5), np.array([1.0, 0.0, np.nan, 0.3, 0.6]))
    assert drawn[60, 40].tolist() == drawn[60, 190].tolist() == list(STYLE.sure)
    assert drawn[60, 80].tolist() == drawn[60, 120].tolist() == list(STYLE.unsure)
    assert drawn[60, 160] == pytest.approx((np.array(STYLE.sure) + STYLE.unsure) / 2, abs=1)


def test_a_line_is_drawn_and_breaks_at_a_missing_point():
    """Points 0-1 and 3-4 are joined; around the missing point 2 nothing is drawn."""
    points = np.array([[20.0, 60.0], [60.0, 60.0], [np.nan, 60.0], [140.0, 60.0], [180.0, 60.0]])
    drawn = draw_landmarks(GREY, points, dots(5, (Line(indices=(0, 1, 2, 3, 4)),)))
    assert drawn[60, 40] == pytest.approx(STYLE.line, abs=SOFT)
    assert drawn[60, 160] == pytest.approx(STYLE.line, abs=SOFT)
    assert np.array_equal(drawn[:, 70:130], GREY[:, 70:130])


def test_a_closed_line_returns_to_its_start():
    """Of a closed triangle the last side is drawn too; of an open one it is not."""
    points = np.array([[40.0, 20.0], [160.0, 60.0], [40.0, 100.0]])
    closed = draw_landmarks(GREY, points, dots(3, (Line(indices=(0, 1, 2), closed=True),)))
    opened = draw_landmarks(GREY, points, dots(3, (Line(indices=(0, 1, 2)),)))
    assert closed[60, 40] == pytest.approx(STYLE.line, abs=SOFT)
    assert np.array_equal(opened[60, 40], GREY[60, 40])


def test_sizes_follow_the_face():
    """A face four times as large has dots of about sixteen times the area."""
    points = np.array([[20.0, 40.0], [100.0, 40.0]])
    area = []
    for scale in (4, 16):
        drawn = draw_landmarks(np.zeros((80 * scale, 120 * scale, 3), np.uint8), points * scale, dots(2))
        area.append((drawn == STYLE.sure).all(axis=2).sum())
    assert 12 < area[1] / area[0] < 24


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=list(SCHEMES))
def test_every_scheme_draws_points_outside_the_image_and_far_away(scheme):
    """Points beyond the image, one of them at 1e12 px, neither fail nor hide the others."""
    points = np.random.default_rng(0).uniform(-100, 300, size=(scheme.points, 2))
    points[0] = [1e12, -1e12]
    points[1] = [100.0, 60.0]
    assert not np.array_equal(draw_landmarks(GREY, points, scheme), GREY)


def test_no_point_present_draws_nothing():
    """A face of NaN only is a copy of the image."""
    assert np.array_equal(draw_landmarks(GREY, np.full((68, 2), np.nan), W300_68), GREY)


def test_points_of_another_scheme_are_refused():
    """68 points under a scheme of 29 raise ValueError with both shapes."""
    with pytest.raises(ValueError, match=r"\(29, 2\) for cofw-29, got \(68, 2\)"):
        draw_landmarks(GREY, np.zeros((68, 2)), COFW_29)


def test_a_box_is_an_outline():
    """The four sides have the box's colour, inside and outside are untouched."""
    drawn = draw_box(GREY, np.array([30.0, 20.0, 150.0, 100.0]))
    for x, y in ((30, 60), (150, 60), (90, 20), (90, 100)):
        assert drawn[y, x] == pytest.approx(STYLE.box, abs=SOFT)
    for x, y in ((90, 60), (10, 10), (190, 110)):
        assert np.array_equal(drawn[y, x], GREY[y, x])


def test_contact_sheet_places_tiles_of_different_sizes():
    """Five tiles in three columns: two rows of cells as large as the largest tile, each tile in its cell's middle."""
    tiles = [np.full((20 + 2 * i, 30, 3), 50 * (i + 1), dtype=np.uint8) for i in range(5)]
    sheet = contact_sheet(tiles, columns=3, gap_px=4)
    assert sheet.shape == (2 * 28 + 3 * 4, 3 * 30 + 4 * 4, 3)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, 3)
        assert np.array_equal(sheet[4 + row * 32 + 14, 4 + column * 34 + 15], tile[0, 0])
    assert (sheet == 50).all(axis=2).sum() == 20 * 30


def test_contact_sheet_of_few_tiles_is_not_padded_to_its_columns():
    """One tile in eight columns is one cell wide."""
    assert contact_sheet([np.zeros((10, 12, 3), np.uint8)], columns=8, gap_px=0).shape == (10, 12, 3)


@pytest.mark.parametrize(("tiles", "columns"), [([], 3), ([GREY], 0)])
def test_an_empty_contact_sheet_is_refused(tiles, columns):
    """No tile or no column raises ValueError."""
    with pytest.raises(ValueError, match="needs a picture and a column"):
        contact_sheet(tiles, columns)


@pytest.mark.parametrize("scale", [1, 3])
def test_a_caption_is_at_the_bottom_left_and_as_tall_as_the_picture_asks(scale):
    """Capitals of a thirtieth of the height within 30 %, above the lower edge, on a copy."""
    image = np.full((300 * scale, 500 * scale, 3), 128, np.uint8)
    drawn = draw_caption(image, "H")
    rows, columns = np.nonzero((drawn != image).any(axis=2))
    assert np.ptp(rows) + 1 == pytest.approx(10 * scale + 2, rel=0.3)
    assert rows.max() < 300 * scale - 1
    assert rows.min() > 270 * scale
    assert columns.max() < 50 * scale
    assert (image == 128).all()


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
