"""A supernet of all 132 edges that is small enough to run hundreds of times, and whose every path shows."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from toolkit.models.building import build
from toolkit.models.spec import STAGES, Edge, SuperNetSpec, hrsupernet
from toolkit.models.supernet import HRSuperNet

WIDTHS, STEM = (3, 4, 5, 6), (4, 7)


def small_supernet() -> SuperNetSpec:
    """Every edge of the supernet, a tenth of its widths, one residual block a block."""
    whole = hrsupernet(5)
    edges = tuple(
        replace(e, inner=((STEM[1] if e.stage == 2 else WIDTHS[e.source]),) * len(e.inner)) for e in whole.edges
    )
    return SuperNetSpec(points=5, edges=edges, stem=STEM, widths=WIDTHS, depth=1)


def lively(spec: SuperNetSpec, seed: int = 0) -> HRSuperNet:
    """A network in evaluation mode whose norms and factors are all different, so that nothing is lost unseen."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = build(spec)
        assert isinstance(net, HRSuperNet)
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                assert module.running_mean is not None and module.running_var is not None
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, std=0.3)
                nn.init.normal_(module.running_mean, std=0.1)
                nn.init.uniform_(module.running_var, 0.5, 2)
        nn.init.normal_(net.head.out.weight, std=0.3)
        nn.init.uniform_(net.alpha.data, 0.1, 1)
        nn.init.uniform_(net.head.norm.bias, 0.3, 1)  # so that some of the head shows even behind a dead path
    return net.eval()


@pytest.fixture(scope="session")
def supernet() -> HRSuperNet:
    """The small supernet, not to be changed."""
    return lively(small_supernet())


def chain(branch_of_stage: tuple[int, ...]) -> tuple[Edge, ...]:
    """The edges of a single path, given its branch at stages 2 to 10."""
    assert len(branch_of_stage) == STAGES - 1
    sources = (0, *branch_of_stage[:-1])
    wanted = {(stage, s, t) for stage, (s, t) in enumerate(zip(sources, branch_of_stage, strict=True), start=2)}
    return tuple(e for e in small_supernet().edges if (e.stage, e.source, e.target) in wanted)
