"""The shape layer: after decoding, what the points of a face together say about the place of each of them.

A heatmap places its point by itself, though a face has far fewer ways to be than its points have. The layer adds to
each point a linear function of how far all of them lie from where they are on average in the crop. It is fitted
afterwards, by `sdhrnet shape`, and no training changes it. A shift, and a turn or a change of size of the mean face,
are linear in the points, so that the fit learns to leave them alone; to take them out first, by the best similarity,
would take 35 more operations in every file.

It cannot make a face explode that is hidden, cut off or no face at all:

- a deviation counts by its point's confidence, so that what the network did not see says little of the rest;
- it counts to `reach` at most, so that a point that landed elsewhere says no more than one at the border;
- no coordinate is corrected by more than `bound`.

It has neither branches, divisions nor indices, and no value of it is above 1, so that it is right in half precision.
"""

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.core.arrays import FloatArray
from toolkit.models.spec import ShapeSpec


class ShapeLayer(nn.Module):
    """One face's points (M, 2) in [0, 1] of the crop and confidences (1, M) -> its corrected points (M, 2).

    As it is made it changes nothing.
    """

    mean: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(self, spec: ShapeSpec, points: int) -> None:
        super().__init__()
        self.spec = spec
        # buffers: a heatmap loss has no gradient for them, and optimisers and pruning leave them alone
        self.register_buffer("mean", torch.full((points, 2), 0.5))  # where the points are on average
        self.register_buffer("weight", torch.zeros(2 * points, 2 * points))  # from deviations to corrections
        self.register_buffer("bias", torch.zeros(2 * points))

    def forward(self, points: Tensor, confidence: Tensor) -> Tensor:
        limit = self.spec.bound
        shift = (self.deviations(points, confidence) @ self.weight.T + self.bias).clamp(-limit, limit)
        return points + shift.view(-1, 2)

    def deviations(self, points: Tensor, confidence: Tensor) -> Tensor:
        """(1, 2 M): x and y of each point's deviation from its mean place, times its confidence."""
        off = (points - self.mean).clamp(-self.spec.reach, self.spec.reach)
        return (off * confidence.view(-1, 1)).view(1, -1)


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
        found = layer(shares, torch.from_numpy(confidence.astype(np.float32)).to(device)[None])
    return np.asarray(found.cpu().numpy().astype(np.float64) * size_px - 0.5)
