"""HRNetV2 (Sun et al., 2019): parallel branches at H/4 ... H/32 that exchange features after every module."""

import torch.nn.functional as F
from torch import Tensor, nn

from toolkit.models.blocks import BasicBlock, Bottleneck, Head, conv_bn, down, initialise, stem, upsample
from toolkit.models.shape import ShapeLayer
from toolkit.models.spec import HRNetSpec

BN_MOMENTUM = 0.01
CONV_STD = 0.001


class Fusion(nn.Module):
    """Every output branch is ReLU(sum of all input branches), each brought to its resolution and width."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.rows = nn.ModuleList(
            nn.ModuleList(self._transform(widths, source, target) for source in range(len(widths)))
            for target in range(len(widths))
        )

    @staticmethod
    def _transform(widths: tuple[int, ...], source: int, target: int) -> nn.Module:
        if source == target:
            return nn.Identity()
        if source > target:
            return nn.Sequential(*conv_bn(widths[source], widths[target], 1))
        return down(widths[source], (widths[source],) * (target - source - 1), widths[target])

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        # branches[k]: (B, widths[k], h / 2**k, w / 2**k), the same shapes out
        fused = []
        for target, row in enumerate(self.rows):
            assert isinstance(row, nn.ModuleList)
            terms = [
                upsample(transform(x), 2 ** max(0, source - target))
                for source, (transform, x) in enumerate(zip(row, branches, strict=True))
            ]
            fused.append(F.relu(sum(terms[1:], terms[0])))
        return fused


class Module(nn.Module):
    """A few BasicBlocks on every branch, then a Fusion."""

    def __init__(self, widths: tuple[int, ...], blocks: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*(BasicBlock(w) for _ in range(blocks))) for w in widths)
        self.fusion = Fusion(widths)

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        return self.fusion([b(x) for b, x in zip(self.branches, branches, strict=True)])  # type: ignore[no-any-return]


class HRNet(nn.Module):
    """(B, 3, H, W) normalised RGB -> (B, M, H/4, W/4) heatmaps; H and W are multiples of 32."""

    def __init__(self, spec: HRNetSpec) -> None:
        super().__init__()
        self.spec = spec
        widths = spec.widths
        inner, outer = spec.layer1
        self.stem = stem(spec.stem)
        self.layer1 = nn.Sequential(*(Bottleneck(spec.stem[1] if i == 0 else outer, inner, outer) for i in range(4)))
        self.entry = nn.ModuleList(
            nn.Sequential(*conv_bn(outer, widths[k], 3, stride), nn.ReLU()) for k, stride in ((0, 1), (1, 2))
        )
        self.new_branch = nn.ModuleList(
            nn.Sequential(*conv_bn(widths[k - 1], widths[k], 3, 2), nn.ReLU()) for k in (2, 3)
        )
        self.stages = nn.ModuleList(
            nn.Sequential(*(Module(widths[: i + 2], spec.blocks) for _ in range(modules)))
            for i, modules in enumerate(spec.modules)
        )
        self.head = Head(sum(widths), sum(widths), spec.points)
        self.shape = ShapeLayer(spec.shape, spec.points) if spec.shape else None
        """Behind the decoding of the heatmaps, which `forward` ends with."""
        initialise(self, CONV_STD)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = BN_MOMENTUM

    def forward(self, image: Tensor) -> Tensor:
        x = self.layer1(self.stem(image))  # (B, 256, H/4, W/4)
        branches = self.stages[0]([entry(x) for entry in self.entry])
        for new_branch, stage in zip(self.new_branch, self.stages[1:], strict=True):
            branches = stage([*branches, new_branch(branches[-1])])
        return self.head(dict(enumerate(branches)))  # type: ignore[no-any-return]
