"""A network on crops: the device it runs on, its input, its points and its scores."""

from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.bundle import IMAGENET_MEAN, IMAGENET_STD
from toolkit.core import heatmap, metrics
from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.data.batches import PlainCrops


def pick_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU; otherwise torch's own names.

    Raises:
        ValueError: the device is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"device {name!r} cannot be used here ({str(error).splitlines()[0]}); try --device auto"
        ) from error
    return torch.device(name)


def normalised(images: Tensor) -> Tensor:
    """(B, S, S, 3) uint8 -> (B, 3, S, S) float32 in channels-last memory, by ImageNet's mean and deviation."""
    mean, std = _statistics(images.device)
    return ((images.float() - mean) / std).permute(0, 3, 1, 2)


@cache
def _statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    return torch.tensor(IMAGENET_MEAN, device=device) * 255, torch.tensor(IMAGENET_STD, device=device) * 255


def predict(net: nn.Module, images: ImageArray, sigma_px: float, decoder: heatmap.Decoder = "dark") -> FloatArray:
    """Points (N, M, 2) in crop pixels of crops (N, S, S, 3)."""
    device = next(net.parameters()).device
    was_training = net.training
    net.eval()
    points = []
    with torch.inference_mode():
        for start in range(0, len(images), 32):
            maps = net(normalised(torch.from_numpy(images[start : start + 32]).to(device))).float().cpu().numpy()
            points += [heatmap.decode(m, decoder, sigma_px)[0] for m in maps]
    net.train(was_training)
    return np.stack(points)


def evaluate(net: nn.Module, crops: PlainCrops, sigma_px: float) -> metrics.Scores:
    """Scores of a network on plain crops."""
    errors = metrics.nme(predict(net, crops.images, sigma_px), crops.points_xy, crops.faces.scheme)
    return metrics.scores(errors)
