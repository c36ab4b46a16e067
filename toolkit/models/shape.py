"""The shape layer: after decoding, what the points of a face together say about the place of each of them.

A heatmap places its point by itself, though a face has far fewer ways to be than its points have. The layer takes
shift, turn and size out of the points (by the best similarity onto a mean face, each point counting by its confidence),
and adds to each a linear function of how far all of them deviate from that mean face. It is fitted afterwards, by
`sdhrnet shape`, and no training changes it.

It cannot make a face explode that is hidden, cut off or no face at all:

- a point counts in the similarity, and its deviation in the correction, by its confidence, so that what the network did
  not see says little of the rest;
- a deviation counts to `reach` at most, so that a point that landed elsewhere says no more than one at the border;
- no coordinate is corrected by more than `bound`, a share of the size of the face as it was found;
- nothing is divided by what may be 0.

It has neither branches nor indices, and every value of it is near 1, so that it is right in half precision.
"""

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.core.arrays import FloatArray
from toolkit.models.spec import ShapeSpec

LEAST_CONFIDENCE = 0.01
"""What a point counts for in the similarity at least: a picture of no face has an answer too."""
LEAST_SPREAD = 0.01
"""Of the mean face's points around their centre, squared, where only a few of them count; it is 1 where all do."""
LEAST_SIZE = 0.01
"""Of a face, squared root mean square distance of its points from their centre over that of the whole crop."""


class ShapeLayer(nn.Module):
    """One face's points (M, 2) in [0, 1] of the crop and confidences (1, M) -> its corrected points (M, 2).

    A similarity of the points gives the same of the corrected points. As it is made it changes nothing.
    """

    mean: Tensor
    weight: Tensor
    bias: Tensor
    quarter: Tensor
    axes: Tensor
    ones: Tensor
    pair: Tensor

    def __init__(self, spec: ShapeSpec, points: int) -> None:
        super().__init__()
        self.spec = spec
        # buffers: a heatmap loss has no gradient for them, and optimisers and pruning leave them alone
        self.register_buffer("mean", torch.zeros(points, 2))  # centred, of unit size, upright
        self.register_buffer("weight", torch.zeros(2 * points, 2 * points))  # from deviations to corrections
        self.register_buffer("bias", torch.zeros(2 * points))
        self.register_buffer("quarter", torch.tensor([[0.0, -1.0], [1.0, 0.0]]), persistent=False)  # (x, y) -> (y, -x)
        self.register_buffer("axes", torch.eye(2).repeat(points, 1), persistent=False)  # sums x and y of a row
        self.register_buffer("ones", torch.ones(points, 1), persistent=False)
        self.register_buffer("pair", torch.ones(2, 1), persistent=False)

    def forward(self, points: Tensor, confidence: Tensor) -> Tensor:
        deviations, turn = self.deviations(points, confidence)
        limit = self.spec.bound
        shift = (deviations @ self.weight.T + self.bias).clamp(-limit, limit).view(-1, 2)
        return points + self.placed(shift, turn)

    def deviations(self, points: Tensor, confidence: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """(1, 2 M) x and y of each point's deviation from the mean face, upright and of unit size, times its
        confidence; and the face's turn and size, as cosine and sine times the size, (1, 1) each."""
        sure = confidence.clamp(min=LEAST_CONFIDENCE)
        share = sure / (sure @ self.ones)  # (1, M), sums to 1
        column = share.view(-1, 1)
        centre = (column * points).view(1, -1) @ self.axes  # (1, 2)
        around = points - centre
        row = (column * around).view(1, -1)
        # the similarity that fits best, of complex numbers: sum w conj(m) z / sum w |m|^2, m and z from their centres
        along = row @ self.mean.reshape(-1, 1)
        across = row @ (self.mean @ -self.quarter).reshape(-1, 1)
        middle = share @ self.mean  # (1, 2)
        squares = share @ ((self.mean * self.mean) @ self.pair)
        spread = (squares - (middle * middle) @ self.pair).clamp(min=LEAST_SPREAD)
        cosine, sine = along / spread, across / spread
        size = (cosine * cosine + sine * sine).clamp(min=LEAST_SIZE**2)
        upright = around * (cosine / size) + (around @ self.quarter) * (sine / size)
        reach = self.spec.reach
        off = (upright - (self.mean - middle)).clamp(-reach, reach)
        return (off * confidence.view(-1, 1)).view(1, -1), (cosine, sine)

    def placed(self, shift: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        """A shift (M, 2) of the upright face of unit size, as a shift of the face in its crop."""
        cosine, sine = turn
        return shift * cosine - (shift @ self.quarter) * sine


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
