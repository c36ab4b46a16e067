"""Many tensors as views of one vector, so that a step works on one long array and not on a thousand short ones."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def flatten(tensors: Sequence[Tensor]) -> Tensor:
    """One vector that holds these tensors' values; from now on each of them is a view of its part.

    Args:
        tensors: of one device and type, each dense in some order of its dimensions, which is kept.
    """
    vector = torch.cat([as_vector(tensor.detach()) for tensor in tensors]) if tensors else torch.empty(0)
    for tensor, part in zip(tensors, torch.split(vector, [t.numel() for t in tensors]), strict=True):
        tensor.data = _shaped(part, tensor)
    return vector


def flat_parameter(parameters: Sequence[nn.Parameter]) -> nn.Parameter:
    """One parameter that holds all of these, and whose gradient holds all of theirs.

    The gradients must stay where they are: zero them, never drop them.
    """
    whole = nn.Parameter(flatten(parameters))
    whole.grad = torch.zeros_like(whole)
    for parameter, part in zip(parameters, torch.split(whole.grad, [p.numel() for p in parameters]), strict=True):
        parameter.grad = _shaped(part, parameter)
    return whole


def spans(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The same values as few vectors: neighbours in memory become one."""
    vectors: list[Tensor] = []
    for tensor in sorted(tensors, key=lambda t: t.data_ptr()):
        vector = as_vector(tensor.detach())
        last = vectors[-1] if vectors else None
        if last is not None and _follows(last, vector):
            vectors[-1] = last.as_strided((len(last) + len(vector),), (1,))
        else:
            vectors.append(vector)
    return vectors


def as_vector(tensor: Tensor) -> Tensor:
    """A dense tensor's values in the order of its memory, without a copy."""
    order = sorted(range(tensor.ndim), key=lambda d: (tensor.stride(d), tensor.shape[d]), reverse=True)
    return tensor.permute(order).view(-1)


def _follows(first: Tensor, second: Tensor) -> bool:
    same = first.untyped_storage().data_ptr() == second.untyped_storage().data_ptr() and first.dtype == second.dtype
    return same and first.data_ptr() + first.nbytes == second.data_ptr()


def _shaped(part: Tensor, like: Tensor) -> Tensor:
    return part.as_strided(like.shape, like.stride())
