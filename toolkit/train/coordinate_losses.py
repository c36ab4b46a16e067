"""Losses of coordinates beside those of heatmaps: smooth L1, wing and STAR on the local soft-argmax.

Coordinates are in shares of the crop, and so are the losses: far off, each costs about as much as it is off.
"""

from collections.abc import Callable, Mapping
from math import ceil, log, pi, sqrt
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from toolkit.train.options import CoordinateLoss

COORDINATE_BETA = 0.01
"""Share of the crop below which a coordinate's loss is quadratic, and from which on it is linear."""
LEAST_MASS = 0.01
"""Share of a squared Gaussian's sum below which soft_argmax makes little of what is left around a pixel."""
LEAST_PEAK = 0.1
"""Height of a true heatmap below which its point lies outside the crop."""
WING_WIDTH, WING_EPSILON = 10 / 256, 2 / 256
"""Wing's w and epsilon as published (Feng et al. 2018), 10 and 2 pixels, of a crop of 256, in shares of the crop."""
STAR_EPSILON = 1e-5
"""What STAR's authors add to an eigenvalue, in coordinates in which the crop goes from -1 to 1."""
STAR_RESTRICTION = 1.0
"""omega, the weight of STAR's eigenvalues themselves."""


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
    return _moments(maps, sigma_px)[0]


def _moments(maps: Tensor, sigma_px: float) -> tuple[Tensor, Tensor]:
    """soft_argmax's (B, M, 2), and the covariance of what it is the mean of: (B, M, 3) xx, xy, yy in squared shares."""
    height, width = maps.shape[-2:]
    peak = maps.detach().flatten(2).argmax(dim=-1)[..., None]  # (B, M, 1)
    across = torch.arange(width, device=maps.device) - peak % width  # (B, M, w), from the highest pixel
    down = torch.arange(height, device=maps.device) - peak // width
    radius = ceil(3 * sigma_px / sqrt(2))
    near = (down.abs() <= radius)[..., :, None] & (across.abs() <= radius)[..., None, :]
    weight = maps.float().relu().square() * near
    mass = weight.sum(dim=(-2, -1)).clamp(min=LEAST_MASS * pi * sigma_px**2)
    columns, rows = weight.sum(dim=-2), weight.sum(dim=-1)  # (B, M, w), (B, M, h)
    x, y = (columns * across).sum(dim=-1) / mass, (rows * down).sum(dim=-1) / mass
    xx, yy = (columns * across**2).sum(dim=-1) / mass - x**2, (rows * down**2).sum(dim=-1) / mass - y**2
    xy = ((weight * across[..., None, :]).sum(dim=-1) * down).sum(dim=-1) / mass - x * y
    centre = torch.stack([(x + peak[..., 0] % width + 0.5) / width, (y + peak[..., 0] // width + 0.5) / height], dim=-1)
    return centre, torch.stack([xx / width**2, xy / (width * height), yy / height**2], dim=-1)


def smooth_l1(errors: Tensor) -> Tensor:
    """Of each coordinate's error in shares of the crop: quadratic below COORDINATE_BETA, linear from there on."""
    return smooth_l1_loss(errors, torch.zeros_like(errors), reduction="none", beta=COORDINATE_BETA)


def wing(errors: Tensor) -> Tensor:
    """Of each coordinate's error in shares of the crop: a logarithm below WING_WIDTH, linear from there on.

    Feng et al., CVPR 2018, equation 5: small errors pull as much as large ones, up to five times as much.
    """
    size = errors.abs()
    constant = WING_WIDTH - WING_WIDTH * log(1 + WING_WIDTH / WING_EPSILON)
    return torch.where(size < WING_WIDTH, WING_WIDTH * torch.log1p(size / WING_EPSILON), size - constant)


def star(errors: Tensor, covariance: Tensor, usual: float) -> Tensor:
    """Each point's error along the two principal axes of its heatmap, over the heatmap's deviation along them.

    STAR (Zhou et al., CVPR 2023, section 3): where a heatmap is drawn out along an edge, as on the jaw, labels are
    ambiguous along it and errors there count less. The eigenvalues themselves are added, so that maps do not widen to
    make errors cheap. The axes are taken as given: through them flows no gradient, which for round maps has no bound.
    In the authors' coordinates, the crop from -1 to 1, smooth L1(e_i) / sqrt(l_i + 1e-5) + l_i is summed over both
    axes; here it is multiplied by a constant, so that the first part is smooth L1 for heatmaps as wide as the targets.

    Args:
        errors: (B, M, 2) in shares of the crop.
        covariance: (B, M, 3) of the predicted heatmaps, as _moments gives it.
        usual: the variance of the target's squared Gaussian in squared shares of the crop.

    Returns:
        (B, M).
    """
    xx, xy, yy = (4 * covariance).unbind(dim=-1)
    angle = 0.5 * torch.atan2(2 * xy.detach(), (xx - yy).detach())
    cos, sin = angle.cos(), angle.sin()
    variances = (xx * cos**2 + 2 * xy * cos * sin + yy * sin**2, xx * sin**2 - 2 * xy * cos * sin + yy * cos**2)
    x, y = errors.unbind(dim=-1)
    along = (x * cos + y * sin, y * cos - x * sin)
    parts = [
        2 * smooth_l1(error) / (variance.clamp(min=0) + STAR_EPSILON).sqrt() + STAR_RESTRICTION * variance
        for error, variance in zip(along, variances, strict=True)
    ]
    return sqrt(4 * usual) / 4 * (parts[0] + parts[1])


OF_A_COORDINATE: Mapping[CoordinateLoss, Callable[[Tensor], Tensor]] = MappingProxyType(
    {"smooth-l1": smooth_l1, "wing": wing}
)
"""Those of each coordinate alone."""


def coordinate(
    predicted: Tensor, truth: Tensor, known: Tensor, sigma_px: float, loss: CoordinateLoss = "smooth-l1"
) -> Tensor:
    """A loss of the distance between the soft-argmax of the prediction and that of the truth, in shares of the crop.

    A perfect heatmap is where it should be, at the border of the crop too. Points that lie so far outside that hardly
    anything of their heatmap is left count as 0.

    Args:
        predicted: (B, M, h, w) heatmaps.
        truth: (B, M, h, w), as targets gives them.
        known: (B, M, 1, 1), 0 where a point is missing.
        sigma_px: standard deviation of the targets in heatmap pixels.
        loss: smooth-l1 and wing of each coordinate alone, or star of both.
    """
    weight = known * (truth.amax(dim=(-2, -1), keepdim=True) > LEAST_PEAK)
    found, covariance = _moments(predicted, sigma_px)
    errors = found - soft_argmax(truth, sigma_px)
    if loss == "star":
        each = star(errors, covariance, sigma_px**2 / (2 * truth.shape[-1] * truth.shape[-2]))
    else:
        each = OF_A_COORDINATE[loss](errors).mean(dim=-1)  # (B, M)
    return (each * weight[..., 0, 0]).sum() / known.sum().clamp(min=1)
