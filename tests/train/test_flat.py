"""Tensors as views of one vector."""

import torch
from torch import nn

from toolkit.train.flat import flat_parameter, flatten, spans


def tensors() -> list[nn.Parameter]:
    torch.manual_seed(0)
    image = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    return [nn.Parameter(t) for t in (torch.randn(7), image, torch.randn(()), torch.randn(3, 1, 1, 1))]


def test_values_and_layout_stay() -> None:
    """Each tensor keeps its shape, strides and values, and shares them with the vector."""
    before, parts = tensors(), tensors()
    vector = flatten(parts)
    assert len(vector) == sum(p.numel() for p in before)
    for old, new in zip(before, parts, strict=True):
        assert torch.equal(old, new) and old.stride() == new.stride()
    vector.zero_()
    assert all(not bool(p.any()) for p in parts)


def test_gradients_meet_in_one_vector() -> None:
    """What backward() leaves on the parts is on the whole."""
    parts = tensors()
    whole = flat_parameter(parts)
    sum((i + 1) * p.sum() for i, p in enumerate(parts)).backward()  # type: ignore[union-attr]
    assert whole.grad is not None
    expected = torch.cat([torch.full((p.numel(),), i + 1.0) for i, p in enumerate(parts)])
    assert torch.equal(whole.grad, expected)


def test_neighbours_become_one() -> None:
    """Two flattened groups and a lone tensor are three vectors, whatever their order."""
    first, second, lone = tensors(), tensors(), torch.ones(2, 2)
    flatten(first)
    flatten(second)
    found = spans([second[1], first[0], lone, first[3], second[0], first[2], second[3], first[1], second[2]])
    assert sorted(len(v) for v in found) == [4, len(flatten(tensors())), len(flatten(tensors()))]
    for vector in found:
        vector.fill_(5)
    assert all(bool((t == 5).all()) for t in (*first, *second, lone))
