"""The loss terms, each a mean over samples and points: the paper's (equations 2 to 4), and one of coordinates."""

from math import ceil, pi, sqrt

import torch
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from toolkit.core import heatmap
from toolkit.core.schemes import Scheme
from toolkit.train.inference import normalised
from toolkit.train.options import Training

COORDINATE_BETA = 0.01
"""Share of the crop below which a coordinate's loss is quadratic, and from which on it is linear."""
LEAST_MASS = 0.01
"""Share of a squared Gaussian's sum below which soft_argmax makes little of what is left around a pixel."""
LEAST_PEAK = 0.1
"""Height of a true heatmap below which its point lies outside the crop."""


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


def soft_argmax(maps: Tensor, sigma_px: float) -> Tensor:
    """Where the peaks of heatmaps lie, differentiably: the centre of the squared values around the highest pixel.

    Of a Gaussian this is its centre, as decoding finds it, but for what the border cuts off. The window goes as far as
    three deviations of the squared Gaussian; where there is next to no peak, the highest pixel is returned. No shape
    depends on the values, so that a CUDA graph can capture it.

    Args:
        maps: (B, M, h, w) heatmaps, of a peak of 1; negative values count as 0.
        sigma_px: standard deviation of their targets in heatmap pixels.

    Returns:
        (B, M, 2) x and y in shares of the crop, from its left and upper edge: pixel i of n has its centre at
        (i + 0.5) / n, as in core.heatmap.
    """
    height, width = maps.shape[-2:]
    peak = maps.detach().flatten(2).argmax(dim=-1)[..., None]  # (B, M, 1)
    across = torch.arange(width, device=maps.device) - peak % width  # (B, M, w), from the highest pixel
    down = torch.arange(height, device=maps.device) - peak // width
    radius = ceil(3 * sigma_px / sqrt(2))
    near = (down.abs() <= radius)[..., :, None] & (across.abs() <= radius)[..., None, :]
    weight = maps.float().relu().square() * near
    mass = weight.sum(dim=(-2, -1)).clamp(min=LEAST_MASS * pi * sigma_px**2)
    x = (weight.sum(dim=-2) * across).sum(dim=-1) / mass + peak[..., 0] % width
    y = (weight.sum(dim=-1) * down).sum(dim=-1) / mass + peak[..., 0] // width
    return torch.stack([(x + 0.5) / width, (y + 0.5) / height], dim=-1)


def coordinate(predicted: Tensor, truth: Tensor, known: Tensor, sigma_px: float) -> Tensor:
    """Smooth L1 between the soft-argmax of the prediction and that of the truth, in shares of the crop.

    A perfect heatmap has a loss of 0, at the border of the crop too. Points that lie so far outside that hardly
    anything of their heatmap is left count as 0.

    Args:
        predicted: (B, M, h, w) heatmaps.
        truth: (B, M, h, w), as targets gives them.
        known: (B, M, 1, 1), 0 where a point is missing.
        sigma_px: standard deviation of the targets in heatmap pixels.
    """
    weight = known * (truth.amax(dim=(-2, -1), keepdim=True) > LEAST_PEAK)
    found, wanted = soft_argmax(predicted, sigma_px), soft_argmax(truth, sigma_px)
    errors = smooth_l1_loss(found, wanted, reduction="none", beta=COORDINATE_BETA).mean(dim=-1)  # (B, M)
    return (errors * weight[..., 0, 0]).sum() / known.sum().clamp(min=1)


def supervised(predicted: Tensor, truth: Tensor, known: Tensor, options: Training) -> dict[str, Tensor]:
    """The terms that learn weights from the truth, by name: squared error, and coordinates where they have a weight."""
    terms = {"mse": mse(predicted, truth, known)}
    if options.coordinate_weight:
        terms["coordinate"] = options.coordinate_weight * coordinate(predicted, truth, known, options.sigma)
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
