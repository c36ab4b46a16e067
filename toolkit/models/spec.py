"""Spec: an architecture as data. JSON in and out; models.build(spec) is the only way to make a network."""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from toolkit.core.validation import Points, check, without_format
from toolkit.models.released import RELEASED

FORMAT = 6
"""The newest version of the JSON (2 added `narrowed`, 3 `depths` and `depth_factors`, 4 `shape`, 5 `unit`,
`bottlenecks` and `stages`); a higher one comes from a newer release. What a network does not have is not written, so
that older ones are written as they always were."""

STAGES = 10
"""Of HRSuperNet."""
HRNET_STAGES = 12
"""Of HRNetV2-W18 as a supernet: its eight fusions, the three transitions that open branches, and stage 1."""
DIVISOR = 32
"""Input sides are multiples of this: four branches, the lowest at 1/32."""

EdgeKind = Literal["project", "identity", "up", "down"]
Unit = Literal["mbconv", "residual"]
Width = Annotated[int, Meta(ge=1, le=4096)]
"""Channels of a map."""
Depth = Annotated[int, Meta(ge=1, le=16)]
"""Blocks, or modules, one behind the other."""


@dataclass(frozen=True, kw_only=True)
class ShapeSpec:
    """A shape layer behind the decoding (models.shape), in shares of the crop's side."""

    reach: Annotated[float, Meta(gt=0, le=1)] = 0.25
    """As far as a coordinate's deviation from its mean place counts."""
    bound: Annotated[float, Meta(gt=0, le=0.5)] = 0.03
    """The furthest that a coordinate is corrected."""
    hidden: Width = 256
    """Width of the hidden layer."""


@dataclass(frozen=True, kw_only=True)
class HRNetSpec:
    """HRNetV2 (Sun et al., 2019), the teacher; the defaults are W18."""

    family: ClassVar[str] = "hrnet"

    points: Points
    stem: tuple[Width, Width] = (64, 64)
    layer1: tuple[Width, Width] = (64, 256)
    """Inner and outer width of the Bottlenecks."""
    widths: tuple[Width, Width, Width, Width] = (18, 36, 72, 144)
    modules: tuple[Depth, Depth, Depth] = (1, 4, 3)
    blocks: Depth = 4
    shape: ShapeSpec | None = None
    """The shape layer, if there is one."""

    def __post_init__(self) -> None:
        _positive(points=(self.points,), stem=self.stem, layer1=self.layer1, widths=self.widths, modules=self.modules)


@dataclass(frozen=True, kw_only=True)
class Edge:
    """One transformation-and-aggregation (TA) operation: from `source` of the stage before to `target` of `stage`."""

    stage: int
    source: int
    target: int
    inner: tuple[Width, ...] = ()
    """Output widths of a downsampling chain's convolutions but the last."""

    def __post_init__(self) -> None:
        if not (self.stage >= 2 and 0 <= self.source <= 3 and 0 <= self.target <= 3):
            raise ValueError(f"no such edge: stage {self.stage}, {self.source} -> {self.target}")
        if self.stage == 2 and self.source != 0:
            raise ValueError("stage 2 has one source, branch 0")
        if len(self.inner) != max(0, self.target - self.source - 1):
            raise ValueError(f"{self} needs {max(0, self.target - self.source - 1)} inner widths")

    @property
    def kind(self) -> EdgeKind:
        """What T is here (section 3.1); `project` is stage 2's stride-1 convolution, which only changes the width."""
        if self.source == self.target:
            return "project" if self.stage == 2 else "identity"
        return "up" if self.source > self.target else "down"

    @property
    def name(self) -> str:
        """A key for modules and tables, such as 3.0to2."""
        return f"{self.stage}.{self.source}to{self.target}"


@dataclass(frozen=True, kw_only=True)
class Body:
    """The residual body of one MBConv: what goes when the network loses a layer."""

    stage: int
    branch: int
    index: int
    """Its place among the MBConvs of its block."""

    @property
    def name(self) -> str:
        """A key for tables, such as 3.0#2."""
        return f"{self.stage}.{self.branch}#{self.index}"


Gated = Edge | Body
"""What has an importance factor."""


@dataclass(frozen=True, kw_only=True)
class SuperNetSpec:
    """HRSuperNet, or any network slimmed from it: the edges that are left, and every width.

    HRNetV2 is one, too: where it opens a branch, its transition is a stage of its own, which the older branches pass.
    """

    family: ClassVar[str] = "hrsupernet"

    points: Points
    edges: tuple[Edge, ...]
    stem: tuple[Width, Width] = (64, 64)
    widths: tuple[Width, Width, Width, Width] = (18, 36, 72, 144)
    depth: Depth = 4
    """Units in each block of every stage but the last, which has none."""
    head: Width | None = None
    """Width of the head's hidden layer; None stands for the sum of the final branches' widths."""
    narrowed: tuple[tuple[int, int, Width], ...] = ()
    """Blocks that do not have their branch's width, since channels were pruned: (stage, branch, channels) each."""
    depths: tuple[tuple[int, int, Annotated[int, Meta(ge=0, le=16)]], ...] = ()
    """Blocks that do not have `depth` MBConvs, since some were removed: (stage, branch, MBConvs) each."""
    depth_factors: bool = False
    """Whether every MBConv's residual body has an importance factor of its own."""
    shape: ShapeSpec | None = None
    """The shape layer, if there is one."""
    unit: Unit = "mbconv"
    """What encodes features: MBConvs, or HRNet's residual units of two 3x3 convolutions (the paper's Figure 6)."""
    bottlenecks: tuple[Width, Width] | None = None
    """Inner and outer width of stage 1's Bottlenecks, which HRNet has in place of units."""
    stages: Annotated[int, Meta(ge=3, le=32)] = STAGES
    """Stage 1 and every stage of fusion behind it."""

    def __post_init__(self) -> None:
        _positive(points=(self.points,), stem=self.stem, widths=self.widths, depth=(self.depth,))
        if self.depth_factors and (self.unit != "mbconv" or self.bottlenecks):
            raise ValueError("only MBConvs have importance factors of depth")
        if any(edge.stage > self.stages for edge in self.edges):
            raise ValueError(f"no such edge: a network of {self.stages} stages ends there")
        _positive(narrowed=tuple(width for _, _, width in self.narrowed))
        keys = [(e.stage, e.target, e.source) for e in self.edges]
        if keys != sorted(set(keys)):
            raise ValueError("edges must be unique and ordered by stage, target and source")
        for edge in self.edges:
            if edge.stage > 2 and edge.source not in self.branches(edge.stage - 1):
                raise ValueError(f"edge {edge.name} starts at a block that no edge reaches")
        if not self.branches(self.stages):
            raise ValueError("no edge reaches the last stage: nothing is left of the network")
        for stage, branch, _ in self.narrowed:
            if stage < 2 or branch not in self.branches(stage):
                raise ValueError(f"narrowed names a block that is not there: stage {stage}, branch {branch}")
        for stage, branch, count in self.depths:
            there = branch in self.branches(stage) if stage > 1 else (stage, branch) == (1, 0)
            if not there or stage >= self.stages or not isinstance(count, int) or count < 0:
                raise ValueError(f"depths names no block's number of layers: stage {stage}, branch {branch}, {count}")
        for edge in self.edges:
            if edge.kind == "identity" and self.source_width(edge) != self.width(edge.stage, edge.target):
                raise ValueError(f"edge {edge.name} is an identity between blocks of different widths")

    def width(self, stage: int, branch: int) -> int:
        """Channels of a block's map."""
        if stage == 1:
            return self.bottlenecks[1] if self.bottlenecks else self.stem[1]
        return self._own_widths.get((stage, branch), self.widths[branch])

    def depth_of(self, stage: int, branch: int) -> int:
        """Units of a block."""
        return self._own_depths.get((stage, branch), self.depth if stage < self.stages else 0)

    @cached_property
    def bodies(self) -> tuple[Body, ...]:
        """Every MBConv's residual body, in the order of the network."""
        blocks = [(1, 0), *((stage, k) for stage in range(2, self.stages) for k in self.branches(stage))]
        return tuple(Body(stage=s, branch=k, index=i) for s, k in blocks for i in range(self.depth_of(s, k)))

    @cached_property
    def gated(self) -> tuple[Gated, ...]:
        """Everything that has an importance factor: the edges, then the residual bodies where these have one."""
        return (*self.edges, *(self.bodies if self.depth_factors else ()))

    def branches(self, stage: int) -> tuple[int, ...]:
        """The blocks of a stage, by branch: those that some edge reaches."""
        return (0,) if stage == 1 else self._branches.get(stage, ())

    def into(self, stage: int, target: int) -> tuple[Edge, ...]:
        """The edges that one block aggregates."""
        return tuple(e for e in self.edges if e.stage == stage and e.target == target)

    def source_width(self, edge: Edge) -> int:
        """Channels of the map that an edge reads."""
        return self.width(edge.stage - 1, edge.source)

    @cached_property
    def _branches(self) -> dict[int, tuple[int, ...]]:
        found: dict[int, set[int]] = {}
        for edge in self.edges:
            found.setdefault(edge.stage, set()).add(edge.target)
        return {stage: tuple(sorted(branches)) for stage, branches in found.items()}

    @cached_property
    def _own_widths(self) -> dict[tuple[int, int], int]:
        return {(stage, branch): channels for stage, branch, channels in self.narrowed}

    @cached_property
    def _own_depths(self) -> dict[tuple[int, int], int]:
        return {(stage, branch): count for stage, branch, count in self.depths}

    @property
    def head_input(self) -> int:
        """Channels of the concatenated final branches."""
        return sum(self.width(self.stages, k) for k in self.branches(self.stages))

    @property
    def head_width(self) -> int:
        """Channels of the head's hidden layer."""
        return self.head_input if self.head is None else self.head


Spec = HRNetSpec | SuperNetSpec


def hrsupernet(points: int, *, depth_factors: bool = False, unit: Unit = "mbconv") -> SuperNetSpec:
    """The whole supernet: 4 + 8 x 16 = 132 edges; with depth factors, 132 residual bodies that have one each."""
    edges = [_edge(2, 0, target) for target in range(4)]
    edges += [_edge(stage, source, target) for stage in range(3, 11) for target in range(4) for source in range(4)]
    return SuperNetSpec(points=points, edges=tuple(edges), depth_factors=depth_factors, unit=unit)


def hrnet_supernet(points: int, *, unit: Unit = "residual") -> SuperNetSpec:
    """HRNetV2-W18 with an importance factor on each of its 97 operations of fusion and transition: at 1 it computes
    what HRNet does. With MBConvs it has HRNet's branches and fusions, and HRSuperNet's stage 1."""
    branches = {2: 2, 3: 2, 4: 3, 5: 3, 6: 3, 7: 3, 8: 3, 9: 4, 10: 4, 11: 4, 12: 4}
    edges = [_edge(2, 0, 0), _edge(2, 0, 1)]
    depths = []
    for stage in range(3, HRNET_STAGES + 1):
        count, before = branches[stage], branches[stage - 1]
        if count > before:  # a transition: the new branch is made of the lowest one, and the others pass
            edges += [*(_edge(stage, k, k) for k in range(before)), _edge(stage, before - 1, before)]
            depths += [(stage - 1, k, 0) for k in range(before)]
        else:
            edges += [_edge(stage, source, target) for target in range(count) for source in range(count)]
    return SuperNetSpec(
        points=points,
        edges=tuple(edges),
        depths=tuple(depths),
        unit=unit,
        bottlenecks=HRNetSpec.layer1 if unit == "residual" else None,
        stages=HRNET_STAGES,
    )


def whole(spec: SuperNetSpec) -> SuperNetSpec:
    """The supernet that a network was slimmed from, of the published widths."""
    return hrnet_supernet(spec.points) if spec.stages == HRNET_STAGES else hrsupernet(spec.points)


def s_hrnet(released: Literal["300w", "cofw", "wflw"], points: int) -> SuperNetSpec:
    """The slimmed network that the paper's authors published for one data set, with its surviving edges."""
    edges = []
    for stage, row in enumerate(RELEASED[released].split(";"), start=2):
        for target, sources in enumerate(row.strip().split("|")):
            edges += [_edge(stage, int(source), target) for source in sources if source != "-"]
    return SuperNetSpec(points=points, edges=tuple(edges))


ARCHITECTURES: dict[str, Callable[[int], Spec]] = {
    "hrnet-w18": lambda points: HRNetSpec(points=points),
    "hrsupernet": hrsupernet,
    "hrsupernet-residual": lambda points: hrsupernet(points, unit="residual"),
    "hrnet-supernet": hrnet_supernet,
    "hrnet-supernet-mbconv": lambda points: hrnet_supernet(points, unit="mbconv"),
    "s-hrnet-300w": lambda points: s_hrnet("300w", points),
    "s-hrnet-cofw": lambda points: s_hrnet("cofw", points),
    "s-hrnet-wflw": lambda points: s_hrnet("wflw", points),
}
OWN_POINTS = {"s-hrnet-cofw": 29, "s-hrnet-wflw": 98}
"""Points of the data set that a published network was found on; 68 for the others."""


def _edge(stage: int, source: int, target: int) -> Edge:
    width = SuperNetSpec.stem[1] if stage == 2 else SuperNetSpec.widths[source]
    return Edge(stage=stage, source=source, target=target, inner=(width,) * max(0, target - source - 1))


ADDED = {"shape": (6, None), "unit": (5, "mbconv"), "bottlenecks": (5, None), "stages": (5, STAGES)}
"""Fields by the version that they are written as from on, and the value with which they are not written."""


def to_json(spec: Spec) -> dict[str, Any]:
    """The whole architecture as plain JSON values."""
    fields = json.loads(json.dumps(dataclasses.asdict(spec)))
    version = 3
    for name, (since, absent) in ADDED.items():
        if fields.get(name, absent) == absent:
            fields.pop(name, None)
        else:
            version = max(version, since)
    return {"format": version, "family": spec.family, **fields}


def from_json(data: Any, source: str = "spec.json") -> Spec:
    """The spec that to_json wrote.

    Raises:
        ValueError: a newer format, an unknown family, or fields that do not make a network.
    """
    fields = without_format(data, FORMAT, source)
    family = fields.pop("family", None)
    kinds: dict[Any, type[Spec]] = {kind.family: kind for kind in (HRNetSpec, SuperNetSpec)}
    if not isinstance(family, str) or family not in kinds:
        raise ValueError(f"{source}: unknown network family {family!r}; known: {', '.join(kinds)}")
    return check(fields, kinds[family], source)  # type: ignore[no-any-return]


def _positive(**widths: tuple[int, ...]) -> None:
    for name, values in widths.items():
        if not all(isinstance(v, int) and v > 0 for v in values):
            raise ValueError(f"{name} must be positive whole numbers, got {values}")
