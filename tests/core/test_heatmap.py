"""Heatmaps: targets in closed form, decoders against what they promise, smoothing against SciPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from toolkit.core import heatmap

SIZE = 128
SIDE = SIZE // heatmap.STRIDE


def bump(row: float, column: float, height: int, width: int, sigma_px: float = 1.0) -> np.ndarray:
    """A Gaussian of peak 1 on a map that need not be square, written apart from heatmap.encode."""
    r, c = np.mgrid[:height, :width]
    return np.exp(-((r - row) ** 2 + (c - column) ** 2) / (2 * sigma_px**2)).astype(np.float32)


def test_stride_maps_outer_edges_onto_outer_edges():
    """Crop pixels -0.5 and 127.5 are heatmap pixels -0.5 and 31.5; pixel centre 1.5 is heatmap pixel 0."""
    crop = np.array([[-0.5, 127.5], [1.5, 5.5]])
    assert np.array_equal(heatmap.to_heatmap(crop), [[-0.5, 31.5], [0.0, 1.0]])


@given(st.lists(st.tuples(*[st.floats(-1e3, 1e3)] * 2), min_size=1, max_size=5))
def test_stride_round_trip(points):
    """To heatmap pixels and back moves no point by more than 1e-9 px."""
    points = np.array(points)
    assert np.abs(heatmap.from_heatmap(heatmap.to_heatmap(points)) - points).max() < 1e-9


@pytest.mark.parametrize("sigma_px", [1.0, 1.5])
def test_encode_is_the_gaussian_at_the_sub_pixel_position(sigma_px):
    """Targets equal the closed form to float32's precision; x runs along the columns."""
    points = np.array([[40.3, 90.7], [-3.0, 20.0], [127.4, 0.0]])
    maps = heatmap.encode(points, SIZE, sigma_px)
    assert maps.shape == (3, SIDE, SIDE)
    assert maps.dtype == np.float32
    for drawn, (x, y) in zip(maps, points, strict=True):
        expected = bump((y + 0.5) / 4 - 0.5, (x + 0.5) / 4 - 0.5, SIDE, SIDE, sigma_px)
        assert np.abs(drawn - expected).max() < 1e-6


def test_encode_peak_is_one_on_a_pixel_centre_and_batches():
    """A point on a heatmap pixel's centre peaks at exactly 1; leading axes are kept."""
    maps = heatmap.encode(heatmap.from_heatmap(np.full((2, 5, 2), [7.0, 20.0])), SIZE, 1.0)
    assert maps.shape == (2, 5, SIDE, SIDE)
    assert np.all(maps[:, :, 20, 7] == 1)


def test_missing_points_give_empty_maps():
    """A point with NaN in either coordinate gives zeros and touches no other map."""
    maps = heatmap.encode(np.array([[np.nan, 50.0], [50.0, np.nan], [50.0, 50.0]]), SIZE, 1.0)
    assert np.isfinite(maps).all()
    assert maps.max(axis=(1, 2)).tolist() == [
        0,
        0,
        pytest.approx(np.exp(-(0.125**2)), abs=1e-6),
    ]  # an eighth off on both axes


@pytest.mark.parametrize("sigma_px", [1.0, 1.5])
def test_dark_is_exact_for_gaussians(sigma_px):
    """DARK finds 500 random points of perfect maps within 0.01 px of the crop, away from the border."""
    points = np.random.default_rng(0).uniform(30, SIZE - 31, size=(500, 2))
    found, confidence = heatmap.decode(heatmap.encode(points, SIZE, sigma_px), "dark", sigma_px)
    assert np.abs(found - points).max() < 0.01
    assert confidence.min() > np.exp(-0.25 / sigma_px**2) - 1e-6  # half a pixel off on both axes, at worst


def test_dark_near_the_border_stays_within_one_heatmap_pixel():
    """Where the map cuts the Gaussian off, DARK is off by less than one heatmap pixel, 4 crop px."""
    points = np.random.default_rng(1).uniform(0, SIZE - 1, size=(500, 2))
    points[:, 0] = np.where(np.arange(500) % 2, 0.3, SIZE - 1.6)
    found, _ = heatmap.decode(heatmap.encode(points, SIZE, 1.0), "dark", 1.0)
    assert np.abs(found - points).max() < 4


@pytest.mark.parametrize("decoder", ["dark", "centroid", "quarter", "argmax"])
@pytest.mark.parametrize("corner", [(0, 0), (0, 20), (12, 0), (12, 20)])
def test_a_peak_in_a_corner_of_an_oblong_map(decoder, corner):
    """On a 13 x 21 map each decoder stays within half a heatmap pixel of a peak in a corner; axes are not swapped."""
    row, column = corner
    points, confidence = heatmap.decode(bump(row, column, 13, 21)[None], decoder, 1.0)
    assert np.abs(heatmap.to_heatmap(points[0]) - [column, row]).max() <= 0.5
    assert confidence == pytest.approx([1.0])


def test_dark_on_an_oblong_map():
    """On a 20 x 33 map DARK is exact to 0.0025 heatmap pixels in x and in y."""
    points, _ = heatmap.decode(bump(8.3, 22.6, 20, 33)[None], "dark", 1.0)
    assert heatmap.to_heatmap(points[0]) == pytest.approx([22.6, 8.3], abs=0.0025)


@pytest.mark.parametrize(
    ("offset", "expected"),
    [((0.2, -0.3), (0.25, -0.25)), ((-0.01, 0.49), (-0.25, 0.25)), ((0.0, 0.0), (0.0, 0.0))],
)
def test_quarter_shift_as_published(offset, expected):
    """A quarter pixel towards the higher neighbour on each axis, none where both are equal."""
    maps = bump(9 + offset[1], 15 + offset[0], 20, 30)[None]
    points, _ = heatmap.decode(maps, "quarter", 1.0)
    assert heatmap.to_heatmap(points[0]) == pytest.approx([15 + expected[0], 9 + expected[1]], abs=1e-12)


def test_argmax_takes_the_highest_pixel_and_the_first_of_equals():
    """Argmax answers in whole heatmap pixels; of two equal peaks, the upper."""
    maps = np.zeros((1, 6, 9), dtype=np.float32)
    maps[0, 4, 2] = maps[0, 1, 7] = 0.5
    points, confidence = heatmap.decode(maps, "argmax", 1.0)
    assert heatmap.to_heatmap(points).tolist() == [[7.0, 1.0]]
    assert confidence.tolist() == [0.5]


def test_confidence_is_clipped():
    """Peaks above 1 and below 0 count as 1 and 0."""
    maps = np.stack([np.full((5, 7), 3.0), np.full((5, 7), -2.0)]).astype(np.float32)
    assert heatmap.decode(maps, "argmax", 1.0)[1].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("level", [0.0, -1.0, 1e-12, 1.0])
def test_flat_maps_decode_to_finite_points(level):
    """A map without a peak, as of an untrained network, gives points inside the crop and no warning."""
    points, _ = heatmap.decode(np.full((3, 11, 17), level, dtype=np.float32), "dark", 1.0)
    assert np.isfinite(points).all()
    assert (points >= -0.5).all()
    assert (points <= np.array([17, 11]) * 4 - 0.5).all()


def test_dark_under_noise_beats_the_quarter_shift():
    """With noise of 0.03 on the maps DARK's mean error is below 0.35 crop px and under half the quarter shift's."""
    rng = np.random.default_rng(2)
    points = rng.uniform(30, SIZE - 31, size=(400, 2))
    maps = heatmap.encode(points, SIZE, 1.0) + rng.normal(0, 0.03, (400, SIDE, SIDE)).astype(np.float32)
    error = {d: np.linalg.norm(heatmap.decode(maps, d, 1.0)[0] - points, axis=1).mean() for d in ("dark", "quarter")}
    assert error["dark"] < 0.35
    assert error["dark"] < error["quarter"] / 2


def test_decoding_leaves_the_maps_alone():
    """Decode does not write into its input."""
    maps = heatmap.encode(np.array([[50.0, 60.0]]), SIZE, 1.0)
    before = maps.copy()
    heatmap.decode(maps, "dark", 1.0)
    assert np.array_equal(maps, before)


def test_an_unknown_decoder_is_named_with_the_known_ones():
    """A misspelt decoder raises ValueError, listing what there is."""
    with pytest.raises(ValueError, match="'drak'; known: dark, centroid, quarter, argmax"):
        heatmap.decode(np.zeros((1, 4, 4), dtype=np.float32), "drak", 1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("sigma_px", [0.7, 1.0, 1.5, 2.0])
def test_smoothing_agrees_with_scipy(sigma_px):
    """smooth equals scipy.ndimage's Gaussian, zeros outside, to 1e-12 on oblong maps."""
    maps = np.random.default_rng(3).uniform(size=(4, 14, 23))
    expected = [ndimage.gaussian_filter(m, sigma_px, mode="constant", radius=int(np.ceil(3 * sigma_px))) for m in maps]
    assert np.abs(heatmap.smooth(maps, sigma_px) - expected).max() < 1e-12


def test_smoothing_kernel_is_odd_symmetric_and_sums_to_one():
    """The kernel is its own mirror, of odd length 2 x ceil(3 sigma) + 1."""
    kernel = heatmap.smoothing_kernel(1.5)
    assert len(kernel) == 11
    assert kernel.sum() == pytest.approx(1, abs=1e-12)
    assert np.array_equal(kernel, kernel[::-1])
