"""Fitting a shape layer (models.shape) to what a network found on labelled crops: a mean face, a ridge regression."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.core import heatmap, metrics
from toolkit.core.arrays import ComplexArray, FloatArray
from toolkit.core.schemes import Scheme
from toolkit.data.batches import Batch
from toolkit.models.shape import ShapeLayer, corrected
from toolkit.models.spec import ShapeSpec
from toolkit.train.inference import decoded

ALIGNMENTS = 10
"""Rounds of bringing all faces onto their mean, which stands still after a few."""


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


def mean_face(truth: FloatArray) -> FloatArray:
    """The mean (M, 2) of faces (N, M, 2) whose points are all known, by generalised Procrustes analysis (Gower, 1975).

    Centred, of unit root mean square distance from the centre, and turned as the faces are on average.

    Raises:
        ValueError: no face has all of its points.
    """
    whole = truth[np.isfinite(truth).all(axis=(1, 2))]
    if not len(whole):
        raise ValueError("no training face has all of its points: a mean face needs some that do")
    z = whole @ [1, 1j]
    z = z - z.mean(axis=1, keepdims=True)
    z = z / _size(z)
    mean = z.mean(axis=0)
    for _ in range(ALIGNMENTS):
        turn = z @ mean.conj()  # the similarity onto the mean, but for its size
        mean = (z * (turn / np.abs(turn)).conj()[:, None]).mean(axis=0)
    mean = mean / _size(mean)
    return np.column_stack([mean.real, mean.imag])


def _size(z: ComplexArray) -> FloatArray:
    return np.asarray(np.sqrt(np.square(np.abs(z)).mean(axis=-1, keepdims=True)))


def layers(found: Found, spec: ShapeSpec, strengths: Sequence[float]) -> dict[float, ShapeLayer]:
    """A shape layer for every strength of the ridge, fitted to what a network found.

    A face's corrections are in its own size, and none is asked for beyond the layer's bound, so that no single face
    that the network lost decides.

    Args:
        found: on training crops.
        spec: of the layer.
        strengths: what is added to each deviation's variance of 1.

    Raises:
        ValueError: no face has all of its points.
    """
    points = found.points.shape[1]
    plain = ShapeLayer(spec, points)
    plain.mean.copy_(torch.from_numpy(mean_face(found.truth)))
    seen, wanted = _regression(plain, found)
    weights, biases = ridge(seen, wanted, strengths)
    made = {}
    for strength, weight, bias in zip(strengths, weights, biases, strict=True):
        made[strength] = layer = ShapeLayer(spec, points)
        layer.load_state_dict({"mean": plain.mean, "weight": weight, "bias": bias})
    return made


def _regression(layer: ShapeLayer, found: Found) -> tuple[Tensor, Tensor]:
    """Deviations (N, 2 M) and the corrections (N, 2 M) that would be right, NaN where a point is missing."""
    seen, wanted = [], []
    for points, confidence, truth in zip(found.points, found.confidence, found.truth, strict=True):
        own = torch.from_numpy(points).float()
        deviations, (cosine, sine) = layer.deviations(own, torch.from_numpy(confidence).float()[None])
        size = (cosine * cosine + sine * sine).clamp(min=1e-6)
        shift = layer.placed(torch.from_numpy(truth).float() - own, (cosine / size, -sine / size))
        seen.append(deviations.view(-1))
        wanted.append(shift.reshape(-1).clamp(-layer.spec.bound, layer.spec.bound))
    return torch.stack(seen).double(), torch.stack(wanted).double()


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
