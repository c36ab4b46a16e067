"""All-reduce, the sum over the processes of a training, and the synchronised batch norm that rests on it.

A network of 400 norms needs 800 small sums a step, each of which every process waits for. torch's gloo takes 200 to
300 us for one, a pipe between two processes of one machine 40: where there are pipes, small sums go through them.
"""

from collections.abc import Mapping
from multiprocessing.connection import Connection, Pipe
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Vector = NDArray[np.floating[Any]]

SMALL_BYTES = 16384
"""A pipe holds more than this before it blocks its writer."""

Pipes = Mapping[int, Connection]
"""A pipe to every other process, by its rank."""

_pipes: dict[int, Connection] = {}
"""This process's own, as torch's default process group is."""


def open_pipes(processes: int) -> list[Pipes]:
    """Pipes between all processes of one machine: those of each."""
    ends: list[dict[int, Connection]] = [{} for _ in range(processes)]
    for first in range(processes):
        for second in range(first + 1, processes):
            ends[first][second], ends[second][first] = Pipe()
    return ends  # type: ignore[return-value]


def connect(own: Pipes) -> None:
    """Use these pipes from now on; none, to go without."""
    for pipe in _pipes.values():
        pipe.close()
    _pipes.clear()
    _pipes.update(own)


def all_reduce(tensor: Tensor) -> Tensor:
    """The sum over all processes, in place; every process gets the same bits.

    Raises:
        RuntimeError: another process has ended.
    """
    if _pipes and tensor.device.type == "cpu" and tensor.nbytes <= SMALL_BYTES:
        _through_pipes(tensor)
    elif torch.distributed.is_initialized():
        torch.distributed.all_reduce(tensor)
    return tensor


def _through_pipes(tensor: Tensor) -> None:
    own = tensor.detach().numpy()
    data = own.tobytes()
    try:
        for pipe in _pipes.values():
            pipe.send_bytes(data)
        parts = {rank: np.frombuffer(pipe.recv_bytes(), own.dtype) for rank, pipe in _pipes.items()}
    except (EOFError, OSError) as error:
        raise RuntimeError("another process of this training has ended") from error
    me = next(rank for rank in range(len(parts) + 1) if rank not in parts)
    parts[me] = np.frombuffer(data, own.dtype)
    result = parts[0].copy()
    for rank in range(1, len(parts)):  # in the same order everywhere, since rounding depends on it
        result += parts[rank]
    own[...] = result.reshape(own.shape)


class CpuSyncBatchNorm(nn.BatchNorm2d):
    """(B, C, H, W) -> the same shape, normalised over the rows of all processes (Ioffe and Szegedy, 2015).

    torch's own SyncBatchNorm is for GPUs alone; this one is for CPUs.

    A network has hundreds of these, so that what they do besides passing over x counts: the arithmetic on a number a
    channel is NumPy's, whose calls cost less than torch's.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        y, mean, variance, count = _SyncBatchNorm.apply(x, self.weight, self.bias, self.eps)  # type: ignore[no-untyped-call]
        for running, new in ((self.running_mean, mean), (self.running_var, variance * (count / (count - 1)))):
            assert running is not None
            assert self.momentum is not None
            kept: Vector = running.numpy()
            kept += self.momentum * (new - kept)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        return y  # type: ignore[no-any-return]


class _SyncBatchNorm(torch.autograd.Function):
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
        all_reduce(torch.from_numpy(moments))
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
        all_reduce(torch.from_numpy(sums))
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


def sync_batch_norms(net: nn.Module) -> nn.Module:
    """The network with every BatchNorm2d over all processes; parameters and buffers stay the same tensors."""
    if next(net.parameters()).device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(net)  # type: ignore[no-any-return, no-untyped-call]
    for module in net.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = CpuSyncBatchNorm
    return net
