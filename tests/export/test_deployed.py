"""What ships, in torch: the decoding in the graph against core.heatmap, the whole wrapper against the bundle."""

import copy
import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from toolkit.bundle import Bundle, Card
from toolkit.core import heatmap
from toolkit.core.heatmap import Decoder
from toolkit.export.deployed import Decode, Deployed, DeployedHeatmaps, DeployedNetwork, TorchLandmarker
from toolkit.models.shape import ShapeLayer
from toolkit.models.spec import ShapeSpec

SIZE_PX = 96
POINTS = 40
TOLERANCE_PX = 5e-3
"""float32 in the graph against float64, in crop pixels; the Newton step magnifies rounding where a peak is flat."""


def card(decoder: Decoder = "dark", sigma_px: float = 1.0) -> Card:
    return Card(
        name="x", stage="distil", scheme="300w-68", size_px=SIZE_PX, sigma_px=sigma_px, decoder=decoder
    )  # fmt: skip


def noisy_maps(rng: np.random.Generator, sigma_px: float, low: float, high: float) -> heatmap.Heatmaps:
    maps = heatmap.encode(rng.uniform(low, high, (POINTS, 2)), SIZE_PX, sigma_px)
    return maps + rng.normal(0, 0.03, maps.shape).astype(np.float32)


def decoded(maps: heatmap.Heatmaps, about: Card) -> tuple[np.ndarray, np.ndarray]:
    points, confidence = Decode(about, POINTS)(torch.from_numpy(maps)[None])
    assert points.shape == (1, POINTS, 2)
    assert confidence.shape == (1, POINTS)
    return points[0].numpy() * SIZE_PX - 0.5, confidence[0].numpy()


@pytest.mark.parametrize("decoder", ["dark", "centroid", "quarter", "argmax"])
@pytest.mark.parametrize("sigma_px", [1.0, 1.5])
@pytest.mark.parametrize(("low", "high"), [(8, 88), (-3, 3), (92, 99)], ids=["inside", "top left", "bottom right"])
def test_decoding_in_the_graph_is_that_of_core(decoder: Decoder, sigma_px: float, low: float, high: float) -> None:
    """Also for peaks on the border and beyond it."""
    rng = np.random.default_rng(0)
    for _ in range(5):
        maps = noisy_maps(rng, sigma_px, low, high)
        expected, sure = heatmap.decode(maps, decoder, sigma_px)
        points, confidence = decoded(maps, card(decoder, sigma_px))
        np.testing.assert_allclose(points, expected, atol=TOLERANCE_PX)
        np.testing.assert_allclose(confidence, sure, atol=1e-6)


def shape_layer(points: int = 68, seed: int = 0) -> ShapeLayer:
    """A layer with random mean places and random maps, as large as fitted ones."""
    layer, draw = ShapeLayer(ShapeSpec(), points), torch.Generator().manual_seed(seed)
    mean = 0.5 + 0.18 * torch.randn(points, 2, generator=draw)
    layer.load_state_dict(
        {
            "mean": mean,
            "hidden_weight": 0.7 * torch.randn(layer.spec.hidden, 2 * points, generator=draw),
            "hidden_bias": 0.1 * torch.randn(layer.spec.hidden, generator=draw),
            "weight": 0.002 * torch.randn(2 * points, layer.spec.hidden, generator=draw),
            "bias": 0.005 * torch.randn(2 * points, generator=draw),
        }
    )
    return layer


def with_shape(plain: Bundle, layer: ShapeLayer) -> Bundle:
    """A bundle with a shape layer behind its decoding."""
    weights = plain.weights | {f"shape.{name}": value for name, value in layer.state_dict().items()}
    return dataclasses.replace(plain, spec=dataclasses.replace(plain.spec, shape=layer.spec), weights=weights)


class Half(TorchDispatchMode):
    """Every float that an operation gives is rounded to half precision, as on an engine that computes in it."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return tree_map(rounded, func(*args, **(kwargs or {})))


def rounded(value: Any) -> Any:
    return value.half().float() if isinstance(value, torch.Tensor) and value.is_floating_point() else value


@pytest.mark.slow
@pytest.mark.parametrize(("points", "size_px"), [(29, 96), (68, 256), (98, 160), (98, 256)])
@pytest.mark.parametrize("decoder", ["dark", "centroid", "quarter", "argmax"])
def test_half_precision_decodes_the_same_points(points: int, size_px: int, decoder: Decoder) -> None:
    """Up to the last pixel of the last map, whose flat index is far beyond the 2048 that half precision holds.

    In [0, 1] it tells points apart that are 1/2048 of the crop's side from each other, and a step of the Newton method
    adds as much: a worst error of a thousandth of the side, 0.26 px at 256 px, and a third of that on average.
    """
    about = dataclasses.replace(card(decoder), size_px=size_px)
    rng = np.random.default_rng(0)
    xy = rng.uniform(size_px / 2, size_px - 1, (points, 2))
    xy[-1] = size_px - 2
    maps = rounded(torch.from_numpy(heatmap.encode(xy, size_px, 1.0)))
    expected, _ = heatmap.decode(maps.numpy(), decoder, 1.0)
    decode = Decode(about, points).half().float()
    with Half():
        found, _ = decode(maps[None])
    error = np.linalg.norm(found[0].numpy() * size_px - 0.5 - expected, axis=1)
    assert error.max() < size_px / 1000
    assert error.mean() < size_px / 3000


@pytest.mark.parametrize("points", [29, 68, 98])
def test_half_precision_corrects_the_same_points(points: int) -> None:
    """The shape layer's own rounding is that of one point more or less in the last place: a thousandth of the side at
    worst, though it sums over all points."""
    layer = shape_layer(points, seed=1)
    draw = torch.Generator().manual_seed(points)
    xy = rounded(layer.mean + 0.03 * torch.randn(1, points, 2, generator=draw))
    sure = rounded(torch.rand(1, points, generator=draw))
    expected = layer(xy, sure)
    half = copy.deepcopy(layer).half().float()
    with Half():
        found = half(xy, sure)
    error = (found - expected)[0].norm(dim=1)
    assert error.max() < 1e-3 and error.mean() < 5e-4
    assert (expected - xy)[0].norm(dim=1).mean() > 0.005  # it does move points


def test_smoothing_is_a_gaussian_filter() -> None:
    """scipy's, with zeros outside and the same cut at three sigma, within 1e-6."""
    maps = np.random.default_rng(0).uniform(0, 1, (POINTS, 24, 24)).astype(np.float32)
    ours = Decode(card(), POINTS)._smooth(torch.from_numpy(maps)[None])[0].numpy()
    expected = np.stack([ndimage.gaussian_filter(m, 1.0, mode="constant", truncate=3) for m in maps])
    np.testing.assert_allclose(ours, expected, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, -1.0, 0.5, 7.0])
def test_flat_maps_give_finite_points(value: float) -> None:
    """A network that sees nothing must not give NaN; the confidence stays in [0, 1]."""
    maps = np.full((POINTS, 24, 24), value, np.float32)
    points, confidence = decoded(maps, card())
    assert np.isfinite(points).all()
    np.testing.assert_array_equal(confidence, np.clip(value, 0, 1))


def test_the_first_of_equal_peaks_is_taken() -> None:
    """As NumPy does, on every platform."""
    maps = np.zeros((POINTS, 24, 24), np.float32)
    maps[:, 5, 20] = maps[:, 18, 3] = 1
    points, _ = decoded(maps, card("argmax"))
    expected = heatmap.from_heatmap(np.array([20.0, 5.0]))
    np.testing.assert_allclose(points, np.tile(expected, (POINTS, 1)), atol=TOLERANCE_PX)


@pytest.mark.slow
def test_the_wrapper_gives_the_points_of_the_bundle(small_bundle: Bundle) -> None:
    """Pixels in, points out, within a thousandth of a pixel."""
    reference = TorchLandmarker(small_bundle)
    for crop in np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8):
        image = torch.from_numpy(crop).permute(2, 0, 1)[None].float()
        points, confidence = Deployed(small_bundle)(image)
        expected = reference(crop)
        np.testing.assert_allclose(points[0].numpy() * 64 - 0.5, expected.points_xy, atol=TOLERANCE_PX)
        np.testing.assert_allclose(confidence[0].numpy(), expected.confidence, atol=1e-5)


def test_a_bundle_has_its_threads_for_a_call_only(small_bundle: Bundle) -> None:
    """And gives them back, also after an error."""
    before, seen = torch.get_num_threads(), list[int]()
    model = TorchLandmarker(small_bundle, before + 1)

    def counted(*_: Any) -> None:
        seen.append(torch.get_num_threads())
        if len(seen) > 1:
            raise RuntimeError("out of memory")

    model._net.register_forward_pre_hook(counted)
    crop = np.zeros((small_bundle.card.size_px,) * 2 + (3,), np.uint8)
    model(crop)
    with pytest.raises(RuntimeError, match="out of memory"):
        model(crop)
    assert seen == [before + 1] * 2 and torch.get_num_threads() == before


def test_the_wrapper_and_the_bundle_share_the_shape_layer(small_bundle: Bundle) -> None:
    """Both correct the decoded points by it, alike; the confidences stay."""
    shaped = with_shape(small_bundle, shape_layer())
    for crop in np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8):
        image = torch.from_numpy(crop).permute(2, 0, 1)[None].float()
        points, confidence = Deployed(shaped)(image)
        plain, expected = TorchLandmarker(small_bundle)(crop), TorchLandmarker(shaped)(crop)
        np.testing.assert_allclose(points[0].numpy() * 64 - 0.5, expected.points_xy, atol=TOLERANCE_PX)
        np.testing.assert_array_equal(plain.confidence, expected.confidence)
        assert np.linalg.norm(plain.points_xy - expected.points_xy, axis=1).mean() > 0.02
        assert confidence.shape == (1, 68)


def test_heatmaps_of_a_bundle_with_a_shape_layer_are_refused(small_bundle: Bundle) -> None:
    """Who decodes them would get other points than the bundle's; the message says what to do."""
    with pytest.raises(ValueError, match=r"shape layer behind its decoding.*--output points"):
        DeployedHeatmaps(with_shape(small_bundle, shape_layer()))


def test_the_heatmap_variant_is_channels_last(small_bundle: Bundle) -> None:
    """(1, S/4, S/4, M): what platforms that decode by themselves expect."""
    crop = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    image = torch.from_numpy(crop).permute(2, 0, 1)[None].float()
    maps = DeployedHeatmaps(small_bundle)(image)
    assert maps.shape == (1, 16, 16, 68)
    expected = TorchLandmarker(small_bundle).heatmaps(crop)
    np.testing.assert_allclose(maps[0].permute(2, 0, 1).numpy(), expected, atol=1e-5)


def test_the_mean_colour_is_what_padding_stands_for(small_bundle: Bundle) -> None:
    """A crop of the mean colour gives what a zero input gives, up to the border."""
    mean = torch.tensor(small_bundle.card.mean).view(1, 3, 1, 1) * 255
    network = DeployedNetwork(small_bundle)
    with torch.no_grad():
        found = network(mean.expand(1, 3, 64, 64))
        expected = small_bundle.network()(torch.zeros(1, 3, 64, 64))
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-5)


def test_another_normalisation_is_followed(small_bundle: Bundle) -> None:
    """The card says it; nothing assumes ImageNet's."""
    other = dataclasses.replace(small_bundle.card, mean=(0.1, 0.5, 0.9), std=(0.5, 0.25, 1.0))
    changed = dataclasses.replace(small_bundle, card=other)
    crop = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    image = torch.from_numpy(crop).permute(2, 0, 1)[None].float()
    expected = TorchLandmarker(changed).heatmaps(crop)
    np.testing.assert_allclose(DeployedNetwork(changed)(image)[0].detach().numpy(), expected, atol=1e-5)
