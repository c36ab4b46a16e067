"""BatchNorm over the batch of all processes (Ioffe and Szegedy, 2015), on any device; torch's own is for GPUs."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toolkit.train.exchange import total


class JoinedNorm(nn.BatchNorm2d):
    """(B, C, H, W) -> the same shape, normalised by the mean and variance of every process's rows together."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        y, mean, variance, count = _Joined.apply(x, self.weight, self.bias, self.eps)  # type: ignore[no-untyped-call]
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
        return y  # type: ignore[no-any-return]


class _Joined(torch.autograd.Function):
    """The parameters' gradients are of this process's rows, as those of every other layer; x's are complete."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor, float]:
        exact = x.to(weight.dtype)  # from half precision
        variance, mean = torch.var_mean(exact, dim=(0, 2, 3), correction=0)
        own = x.numel() / x.shape[1]
        first = mean.double()
        moments = torch.cat([first * own, (variance.double() + first * first) * own, first.new_tensor([own])])
        total(moments)
        count = float(moments[-1])
        mean64, square = (moments[:-1] / count).chunk(2)
        mean = mean64.to(weight.dtype)
        variance = (square - mean64 * mean64).clamp(min=0).to(weight.dtype)
        ctx.save_for_backward(x, weight, mean, variance)
        ctx.eps, ctx.count = eps, count
        ctx.mark_non_differentiable(mean, variance)
        return F.batch_norm(x, mean, variance, weight, bias, training=False, eps=eps), mean, variance, count

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, Tensor, Tensor, None]:
        x, weight, mean, variance = ctx.saved_tensors
        # with fixed statistics first: dx = dy * weight * scale, and the sums of dy * normalised x and of dy
        dx, d_weight, d_bias = torch.ops.aten.native_batch_norm_backward(
            gradients[0], x, weight, mean, variance, None, None, False, ctx.eps, [True, True, True]
        )
        sums = torch.cat([d_weight, d_bias])
        total(sums)
        of_product, of_dy = (sums / ctx.count).chunk(2)
        scale = (variance + ctx.eps).rsqrt()
        slope = -weight * scale * scale * of_product
        offset = -weight * scale * of_dy - slope * mean
        shape = (1, -1, 1, 1)
        dx = dx.addcmul_(x, slope.to(x.dtype).view(shape)).add_(offset.to(x.dtype).view(shape))
        return dx, d_weight, d_bias, None


def joined_norms(net: nn.Module) -> nn.Module:
    """The network with every BatchNorm2d over all processes; parameters and buffers stay the same tensors."""
    if next(net.parameters()).device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(net)  # type: ignore[no-any-return, no-untyped-call]
    for module in net.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = JoinedNorm
    return net
