"""What ships: a crop's pixels in, its points out, in one graph. Every converter takes this module and nothing else.

Input (1, 3, S, S) float, RGB in 0..255. Outputs `points` (1, M, 2), x before y, in [0, 1] of the crop, that is
p = (u + 0.5) / S for crop pixel u, and `confidence` (1, M). The heatmap variant ends before the decoding with
`heatmaps` (1, S/4, S/4, M).

The mean is subtracted as an operation of its own, since the stem pads with zeros, which stand for the mean colour; the
scale is in the first convolution. Decoding repeats core.heatmap.decode with static shapes and operations that every
converter knows: flat indices, and one gather of each peak's 3 x 3 neighbours.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toolkit.bundle import Bundle, Card
from toolkit.core import heatmap
from toolkit.slimming.fold import Rewrite, fold

GX = (0, 0, 0, -0.5, 0, 0.5, 0, 0, 0)
GY = (0, -0.5, 0, 0, 0, 0, 0, 0.5, 0)
HXX = (0, 0, 0, 1, -2, 1, 0, 0, 0)
HYY = (0, 1, 0, 0, -2, 0, 0, 1, 0)
HXY = (0.25, 0, -0.25, 0, 0, 0, -0.25, 0, 0.25)
"""Central differences over the 3 x 3 neighbours in reading order, as in core.heatmap; exact in float16."""


class Network(nn.Module):
    """(1, 3, S, S) RGB in 0..255 -> (1, M, S/4, S/4) heatmaps."""

    mean: Tensor

    def __init__(self, bundle: Bundle, through: Rewrite | None = "head") -> None:
        super().__init__()
        mean, std = (255 * torch.tensor(v, dtype=torch.float64) for v in (bundle.card.mean, bundle.card.std))
        self.register_buffer("mean", mean.float().view(1, 3, 1, 1))
        self.net = bundle.network() if through is None else fold(bundle.network(), through)
        first = self.net.stem[0]  # type: ignore[index]
        assert isinstance(first, nn.Conv2d)
        with torch.no_grad():
            first.weight.copy_(first.weight.double() / std.view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        return self.net(image - self.mean)  # type: ignore[no-any-return]


def _columns(*filters: tuple[float, ...]) -> Tensor:
    """Filters over 9 neighbours as a (9, n) matrix."""
    return torch.tensor(filters, dtype=torch.float32).T.contiguous()


class _NewtonStep(nn.Module):
    """DARK's step (M, 2) for (M, 9) neighbours: half a pixel at most, zero where the log map is not peaked."""

    gradient: Tensor
    swapped_gradient: Tensor
    swapped_curvature: Tensor
    hxx: Tensor
    hyy: Tensor
    hxy: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("gradient", _columns(GX, GY))
        self.register_buffer("swapped_gradient", _columns(GY, GX))
        self.register_buffer("swapped_curvature", _columns(HYY, HXX))
        for name, row in (("hxx", HXX), ("hyy", HYY), ("hxy", HXY)):
            self.register_buffer(name, _columns(row))

    def forward(self, around: Tensor) -> Tensor:
        logs = around.clamp(min=heatmap.LOG_FLOOR).log()
        hxx, hyy, hxy = logs @ self.hxx, logs @ self.hyy, logs @ self.hxy  # (M, 1) each
        determinant = hxx * hyy - hxy * hxy
        # a positive determinant gives both curvatures one sign, and their sum tells which
        peaked = (determinant > 1e-6) & (hxx + hyy < 0)
        step = hxy * (logs @ self.swapped_gradient) - (logs @ self.swapped_curvature) * (logs @ self.gradient)
        step = (step / torch.where(peaked, determinant, 1.0)).clamp(-0.5, 0.5)
        return torch.where(peaked, step, 0.0)


class _QuarterShift(nn.Module):
    """A quarter pixel towards the higher neighbour, (M, 2) for (M, 9) neighbours."""

    gradient: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("gradient", _columns(GX, GY))

    def forward(self, around: Tensor) -> Tensor:
        return 0.25 * torch.sign(around @ self.gradient)


class Decode(nn.Module):
    """(1, M, h, w) heatmaps -> points (1, M, 2) in [0, 1] and confidence (1, M): core.heatmap.decode in the graph."""

    vertical: Tensor
    horizontal: Tensor
    dx: Tensor
    dy: Tensor
    channel: Tensor

    def __init__(self, card: Card, points: int) -> None:
        super().__init__()
        self.decoder = card.decoder
        self.side = card.size_px // heatmap.STRIDE
        self.points = points
        self.radius = len(heatmap.smoothing_kernel(card.sigma_px)) // 2
        kernel = torch.from_numpy(heatmap.smoothing_kernel(card.sigma_px)).float().expand(points, 1, -1)
        self.register_buffer("vertical", kernel[..., None].clone())  # (M, 1, k, 1)
        self.register_buffer("horizontal", kernel[:, :, None].clone())  # (M, 1, 1, k)
        self.step = _NewtonStep() if card.decoder == "dark" else _QuarterShift()
        around = torch.arange(-1.0, 2.0)
        self.register_buffer("dx", around.repeat(3).view(1, 9))
        self.register_buffer("dy", around.repeat_interleave(3).view(1, 9))
        self.register_buffer("channel", torch.arange(float(points)).view(points, 1))

    def forward(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        confidence = heatmaps.amax(dim=(2, 3)).clamp(0, 1)  # (1, M)
        maps = self._smooth(heatmaps) if self.decoder == "dark" else heatmaps
        flat = maps.permute(0, 2, 3, 1).reshape(self.side * self.side, self.points)
        peak = flat.argmax(dim=0).float().view(self.points, 1)
        row = torch.floor((peak + 0.5) * (1 / self.side))
        column = peak - row * self.side
        position = torch.cat([column, row], dim=1)  # (M, 2)
        if self.decoder != "argmax":
            position = position + self.step(self._neighbours(flat, column, row))
        points = (position + 0.5) * (1 / self.side)
        return points.view(1, self.points, 2), confidence

    def _smooth(self, heatmaps: Tensor) -> Tensor:
        half = self.radius
        rows = F.conv2d(heatmaps, self.vertical, padding=(half, 0), groups=self.points)
        return F.conv2d(rows, self.horizontal, padding=(0, half), groups=self.points)

    def _neighbours(self, flat: Tensor, column: Tensor, row: Tensor) -> Tensor:
        """The (M, 9) pixels around each peak; outside the map its nearest pixel."""
        last = self.side - 1
        x = (column + self.dx).clamp(0, last)  # (M, 9)
        y = (row + self.dy).clamp(0, last)
        # whole numbers below 2**24 are exact in float32
        index = (y * self.side + x) * self.points + self.channel
        chosen = torch.index_select(flat.reshape(-1), 0, index.reshape(-1).to(torch.int32))
        return chosen.view(self.points, 9)


class Deployed(nn.Module):
    """(1, 3, S, S) RGB in 0..255 -> points (1, M, 2) in [0, 1] and confidence (1, M).

    What ships has all exact rewrites; to measure their gain, `through` names the last one that is done, or none.
    """

    def __init__(self, bundle: Bundle, through: Rewrite | None = "head") -> None:
        super().__init__()
        self.network = Network(bundle, through)
        self.decode = Decode(bundle.card, bundle.scheme.points)
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return self.decode(self.network(image))  # type: ignore[no-any-return]


class DeployedHeatmaps(nn.Module):
    """(1, 3, S, S) RGB in 0..255 -> heatmaps (1, S/4, S/4, M), for platforms that decode by themselves."""

    def __init__(self, bundle: Bundle) -> None:
        super().__init__()
        self.network = Network(bundle)
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> Tensor:
        return self.network(image).permute(0, 2, 3, 1)  # type: ignore[no-any-return]
