"""What ships: a crop's pixels in, its points out, in one graph. Every converter takes this module and nothing else.

Input (1, 3, S, S) float, RGB in 0..255. Outputs `points` (1, M, 2), x before y, in [0, 1] of the crop, that is
p = (u + 0.5) / S for crop pixel u, and `confidence` (1, M). The heatmap variant ends before the decoding with
`heatmaps` (1, S/4, S/4, M).

The mean is subtracted as an operation of its own, since the stem pads with zeros, which stand for the mean colour; the
scale is in the first convolution. Decoding repeats core.heatmap.decode with static shapes and operations that every
converter knows. What it has to know of a peak's pixel stands in two tables: its centre in [0, 1], and the flat indices
of its neighbours. No index is ever a float, since half precision holds whole numbers to 2048 and the indices of 98 maps
of 64 x 64 pixels go to 401,407; the one sum of indices is in int32.
The reference that converted files are compared with stands beside it: the bundle's own network, unfolded.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toolkit.bundle import Bundle, Card
from toolkit.core import heatmap
from toolkit.core.arrays import ImageArray
from toolkit.core.schemes import Scheme
from toolkit.models.shape import corrected
from toolkit.models.threads import torch_threads
from toolkit.runtime.landmarker import Prediction, known_floor
from toolkit.runtime.tensors import check_crop
from toolkit.slimming.fold import Rewrite, fold

GX = (0, 0, 0, -0.5, 0, 0.5, 0, 0, 0)
GY = (0, -0.5, 0, 0, 0, 0, 0, 0.5, 0)
HXX = (0, 0, 0, 1, -2, 1, 0, 0, 0)
HYY = (0, 1, 0, 0, -2, 0, 0, 1, 0)
HXY = (0.25, 0, -0.25, 0, 0, 0, -0.25, 0, 0.25)
"""Central differences over the 3 x 3 neighbours in reading order, as in core.heatmap; exact in float16."""


class DeployedNetwork(nn.Module):
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
    """DARK's step (M, 2) in pixels for (M, 9) neighbours: half of one at most, zero where the log map is not peaked."""

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


class _CentroidStep(nn.Module):
    """To the centre of the squared values around the peak, (M, 2) in pixels for (M, (2 r + 1)^2) neighbours."""

    offsets: Tensor
    ones: Tensor

    def __init__(self, radius: int) -> None:
        super().__init__()
        along = torch.arange(-radius, radius + 1, dtype=torch.float32)
        down, across = torch.meshgrid(along, along, indexing="ij")
        self.register_buffer("offsets", torch.stack([across.reshape(-1), down.reshape(-1)], dim=1))
        self.register_buffer("ones", torch.ones(len(self.offsets), 1))

    def forward(self, around: Tensor) -> Tensor:
        weight = F.relu(around)
        weight = weight * weight
        return ((weight @ self.offsets) / (weight @ self.ones).clamp(min=heatmap.CENTROID_FLOOR)).clamp(-0.5, 0.5)


class _QuarterShift(nn.Module):
    """A quarter pixel towards the higher neighbour, (M, 2) in pixels for (M, 9) neighbours."""

    gradient: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("gradient", _columns(GX, GY))

    def forward(self, around: Tensor) -> Tensor:
        return 0.25 * torch.sign(around @ self.gradient)


_STEPS: Mapping[heatmap.Decoder, Callable[[int], nn.Module]] = {
    "dark": lambda reach: _NewtonStep(),
    "centroid": _CentroidStep,
    "quarter": lambda reach: _QuarterShift(),
    "argmax": lambda reach: nn.Identity(),
}


class Decode(nn.Module):
    """(1, M, h, w) heatmaps -> points (1, M, 2) in [0, 1] and confidence (1, M): core.heatmap.decode in the graph."""

    vertical: Tensor
    horizontal: Tensor
    place: Tensor
    around: Tensor
    map: Tensor

    def __init__(self, card: Card, points: int) -> None:
        super().__init__()
        self.decoder = card.decoder
        self.side = card.size_px // heatmap.STRIDE
        self.points = points
        self.radius = len(heatmap.smoothing_kernel(card.sigma_px)) // 2
        kernel = torch.from_numpy(heatmap.smoothing_kernel(card.sigma_px)).float().expand(points, 1, -1)
        self.register_buffer("vertical", kernel[..., None].clone())  # (M, 1, k, 1)
        self.register_buffer("horizontal", kernel[:, :, None].clone())  # (M, 1, 1, k)
        self.reach = heatmap.centroid_radius(card.sigma_px) if card.decoder == "centroid" else 1
        self.step = _STEPS[card.decoder](self.reach)
        place, around = _pixels(self.side, self.reach)
        self.register_buffer("place", place)
        self.register_buffer("around", around * points)  # where the pixels' values begin, M in a row
        self.register_buffer("map", torch.arange(points, dtype=torch.int32).view(points, 1))

    def forward(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        confidence = heatmaps.amax(dim=(2, 3)).clamp(0, 1)  # (1, M)
        maps = self._smooth(heatmaps) if self.decoder == "dark" else heatmaps
        flat = maps.permute(0, 2, 3, 1).reshape(self.side * self.side, self.points)
        peak = flat.argmax(dim=0).to(torch.int32)  # (M,)
        position = self.place[peak]  # (M, 2)
        if self.decoder != "argmax":
            # in one row: GPU delegates take no other indices
            index = (self.around[peak] + self.map).reshape(-1)
            position = position + self.step(flat.reshape(-1)[index].view(self.points, -1)) * (1 / self.side)
        return position.view(1, self.points, 2), confidence

    def _smooth(self, heatmaps: Tensor) -> Tensor:
        half = self.radius
        rows = F.conv2d(heatmaps, self.vertical, padding=(half, 0), groups=self.points)
        return F.conv2d(rows, self.horizontal, padding=(0, half), groups=self.points)


def _pixels(side: int, reach: int) -> tuple[Tensor, Tensor]:
    """Of each pixel of a map, in reading order: its centre (side**2, 2) in [0, 1], and as int32 the numbers
    (side**2, (2 reach + 1)**2) of the pixels around it; outside the map its nearest pixel."""
    row, column = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    at = torch.stack([column.reshape(-1), row.reshape(-1)], dim=1)
    step = torch.arange(-reach, reach + 1)
    x, y = ((at[:, axis, None] + step).clamp(0, side - 1) for axis in (0, 1))
    around = (y[:, :, None] * side + x[:, None, :]).reshape(side * side, -1)
    return (at + 0.5) / side, around.to(torch.int32)


class Deployed(nn.Module):
    """(1, 3, S, S) RGB in 0..255 -> points (1, M, 2) in [0, 1] and confidence (1, M).

    What ships has all exact rewrites; to measure their gain, `through` names the last one that is done, or none.
    """

    def __init__(self, bundle: Bundle, through: Rewrite | None = "head") -> None:
        super().__init__()
        self.network = DeployedNetwork(bundle, through)
        self.decode = Decode(bundle.card, bundle.scheme.points)
        self.shape = bundle.network().shape
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        points, confidence = self.decode(self.network(image))
        if self.shape is not None:
            points = self.shape(points, confidence)
        return points, confidence


def check_heatmaps(bundle: Bundle) -> None:
    """Raises ValueError where heatmaps would not give a bundle's points."""
    if bundle.spec.shape is not None:
        raise ValueError(
            f"{bundle.card.name} has a shape layer behind its decoding, which heatmaps do not hold: convert it with "
            "--output points, or convert the bundle that the layer was fitted to"
        )


def check_whole(bundle: Bundle) -> None:
    """Raises ValueError where int8whole, which decodes by the centroid alone, would not give a bundle's points."""
    name = bundle.card.name
    if bundle.card.decoder != "centroid":
        raise ValueError(
            f"int8whole decodes by the centroid, {name} by {bundle.card.decoder}: leave int8whole out, or cut "
            "the network by `sdhrnet slim --decoder centroid`"
        )


class DeployedHeatmaps(nn.Module):
    """(1, 3, S, S) RGB in 0..255 -> heatmaps (1, S/4, S/4, M), for platforms that decode by themselves.

    Raises:
        ValueError: the bundle has a shape layer, whose points heatmaps do not give.
    """

    def __init__(self, bundle: Bundle) -> None:
        super().__init__()
        check_heatmaps(bundle)
        self.network = DeployedNetwork(bundle)
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> Tensor:
        return self.network(image).permute(0, 2, 3, 1)  # type: ignore[no-any-return]


class TorchLandmarker:
    """A bundle as it was trained, on torch, on the CPU: what converted files are compared with."""

    timed = True
    engine = f"torch {torch.__version__}"

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        self._bundle, self._threads = bundle, threads
        self._net = bundle.network()
        self._mean = torch.tensor(bundle.card.mean).view(3, 1, 1)
        self._std = torch.tensor(bundle.card.std).view(3, 1, 1)

    @property
    def scheme(self) -> Scheme:
        return self._bundle.scheme

    @property
    def size_px(self) -> int:
        return self._bundle.card.size_px

    @property
    def confidence_floor(self) -> float:
        return known_floor(self._bundle.card.confidence_floor)

    def heatmaps(self, crop: ImageArray) -> heatmap.Heatmaps:
        """(M, h, w) of one crop."""
        check_crop(crop, self.size_px)
        image = torch.from_numpy(np.ascontiguousarray(crop)).permute(2, 0, 1).float() / 255
        with torch_threads(self._threads), torch.inference_mode():
            maps: heatmap.Heatmaps = self._net(((image - self._mean) / self._std)[None])[0].numpy()
        return maps

    def __call__(self, crop: ImageArray) -> Prediction:
        card = self._bundle.card
        points_xy, confidence = heatmap.decode(self.heatmaps(crop), card.decoder, card.sigma_px)
        points_xy = corrected(self._net.shape, points_xy, confidence, card.size_px)
        return Prediction(points_xy=points_xy, confidence=confidence)
