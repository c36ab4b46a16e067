"""The shape layer: after decoding, what the points of a face together say about the place of each of them.

A heatmap places its point by itself, though a face has far fewer ways to be than its points have. The layer is a
perceptron of one hidden layer from how far all points lie from where they are on average in the crop to a correction of
each. It is fitted afterwards, by `sdhrnet shape`, and no training changes it.

It cannot make a face explode that is hidden, cut off or no face at all:

- a deviation counts by its point's confidence, so that what the network did not see says little of the rest;
- it counts to `reach` at most, so that a point that landed elsewhere says no more than one at the border;
- no coordinate is corrected by more than `bound`.

It has neither branches, divisions nor indices, and no value of it is large, so that it is right in half precision.
"""

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.core.arrays import FloatArray
from toolkit.models.spec import ShapeSpec


class ShapeLayer(nn.Module):
    """Points (N, M, 2) of N faces in [0, 1] of the crop, and confidences (N, M) -> the corrected points (N, M, 2).

    As it is made it changes nothing. Inside, a face is one row of 2 M values: LiteRT's GPU engine subtracts a constant
    (M, 2) wrongly, and a constant row rightly.
    """

    mean: Tensor
    hidden_weight: Tensor
    hidden_bias: Tensor
    weight: Tensor
    bias: Tensor
    pairs: Tensor

    def __init__(self, spec: ShapeSpec, points: int) -> None:
        super().__init__()
        self.spec = spec
        # buffers: a heatmap loss has no gradient for them, and optimisers and pruning leave them alone
        self.register_buffer("mean", torch.full((points, 2), 0.5))  # where the points are on average
        self.register_buffer("hidden_weight", torch.zeros(spec.hidden, 2 * points))  # from deviations
        self.register_buffer("hidden_bias", torch.zeros(spec.hidden))
        self.register_buffer("weight", torch.zeros(2 * points, spec.hidden))  # to corrections
        self.register_buffer("bias", torch.zeros(2 * points))
        pairs = torch.eye(points).repeat_interleave(2, dim=1)  # from M values to those of x and y in a row
        self.register_buffer("pairs", pairs, persistent=False)

    def forward(self, points: Tensor, confidence: Tensor) -> Tensor:
        row = points.reshape(len(points), -1)
        return (row + self.shifts(self.deviations(points, confidence))).view(points.shape)

    def shifts(self, deviations: Tensor) -> Tensor:
        """The corrections (N, 2 M) that deviations (N, 2 M) ask for."""
        hidden = torch.relu(deviations @ self.hidden_weight.T + self.hidden_bias)
        return (hidden @ self.weight.T + self.bias).clamp(-self.spec.bound, self.spec.bound)

    def deviations(self, points: Tensor, confidence: Tensor) -> Tensor:
        """(N, 2 M): x and y of each point's deviation from its mean place, times its confidence."""
        off = points.reshape(len(points), -1) - self.mean.view(1, -1)
        return off.clamp(-self.spec.reach, self.spec.reach) * (confidence @ self.pairs)


def corrected(layer: ShapeLayer | None, points_xy: FloatArray, confidence: FloatArray, size_px: int) -> FloatArray:
    """Decoded points (M, 2) in crop pixels after a network's shape layer; as they are where it has none.

    Args:
        layer: the network's.
        points_xy: (M, 2) as decoded.
        confidence: (M,) of them.
        size_px: side of the crop.
    """
    if layer is None:
        return points_xy
    device = layer.mean.device
    shares = torch.from_numpy(((points_xy + 0.5) / size_px).astype(np.float32)).to(device)
    with torch.no_grad():
        (found,) = layer(shares[None], torch.from_numpy(confidence.astype(np.float32)).to(device)[None])
    return np.asarray(found.cpu().numpy().astype(np.float64) * size_px - 0.5)
