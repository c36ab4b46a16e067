"""The shape layer: a bounded perceptron on what is seen, whose corrections stay small whatever the points are."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from toolkit.models.building import build
from toolkit.models.shape import ShapeLayer, corrected
from toolkit.models.spec import HRNetSpec, ShapeSpec, from_json, hrsupernet, to_json

POINTS = 9
HIDDEN = 24
SPEC = ShapeSpec(reach=0.2, bound=0.03, hidden=HIDDEN)


def layer() -> ShapeLayer:
    """Random maps that ask for more than the bound here and there."""
    made, draw = ShapeLayer(SPEC, POINTS), torch.Generator().manual_seed(0)
    made.load_state_dict(
        {
            "mean": 0.5 + 0.2 * torch.randn(POINTS, 2, generator=draw),
            "hidden_weight": torch.randn(HIDDEN, 2 * POINTS, generator=draw),
            "hidden_bias": 0.1 * torch.randn(HIDDEN, generator=draw),
            "weight": 0.1 * torch.randn(2 * POINTS, HIDDEN, generator=draw),
            "bias": 0.01 * torch.randn(2 * POINTS, generator=draw),
        }
    )
    return made


def face(seed: int) -> tuple[Tensor, Tensor]:
    """Points (1, M, 2) around their mean places, and confidences (1, M)."""
    draw = torch.Generator().manual_seed(100 + seed)
    return (layer().mean + 0.05 * torch.randn(POINTS, 2, generator=draw))[None], torch.rand(1, POINTS, generator=draw)


def test_a_fresh_layer_changes_nothing() -> None:
    """Until it is fitted."""
    xy, sure = face(0)
    torch.testing.assert_close(ShapeLayer(SPEC, POINTS)(xy, sure), xy, rtol=0, atol=0)


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_perceptron_that_it_says(seed: int) -> None:
    """Against NumPy, point by point, on a face that no limit meets and on one that they do."""
    model = layer()
    own = {name: value.double().numpy() for name, value in model.state_dict().items()}
    xy, sure = face(seed)
    for points in (xy, xy + 0.3 * torch.randn(POINTS, 2, generator=torch.Generator().manual_seed(seed))):
        off = (
            np.clip(points.double().numpy() - own["mean"], -SPEC.reach, SPEC.reach) * sure[0].double().numpy()[:, None]
        )
        hidden = np.maximum(own["hidden_weight"] @ off.ravel() + own["hidden_bias"], 0)
        shift = np.clip(own["weight"] @ hidden + own["bias"], -SPEC.bound, SPEC.bound).reshape(-1, 2)
        assert np.abs(shift).max() > 0.005
        np.testing.assert_allclose(model(points, sure)[0].numpy(), points[0].numpy() + shift, atol=1e-6)


def test_faces_are_corrected_by_themselves() -> None:
    """Several at once as one by one."""
    faces = [face(seed) for seed in range(3)]
    together = layer()(*(torch.cat(values) for values in zip(*faces, strict=True)))
    torch.testing.assert_close(together, torch.cat([layer()(*each) for each in faces]))


@pytest.mark.parametrize("kind", ["one place", "far outside", "not seen", "huge", "anywhere"])
def test_no_points_make_a_face_explode(kind: str) -> None:
    """Finite, and no coordinate moves by more than the bound."""
    xy, sure = face(1)
    given = {
        "one place": (torch.full_like(xy, 0.3), sure),
        "far outside": (xy + 50, sure),
        "not seen": (xy, torch.zeros_like(sure)),
        "huge": (xy * 1e3, torch.ones_like(sure)),
        "anywhere": (torch.rand(1, POINTS, 2, generator=torch.Generator().manual_seed(0)), sure**8),
    }[kind]
    found = layer()(*given)
    assert found.isfinite().all()
    assert (found - given[0]).abs().max() <= SPEC.bound + 1e-6 * given[0].abs().max().item()


def test_what_is_not_seen_says_nothing_of_the_rest() -> None:
    """A point of no confidence that lands elsewhere moves no other; one that is seen does."""
    xy, _ = face(2)
    thrown = xy.clone()
    thrown[0, 4] += torch.tensor([0.2, -0.15])
    rest = [i for i in range(POINTS) if i != 4]
    moved = {}
    for confidence in (0.0, 1.0):
        sure = torch.ones(1, POINTS)
        sure[0, 4] = confidence
        moved[confidence] = (layer()(thrown, sure) - layer()(xy, sure))[0, rest].norm(dim=1).mean().item()
    assert moved[0.0] == 0 and moved[1.0] > 0.003


def test_it_can_be_trained_through() -> None:
    """Gradients of points and confidences are finite, also where all points lie in one place."""
    for xy, sure in (face(0), (torch.full((1, POINTS, 2), 0.5), torch.ones(1, POINTS))):
        points, confidence = xy.clone().requires_grad_(), sure.clone().requires_grad_()
        layer()(points, confidence).square().sum().backward()
        assert points.grad is not None and points.grad.isfinite().all() and points.grad.abs().max() > 0
        assert confidence.grad is not None and confidence.grad.isfinite().all()


def test_corrected_speaks_crop_pixels() -> None:
    """The layer's shares of the crop are p = (u + 0.5) / side of pixel u; without a layer points stay as they are."""
    xy, sure = face(5)
    pixels, confidence = xy[0].double().numpy() * 96 - 0.5, sure[0].double().numpy()
    expected = layer()(xy, sure)[0].double().numpy() * 96 - 0.5
    np.testing.assert_allclose(corrected(layer(), pixels, confidence, 96), expected, atol=1e-4)
    assert corrected(None, pixels, confidence, 96) is pixels


@pytest.mark.parametrize("spec", [hrsupernet(68), HRNetSpec(points=29)], ids=["supernet", "teacher"])
def test_a_spec_without_a_layer_is_written_as_before(spec: HRNetSpec) -> None:
    """Byte for byte as version 3, so that digests of networks without one stay; with one it is version 6."""
    plain = to_json(spec)
    assert plain["format"] == 3 and "shape" not in plain
    shaped = dataclasses.replace(spec, shape=ShapeSpec(bound=0.07))
    assert to_json(shaped)["format"] == 6
    assert to_json(shaped)["shape"] == {"reach": 0.25, "bound": 0.07, "hidden": 256}
    assert from_json(to_json(shaped)) == shaped and from_json(plain) == spec
    with pytest.raises(ValueError, match="shape"):
        from_json(to_json(shaped) | {"shape": {"bound": 9.0}})


def test_a_network_carries_its_layer_as_buffers() -> None:
    """In its state, so that it goes wherever weights go; not among its parameters, so that no optimiser moves it."""
    net = build(dataclasses.replace(hrsupernet(5), shape=SPEC))
    names = {f"shape.{name}" for name in ("mean", "hidden_weight", "hidden_bias", "weight", "bias")}
    assert names <= net.state_dict().keys()
    assert not names & dict(net.named_parameters()).keys()
    assert build(hrsupernet(5)).shape is None
