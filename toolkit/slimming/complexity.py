"""What a network costs: parameters, multiply-accumulates and layers, in two conventions side by side.

`full` counts everything. `paper` is how the paper counts: parameters without stem, head and alpha; MACs without the
head (that is the only reading under which its tables follow from its released networks). A shape layer, of which the
paper has none, is in the full counts alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import nn

from toolkit.models.building import blank
from toolkit.models.spec import DIVISOR, HRNetSpec, Spec, SuperNetSpec


@dataclass(frozen=True, kw_only=True)
class Complexity:
    """Counts of one network at one input size."""

    params_full: int
    """Without importance factors, which folding removes."""
    params_paper: int
    alphas: int
    """Importance factors, those of depth too."""
    macs_full: int
    """Convolutions' multiply-accumulates, and the shape layer's, and one per output for a bias, for one image."""
    macs_paper: int
    convolutions: int


@dataclass(frozen=True, kw_only=True)
class Component:
    """What one piece of a network costs."""

    name: str
    """stem, head, shape, a block such as 3.2 (stage and branch), or an edge such as 3.0to2."""
    kind: str
    """stem, head, shape, block, or the kind of an edge: project, up, down. Identity edges have no layer and are no
    part."""
    stage: int | None
    """None for stem, head and shape."""
    params: int
    macs: int
    convolutions: int


def complexity(spec: Spec, size_px: int = 256) -> Complexity:
    """Counts for a spec at a square input, in a tenth of a second.

    Raises:
        ValueError: size_px is not a positive multiple of DIVISOR.
    """
    return _total(components(spec, size_px), len(spec.gated) if isinstance(spec, SuperNetSpec) else 0)


def components(spec: Spec, size_px: int = 256) -> tuple[Component, ...]:
    """What each piece costs, in the order of the network.

    Every map's sides are a fixed share of the input's, so that the smallest input is run and its MACs are scaled by the
    area.

    Raises:
        ValueError: size_px is not a positive multiple of DIVISOR.
    """
    check_size(size_px)
    net = blank(spec).eval()
    area = (size_px // DIVISOR) ** 2
    outputs = _output_sizes(net)
    found: dict[str, Component] = {}
    for name, module in net.named_modules():
        if not isinstance(module, nn.Conv2d | nn.BatchNorm2d):
            continue
        part, kind, stage = _place(name, hrnet=isinstance(spec, HRNetSpec))
        before = found.get(part, Component(name=part, kind=kind, stage=stage, params=0, macs=0, convolutions=0))
        macs = 0
        if isinstance(module, nn.Conv2d):
            macs = (module.weight[0].numel() + (module.bias is not None)) * outputs[name] * area
        found[part] = Component(
            name=part,
            kind=kind,
            stage=stage,
            params=before.params + sum(p.numel() for p in module.parameters()),
            macs=before.macs + macs,
            convolutions=before.convolutions + isinstance(module, nn.Conv2d),
        )
    return (*found.values(), *_shape(spec))


def _shape(spec: Spec) -> tuple[Component, ...]:
    """The shape layer's two linear maps, with their biases, and the mean places; nothing where there is none."""
    if spec.shape is None:
        return ()
    values = 2 * spec.points
    linear = (values + 1) * spec.shape.hidden + (spec.shape.hidden + 1) * values
    return (Component(name="shape", kind="shape", stage=None, params=linear + values, macs=linear, convolutions=0),)


class ComplexityTable:
    """A supernet's components, counted once, from which any network slimmed from it is counted without building it."""

    def __init__(self, spec: SuperNetSpec, size_px: int) -> None:
        self.spec = spec
        self.size_px = size_px
        self.components = {part.name: part for part in components(spec, size_px)}

    def complexity(self, smaller: SuperNetSpec) -> Complexity:
        """The counts of a network that has some of the supernet's edges and residual bodies, in microseconds."""
        names = ("stem", *(edge.name for edge in smaller.edges))
        kept = [self.components[name] for name in names if name in self.components]
        blocks = [(1, 0), *((stage, k) for stage in range(2, smaller.stages) for k in smaller.branches(stage))]
        kept += [self._block(smaller, *block) for block in blocks if smaller.depth_of(*block)]
        return _total([*kept, self._head(smaller), *_shape(smaller)], len(smaller.gated))

    def _block(self, smaller: SuperNetSpec, stage: int, branch: int) -> Component:
        """All units of a block cost the same."""
        part = self.components[f"{stage}.{branch}"]
        left, all_of_it = smaller.depth_of(stage, branch), self.spec.depth_of
        share = {
            name: getattr(part, name) * left // all_of_it(stage, branch) for name in ("params", "macs", "convolutions")
        }
        return replace(part, **share)

    def _head(self, smaller: SuperNetSpec) -> Component:
        """Its width follows from the final branches that are left."""
        c_in, hidden, points = smaller.head_input, smaller.head_width, smaller.points
        layers = (c_in + 1) * hidden + (hidden + 1) * points
        macs = layers * (self.size_px // 4) ** 2
        return Component(name="head", kind="head", stage=None, params=layers + 2 * hidden, macs=macs, convolutions=2)


def check_size(size_px: int) -> None:
    """Raises ValueError where the networks cannot take a square input of this side."""
    if size_px <= 0 or size_px % DIVISOR:
        raise ValueError(f"the input size must be a positive multiple of {DIVISOR}, got {size_px}")


def _total(found: Iterable[Component], alphas: int) -> Complexity:
    found = list(found)
    params, macs = sum(part.params for part in found), sum(part.macs for part in found)
    return Complexity(
        params_full=params,
        params_paper=sum(part.params for part in found if part.kind not in ("stem", "head", "shape")),
        alphas=alphas,
        macs_full=macs,
        macs_paper=sum(part.macs for part in found if part.kind not in ("head", "shape")),
        convolutions=sum(part.convolutions for part in found),
    )


def _place(name: str, *, hrnet: bool) -> tuple[str, str, int | None]:
    """A layer's part, its kind and its stage."""
    match name.split("."):
        case ["stem" | "head" as part, *_]:
            return part, part, None
        case ["stage1" | "layer1", *_]:
            return "1.0", "block", 1
    return _place_hrnet(name) if hrnet else _place_supernet(name)


def _place_supernet(name: str) -> tuple[str, str, int]:
    _, stage, target, what, source, *_ = name.split(".")
    if what == "encoder":
        return f"{stage}.{target}", "block", int(stage)
    return f"{stage}.{source}to{target}", _kind(int(stage), int(source), int(target)), int(stage)


def _place_hrnet(name: str) -> tuple[str, str, int]:
    match name.split("."):
        case ["stages", index, _, "branches", branch, *_]:
            return f"{int(index) + 2}.{branch}", "block", int(index) + 2
        case ["stages", index, _, "fusion", "rows", target, source, *_]:
            kind = _kind(int(index) + 2, int(source), int(target))
            return f"{int(index) + 2}.{source}to{target}", kind, int(index) + 2
        case ["entry", target, *_]:
            return f"2.entry{target}", _kind(2, 0, int(target)), 2
        case ["new_branch", index, *_]:
            return f"{int(index) + 3}.new", "down", int(index) + 3
    raise AssertionError(name)


def _kind(stage: int, source: int, target: int) -> str:
    if source == target:
        return "project" if stage == 2 else "identity"
    return "up" if source > target else "down"


def _output_sizes(net: nn.Module) -> dict[str, int]:
    """Values that each convolution gives for the smallest input, by its name."""
    sizes: dict[str, int] = {}
    hooks = []
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d):

            def note(_module: nn.Module, _input: object, output: torch.Tensor, name: str = name) -> None:
                sizes[name] = output.numel()

            hooks.append(module.register_forward_hook(note))
    with torch.no_grad():
        net(torch.zeros(1, 3, DIVISOR, DIVISOR))
    for hook in hooks:
        hook.remove()
    return sizes
