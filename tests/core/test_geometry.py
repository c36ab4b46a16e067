"""Box <-> crop: exact coordinates, and pixels that land where the coordinates say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.core.geometry import BOX_SCALE, Crop, Pose, crop_of_box, cut, lengths_along, on_line

BOX = np.array([30.0, 50.0, 90.0, 130.0])
"""Taller than wide, off the middle of every image used here."""

LOOSE = 3.5
"""Grey levels between cut and exact arithmetic on noise(): OpenCV samples at 1/32 px and rounds twice."""


def noise(height: int, width: int) -> np.ndarray:
    """Independent pixels between 96 and 160: a shift of one pixel moves them by 30 on average."""
    return np.random.default_rng(height + width).integers(96, 161, (height, width, 3), dtype=np.uint8)


def ramp(height: int, width: int) -> np.ndarray:
    """An image whose red is x, green is y and blue 7; exact up to 256 pixels a side."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return np.stack([x, y, np.full_like(x, 7)], axis=2).astype(np.uint8)


def sample_blocks(image: np.ndarray, crop: Crop, block: int) -> np.ndarray:
    """The documented rule in plain loops: mean of n x n blocks, then bilinear; outside, the edge is repeated."""
    height, width = image.shape[:2]
    rows, columns = -(-height // block), -(-width // block)
    padded = np.pad(image, ((0, rows * block - height), (0, columns * block - width), (0, 0)), mode="edge")
    small = padded.reshape(rows, block, columns, block, 3).astype(float).mean(axis=(1, 3))
    out = np.zeros((crop.size_px, crop.size_px, 3))
    for v in range(crop.size_px):
        for u in range(crop.size_px):
            x, y = (crop.to_image(np.array([u, v], dtype=float)) - (block - 1) / 2) / block
            x, y = np.clip(x, 0, columns - 1), np.clip(y, 0, rows - 1)
            left, top = int(x), int(y)
            right, below = min(left + 1, columns - 1), min(top + 1, rows - 1)
            a, b = x - left, y - top
            upper = small[top, left] * (1 - a) + small[top, right] * a
            lower = small[below, left] * (1 - a) + small[below, right] * a
            out[v, u] = upper * (1 - b) + lower * b
    return out


@given(
    corner=st.tuples(*[st.floats(-500, 3000)] * 2),
    extent=st.tuples(*[st.floats(0.5, 2000)] * 2),
    pose=st.builds(
        Pose,
        scale=st.floats(0.3, 3),
        rotation_deg=st.floats(-180, 180),
        shift=st.tuples(*[st.floats(-0.5, 0.5)] * 2),
    ),
)
def test_points_come_back_from_the_crop(corner, extent, pose):
    """Image -> crop -> image moves no point by more than 1e-9 px, whatever the box and pose."""
    box = np.array([*corner, *np.add(corner, extent)])
    crop = crop_of_box(box, 128, pose)
    points = np.random.default_rng(0).uniform(box[:2] - 100, box[2:] + 100, size=(20, 2))
    assert np.abs(crop.to_image(crop.to_crop(points)) - points).max() < 1e-9


def test_centre_of_the_box_is_the_centre_of_the_crop():
    """The box's centre lands on (size - 1) / 2, the crop's centre in pixel-centre coordinates."""
    crop = crop_of_box(BOX, 64)
    assert crop.to_crop(np.array([60.0, 90.0])) == pytest.approx([31.5, 31.5], abs=1e-12)


def test_longer_side_rules_and_the_margin_is_published():
    """The crop's side covers BOX_SCALE times the longer side (80 px) of a box that is not square."""
    crop = crop_of_box(BOX, 64)
    edges = crop.to_image(np.array([[-0.5, -0.5], [63.5, 63.5]]))
    assert BOX_SCALE == 1.25
    assert edges == pytest.approx(np.array([[60.0 - 50, 90.0 - 50], [60.0 + 50, 90.0 + 50]]), abs=1e-9)
    assert crop.scale == pytest.approx(0.64)


def test_outer_edges_meet_so_pixel_centres_do():
    """A crop of exactly an image's square, at its own size, changes no pixel."""
    image = np.random.default_rng(1).integers(0, 256, (80, 80, 3), dtype=np.uint8)
    side = 80 / BOX_SCALE
    low, high = 39.5 - side / 2, 39.5 + side / 2
    assert np.array_equal(cut(image, crop_of_box(np.array([low, low, high, high]), 80)), image)


def test_pixels_land_where_points_do():
    """Enlarged from an image that is wider than tall, a crop's pixel shows its own image coordinates within 0.6."""
    image = ramp(150, 220)
    crop = crop_of_box(np.array([100.0, 40.0, 150.0, 100.0]), 96)
    pixels = cut(image, crop)
    u, v = np.meshgrid(np.arange(96.0), np.arange(96.0))
    expected = crop.to_image(np.stack([u, v], axis=-1))
    assert np.abs(pixels[..., :2] - expected).max() < 0.6  # rounding to whole grey levels, and to 1/32 px by OpenCV


@pytest.mark.parametrize("size_px", [16, 24, 31, 40])
@pytest.mark.parametrize("rotation_deg", [0.0, 25.0])
def test_shrinking_follows_the_block_rule(size_px, rotation_deg):
    """Cut agrees with the documented rule in plain loops to LOOSE grey levels, for blocks of 2 to 7 px."""
    image = noise(203, 157)  # whole blocks fit neither side
    crop = crop_of_box(np.array([20.0, 60.0, 110.0, 150.0]), size_px, Pose(rotation_deg=rotation_deg))
    block = int(1 / crop.scale)
    assert 2 <= block <= 7
    assert np.abs(cut(image, crop) - sample_blocks(image, crop, block)).max() < LOOSE


@pytest.mark.parametrize("flat", [True, False], ids=["wide", "tall"])
@pytest.mark.parametrize("along_px", [-20, 5, 20_000, 32_760, 39_990, 50_000])
@pytest.mark.parametrize("side_px", [8, 100])
def test_a_panorama_is_cut_like_its_part_around_the_face(flat: bool, along_px: int, side_px: int):
    """Of 40,000 px, enlarged and shrunk, within and beside it: to one grey level, beyond what OpenCV warps whole."""
    image = np.random.default_rng(0).integers(0, 256, (60, 40_000, 3), dtype=np.uint8)
    start = int(np.clip(along_px - 500, 0, 39_000))
    box = np.array([along_px, 10.0, along_px + side_px, 10.0 + side_px])
    shifted, part = box - (start, 0, start, 0), image[:, start : start + 1000]
    if not flat:
        image, part, box, shifted = image.swapaxes(0, 1), part.swapaxes(0, 1), box[[1, 0, 3, 2]], shifted[[1, 0, 3, 2]]
    posed = Pose(rotation_deg=20)
    whole, expected = cut(image, crop_of_box(box, 64, posed)), cut(part, crop_of_box(shifted, 64, posed))
    assert np.abs(whole.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("box", [[-40.0, -30.0, 60.0, 60.0], [120.0, 150.0, 260.0, 260.0]])
def test_outside_the_image_its_edge_is_repeated(box):
    """A shrunk crop that leaves the image at a corner repeats the edge there, to LOOSE grey levels."""
    image = noise(203, 157)
    crop = crop_of_box(np.array(box), 32)
    assert np.abs(cut(image, crop) - sample_blocks(image, crop, int(1 / crop.scale))).max() < LOOSE


def test_a_crop_wholly_outside_is_still_an_image():
    """A box far beside the image gives a flat crop of what is nearest: the corner, block-averaged where it shrinks."""
    image = ramp(60, 90)
    enlarged = cut(image, crop_of_box(np.array([500.0, 500.0, 510.0, 510.0]), 16))
    assert np.array_equal(enlarged, np.broadcast_to(image[-1, -1], (16, 16, 3)))
    crop = crop_of_box(np.array([500.0, 500.0, 900.0, 900.0]), 16)
    assert np.abs(cut(image, crop) - sample_blocks(image, crop, int(1 / crop.scale))).max() < 1


def test_shrinking_does_not_alias():
    """A one-pixel checkerboard shrunk five times is mid grey within 6 levels of 255 x 12.5 / 25."""
    y, x = np.mgrid[:200, :200]
    image = np.repeat(((x + y) % 2 * 255).astype(np.uint8)[..., None], 3, axis=2)
    pixels = cut(image, crop_of_box(np.array([20.0, 20.0, 180.0, 180.0]), 40)).astype(float)
    assert np.abs(pixels - 127.5).max() < 6


def test_positive_rotation_turns_the_face_clockwise():
    """With +90 degrees, what is right of the centre comes below it (screens count y downwards)."""
    crop = crop_of_box(BOX, 64, Pose(rotation_deg=90))
    assert crop.to_crop(np.array([80.0, 90.0])) == pytest.approx([31.5, 31.5 + 20 * 0.64], abs=1e-9)


def test_scale_enlarges_and_shift_moves_the_window():
    """Scale 2 doubles crop pixels per image pixel; a shift to the right moves the face to the left."""
    plain, posed = crop_of_box(BOX, 64), crop_of_box(BOX, 64, Pose(scale=2, shift=(0.25, 0)))
    assert posed.scale == pytest.approx(2 * plain.scale)
    assert posed.to_crop(np.array([60.0, 90.0])) == pytest.approx([31.5 - 0.25 * 80 * 1.28, 31.5], abs=1e-9)


def test_mirrored_image_gives_the_mirrored_crop():
    """Mirroring the image and the box by x -> W - 1 - x mirrors the crop, to LOOSE grey levels."""
    image = noise(140, 119)
    mirrored_box = np.array([118 - BOX[2], BOX[1], 118 - BOX[0], BOX[3]])
    crop, mirrored = crop_of_box(BOX, 128), crop_of_box(mirrored_box, 128)
    difference = cut(image, crop).astype(int) - cut(image[:, ::-1].copy(), mirrored)[:, ::-1]
    assert np.abs(difference).max() < LOOSE
    point = np.array([41.25, 77.0])
    assert mirrored.to_crop(np.array([118 - 41.25, 77.0]))[0] == pytest.approx(127 - crop.to_crop(point)[0], abs=1e-9)


@pytest.mark.parametrize(
    "box",
    [[0, 0, 0, 0], [10, 0, 0, 10], [0, 10, 10, 0], [0, 0, np.nan, 10], [0, 0, np.inf, 10], [0, 0, 10]],
    ids=["empty", "right of left", "upside down", "NaN", "infinite", "three numbers"],
)
def test_a_box_without_area_is_refused(box):
    """Boxes that are no boxes raise ValueError and name their numbers."""
    with pytest.raises(ValueError, match="face box needs finite"):
        crop_of_box(np.array(box, dtype=float), 64)


def test_places_on_a_line_by_length() -> None:
    """Between its points and, straight on, beyond both ends."""
    line = np.array([[0.0, 0.0], [0.0, 2.0], [3.0, 2.0]])
    np.testing.assert_allclose(lengths_along(line), [0, 2, 5])
    found = on_line(line, np.array([-1.0, 0.0, 1.0, 3.0, 5.0, 7.0]))
    np.testing.assert_allclose(found, [[0, -1], [0, 0], [0, 1], [1, 2], [3, 2], [5, 2]])
