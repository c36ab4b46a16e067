"""Crops and outputs are checked before they are used."""

import dataclasses

import numpy as np
import pytest

from toolkit.core import heatmap
from toolkit.runtime.sidecar import OUTPUTS, Sidecar
from toolkit.runtime.tensors import check_crop, to_prediction, to_tensor

ABOUT = Sidecar(
    model="net.tflite",
    file_sha256="0" * 64,
    scheme="300w-68",
    points=68,
    size_px=32,
    input_layout="NHWC",
    outputs=OUTPUTS["points"],
    decoder="dark",
    sigma_px=1.0,
    precision="float32",
    source_bundle="0" * 64,
    source_name="net",
)
HEATMAPS = dataclasses.replace(ABOUT, output="heatmaps", outputs=OUTPUTS["heatmaps"])


@pytest.mark.parametrize(
    "crop",
    [
        np.zeros((32, 31, 3), np.uint8),
        np.zeros((3, 32, 32), np.uint8),
        np.zeros((32, 32), np.uint8),
        np.zeros((32, 32, 4), np.uint8),
        np.zeros((1, 32, 32, 3), np.uint8),
        np.zeros((32, 32, 3), np.float32),
        None,
    ],
)
def test_a_crop_of_another_shape_or_type_is_refused(crop: np.ndarray) -> None:
    """The message says what is expected, what was given, and how to cut one."""
    with pytest.raises(ValueError, match=r"expected a \(32, 32, 3\) uint8 RGB crop, got .*geometry.cut"):
        check_crop(crop, 32)


def test_layouts_hold_the_same_pixels() -> None:
    """NHWC as it is, NCHW transposed; 0..255 untouched."""
    crop = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    nhwc = to_tensor(crop, ABOUT)
    nchw = to_tensor(crop, dataclasses.replace(ABOUT, input_layout="NCHW"))
    assert (nhwc.shape, nchw.shape) == ((1, 32, 32, 3), (1, 3, 32, 32))
    assert nhwc.dtype == nchw.dtype == np.float32
    assert nchw.flags.c_contiguous
    np.testing.assert_array_equal(nhwc[0, 5, 7], crop[5, 7])
    np.testing.assert_array_equal(nchw[0, :, 5, 7], crop[5, 7])


def test_points_come_back_in_crop_pixels() -> None:
    """p = (u + 0.5) / size: the crop's outer corners are at -0.5 and 31.5."""
    points = np.zeros((1, 68, 2), np.float32)
    points[0, 1] = (1, 0.5)
    found = to_prediction({"points": points, "confidence": np.ones((1, 68), np.float32)}, ABOUT)
    np.testing.assert_allclose(found.points_xy[0], [-0.5, -0.5])
    np.testing.assert_allclose(found.points_xy[1], [31.5, 15.5])
    assert found.confidence.shape == (68,)


def test_heatmaps_are_decoded_as_the_sidecar_says() -> None:
    """Channels last in the file, DARK exact on a Gaussian; x and y are not swapped."""
    truth = np.column_stack([np.linspace(13, 19, 68), np.linspace(20, 13, 68)])
    maps = heatmap.encode(truth, 32, 1.0).transpose(1, 2, 0)[None]
    found = to_prediction({"heatmaps": maps}, HEATMAPS)
    np.testing.assert_allclose(found.points_xy, truth, atol=0.02)


@pytest.mark.parametrize(
    "outputs",
    [
        {},
        {"points": np.zeros((1, 68, 2))},
        {"points": np.zeros((1, 2, 68)), "confidence": np.zeros((1, 68))},
        {"points": np.full((1, 68, 2), np.nan), "confidence": np.zeros((1, 68))},
    ],
    ids=["none", "one missing", "transposed", "not finite"],
)
def test_outputs_that_are_not_the_sidecars_are_refused(outputs: dict[str, np.ndarray]) -> None:
    """Better than points at some odd place."""
    with pytest.raises(ValueError, match=r"net\.tflite"):
        to_prediction(outputs, ABOUT)
