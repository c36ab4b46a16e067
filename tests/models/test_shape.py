"""The shape layer: it turns with the face, stays small whatever the points are, and listens to what is seen."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from toolkit.models.building import build
from toolkit.models.shape import ShapeLayer, corrected
from toolkit.models.spec import HRNetSpec, ShapeSpec, from_json, hrsupernet, to_json

POINTS = 9
SPEC = ShapeSpec(reach=0.5, bound=0.1)


def layer() -> ShapeLayer:
    """Random maps that ask for more than the bound here and there."""
    made, draw = ShapeLayer(SPEC, POINTS), torch.Generator().manual_seed(0)
    mean = torch.randn(POINTS, 2, generator=draw)
    mean -= mean.mean(dim=0)
    made.load_state_dict(
        {
            "mean": mean / mean.square().sum(dim=1).mean().sqrt(),
            "weight": 0.2 * torch.randn(2 * POINTS, 2 * POINTS, generator=draw),
            "bias": 0.03 * torch.randn(2 * POINTS, generator=draw),
        }
    )
    return made


def face(seed: int) -> tuple[Tensor, Tensor]:
    """Something like the mean face, half as large as the crop, and confidences."""
    draw = torch.Generator().manual_seed(100 + seed)
    mean = layer().mean
    xy = 0.5 + 0.2 * (mean + 0.2 * torch.randn(POINTS, 2, generator=draw))
    return xy, torch.rand(1, POINTS, generator=draw)


def test_a_fresh_layer_changes_nothing() -> None:
    """Until it is fitted."""
    xy, sure = face(0)
    torch.testing.assert_close(ShapeLayer(SPEC, POINTS)(xy, sure), xy, rtol=0, atol=0)


@pytest.mark.parametrize("seed", range(8))
def test_a_turned_moved_and_scaled_face_is_corrected_alike(seed: int) -> None:
    """The correction turns and scales with the face, whichever way up it is; within 1e-5 of the crop's side."""
    xy, sure = face(seed)
    draw = np.random.default_rng(seed)
    angle, scale = draw.uniform(-math.pi, math.pi), draw.uniform(0.3, 2)
    turn = scale * torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    shift = torch.from_numpy(draw.uniform(-0.5, 0.5, 2)).float()
    model = layer()
    moved = model(xy, sure)
    assert (moved - xy).abs().max() > 0.005  # a fortieth of the face's size
    torch.testing.assert_close(model(xy @ turn + shift, sure), moved @ turn + shift, rtol=0, atol=1e-5)


def test_the_similarity_is_the_best_one() -> None:
    """Against weighted least squares over turn, size and shift, solved as four unknowns."""
    xy, sure = face(3)
    model = layer()
    _, (cosine, sine) = model.deviations(xy, sure)
    mx, my = model.mean.double().T.numpy()
    nothing, one = np.zeros(POINTS), np.ones(POINTS)
    rows = np.concatenate([np.stack([mx, -my, one, nothing], 1), np.stack([my, mx, nothing, one], 1)])
    root = np.sqrt(np.tile(np.maximum(sure[0].numpy(), 0.01), 2))
    expected, *_ = np.linalg.lstsq(rows * root[:, None], xy.T.numpy().ravel() * root, rcond=None)
    np.testing.assert_allclose([cosine.item(), sine.item()], expected[:2], atol=1e-5)


@pytest.mark.parametrize("kind", ["one place", "far outside", "not seen", "huge", "anywhere"])
def test_no_points_make_a_face_explode(kind: str) -> None:
    """Finite, and no coordinate of the upright face moves by more than the bound times its size."""
    xy, sure = face(1)
    given = {
        "one place": (torch.full_like(xy, 0.3), sure),
        "far outside": (xy + 50, sure),
        "not seen": (xy, torch.zeros_like(sure)),
        "huge": (xy * 1e3, torch.ones_like(sure)),
        "anywhere": (torch.rand(POINTS, 2, generator=torch.Generator().manual_seed(0)), sure**8),
    }[kind]
    model = layer()
    found = model(*given)
    _, (cosine, sine) = model.deviations(*given)
    size = math.hypot(cosine.item(), sine.item())
    assert found.isfinite().all()
    moved = (found - given[0]).norm(dim=1).max().item()
    assert moved <= math.sqrt(2) * SPEC.bound * size * 1.001 + 1e-6 * given[0].abs().max().item()


def test_what_is_not_seen_says_next_to_nothing_of_the_rest() -> None:
    """A point of no confidence that lands elsewhere moves the others by a hundredth of what a seen one does."""
    xy, _ = face(2)
    thrown = xy.clone()
    thrown[4] += torch.tensor([0.4, -0.3])
    rest = [i for i in range(POINTS) if i != 4]
    moved = {}
    for confidence in (0.0, 1.0):
        sure = torch.ones(1, POINTS)
        sure[0, 4] = confidence
        moved[confidence] = (layer()(thrown, sure) - layer()(xy, sure))[rest].norm(dim=1).mean().item()
    assert moved[0.0] < 0.02 * moved[1.0] and moved[1.0] > 0.01


def test_it_can_be_trained_through() -> None:
    """Gradients of points and confidences are finite, also where all points lie in one place."""
    for xy, sure in (face(0), (torch.full((POINTS, 2), 0.5), torch.ones(1, POINTS))):
        points, confidence = xy.clone().requires_grad_(), sure.clone().requires_grad_()
        layer()(points, confidence).square().sum().backward()
        assert points.grad is not None and points.grad.isfinite().all() and points.grad.abs().max() > 0
        assert confidence.grad is not None and confidence.grad.isfinite().all()


def test_corrected_speaks_crop_pixels() -> None:
    """The layer's shares of the crop are p = (u + 0.5) / side of pixel u; without a layer points stay as they are."""
    xy, sure = face(5)
    pixels, confidence = xy.double().numpy() * 96 - 0.5, sure[0].double().numpy()
    expected = layer()(xy, sure).double().numpy() * 96 - 0.5
    np.testing.assert_allclose(corrected(layer(), pixels, confidence, 96), expected, atol=1e-4)
    assert corrected(None, pixels, confidence, 96) is pixels


@pytest.mark.parametrize("spec", [hrsupernet(68), HRNetSpec(points=29)], ids=["supernet", "teacher"])
def test_a_spec_without_a_layer_is_written_as_before(spec: HRNetSpec) -> None:
    """Byte for byte as version 3, so that digests of networks without one stay; with one it is version 4."""
    plain = to_json(spec)
    assert plain["format"] == 3 and "shape" not in plain
    shaped = dataclasses.replace(spec, shape=ShapeSpec(bound=0.07))
    assert to_json(shaped)["format"] == 4 and to_json(shaped)["shape"] == {"reach": 0.3, "bound": 0.07}
    assert from_json(to_json(shaped)) == shaped and from_json(plain) == spec
    with pytest.raises(ValueError, match="shape"):
        from_json(to_json(shaped) | {"shape": {"bound": 9.0}})


def test_a_network_carries_its_layer_as_buffers() -> None:
    """In its state, so that it goes wherever weights go; not among its parameters, so that no optimiser moves it."""
    net = build(dataclasses.replace(hrsupernet(5), shape=SPEC))
    names = {"shape.mean", "shape.weight", "shape.bias"}
    assert names <= net.state_dict().keys()
    assert not names & dict(net.named_parameters()).keys()
    assert build(hrsupernet(5)).shape is None
