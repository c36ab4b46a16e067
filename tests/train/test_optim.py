"""Schedules, optimisers and the running mean of the weights."""

import copy
from typing import Literal

import pytest
import torch
from torch import nn

from toolkit.train.flat import flatten
from toolkit.train.optim import PAPER, Mean, Optim, Worn


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
def test_the_mean_follows_the_weights(flat: bool) -> None:
    """Against the plain recurrence, with its short start; whether or not the tensors are neighbours in memory."""
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    if flat:
        flatten([*net.parameters(), *(b for b in net.buffers() if b.is_floating_point())])
    mean, expected = Mean(net, 0.9), {k: v.clone() for k, v in net.state_dict().items()}
    for step in range(1, 30):
        with torch.no_grad():
            for value in net.state_dict().values():
                value.add_(1)
        mean.update()
        decay = min(0.9, (1 + step) / (10 + step))
        for name, value in net.state_dict().items():
            floating = value.is_floating_point()
            expected[name] = decay * expected[name] + (1 - decay) * value if floating else value.clone()
    for name, value in expected.items():
        torch.testing.assert_close(mean.values[name], value, rtol=1e-5, atol=1e-6)


def test_without_decay_the_mean_is_the_last_weights() -> None:
    """As published."""
    net = nn.Linear(2, 2)
    mean = Mean(net, 0)
    nn.init.ones_(net.weight)
    mean.update()
    assert torch.equal(mean.values["weight"], net.weight)


def test_borrowed_weights_are_given_back() -> None:
    """Also when the block fails."""
    net = nn.Linear(2, 2)
    own = net.weight.detach().clone()
    other = {k: torch.zeros_like(v) for k, v in net.state_dict().items()}
    with pytest.raises(RuntimeError), Worn(net, other):
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
