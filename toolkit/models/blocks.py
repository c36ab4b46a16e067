"""The pieces that HRNet and HRSuperNet share: convolutions with norms, residual blocks, transformations, the head."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Depthwise(nn.Conv2d):
    """3x3 convolution of each channel by itself.

    For maps of 1 or 2 pixels a side, oneDNN's gradient of the weights falls back to a matrix product, two to five times
    slower than the rest of the block; zeros beside the map, which the padding means anyway, bring its own kernel back.
    """

    def __init__(self, width: int) -> None:
        super().__init__(width, width, 3, padding=1, groups=width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        if not self.training or min(height, width) > 2:
            return super().forward(x)
        return super().forward(F.pad(x, (0, max(0, 3 - width), 0, max(0, 3 - height))))[..., :height, :width]


def conv_bn(c_in: int, c_out: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    """Convolution without bias, same padding, then BatchNorm."""
    conv = nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, bias=False)
    return [conv, nn.BatchNorm2d(c_out)]


def stem(widths: tuple[int, int]) -> nn.Sequential:
    """RGB (B, 3, H, W) -> (B, widths[1], H/4, W/4)."""
    first, second = widths
    return nn.Sequential(*conv_bn(3, first, 3, 2), nn.ReLU(), *conv_bn(first, second, 3, 2), nn.ReLU())


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a residual, width unchanged (He et al., 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*conv_bn(width, width, 3), nn.ReLU(), *conv_bn(width, width, 3))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.body(x))


class Bottleneck(nn.Module):
    """1x1 down, 3x3, 1x1 up and a residual (He et al., 2016); the shortcut is a 1x1 where the width changes."""

    def __init__(self, c_in: int, inner: int, c_out: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *conv_bn(c_in, inner, 1), nn.ReLU(), *conv_bn(inner, inner, 3), nn.ReLU(), *conv_bn(inner, c_out, 1)
        )
        self.shortcut = nn.Identity() if c_in == c_out else nn.Sequential(*conv_bn(c_in, c_out, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.shortcut(x) + self.body(x))


class Gate(nn.Module):
    """A map times its importance factor, as a module of its own: where slimming can switch a path off."""

    def forward(self, x: Tensor, factor: Tensor) -> Tensor:
        return factor * x


class MBConv(nn.Module):
    """Mobile inverted bottleneck with expansion 1 (Sandler et al., 2018): depthwise 3x3, 1x1, residual.

    With a depth factor, the residual body is multiplied by it, and can be switched off.
    """

    factor: nn.Parameter | None

    def __init__(self, width: int, factored: bool = False) -> None:
        super().__init__()
        self.body = nn.Sequential(Depthwise(width), nn.BatchNorm2d(width), nn.ReLU6(), *conv_bn(width, width, 1))
        self.register_parameter("factor", nn.Parameter(torch.ones(())) if factored else None)
        self.gate = Gate() if factored else None

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        return x + (y if self.gate is None else self.gate(y, self.factor))


def down(c_in: int, inner: tuple[int, ...], c_out: int) -> nn.Sequential:
    """A chain of stride-2 3x3 convolutions, halving the sides len(inner) + 1 times; no activation after the last."""
    layers: list[nn.Module] = []
    for width in inner:
        layers += [*conv_bn(c_in, width, 3, 2), nn.ReLU()]
        c_in = width
    return nn.Sequential(*layers, *conv_bn(c_in, c_out, 3, 2))


def upsample(x: Tensor, factor: int) -> Tensor:
    """(B, C, h, w) -> (B, C, h * factor, w * factor), bilinear with half-pixel centres."""
    if factor == 1:
        return x
    return F.interpolate(x, scale_factor=float(factor), mode="bilinear", align_corners=False)


class Head(nn.Module):
    """All final branches at the first one's resolution, concatenated, then two 1x1 convolutions to M heatmaps.

    While training, the first convolution runs on each branch before the upsampling, with which it commutes, and the
    results are summed: the same values up to rounding, with half the work of the published order.
    """

    def __init__(self, c_in: int, hidden: int, points: int) -> None:
        super().__init__()
        self.hidden = nn.Conv2d(c_in, hidden, 1)
        self.norm = nn.BatchNorm2d(hidden)
        self.out = nn.Conv2d(hidden, points, 1)

    def forward(self, branches: dict[int, Tensor]) -> Tensor:
        # branches[k]: (B, widths[k], H/4 / 2**k, W/4 / 2**k) -> (B, M, H/4, W/4)
        if self.training:
            x = self._hidden_of_branches(branches)
        else:
            x = self.hidden(torch.cat([upsample(x, 2**k) for k, x in branches.items()], dim=1))
        heatmaps: Tensor = self.out(F.relu(self.norm(x)))
        return heatmaps

    def _hidden_of_branches(self, branches: dict[int, Tensor]) -> Tensor:
        parts = torch.split(self.hidden.weight, [x.shape[1] for x in branches.values()], dim=1)
        biases = [self.hidden.bias, *[None] * (len(parts) - 1)]
        terms = [
            upsample(F.conv2d(x, weight, bias), 2**k)
            for (k, x), weight, bias in zip(branches.items(), parts, biases, strict=True)
        ]
        return sum(terms[1:], terms[0])


def initialise(net: nn.Module, conv_std: float | None) -> None:
    """Convolutions from N(0, conv_std), or by He et al. (2015, fan out) if it is None; the output layer near 0."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            if conv_std is None:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            else:
                nn.init.normal_(module.weight, std=conv_std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for module in net.modules():
        if isinstance(module, Head):
            nn.init.normal_(module.out.weight, std=0.001)
