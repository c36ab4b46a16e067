"""A small network, and ways to convert it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from toolkit.models.blocks import MBConv, conv_bn, down, upsample


class Pieces(nn.Module):
    """What the networks are made of, small, for a non-square image."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*conv_bn(3, 8, 3, 2), nn.ReLU(), MBConv(8))
        self.low = down(8, (8,), 12)
        self.up = nn.Sequential(*conv_bn(12, 6, 1))
        self.out = nn.Conv2d(14, 5, 1)

    def forward(self, image: Tensor) -> Tensor:
        x = self.stem((image - 127.5) / 64)
        return self.out(torch.cat([x, upsample(self.up(self.low(x)), 4)], 1)).sigmoid()


def noisy(net: nn.Module) -> nn.Module:
    """A network in evaluation mode whose norms have statistics that matter."""
    generator = torch.Generator().manual_seed(0)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean = torch.randn(module.num_features, generator=generator) / 10
            module.running_var = torch.rand(module.num_features, generator=generator) + 0.5
    return net.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def pieces() -> nn.Module:
    """The small network, with fixed weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return noisy(Pieces())


@pytest.fixture(scope="session")
def image() -> NDArray[np.float32]:
    """(1, 3, 24, 40) random pixels in 0..255."""
    return np.random.default_rng(1).integers(0, 256, (1, 3, 24, 40)).astype(np.float32)


Convert = Callable[..., Any]
VARIANTS = {"f32": (False, "iOS15"), "f16": (True, "iOS15"), "f32-17": (False, "iOS17"), "f16-18": (True, "iOS18")}


@pytest.fixture(scope="session")
def packages(
    convert: Convert, pieces: nn.Module, image: NDArray[np.float32], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """The small network as packages of both precisions and several generations."""
    folder = tmp_path_factory.mktemp("packages")
    for name, (half, target) in VARIANTS.items():
        convert(pieces, image.shape, target, half=half).save(str(folder / f"{name}.mlpackage"))
    return {name: folder / f"{name}.mlpackage" for name in VARIANTS}
