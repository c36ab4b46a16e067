"""A network on crops: a batch as tensors, what the network sees of it, its points and its scores."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from toolkit.bundle import IMAGENET_MEAN, IMAGENET_STD
from toolkit.core import heatmap, metrics
from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.data.batches import Batch
from toolkit.data.crops import PlainCrops
from toolkit.data.visibility import COVERED, SEEN
from toolkit.models.shape import corrected

Draw = Callable[[Batch], Mapping[str, NDArray[np.int64]]]
"""What a training step draws for itself, from the crops' own generators."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """A batch on its way to, or on, the device that computes."""

    images: Tensor
    """(B, S, S, 3) uint8 RGB."""
    points_xy: Tensor
    """(B, M, 2) float32 in crop pixels; NaN where missing."""
    states: Tensor
    """(B, M) uint8, whether each point is seen, as data.visibility says."""
    drawn: Mapping[str, Tensor] = field(default_factory=dict)
    """What the step's own draw gave, by name."""
    weight: float = 1.0
    """As a batch's."""

    def on(self, device: torch.device) -> "Inputs":
        """The same on a device."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def copy(self) -> "Inputs":
        """The same in memory of its own."""
        return self._each(Tensor.clone)

    def take(self, other: "Inputs") -> None:
        """Fill these tensors with another batch's values, of the same shapes."""
        for ours, theirs in zip(self._tensors(), other._tensors(), strict=True):
            ours.copy_(theirs, non_blocking=True)

    @property
    def covered(self) -> Tensor:
        """(B, M) True where something is known to hide the point."""
        return self.states == COVERED

    @property
    def shapes(self) -> tuple[torch.Size, ...]:
        """Of all tensors."""
        return tuple(tensor.shape for tensor in self._tensors())

    def _tensors(self) -> list[Tensor]:
        return [self.images, self.points_xy, self.states, *self.drawn.values()]

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Inputs":
        drawn = {name: change(tensor) for name, tensor in self.drawn.items()}
        return replace(
            self,
            images=change(self.images),
            points_xy=change(self.points_xy),
            states=change(self.states),
            drawn=drawn,
        )


def inputs(batch: Batch, draw: Draw | None = None) -> Inputs:
    """A batch as tensors on the CPU, with what the step draws for it."""
    drawn = draw(batch) if draw else {}
    return Inputs(
        images=torch.from_numpy(batch.images),
        points_xy=torch.from_numpy(batch.points_xy.astype(np.float32)),
        states=torch.from_numpy(batch.states),
        drawn={name: torch.from_numpy(values) for name, values in drawn.items()},
        weight=batch.weight,
    )


def normalised(images: Tensor) -> Tensor:
    """(B, S, S, 3) uint8 -> (B, 3, S, S) float32 in channels-last memory, by ImageNet's mean and deviation."""
    mean, std = _statistics(images.device)
    return ((images.float() - mean) / std).permute(0, 3, 1, 2)


@cache
def _statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    return torch.tensor(IMAGENET_MEAN, device=device) * 255, torch.tensor(IMAGENET_STD, device=device) * 255


def predict(net: nn.Module, images: ImageArray, sigma_px: float, decoder: heatmap.Decoder = "dark") -> FloatArray:
    """Points (N, M, 2) in crop pixels of crops (N, S, S, 3), after the network's shape layer if it has one."""
    found, confidence = decoded(net, images, sigma_px, decoder)
    layer = getattr(net, "shape", None)
    pairs = zip(found, confidence, strict=True)
    return np.stack([corrected(layer, points_xy, sure, images.shape[1]) for points_xy, sure in pairs])


def decoded(
    net: nn.Module, images: ImageArray, sigma_px: float, decoder: heatmap.Decoder = "dark"
) -> tuple[FloatArray, FloatArray]:
    """Points (N, M, 2) in crop pixels of crops (N, S, S, 3), before any shape layer, and their confidences (N, M)."""
    device = next(net.parameters()).device
    was_training = net.training
    net.eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(images), 32):
            maps = net(normalised(torch.from_numpy(images[start : start + 32]).to(device))).float().cpu().numpy()
            found += [heatmap.decode(m, decoder, sigma_px) for m in maps]
    net.train(was_training)
    points, confidence = zip(*found, strict=True)
    return np.stack(points), np.stack(confidence)


def evaluate(net: nn.Module, crops: PlainCrops, sigma_px: float, decoder: heatmap.Decoder = "dark") -> metrics.Scores:
    """Scores of a network on plain crops."""
    errors = metrics.nme(predict(net, crops.images, sigma_px, decoder), crops.points_xy, crops.faces.scheme)
    return metrics.scores(errors)


def visibility_auc(net: nn.Module, crops: PlainCrops, sigma_px: float) -> float | None:
    """How well the confidences of a network on plain crops tell seen points from covered ones; see core.metrics."""
    if crops.states is None:
        return None
    confidence = decoded(net, crops.images, sigma_px)[1]
    return metrics.visibility_auc(confidence[crops.states == SEEN], confidence[crops.states == COVERED])
