"""Removal by torch-pruning's dependency graph, on small networks that are not from this toolkit."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toolkit.models.blocks import Gate
from toolkit.slimming.graph import GateGraph


class Residual(nn.Module):
    """As in the docstring of the module: a body with a gate."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.gate = Gate()
        self.factor = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.gate(self.body(x), self.factor)  # type: ignore[no-any-return]


class Scale(nn.Module):
    """A layer scale, as others write it: a factor for every channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.linspace(0.5, 1, width).view(width, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma


class Ladder(nn.Module):
    """Residual blocks in a list, a gated side path into a concatenation, and a gated body among plain attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, stride=2)
        self.blocks = nn.ModuleList(Residual(6) for _ in range(3))
        self.side = nn.ModuleDict({str(k): nn.Sequential(nn.Conv2d(6, k, 1), Scale(k)) for k in (2, 5)})
        self.squeeze, self.expand, self.scale = nn.Conv2d(13, 4, 1), nn.Conv2d(4, 13, 1), Scale(13)
        self.out = nn.Conv2d(13, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        x = self.stem(image)
        for block in self.blocks:
            x = block(x)
        x = torch.cat([F.relu(side(x)) for side in self.side.values()] + [x], dim=1)
        return self.out(x + self.scale(self.expand(F.relu(self.squeeze(x)))))  # type: ignore[no-any-return]


def lively(net: nn.Module) -> nn.Module:
    """With norms that do something, in evaluation mode and float64."""
    generator = torch.Generator().manual_seed(0)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            for value in (module.running_mean, module.bias, module.weight):
                assert value is not None
                value.data = torch.rand(len(value), generator=generator)
    return net.double().eval()


IMAGE = torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(1)).double()


def ladder(gates: tuple[str, ...] = ("blocks.0.gate", "blocks.2.gate", "scale")) -> GateGraph:
    return GateGraph(lively(Ladder()), IMAGE, gates)


def test_a_small_residual_network_loses_layers_exactly() -> None:
    """The ten lines of the docstring, on a non-square image: what the network computes with the factor at 0, 1e-12."""
    net = lively(nn.Sequential(nn.Conv2d(3, 8, 3), *(Residual(8) for _ in range(4)), nn.Conv2d(8, 2, 1)))
    graph = GateGraph(net, IMAGE)
    assert graph.removed(["1.gate", "3.gate"]) == ("1", "3")
    smaller = graph.remove(["1.gate", "3.gate"])
    with torch.no_grad():
        for block in (net[1], net[3]):  # type: ignore[index]
            block.factor.zero_()
        torch.testing.assert_close(smaller(IMAGE), net(IMAGE), rtol=0, atol=1e-12)
    assert [type(m).__name__ for m in smaller] == ["Conv2d", "Residual", "Residual", "Conv2d"]  # type: ignore[attr-defined]
    assert sum(p.numel() for p in smaller.parameters()) < 0.6 * sum(p.numel() for p in net.parameters())


def test_lists_and_attributes_lose_their_gated_parts() -> None:
    """A whole block of a list; a body that a sum reads, its convolutions by name; other weights stay as they are."""
    graph = ladder()
    off = ["blocks.0.gate", "scale"]
    assert graph.removed(off) == ("blocks.0", "squeeze", "expand", "scale")
    assert graph.dead(off) >= {"blocks.0.body.0", "blocks.0.body.1", "blocks.0.gate", "squeeze", "expand", "scale"}
    smaller = graph.remove(off)
    names = {name for name, _ in smaller.named_parameters()}
    assert not any(name.startswith(("squeeze", "expand", "scale")) for name in names)
    assert torch.equal(smaller.get_parameter("blocks.0.factor"), graph.net.get_parameter("blocks.1.factor"))
    assert all(p.requires_grad for p in smaller.parameters())


def test_what_reads_a_concatenation_loses_the_channels_of_a_dead_part() -> None:
    """Channels 2 to 6 of 13 go of what the last convolution reads, by the group's own index mapping."""
    graph = ladder(("side.5.1", "scale"))
    assert graph.slices(["side.5.1", "scale"]) == {"out": [2, 3, 4, 5, 6]}
    smaller = graph.remove(["side.5.1", "scale"])
    assert smaller.out.in_channels == 8 and list(smaller.side) == ["2"]  # type: ignore[union-attr, arg-type]
    assert torch.equal(smaller.out.weight, graph.net.out.weight[:, [0, 1, *range(7, 13)]])  # type: ignore[union-attr, index]


def test_the_network_is_left_alone() -> None:
    """A cut neither changes the network nor the graph: the same cut again gives the same weights."""
    net = lively(Ladder())
    before = {name: value.clone() for name, value in net.state_dict().items()}
    graph = GateGraph(net, IMAGE, ("side.5.1", "scale"))
    first, second = (graph.remove(["side.5.1", "scale"]).state_dict() for _ in range(2))
    assert first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


class Pooled(Residual):
    """Does more than add its gated part."""

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(super().forward(x), 2)


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        (lambda: GateGraph(nn.Sequential(nn.Conv2d(3, 4, 1)), IMAGE.float()), "the network has no gates"),
        (lambda: ladder(("blocks.0.gate", "blocks.7.gate")), "does not reach gate 'blocks.7.gate'"),
        (lambda: GateGraph(lively(nn.Sequential(nn.Conv2d(3, 4, 1), Scale(4))), IMAGE, ["1"]).remove(["1"]),
         "nothing is left of the network"),
        (lambda: ladder(("side.2.1",)).remove(["side.2.1"]), "is added to a concatenation"),
        (lambda: GateGraph(lively(nn.Sequential(nn.Conv2d(3, 4, 1), Pooled(4))), IMAGE).remove(["1.gate"]),
         "computes something else"),
    ],
    ids=["no gates", "not reached", "nothing left", "added", "pooled"],
)  # fmt: skip
def test_what_cannot_be_cut_is_refused(cut: Callable[[], object], message: str) -> None:
    """In one line."""
    with pytest.raises(ValueError, match=message) as error:
        cut()
    assert "\n" not in str(error.value)
