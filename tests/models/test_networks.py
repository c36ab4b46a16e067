"""Networks: shapes on non-square inputs, and equation 1 against a plain reference."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from toolkit.models.blocks import Depthwise, Head, upsample
from toolkit.models.building import build
from toolkit.models.spec import HRNetSpec, Spec, hrsupernet, s_hrnet
from toolkit.models.supernet import HRSuperNet


@pytest.mark.parametrize("spec", [HRNetSpec(points=68), hrsupernet(98), s_hrnet("cofw", 29)], ids=str)
def test_heatmaps_are_a_quarter_of_the_input(spec: Spec) -> None:
    """(B, 3, H, W) -> (B, M, H/4, W/4), also where H and W differ."""
    with torch.no_grad():
        assert build(spec).eval()(torch.zeros(2, 3, 64, 96)).shape == (2, spec.points, 16, 24)


def test_supernet_starts_as_plain_fusion() -> None:
    """alpha is 1 for all 132 edges, and weights() holds every other parameter."""
    net = build(hrsupernet(68))
    assert isinstance(net, HRSuperNet)
    assert net.alpha.shape == (132,) and bool((net.alpha == 1).all())
    assert sum(p.numel() for p in net.weights()) == 3_403_430


def test_first_outputs_are_near_zero() -> None:
    """An untrained network predicts flat heatmaps, not large noise: training starts from the targets' background."""
    for spec in (HRNetSpec(points=68), hrsupernet(68)):
        torch.manual_seed(0)
        with torch.no_grad():
            assert build(spec).train()(torch.randn(2, 3, 64, 64)).abs().max() < 0.5


def test_a_block_is_equation_1() -> None:
    """Stage 3's block 1 equals E(ReLU(sum of alpha T(x))) computed step by step from its own convolutions."""
    torch.manual_seed(1)
    net = build(hrsupernet(68)).eval()
    assert isinstance(net, HRSuperNet)
    block = net.stages["3"]["1"]  # type: ignore[index]
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    x = {k: torch.randn(1, w, 24 // 2**k, 16 // 2**k) for k, w in enumerate((18, 36, 72, 144))}
    alpha = {k: torch.tensor(v) for k, v in enumerate((0.3, -0.7, 1.1, 0.2))}
    edges = block.edges
    total = alpha[0] * edges["0"](x[0]) + alpha[1] * x[1]
    for source in (2, 3):
        small = edges[str(source)](x[source])
        total = total + alpha[source] * F.interpolate(small, size=(12, 8), mode="bilinear", align_corners=False)
    expected = block.encoder(F.relu(total))
    torch.testing.assert_close(block(x, alpha), expected, rtol=1e-5, atol=1e-5)


def test_mbconv_is_depthwise_then_pointwise_without_final_activation() -> None:
    """Residual + BN(1x1(ReLU6(BN(depthwise 3x3)))), so outputs may be negative."""
    net = build(hrsupernet(68))
    body = net.stage1[0].body  # type: ignore[union-attr, index]
    kinds = [type(m).__name__ for m in body]
    assert kinds == ["Depthwise", "BatchNorm2d", "ReLU6", "Conv2d", "BatchNorm2d"]
    assert body[0].groups == 64 and body[3].kernel_size == (1, 1)


def grown(net: nn.Module, image: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Heatmaps of a training step, and every gradient of their mean square."""
    maps = net(image)
    maps.square().mean().backward()
    return maps.detach(), {k: p.grad for k, p in net.named_parameters() if p.grad is not None}


class PublishedHead(Head):
    """The head in the published order: everything upsampled, then one convolution."""

    def _hidden_of_branches(self, branches: dict[int, torch.Tensor]) -> torch.Tensor:
        return self.hidden(torch.cat([upsample(x, 2**k) for k, x in branches.items()], dim=1))  # type: ignore[no-any-return]


@pytest.mark.slow
def test_training_computes_the_published_network() -> None:
    """The head's early convolution and the padded depthwise one change neither heatmaps nor gradients (1e-12, float64);
    at 64 x 96 the lowest branch is 2 x 3 pixels, at 32 x 64 it is 1 x 2."""
    torch.manual_seed(2)
    fast = build(hrsupernet(5)).double().train()
    plain = copy.deepcopy(fast)
    for module in plain.modules():
        if isinstance(module, Head):
            module.__class__ = PublishedHead
        elif isinstance(module, Depthwise):
            module.__class__ = nn.Conv2d
    for height, width in ((64, 96), (32, 64)):
        fast.zero_grad()
        plain.zero_grad()
        image = torch.randn(3, 3, height, width, dtype=torch.float64)
        found, expected = grown(fast, image), grown(plain, image)
        torch.testing.assert_close(found[0], expected[0], rtol=0, atol=1e-12)
        assert found[1].keys() == expected[1].keys()
        for name, value in expected[1].items():
            torch.testing.assert_close(found[1][name], value, rtol=1e-6, atol=1e-12, msg=name)
