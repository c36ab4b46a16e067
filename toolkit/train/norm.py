"""BatchNorm over the batch of all processes (Ioffe and Szegedy, 2015); torch's own is for GPUs alone."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from toolkit.train.exchange import total

Vector = NDArray[np.floating[Any]]


class JoinedNorm(nn.BatchNorm2d):
    """(B, C, H, W) -> the same shape, normalised by the mean and variance of every process's rows together; on a CPU.

    A network has hundreds of these, so that what they do besides passing over x counts: the arithmetic on a number a
    channel is NumPy's, whose calls cost less than torch's.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        y, mean, variance, count = _Joined.apply(x, self.weight, self.bias, self.eps)  # type: ignore[no-untyped-call]
        for running, new in ((self.running_mean, mean), (self.running_var, variance * (count / (count - 1)))):
            assert running is not None
            assert self.momentum is not None
            kept: Vector = running.numpy()
            kept += self.momentum * (new - kept)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        return y  # type: ignore[no-any-return]


class _Joined(torch.autograd.Function):
    """The parameters' gradients are of this process's rows, as those of every other layer; x's are complete."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Vector, Vector, float]:
        # var_mean takes many times as long in channels-last memory. Statistics of half precision come out as these
        # running ones are, which a momentum of 0 leaves alone
        unused = torch.zeros_like(weight)
        mean, variance = (found.numpy() for found in torch.batch_norm_update_stats(x, unused, unused, 0.0))
        own = x.numel() / x.shape[1]
        first = mean.astype(np.float64)
        moments = np.concatenate([own * first, own * (variance + first * first), (own,)])
        total(torch.from_numpy(moments))
        count = float(moments[-1])
        channels = len(first)
        moments /= count
        mean = moments[:channels]
        variance = np.maximum(moments[channels:-1] - mean * mean, 0)
        fixed = torch.from_numpy(mean).to(weight.dtype), torch.from_numpy(variance).to(weight.dtype)
        ctx.save_for_backward(x, weight, *fixed)
        ctx.eps, ctx.count = eps, count
        return torch.batch_norm(x, weight, bias, *fixed, False, 0.0, eps, False), mean, variance, count

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, Tensor, Tensor, None]:
        x, weight, mean, variance = ctx.saved_tensors
        # with fixed statistics first: dx = dy * weight * scale, and the sums of dy * normalised x and of dy
        dx, d_weight, d_bias = torch.ops.aten.native_batch_norm_backward(
            gradients[0], x, weight, mean, variance, None, None, False, ctx.eps, [True, True, True]
        )
        sums = np.concatenate([d_weight.numpy(), d_bias.numpy()])
        total(torch.from_numpy(sums))
        sums /= ctx.count
        of_product, of_dy = sums[: len(mean)], sums[len(mean) :]
        scale = 1 / np.sqrt(variance.numpy() + ctx.eps)
        by_weight = -weight.detach().numpy() * scale
        slope = by_weight * scale * of_product
        offset = by_weight * of_dy - slope * mean.numpy()
        zero = torch.zeros_like(mean)
        # slope * x + offset, in one pass
        rest = torch.batch_norm(
            x, torch.from_numpy(slope), torch.from_numpy(offset), zero, zero + 1, False, 0.0, 0.0, False
        )
        return dx.add_(rest), d_weight, d_bias, None


def joined_norms(net: nn.Module) -> nn.Module:
    """The network with every BatchNorm2d over all processes; parameters and buffers stay the same tensors."""
    if next(net.parameters()).device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(net)  # type: ignore[no-any-return, no-untyped-call]
    for module in net.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = JoinedNorm
    return net
