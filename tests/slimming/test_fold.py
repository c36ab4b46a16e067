"""Folding keeps the function; the reference is the unfolded network in float64."""

import pytest
import torch
from torch import nn

from toolkit.models.blocks import MBConv
from toolkit.models.building import build
from toolkit.models.spec import Edge, HRNetSpec, Spec, SuperNetSpec, hrsupernet, s_hrnet
from toolkit.slimming.fold import REWRITES, FoldedBlock, Rewrite, Scale, fold

TOLERANCE = 1e-5
"""Largest difference over the largest heatmap value."""

SMALL_TEACHER = HRNetSpec(points=5, stem=(8, 8), layer1=(4, 8), widths=(4, 6, 8, 10), modules=(1, 1, 1), blocks=1)


def lively(spec: Spec, alphas: tuple[float, float] = (0.5, 1.5)) -> nn.Module:
    """A network in evaluation mode whose norms and importance factors are nowhere trivial."""
    torch.manual_seed(0)
    net = build(spec)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.normal_(module.running_mean, std=0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.3, 1)
            nn.init.normal_(module.bias, std=0.3)
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    if isinstance(spec, SuperNetSpec):
        nn.init.uniform_(net.alpha, *alphas)
    return net.eval()


def difference(net: nn.Module, through: Rewrite = "head") -> float:
    """Of the folded network in float32 from the network itself in float64, on a crop that is not square."""
    image = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        found = fold(net, through)(image)
        expected = net.double()(image.double())
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize(
    "spec",
    [SMALL_TEACHER, s_hrnet("300w", 68), s_hrnet("cofw", 29), s_hrnet("wflw", 98)],
    ids=["teacher", "300w", "cofw", "wflw"],
)
def test_folding_keeps_the_heatmaps(spec: Spec) -> None:
    """Every architecture that is converted, at 1e-5 of the largest value."""
    assert difference(lively(spec)) < TOLERANCE


@pytest.mark.parametrize("through", REWRITES)
@pytest.mark.parametrize("spec", [SMALL_TEACHER, s_hrnet("cofw", 29)], ids=["teacher", "cofw"])
def test_every_rewrite_keeps_the_heatmaps(spec: Spec, through: Rewrite) -> None:
    """One rewrite at a time, at 1e-5 of the largest value; factors of both signs."""
    assert difference(lively(spec, (-1.5, 1.5)), through) < TOLERANCE


@pytest.mark.slow
def test_rewrites_do_what_they_say() -> None:
    """Norms go first; then the multiplications by alpha; then the head's one convolution becomes one a branch."""
    net = lively(s_hrnet("300w", 68))
    found = {through: list(fold(net, through).named_modules()) for through in REWRITES}
    norms = {k: sum(isinstance(m, nn.BatchNorm2d) for _, m in v) for k, v in found.items()}
    scales = {k: sum(isinstance(m, Scale) for _, m in v) for k, v in found.items()}
    heads = {k: sum(n.startswith("head.hidden") and isinstance(m, nn.Conv2d) for n, m in v) for k, v in found.items()}
    assert norms == {"norms": 0, "alpha": 0, "head": 0}
    assert scales == {"norms": 50, "alpha": 0, "head": 0}
    assert heads == {"norms": 1, "alpha": 1, "head": 4}


def test_a_network_with_pruned_channels_folds() -> None:
    """Blocks of one branch that differ in width."""
    spec = SuperNetSpec(
        points=3,
        edges=tuple(Edge(stage=stage, source=int(stage == 5), target=int(stage == 4)) for stage in range(2, 11)),
        stem=(4, 6),
        widths=(5, 6, 7, 8),
        depth=1,
        narrowed=((2, 0, 3), (3, 0, 3), (4, 1, 4)),
    )
    assert difference(lively(spec)) < TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("depth_factors", [False, True])
def test_the_whole_supernet_folds(depth_factors: bool) -> None:
    """All 132 edges; and the factors of 132 residual bodies."""
    net = lively(hrsupernet(6, depth_factors=depth_factors))
    for module in net.modules():
        if isinstance(module, MBConv) and module.factor is not None:
            nn.init.uniform_(module.factor, -1.5, 1.5)
    assert difference(net) < TOLERANCE


def test_no_norm_and_no_multiplication_is_left() -> None:
    """Positive importance factors are absorbed on identity edges too."""
    folded = fold(lively(s_hrnet("300w", 68)))
    assert not any(isinstance(m, nn.BatchNorm2d | Scale) for m in folded.modules())


@pytest.mark.slow
@pytest.mark.parametrize("alphas", [(-1.5, 1.5), (0.0, 0.0), (1e-4, 1e-3), (50.0, 90.0)])
def test_negative_and_extreme_importance_factors_fold(alphas: tuple[float, float]) -> None:
    """What an identity edge cannot absorb stays a multiplication; the function is the same."""
    assert difference(lively(s_hrnet("cofw", 29), alphas)) < TOLERANCE


def test_units_stay_in_the_range_of_float16() -> None:
    """Factors of 0.5 along ten stages would compound to 1/1024; weights must not grow by that."""
    folded = fold(lively(s_hrnet("300w", 68), (0.5, 0.5)))
    assert max(float(p.abs().max()) for p in folded.parameters()) < 500


@pytest.mark.parametrize("alphas", [(0.4, 0.5), (0.9, 1.1), (1.8, 2.2)])
def test_a_relu_with_nothing_before_it_gets_a_power_of_two(alphas: tuple[float, float]) -> None:
    """Seven blocks read a map that others read too, and one an upsampled map; the factors keep the units in range."""
    start = (Edge(stage=2, source=0, target=1), Edge(stage=3, source=1, target=0))
    chain = [Edge(stage=stage, source=1, target=1) for stage in range(3, 10)]
    beside = [Edge(stage=stage, source=source, target=0) for stage in range(4, 11) for source in (0, 1)]
    edges = sorted([*start, *chain, *beside], key=lambda edge: (edge.stage, edge.target, edge.source))
    net = lively(SuperNetSpec(points=3, edges=tuple(edges), depth=1), alphas)
    blocks = [module for module in fold(net).modules() if isinstance(module, FoldedBlock)]
    gains = {target: [block.gain for block in blocks if block.target == target] for target in (0, 1)}
    assert gains[0][0] == 2 and set(gains[0][1:]) == {1}
    assert gains[1][0] == 1 and len(gains[1]) == 8 and set(gains[1][1:]) <= {0.25, 0.5, 2.0, 4.0}
    assert difference(net) < TOLERANCE


def test_a_relu_that_an_addition_can_hide_gets_none() -> None:
    """A chain whose every map is read once: the ReLU goes into the residual block's addition."""
    edges = tuple(Edge(stage=stage, source=0, target=0) for stage in range(2, 11))
    blocks = [
        m for m in fold(lively(SuperNetSpec(points=2, edges=edges, depth=1))).modules() if isinstance(m, FoldedBlock)
    ]
    assert {block.gain for block in blocks} == {1}


def test_a_block_that_passes_on_a_relu_has_none() -> None:
    """Stages 4 and 5 lost their layers: stages 5 and 6 read what is never negative, and stage 6's factor is too small
    to be absorbed, so that it keeps both."""
    edges = tuple(Edge(stage=stage, source=0, target=0) for stage in range(2, 11))
    net = lively(SuperNetSpec(points=2, edges=edges, depth=1, depths=((4, 0, 0), (5, 0, 0))))
    net.alpha.data[4] = 1e-4  # type: ignore[union-attr]
    blocks = [m for m in fold(net).modules() if isinstance(m, FoldedBlock)]
    assert [block.passes for block in blocks] == [False, False, False, True, *[False] * 5]
    assert difference(net) < TOLERANCE


def test_the_original_is_left_alone() -> None:
    """Folding copies; it changes no weight of the network it is given."""
    net = lively(SMALL_TEACHER)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    fold(net)
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())


def test_one_branch_alone_folds() -> None:
    """The smallest network there is: one edge a stage."""
    edges = tuple(Edge(stage=stage, source=0, target=0) for stage in range(2, 11))
    assert (
        difference(lively(SuperNetSpec(points=3, edges=edges, stem=(4, 6), widths=(5, 6, 7, 8), depth=1))) < TOLERANCE
    )


def test_a_head_of_another_width_folds() -> None:
    """Channel pruning narrows the head's hidden layer."""
    edges = (
        *(Edge(stage=2, source=0, target=k, inner=(6,) * max(0, k - 1)) for k in range(4)),
        *(Edge(stage=stage, source=k, target=k) for stage in range(3, 11) for k in range(4)),
    )
    spec = SuperNetSpec(points=3, edges=edges, stem=(4, 6), widths=(5, 6, 7, 8), depth=1, head=11)
    assert difference(lively(spec)) < TOLERANCE
