"""Channel pruning: what hangs together, by torch-pruning, and the narrower network."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor, nn
from torch_pruning import DependencyGraph

from tests.slimming.conftest import lively, small_supernet
from toolkit.models.building import blank
from toolkit.models.spec import SuperNetSpec, from_json, s_hrnet, to_json
from toolkit.models.supernet import HRSuperNet
from toolkit.slimming.channels import _by_cost, _prune, _widths, by_taylor, channel_groups, dependencies, even, narrow
from toolkit.slimming.complexity import complexity
from toolkit.slimming.graph import traceable

SPEC = small_supernet()


def macs(spec: SuperNetSpec) -> float:
    return complexity(spec, 64).macs_full


def squares(net: HRSuperNet, seeds: tuple[int, ...] = (0, 1)) -> Iterator[Tensor]:
    """A loss for each of some random pictures."""
    for seed in seeds:
        image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(seed), dtype=net.alpha.dtype)
        yield net(image).square().sum()


@cache
def traced() -> tuple[HRSuperNet, DependencyGraph]:
    still = traceable(lively(SPEC))
    return still, dependencies(still)


def test_torch_pruning_refuses_whole_layers() -> None:
    """Why whole layers go out of the module tree instead: a group of all channels does not pass its check."""
    still, graph = traced()
    group = graph.get_pruning_group(
        still.stem[0], graph.get_pruner_of_module(still.stem[0]).prune_out_channels, [0, 1, 2, 3]
    )
    assert still.stem[0].out_channels == 4 and not graph.check_pruning_group(group)


def test_branches_stay_apart_once_alpha_is_traceable() -> None:
    """Every branch is a group of its own, and alpha is in none: as a parameter it would tie all widths together."""
    still, graph = traced()
    groups = channel_groups(still, graph)
    assert "head.out" not in {name for group in groups for name in group.writers}
    widest = sorted(groups, key=lambda group: -len(group.writers))[:4]
    assert sorted(len(group.scores) for group in widest) == sorted(SPEC.widths)


@pytest.fixture(scope="module")
def published() -> HRSuperNet:
    return lively(s_hrnet("300w", 5))


@pytest.mark.slow
@pytest.mark.parametrize(("share", "round_to"), [(0.6, 8), (0.8, 1)])
def test_a_narrower_network_is_rebuilt_from_its_spec(published: HRSuperNet, share: float, round_to: int) -> None:
    """Within the budget and close to it, widths rounded, and through JSON the same function to the last bit."""
    limit = share * macs(published.spec)
    before = {k: v.clone() for k, v in published.state_dict().items()}
    narrower = narrow(published, macs, limit, round_to)
    spec = narrower.spec
    assert 0.9 * limit < macs(spec) <= limit
    assert all(width % round_to == 0 or width == spec.widths[k] for _, k, width in spec.narrowed)
    rebuilt = blank(from_json(to_json(spec))).eval()  # type: ignore[arg-type]
    rebuilt.load_state_dict(narrower.state_dict(), strict=True)
    image = torch.randn(1, 3, 64, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(rebuilt(image), narrower(image))
    assert torch.equal(narrower.alpha, published.alpha)
    assert all(torch.equal(v, before[k]) for k, v in published.state_dict().items())


@pytest.mark.slow
@pytest.mark.parametrize(("most", "widths"), [(128, (16, 32, 64, 128)), (100, (16, 32, 64, 64))])
def test_even_widths_are_powers_of_two(published: HRSuperNet, most: int, widths: tuple[int, ...]) -> None:
    """18, 36, 72 and 144 channels become those that fill whole vectors, the head's and the stem's too."""
    spec = even(published, most).spec
    assert {(k, width) for _, k, width in spec.narrowed} == set(enumerate(widths))
    assert {spec.width(s, k) for s in range(2, 11) for k in spec.branches(s)} == set(widths)
    assert spec.head == widths[-1] and spec.stem == (64, 64)
    assert {e.name for e in spec.edges} == {e.name for e in published.spec.edges}


@pytest.mark.slow
def test_silent_channels_go_without_a_trace() -> None:
    """Where the weakest channels of every group carry nothing, the heatmaps stay as they were; 1e-6 relative."""
    net = lively(SPEC)
    modules = dict(net.named_modules())
    groups = channel_groups(*traced())
    kept = {group.root: len(group.scores) - len(group.scores) // 2 for group in groups}
    with torch.no_grad():
        for group in groups:
            silent = torch.argsort(group.scores)[: len(group.scores) // 2]
            for name in group.writers:
                norm = modules[following(name)]
                assert isinstance(norm, nn.BatchNorm2d)
                norm.weight[silent] = norm.bias[silent] = 0
    still = traceable(net)
    graph = dependencies(still)
    _prune(still, graph, channel_groups(still, graph), kept)
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)).double()
    with torch.no_grad():
        wide, slim = net.double()(image), still.double()(image)
    assert still.stem[0].out_channels == 2 and wide.abs().max() > 1e-3
    assert (wide - slim).abs().max() <= 1e-6 * wide.abs().max()


def following(name: str) -> str:
    """The norm after a convolution."""
    if name == "head.hidden":
        return "head.norm"
    stem, _, index = name.rpartition(".")
    return f"{stem}.{int(index) + 1}"


def test_the_taylor_importance_is_a_slope() -> None:
    """What the loss loses by when all norms of a channel are turned down by a millionth: 1e-4 relative."""
    net = lively(SPEC).double()
    modules = dict(net.named_modules())
    groups = channel_groups(*traced())
    scored = by_taylor(net, groups, squares(net, (0,)))
    (before,) = squares(net, (0,))
    for group in (groups[0], max(groups, key=lambda group: len(group.norms))):
        norms = [modules[name] for name in group.norms]
        with torch.no_grad():
            for norm in norms:
                norm.weight[1] *= 1 - 1e-6
                norm.bias[1] *= 1 - 1e-6
            (after,) = squares(net, (0,))
            for norm in norms:
                norm.weight[1] /= 1 - 1e-6
                norm.bias[1] /= 1 - 1e-6
        (found,) = (one.scores[1] for one in scored if one.root == group.root)
        assert float(found) == pytest.approx(abs(after.item() - before.item()) / 1e-6, rel=1e-4)
    with pytest.raises(ValueError, match="at least one batch"):
        by_taylor(net, groups, ())


@pytest.mark.slow
def test_what_the_loss_does_not_feel_goes_first() -> None:
    """Silent channels of the stem, without a trace and however large their weights."""
    net = lively(SPEC)
    with torch.no_grad():
        net.stem[1].weight[:2] = net.stem[1].bias[:2] = 0
        net.stem[0].weight[:2] *= 100
    most = macs(replace(SPEC, stem=(2, 7)))
    slim = narrow(net, macs, most, 1, squares(net))
    assert slim.spec.stem == (2, 7)
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        wide, narrower = net(image), slim(image)
    assert (wide - narrower).abs().max() <= 1e-4 * wide.abs().max()


def test_scores_are_over_what_the_first_channels_to_go_cost() -> None:
    """Of each, two at a time: those of the stem's first convolution take two of four. What costs nothing stays."""
    still, graph = traced()
    stem = next(group for group in channel_groups(still, graph) if group.root == "stem.0")
    (dear,) = _by_cost([stem], SPEC, _widths(still), macs, 2)
    each = (macs(SPEC) - macs(replace(SPEC, stem=(2, 7)))) / 2
    assert torch.allclose(dear.scores * each, stem.scores)
    (free,) = _by_cost([replace(stem, scores=torch.zeros(4))], SPEC, _widths(still), lambda spec: 1.0, 2)
    assert free.scores.isinf().all()


def test_too_small_a_budget_is_refused(published: HRSuperNet) -> None:
    """Eight channels everywhere are the least."""
    with pytest.raises(ValueError, match="8 channels everywhere"):
        narrow(published, lambda spec: 1.0, 0.0)
