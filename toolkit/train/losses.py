"""The loss terms of the paper, each as a mean over samples and points (equations 2 to 4)."""

import numpy as np
import torch
from torch import Tensor

from toolkit.core import heatmap
from toolkit.core.schemes import Scheme
from toolkit.data.batches import Batch


def targets(batch: Batch, sigma_px: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """Gaussian heatmaps (B, M, h, w) and weights (B, M, 1, 1): 0 where a point is missing."""
    maps = heatmap.encode(batch.points_xy, batch.images.shape[1], sigma_px)
    known = np.isfinite(batch.points_xy).all(axis=-1)[..., None, None].astype(np.float32)
    return torch.from_numpy(maps).to(device), torch.from_numpy(known).to(device)


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
