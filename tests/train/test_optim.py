"""Schedules, optimisers, the EMA of the weights, and tensors as views of one vector."""

import copy
from typing import Literal

import pytest
import torch
from torch import nn

from toolkit.train.optim import EMA, PAPER, Optim, flat_parameter, flatten, spans, swapped


def test_the_papers_schedule() -> None:
    """x 0.1 at epochs 40 and 50 of 60 (section 4.3)."""
    assert [PAPER.factor(epoch / 60) for epoch in (0, 39.9, 40, 49.9, 50, 59)] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01, 0.01]
    )
    group = PAPER.optimiser([nn.Parameter(torch.zeros(1))]).param_groups[0]
    assert (group["lr"], group["weight_decay"], group["betas"][0]) == (1e-4, 4e-5, 0.9)


def test_the_cosine_rises_and_falls() -> None:
    """From 0 over the warm-up to nearly 1, down to 0 at the end."""
    optim = Optim(warmup=0.1)
    assert optim.factor(0) == 0 and optim.factor(1) == pytest.approx(0)
    assert optim.factor(0.05) == pytest.approx(0.5, abs=0.01)
    values = [optim.factor(t / 100) for t in range(10, 101)]
    assert values == sorted(values, reverse=True)


def test_a_run_of_few_steps_has_no_warm_up() -> None:
    """Else its first step, and where it is the only one all that it learns, would have a rate of 0."""
    optim = Optim(warmup=0.1)
    assert [optim.factor(0, steps) for steps in (1, 9)] == [1, 1]
    assert optim.factor(0, 10) == 0 and optim.factor(0.1, 10) == optim.factor(0.1)


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"batch": 0}, {"lr": 0.0}, {"ema": 1.0}, {"weight_decay": -1.0}])
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    """Before any data is read."""
    with pytest.raises(ValueError, match="must"):
        Optim(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("flat", [False, True])
def test_the_ema_follows_the_weights(flat: bool) -> None:
    """Against the plain recurrence, with its short start; whether or not the tensors are neighbours in memory."""
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    if flat:
        flatten([*net.parameters(), *(b for b in net.buffers() if b.is_floating_point())])
    ema, expected = EMA(net, 0.9), {k: v.clone() for k, v in net.state_dict().items()}
    for step in range(1, 30):
        with torch.no_grad():
            for value in net.state_dict().values():
                value.add_(1)
        ema.update()
        decay = min(0.9, (1 + step) / (10 + step))
        for name, value in net.state_dict().items():
            floating = value.is_floating_point()
            expected[name] = decay * expected[name] + (1 - decay) * value if floating else value.clone()
    for name, value in expected.items():
        torch.testing.assert_close(ema.values[name], value, rtol=1e-5, atol=1e-6)


def test_without_decay_the_ema_is_the_last_weights() -> None:
    """As published."""
    net = nn.Linear(2, 2)
    ema = EMA(net, 0)
    nn.init.ones_(net.weight)
    ema.update()
    assert torch.equal(ema.values["weight"], net.weight)


def test_borrowed_weights_are_given_back() -> None:
    """Also when the block fails."""
    net = nn.Linear(2, 2)
    own = net.weight.detach().clone()
    other = {k: torch.zeros_like(v) for k, v in net.state_dict().items()}
    with pytest.raises(RuntimeError), swapped(net, other):
        assert float(net.weight.detach().abs().sum()) == 0
        raise RuntimeError
    assert torch.equal(net.weight, own)


@pytest.mark.parametrize("rule", ["adam", "adamw"])
def test_one_vector_steps_as_torch_does_by_parameter(rule: Literal["adam", "adamw"]) -> None:
    """Ten steps against the plain optimiser, weights in two memory formats (1e-6)."""
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))
    ours[2].to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    theirs = copy.deepcopy(ours)
    optim = Optim(rule=rule, lr=0.01, weight_decay=0.1)
    kind = torch.optim.AdamW if rule == "adamw" else torch.optim.Adam
    pairs = (
        (ours, optim.optimiser(list(ours.parameters()))),
        (theirs, kind(theirs.parameters(), lr=0.01, weight_decay=0.1)),
    )
    for _ in range(10):
        image = torch.randn(2, 3, 7, 5)
        for net, optimiser in pairs:
            optimiser.zero_grad(set_to_none=False)
            net(image).square().sum().backward()
            optimiser.step()
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value, rtol=1e-6, atol=1e-6, msg=name)


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
