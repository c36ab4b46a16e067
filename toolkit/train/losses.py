"""The loss terms, each a mean over samples and points: the paper's (equations 2 to 4), and adaptive wing.

What learns from the truth is a loss of heatmaps, and beside it, where it has a weight, one of coordinates. Both compute
in float32 whatever the network computes in.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from toolkit.core import heatmap
from toolkit.core.schemes import Scheme
from toolkit.train.coordinate_losses import coordinate
from toolkit.train.inference import normalised
from toolkit.train.options import HeatmapLoss, Training

AWING_ALPHA, AWING_OMEGA, AWING_EPSILON, AWING_THETA = 2.1, 14.0, 1.0, 0.5
"""Adaptive wing as published (Wang et al. 2019, section 4)."""
AWING_WEIGHT, AWING_RAISED = 10.0, 0.2
"""Of its weighted loss map: what pixels near a point weigh more, and the height from which on they are near."""


def targets(points_xy: Tensor, size_px: int, sigma_px: float) -> tuple[Tensor, Tensor]:
    """Gaussian heatmaps with peak 1 at the exact, sub-pixel position (section 3.1), and which of them count.

    Args:
        points_xy: (B, M, 2) in crop pixels; NaN where missing.
        size_px: side of the crop, a multiple of STRIDE.
        sigma_px: standard deviation in heatmap pixels.

    Returns:
        (B, M, h, w) heatmaps, all zero where a point is missing, and weights (B, M, 1, 1), 0 there.
    """
    known = points_xy.isfinite().all(dim=-1)[..., None, None].float()
    centres = (points_xy + 0.5) / heatmap.STRIDE - 0.5
    grid = torch.arange(size_px // heatmap.STRIDE, device=points_xy.device)
    along = torch.exp(-((grid - centres[..., None]) ** 2) / (2 * sigma_px**2))  # (B, M, 2, side)
    maps = along[..., 1, :, None] * along[..., 0, None, :]
    return maps.nan_to_num(), known


def masked(clean: Tensor, masks: Tensor) -> Tensor:
    """A copy of normalised images in which a rectangle each has one colour: a student's mask (section 3.2).

    Args:
        clean: (B, 3, H, W).
        masks: (B, 7), as data.batches.random_masks draws them.
    """
    top, left, bottom, right = masks[:, :4, None, None, None].unbind(1)  # each (B, 1, 1, 1)
    down = torch.arange(clean.shape[2], device=clean.device)[:, None]
    across = torch.arange(clean.shape[3], device=clean.device)
    inside = (down >= top) & (down < bottom) & (across >= left) & (across < right)
    return torch.where(inside, normalised(masks[:, None, None, 4:]), clean)


def mirror(maps: Tensor, scheme: Scheme) -> Tensor:
    """What the heatmaps (B, M, h, w) of mirrored crops say about the crops: each point's map on its own side again."""
    return maps[:, list(scheme.mirror)].flip(-1)


def mse(predicted: Tensor, truth: Tensor, known: Tensor) -> Tensor:
    """Mean squared error over samples, points and pixels, points with weight 0 left out (equations 2 and 4)."""
    pixels = truth.shape[-1] * truth.shape[-2]
    return ((predicted - truth) ** 2 * known).sum() / (known.sum() * pixels).clamp(min=1)


def awing(predicted: Tensor, truth: Tensor, known: Tensor) -> Tensor:
    """Adaptive wing on heatmaps, with its weighted loss map (Wang et al., ICCV 2019, equations 3 to 7).

    Near a point it is a logarithm, so that small errors of the peak count; on the background it is close to a square.
    Pixels next to a point, those of the truth dilated by 3 x 3 that reach 0.2, weigh eleven times as much. A mean over
    samples, points and pixels, as mse is, of which it is about fourteen times as large.

    Args:
        predicted: (B, M, h, w) heatmaps.
        truth: (B, M, h, w) in [0, 1].
        known: (B, M, 1, 1), 0 where a point is missing.
    """
    error, power = (predicted.float() - truth).abs(), AWING_ALPHA - truth
    ratio = AWING_THETA / AWING_EPSILON
    slope = AWING_OMEGA / (1 + ratio**power) * power * ratio ** (power - 1) / AWING_EPSILON  # A
    offset = AWING_THETA * slope - AWING_OMEGA * torch.log1p(ratio**power)  # C
    bent = AWING_OMEGA * torch.log1p((error / AWING_EPSILON) ** power)
    each = torch.where(error < AWING_THETA, bent, slope * error - offset)
    near = max_pool2d(truth, 3, stride=1, padding=1) >= AWING_RAISED
    pixels = truth.shape[-1] * truth.shape[-2]
    return (each * (1 + AWING_WEIGHT * near) * known).sum() / (known.sum() * pixels).clamp(min=1)


OF_HEATMAPS: Mapping[HeatmapLoss, Callable[[Tensor, Tensor, Tensor], Tensor]] = MappingProxyType(
    {"mse": mse, "awing": awing}
)


def excess(predicted: Tensor, hidden: Tensor, known: Tensor, height: float) -> Tensor:
    """Squared error of what exceeds a height in the heatmaps of points whose place nobody knows.

    Args:
        predicted: (B, M, h, w) heatmaps.
        hidden: (B, M) True for those points.
        known: (B, M, 1, 1), 1 for all others that have a place: the sum is over as many as in mse.
        height: above which a heatmap should not rise, wherever its peak is.
    """
    pixels = predicted.shape[-1] * predicted.shape[-2]
    above = (predicted.float() - height).relu() ** 2 * hidden[..., None, None]
    return above.sum() / (known.sum() * pixels).clamp(min=1)


def behind(masks: Tensor, points_xy: Tensor) -> Tensor:
    """Which points (B, M) a student's masks, as masked takes them, cover."""
    top, left, bottom, right = masks[:, :4, None].unbind(1)  # each (B, 1)
    x, y = points_xy.round().unbind(dim=-1)
    return (x >= left) & (x < right) & (y >= top) & (y < bottom)


def supervised(
    predicted: Tensor, truth: Tensor, known: Tensor, options: Training, covered: Tensor | None = None
) -> dict[str, Tensor]:
    """The terms that learn weights from the truth, by name: of the heatmaps, and of coordinates that have a weight.

    Args:
        predicted: (B, M, h, w) heatmaps.
        truth: (B, M, h, w), as targets gives them.
        known: (B, M, 1, 1), 0 where a point is missing.
        options: which losses, and how high the peaks of covered points should be.
        covered: (B, M) True for those points; without it there are none.
    """
    name, height, wanted = options.heatmap_loss, options.visibility, truth
    terms: dict[str, Tensor] = {}
    if covered is not None and height < 1:
        wanted = truth * torch.where(covered, height, 1.0)[..., None, None]
        terms["hidden"] = excess(predicted, covered & (known[..., 0, 0] == 0), known, height)
    terms[name] = OF_HEATMAPS[name](predicted, wanted, known)
    if options.coordinate_weight:
        found = coordinate(predicted, truth, known, options.sigma_px, options.coordinate_loss)
        terms["coordinate"] = options.coordinate_weight * found
    return terms


def distillation(target: Tensor, student: Tensor, known: Tensor, temperature: float) -> Tensor:
    """KL divergence from the student's landmark distribution to the target's (equation 3).

    A map's distribution is the softmax of its pixels over a temperature, 1 as published; the divergence is multiplied
    by the squared temperature so that its gradients keep their size (Hinton et al., 2015).

    Args:
        target: (B, M, h, w) heatmaps; no gradient flows into them.
        student: (B, M, h, w) heatmaps.
        known: (B, M, 1, 1), 0 where a point is missing.
        temperature: above 0.
    """
    wanted = torch.log_softmax(target.detach().flatten(2) / temperature, dim=-1)
    given = torch.log_softmax(student.flatten(2) / temperature, dim=-1)
    divergence = (wanted.exp() * (wanted - given)).sum(dim=-1)  # (B, M)
    weight = known[..., 0, 0]
    return temperature**2 * (divergence * weight).sum() / weight.sum().clamp(min=1)
