"""Fitting a shape layer (models.shape) to what a network found on labelled crops."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from toolkit.core import heatmap, metrics
from toolkit.core.arrays import FloatArray
from toolkit.core.progress import Progress, Steps
from toolkit.core.schemes import Scheme
from toolkit.data.batches import Batch
from toolkit.models.shape import ShapeLayer, corrected
from toolkit.models.spec import ShapeSpec
from toolkit.train.inference import decoded

BATCH = 64
DEVIATION, SHIFT = 8.0, 0.02
"""What deviations are multiplied by while a layer is fitted, and what its corrections are, so that both are about 1."""
NARROW = 0.1
"""Of the crop: eye corners that are nearer, as in a profile, count as so far apart."""
TINY = 1e-7
"""Under the root of a distance, which has no slope at 0."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How a layer is fitted."""

    epochs: int = 40
    lr: float = 1e-3


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a network found on crops, in shares of the crop as the layer takes them, and the truth."""

    points: FloatArray
    """(N, M, 2) as decoded, before any shape layer: p = (u + 0.5) / side for crop pixel u."""
    confidence: FloatArray
    """(N, M)."""
    truth: FloatArray
    """(N, M, 2), NaN where a point is missing."""

    @staticmethod
    def of(parts: Sequence["Found"]) -> "Found":
        """All of several, one after the other."""
        names = ("points", "confidence", "truth")
        return Found(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})

    def errors(self, layer: ShapeLayer | None, scheme: Scheme) -> FloatArray:
        """NME (N,) after a shape layer, or without one; NaN where the truth lacks an eye corner."""
        pairs = zip(self.points, self.confidence, strict=True)
        after = np.stack([corrected(layer, points - 0.5, sure, 1) + 0.5 for points, sure in pairs])
        return metrics.nme(after, self.truth, scheme)


def found_on(net: nn.Module, batches: Iterable[Batch], sigma_px: float, decoder: heatmap.Decoder) -> Iterator[Found]:
    """What a network finds on batches of crops, one by one."""
    for batch in batches:
        side = batch.images.shape[1]
        points_xy, confidence = decoded(net, batch.images, sigma_px, decoder)
        yield Found(points=(points_xy + 0.5) / side, confidence=confidence, truth=(batch.points_xy + 0.5) / side)


def fitted(found: Found, scheme: Scheme, spec: ShapeSpec, fit: Fit, seed: int) -> Steps[ShapeLayer]:
    """The layer of least NME on what a network found, by Adam; a face without both eye corners counts as the mean one.

    The distances are not squared, and no correction reaches beyond the layer's bound, so that no single face that the
    network lost decides.

    Args:
        found: on training crops, N of them.
        scheme: of its points.
        spec: of the layer.
        fit: how.
        seed: of the first weights and of the order of the faces.
    """
    layer = ShapeLayer(spec, scheme.points)
    layer.mean.copy_(torch.from_numpy(found.points.mean(axis=0)))
    points, confidence = (torch.from_numpy(values).float() for values in (found.points, found.confidence))
    seen = DEVIATION * layer.deviations(points, confidence)
    wanted = torch.from_numpy(found.truth - found.points).float()
    weights = wanted.isfinite().all(dim=2) / torch.from_numpy(_scales(found, scheme)).float()[:, None]
    wanted = wanted.nan_to_num()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        first, last = nn.Linear(2 * scheme.points, spec.hidden), nn.Linear(spec.hidden, 2 * scheme.points)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        optimiser = torch.optim.Adam([*first.parameters(), *last.parameters()], lr=fit.lr)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, fit.epochs * math.ceil(len(seen) / BATCH))
        for epoch in range(fit.epochs):
            for some in torch.split(torch.randperm(len(seen)), BATCH):
                shift = (SHIFT * last(torch.relu(first(seen[some])))).clamp(-spec.bound, spec.bound)
                off = shift.view(-1, scheme.points, 2) - wanted[some]
                loss = ((off.square().sum(dim=2) + TINY).sqrt() * weights[some]).mean()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
            yield Progress(task="fitting the shape layer", done=epoch + 1, total=fit.epochs)
    with torch.no_grad():
        layer.hidden_weight.copy_(DEVIATION * first.weight)
        layer.hidden_bias.copy_(first.bias)
        layer.weight.copy_(SHIFT * last.weight)
        layer.bias.copy_(SHIFT * last.bias)
    return layer


def _scales(found: Found, scheme: Scheme) -> FloatArray:
    """(N,): what each face's distances are divided by, the distance of its outer eye corners."""
    left, right = scheme.eyes
    apart = np.linalg.norm(found.truth[:, left] - found.truth[:, right], axis=1)
    known = np.isfinite(apart)
    mean = apart[known].mean() if known.any() else 1.0
    return np.asarray(np.where(known, apart, mean).clip(min=NARROW))
