"""Fitting a shape layer (models.shape) to what a network found on labelled crops: a ridge regression."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.core import heatmap, metrics
from toolkit.core.arrays import FloatArray
from toolkit.core.schemes import Scheme
from toolkit.data.batches import Batch
from toolkit.models.shape import ShapeLayer, corrected
from toolkit.models.spec import ShapeSpec
from toolkit.train.inference import decoded


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


def layers(found: Found, spec: ShapeSpec, strengths: Sequence[float]) -> dict[float, ShapeLayer]:
    """A shape layer for every strength of the ridge, fitted to what a network found.

    No correction is asked for beyond the layer's bound, so that no single face that the network lost decides.

    Args:
        found: on training crops.
        spec: of the layer.
        strengths: what is added to each deviation's variance of 1.
    """
    mean = torch.from_numpy(found.points.mean(axis=0)).float()
    plain = ShapeLayer(spec, len(mean))
    plain.mean.copy_(mean)
    pairs = zip(found.points, found.confidence, strict=True)
    seen = [plain.deviations(torch.from_numpy(p).float(), torch.from_numpy(c).float()[None]) for p, c in pairs]
    wanted = torch.from_numpy(found.truth - found.points).flatten(1).clamp(-spec.bound, spec.bound)
    weights, biases = ridge(torch.cat(seen).double(), wanted.double(), strengths)
    made = {}
    for strength, weight, bias in zip(strengths, weights, biases, strict=True):
        made[strength] = layer = ShapeLayer(spec, len(mean))
        layer.load_state_dict({"mean": mean, "weight": weight, "bias": bias})
    return made


def ridge(seen: Tensor, wanted: Tensor, strengths: Sequence[float]) -> tuple[Tensor, Tensor]:
    """Linear maps from `seen` (N, F) to `wanted` (N, O) of least squared error plus strength times squared weights.

    Each value that is seen counts in its standard deviations; the intercept costs nothing.

    Args:
        seen: float64.
        wanted: float64, NaN where it is not known; each output is fitted to the rows that know it, and is 0 where no
            row does.
        strengths: S of them.

    Returns:
        Weights (S, O, F) and biases (S, O).
    """
    weights = seen.new_zeros(len(strengths), wanted.shape[1], seen.shape[1])
    biases = seen.new_zeros(len(strengths), wanted.shape[1])
    patterns, which = torch.unique(wanted.isfinite().T, dim=0, return_inverse=True)  # outputs known by the same rows
    for number, rows in enumerate(patterns):
        outputs = torch.nonzero(which == number).view(-1)
        if not rows.any():
            continue
        x, y = seen[rows], wanted[rows][:, outputs]
        middle, spread = x.mean(dim=0), x.std(dim=0, correction=0).clamp(min=1e-9)
        scaled = (x - middle) / spread
        values, vectors = torch.linalg.eigh(scaled.T @ scaled / len(x))
        turned = vectors.T @ (scaled.T @ (y - y.mean(dim=0)) / len(x))
        for place, strength in enumerate(strengths):
            found = (vectors @ (turned / (values.clamp(min=0) + strength)[:, None])).T / spread  # (outputs, F)
            weights[place, outputs] = found
            biases[place, outputs] = y.mean(dim=0) - found @ middle
    return weights, biases
