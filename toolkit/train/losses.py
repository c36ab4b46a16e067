"""The loss terms of the paper, each as a mean over samples and points (equations 2 to 4)."""

import torch
from torch import Tensor

from toolkit.core import heatmap
from toolkit.core.schemes import Scheme
from toolkit.train.inference import normalised


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
