"""Exact inference rewrites: the same function with fewer operations.

1. BatchNorm goes into the convolution before it (Jacob et al., 2018, section 3.2).
2. alpha goes into its edge's last convolution, a depth factor into its residual body's. An identity edge has none, so
   its block is computed in other units: with a > 0, ReLU(a x + t) = a ReLU(x + t / a). The block then holds its map
   divided by a, its own convolutions and those that read it make up for that, and no multiplication is left.
   One by a power of two stays where a ReLU follows an upsampling, or a map that other blocks read without it:
   converters hide a ReLU in the operation before it, and XNNPACK does not take one that stands alone in an int8 file.
3. The head's first 1x1 convolution runs on each branch before the upsampling, with which it commutes, and the results
   are summed: 26 % fewer multiplications in the slimmed 300W network.
"""

import copy
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toolkit.models.blocks import BasicBlock, Bottleneck, Head, MBConv, upsample
from toolkit.models.hrnet import HRNet
from toolkit.models.spec import Edge, SuperNetSpec
from toolkit.models.supernet import HRSuperNet

Rewrite = Literal["norms", "alpha", "head"]
REWRITES: tuple[Rewrite, ...] = ("norms", "alpha", "head")
"""In this order; each needs those before it."""

NOTHING = 1e-12
"""How far from 1 a factor may be that is no multiplication."""
UNIT_RANGE = (2.0**-6, 2.0**6)
"""A block's unit stays in this range, for float16's sake; beyond it the identity edge keeps a multiplication."""


class Scale(nn.Module):
    """Multiplication by a constant: an identity edge whose alpha could not be absorbed."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


class FoldedBlock(nn.Module):
    """E(ReLU(gain * sum of T(x))) over the incoming edges; alpha and BatchNorm are in the weights.

    A block that passes on a map without negative values needs no ReLU.
    """

    def __init__(
        self, target: int, gain: float, edges: dict[str, nn.Module], encoder: nn.Sequential, *, passes: bool = False
    ) -> None:
        super().__init__()
        self.target = target
        self.gain = gain
        self.passes = passes
        self.edges = nn.ModuleDict(edges)
        self.encoder = encoder

    def forward(self, branches: dict[int, Tensor]) -> Tensor:
        # branches[k]: (B, widths[k], h / 2**k, w / 2**k) -> (B, widths[target], h / 2**target, w / 2**target)
        terms = [upsample(edge(branches[int(k)]), 2 ** max(0, int(k) - self.target)) for k, edge in self.edges.items()]
        total = sum(terms[1:], terms[0])
        if self.passes:
            return self.encoder(total)  # type: ignore[no-any-return]
        return self.encoder(F.relu(total if self.gain == 1 else total * self.gain))  # type: ignore[no-any-return]


class FoldedHead(nn.Module):
    """The head with its first convolution before the upsampling."""

    def __init__(self, hidden: dict[str, nn.Module], out: nn.Module) -> None:
        super().__init__()
        self.hidden = nn.ModuleDict(hidden)
        self.out = out

    def forward(self, branches: dict[int, Tensor]) -> Tensor:
        # branches[k]: (B, widths[k], H/4 / 2**k, W/4 / 2**k) -> (B, M, H/4, W/4)
        terms = [upsample(self.hidden[str(k)](x), 2**k) for k, x in branches.items()]
        return self.out(F.relu(sum(terms[1:], terms[0])))  # type: ignore[no-any-return]


class FoldedSuperNet(nn.Module):
    """(B, 3, H, W) normalised RGB -> (B, M, H/4, W/4) heatmaps."""

    def __init__(self, stem: nn.Sequential, stages: list[dict[int, FoldedBlock]], head: nn.Module) -> None:
        super().__init__()
        self.stem = stem
        self.stages = nn.ModuleList(nn.ModuleDict({str(k): b for k, b in blocks.items()}) for blocks in stages)
        self.head = head

    def forward(self, image: Tensor) -> Tensor:
        branches = {0: self.stem(image)}
        for blocks in self.stages:
            branches = {int(k): block(branches) for k, block in blocks.items()}  # type: ignore[operator]
        return self.head(branches)  # type: ignore[no-any-return]


def fold(net: HRNet | HRSuperNet, through: Rewrite = "head") -> nn.Module:
    """A network for inference that gives the heatmaps of `net` in evaluation mode, up to rounding; `net` is left alone.

    Args:
        net: any network.
        through: the last rewrite to do, in the order of REWRITES; those before it are done too.

    Returns:
        (B, 3, H, W) normalised RGB -> (B, M, H/4, W/4), without BatchNorm and alpha. Its first convolution is stem[0].
    """
    with torch.no_grad():
        folded = _fold_hrnet(net, through) if isinstance(net, HRNet) else _fold_supernet(net, through)
    return folded.eval().requires_grad_(False)


def _fold_hrnet(net: HRNet, through: Rewrite) -> nn.Module:
    folded = copy.deepcopy(net)
    for module in list(folded.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Sequential):
                setattr(module, name, _fold_sequence(child))
            elif isinstance(child, nn.ModuleList):
                for i, entry in enumerate(child):
                    if isinstance(entry, nn.Sequential):
                        child[i] = _fold_sequence(entry)
    widths = dict(enumerate(net.spec.widths))
    folded.head = _fold_head(net.head, widths, dict.fromkeys(widths, 1.0), through)  # type: ignore[assignment]
    return folded


def _fold_supernet(net: HRSuperNet, through: Rewrite) -> FoldedSuperNet:
    spec = net.spec
    alphas = dict(zip(spec.edges, net.alpha.double().tolist(), strict=True))
    absorb = through != "norms"
    units = {0: 1.0}  # a block's map times its unit is the map of the original network
    stages = []
    for stage in range(2, spec.stages + 1):
        after: dict[int, float] = {}
        blocks = {}
        for target in spec.branches(stage):
            into = spec.into(stage, target)
            unit, gain = _unit_and_gain(spec, into, alphas, units) if absorb else (1.0, 1.0)
            original = net.stages[str(stage)][str(target)]  # type: ignore[index]
            scale = unit * gain
            edges = {
                str(e.source): _fold_edge(original.edges[str(e.source)], units[e.source], alphas[e] / scale, absorb)
                for e in into
            }
            after[target] = unit
            passes = _reads_a_relu(spec, into) and all(isinstance(edge, nn.Identity) for edge in edges.values())
            blocks[target] = FoldedBlock(target, gain, edges, _fold_encoder(original.encoder, unit), passes=passes)
        stages.append(blocks)
        units = after
    stem = nn.Sequential(*_fold_sequence(net.stem), *_fold_encoder(net.stage1, 1.0))
    head = _fold_head(net.head, {k: spec.width(spec.stages, k) for k in spec.branches(spec.stages)}, units, through)
    return FoldedSuperNet(stem, stages, head)


def leftovers(spec: SuperNetSpec, alphas: Mapping[Edge, float]) -> tuple[int, frozenset[tuple[int, int]]]:
    """How many multiplications by a constant are left of the importance factors, and the blocks, by stage and branch,
    whose sum is the very map that they read."""
    units, count, passing = {0: 1.0}, 0, set()
    for stage in range(2, spec.stages + 1):
        after = {}
        for target in spec.branches(stage):
            into = spec.into(stage, target)
            unit, gain = _unit_and_gain(spec, into, alphas, units)
            factors = [units[e.source] * alphas[e] / (unit * gain) for e in into if e.kind == "identity"]
            kept = sum(abs(factor - 1) >= NOTHING for factor in factors)
            if _reads_a_relu(spec, into) and not kept:
                passing.add((stage, target))
            count += kept + (gain != 1)
            after[target] = unit
        units = after
    return count, frozenset(passing)


def _unit_and_gain(
    spec: SuperNetSpec, into: Sequence[Edge], alphas: Mapping[Edge, float], units: dict[int, float]
) -> tuple[float, float]:
    """The unit in which a block holds its map, and what it multiplies the sum of its edges by.

    The unit makes an identity edge a plain addition. Both are 1 where that edge keeps a multiplication of its own.
    """
    identity = next((edge for edge in into if edge.kind == "identity"), None)
    unit = alphas[identity] * units[identity.source] if identity else 1.0
    if not UNIT_RANGE[0] <= unit <= UNIT_RANGE[1]:
        return 1.0, 1.0
    # exact in every precision; near the unit, lest a chain of such blocks leave the range
    gain = 2.0 ** (round(math.log2(unit)) or 1) if _bare(spec, into) else 1.0
    return (unit / gain if identity else 1.0), gain


def _bare(spec: SuperNetSpec, into: Sequence[Edge]) -> bool:
    """Whether a block's ReLU comes right after an upsampling, or after a map that other blocks read without it."""
    first = into[0]
    readers = sum((edge.stage, edge.source) == (first.stage, first.source) for edge in spec.edges)
    beside = first.kind == "identity" and readers > 1 and not _reads_a_relu(spec, into)
    return len(into) == 1 and (first.kind == "up" or beside)


def _reads_a_relu(spec: SuperNetSpec, into: Sequence[Edge]) -> bool:
    """Whether all that a block reads is another one's ReLU, which lost its residual layers: its own does nothing."""
    first = into[0]
    return len(into) == 1 and first.kind == "identity" and not spec.depth_of(first.stage - 1, first.source)


def _fold_edge(edge: nn.Module, scale_in: float, scale_out: float, absorb: bool) -> nn.Module:
    if isinstance(edge, nn.Sequential) and absorb:
        return _fold_sequence(edge, scale_in, scale_out)
    factor = scale_in * scale_out
    if isinstance(edge, nn.Sequential):
        return nn.Sequential(*_fold_sequence(edge), Scale(factor))
    return nn.Identity() if abs(factor - 1) < NOTHING else Scale(factor)


def _fold_encoder(blocks: nn.Module, unit: float) -> nn.Sequential:
    folded = copy.deepcopy(blocks)
    assert isinstance(folded, nn.Sequential)
    for block in folded:
        assert isinstance(block, MBConv | BasicBlock | Bottleneck)
        factor = 1.0
        if isinstance(block, MBConv):
            factor = 1.0 if block.factor is None else float(block.factor)
            block.gate, block.factor = None, None
        block.body = _fold_sequence(block.body, unit, factor / unit)
        if isinstance(block, Bottleneck) and isinstance(block.shortcut, nn.Sequential):  # stage 1, whose unit is 1
            block.shortcut = _fold_sequence(block.shortcut)
    return folded


def _fold_head(head: Head, widths: dict[int, int], units: dict[int, float], through: Rewrite) -> nn.Module:
    joint = _fold_conv(head.hidden, head.norm)
    parts = torch.split(joint.weight, list(widths.values()), dim=1)
    scaled = [part * units[branch] for branch, part in zip(widths, parts, strict=True)]
    if through != "head":
        whole = copy.deepcopy(head)
        whole.hidden = _like(head.hidden, torch.cat(scaled, dim=1), joint.bias)
        whole.norm = nn.Identity()  # type: ignore[assignment]
        return whole
    hidden: dict[str, nn.Module] = {}
    for i, (branch, part) in enumerate(zip(widths, scaled, strict=True)):
        hidden[str(branch)] = _like(head.hidden, part, joint.bias if i == 0 else None)
    return FoldedHead(hidden, copy.deepcopy(head.out))


def _fold_sequence(sequence: nn.Sequential, scale_in: float = 1.0, scale_out: float = 1.0) -> nn.Sequential:
    """Every convolution takes in the BatchNorm after it; the first reads scale_in * x, the last gives scale_out * y."""
    layers: list[nn.Module] = []
    convolutions: list[nn.Conv2d] = []
    for layer, following in itertools.zip_longest(sequence, list(sequence)[1:]):
        if isinstance(layer, nn.Conv2d):
            norm = following if isinstance(following, nn.BatchNorm2d) else None
            convolutions.append(_fold_conv(layer, norm))
            layers.append(convolutions[-1])
        elif not isinstance(layer, nn.BatchNorm2d):
            layers.append(layer)
    if convolutions:
        convolutions[0].weight.mul_(scale_in)
        convolutions[-1].weight.mul_(scale_out)
        assert convolutions[-1].bias is not None
        convolutions[-1].bias.mul_(scale_out)
    return nn.Sequential(*layers)


def _fold_conv(conv: nn.Conv2d, norm: nn.BatchNorm2d | None) -> nn.Conv2d:
    weight = conv.weight.double()
    bias = weight.new_zeros(len(weight)) if conv.bias is None else conv.bias.double()
    if norm is not None:
        assert norm.running_mean is not None and norm.running_var is not None
        gain = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
        weight = weight * gain[:, None, None, None]
        bias = (bias - norm.running_mean.double()) * gain + norm.bias.double()
    return _like(conv, weight, bias)


def _like(conv: nn.Conv2d, weight: Tensor, bias: Tensor | None) -> nn.Conv2d:
    """A convolution of the same geometry with other weights."""
    out, per_group = weight.shape[:2]
    new = nn.Conv2d(
        per_group * conv.groups,
        out,
        conv.kernel_size,  # type: ignore[arg-type]
        conv.stride,  # type: ignore[arg-type]
        conv.padding,  # type: ignore[arg-type]
        groups=conv.groups,
        bias=bias is not None,
        device="meta",
    )
    new.weight = nn.Parameter(weight.float().clone())
    if bias is not None:
        new.bias = nn.Parameter(bias.float().clone())
    return new
