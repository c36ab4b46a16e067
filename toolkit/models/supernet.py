"""HRSuperNet: HRNet whose every fusion edge carries a learnable importance factor (LSFF, paper section 3.1).

The same class is the supernet and every network slimmed from it; the spec says which edges exist.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toolkit.models.blocks import BasicBlock, Bottleneck, Gate, Head, MBConv, conv_bn, down, initialise, stem, upsample
from toolkit.models.shape import ShapeLayer
from toolkit.models.spec import Body, Edge, Gated, SuperNetSpec


def module_of(one: Gated) -> str:
    """The name of the module that an importance factor is of, an edge's or an MBConv's."""
    if isinstance(one, Body):
        return f"{'stage1' if one.stage == 1 else f'stages.{one.stage}.{one.branch}.encoder'}.{one.index}"
    return f"stages.{one.stage}.{one.target}.edges.{one.source}"


def gate_of(one: Gated) -> str:
    """The name of the module that multiplies by an importance factor."""
    return f"{module_of(one)}.gate" if isinstance(one, Body) else f"stages.{one.stage}.{one.target}.gates.{one.source}"


def transform(spec: SuperNetSpec, edge: Edge) -> nn.Module:
    """T of equation 1, without the bilinear step of an upward edge."""
    c_in, c_out = spec.source_width(edge), spec.width(edge.stage, edge.target)
    match edge.kind:
        case "identity":
            return nn.Identity()
        case "project":
            return nn.Sequential(*conv_bn(c_in, c_out, 3))
        case "up":
            return nn.Sequential(*conv_bn(c_in, c_out, 1))
        case "down":
            return down(c_in, edge.inner, c_out)


def encoder(spec: SuperNetSpec, stage: int, branch: int) -> nn.Sequential:
    """E of equation 1: the residual blocks of one block of the network."""
    width, depth = spec.width(stage, branch), spec.depth_of(stage, branch)
    if stage == 1 and spec.bottlenecks:
        inner, outer = spec.bottlenecks
        return nn.Sequential(*(Bottleneck(outer if i else spec.stem[1], inner, outer) for i in range(depth)))
    if spec.unit == "residual":
        return nn.Sequential(*(BasicBlock(width) for _ in range(depth)))
    return nn.Sequential(*(MBConv(width, spec.depth_factors) for _ in range(depth)))


class Block(nn.Module):
    """An LSFF block: E(ReLU(sum of alpha * T(x))) over its incoming edges (equation 1)."""

    def __init__(self, spec: SuperNetSpec, stage: int, target: int) -> None:
        super().__init__()
        self.target = target
        self.edges = nn.ModuleDict({str(e.source): transform(spec, e) for e in spec.into(stage, target)})
        self.gates = nn.ModuleDict({source: Gate() for source in self.edges})
        self.encoder = encoder(spec, stage, target)

    def forward(self, branches: dict[int, Tensor], alpha: dict[int, Tensor]) -> Tensor:
        # branches[k]: (B, widths[k], h / 2**k, w / 2**k), alpha[k]: () -> (B, widths[target], h / 2**target, ...)
        terms = []
        for key, gate in self.gates.items():
            source = int(key)
            # alpha before the upsampling, with which it commutes: fewer multiplications
            x = gate(self.edges[key](branches[source]), alpha[source])
            terms.append(upsample(x, 2 ** max(0, source - self.target)))
        return self.encoder(F.relu(sum(terms[1:], terms[0])))  # type: ignore[no-any-return]


class HRSuperNet(nn.Module):
    """(B, 3, H, W) normalised RGB -> (B, M, H/4, W/4) heatmaps; H and W are multiples of 32."""

    def __init__(self, spec: SuperNetSpec) -> None:
        super().__init__()
        self.spec = spec
        self.alpha = nn.Parameter(torch.ones(len(spec.edges)))
        """Importance factors, in the order of spec.edges; 1 is HRNet's plain sum."""
        self.stem = stem(spec.stem)
        self.stage1 = encoder(spec, 1, 0)
        self.stages = nn.ModuleDict(
            {
                str(stage): nn.ModuleDict({str(k): Block(spec, stage, k) for k in spec.branches(stage)})
                for stage in range(2, spec.stages + 1)
            }
        )
        self.head = Head(spec.head_input, spec.head_width, spec.points)
        self.shape = ShapeLayer(spec.shape, spec.points) if spec.shape else None
        """Behind the decoding of the heatmaps, which `forward` ends with."""
        initialise(self, None)

    def forward(self, image: Tensor) -> Tensor:
        alpha: dict[tuple[int, int], dict[int, Tensor]] = {}
        for edge, factor in zip(self.spec.edges, self.alpha.unbind(), strict=True):
            alpha.setdefault((edge.stage, edge.target), {})[edge.source] = factor
        branches = {0: self.stage1(self.stem(image))}  # (B, spec.width(1, 0), H/4, W/4)
        for stage, blocks in self.stages.items():
            branches = {
                int(k): block(branches, alpha[int(stage), int(k)])
                for k, block in blocks.items()  # type: ignore[operator]
            }
        return self.head(branches)  # type: ignore[no-any-return]

    def factors(self) -> list[nn.Parameter]:
        """Every importance factor: alpha, and the depth factors in the order of spec.bodies."""
        own = [module.factor for module in self.modules() if isinstance(module, MBConv)]
        return [self.alpha, *(factor for factor in own if factor is not None)]

    def weights(self) -> list[nn.Parameter]:
        """Every parameter but the importance factors: w of Algorithm 1."""
        factors = {id(factor) for factor in self.factors()}
        return [p for p in self.parameters() if id(p) not in factors]
