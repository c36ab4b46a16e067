"""What each piece of a network takes on one device: a table of measured milliseconds that adds up to a prediction.

Edges of one shape cost the same in every stage, so that the whole supernet needs a few dozen measurements.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from toolkit.core.files import read_json, write_json
from toolkit.core.validation import versioned
from toolkit.models.spec import Edge, SuperNetSpec

FORMAT = 2
"""2 has the stem and every MBConv by themselves, so that blocks of any depth add up, and int8."""
TimedPrecision = Literal["float32", "int8"]
Milliseconds = Annotated[float, Meta(ge=0, le=1e6)]


@dataclass(frozen=True, kw_only=True)
class LatencyTable:
    """Measured milliseconds by piece, on one device, for one input size."""

    size_px: int
    precision: TimedPrecision = "float32"
    """Of the files that were timed."""
    pieces_ms: dict[str, Milliseconds]
    """Medians of the processor time by the key of a piece. An edge is measured with the addition into its block."""
    whole: dict[str, Milliseconds] = field(default_factory=dict)
    """The whole supernet as a check: `measured_ms`, and `summed_ms` of its pieces."""
    conditions: dict[str, Any] = field(default_factory=dict)
    """Device, engine, threads, runs, versions and commit."""

    def __post_init__(self) -> None:
        if self.whole and not (self.whole.get("measured_ms", 0) > 0 and self.whole.get("summed_ms", 0) > 0):
            raise ValueError("whole: expected `measured_ms` and `summed_ms`, both above 0")

    @property
    def factor(self) -> float:
        """What the whole supernet takes over the sum of its pieces: 1 where that was not measured."""
        return self.whole["measured_ms"] / self.whole["summed_ms"] if self.whole else 1.0

    def milliseconds(self, key: str) -> float:
        """One piece's.

        Raises:
            ValueError: the table does not have it.
        """
        if key not in self.pieces_ms:
            raise ValueError(
                f"the latency table has no {key!r}: make one for this network's widths and points with "
                "`sdhrnet latency-table`"
            )
        return self.pieces_ms[key]

    def summed(self, spec: SuperNetSpec) -> float:
        """The sum over the pieces of a network; a block of n edges has n - 1 additions."""
        total = sum(self.milliseconds(key) for key in pieces(spec))
        for stage in range(2, spec.stages + 1):
            total -= sum(self.milliseconds(_addition(spec, stage, k)) for k in spec.branches(stage))
        return total

    def predict(self, spec: SuperNetSpec) -> float:
        """Milliseconds of a network, without decoding; the sum of its pieces, scaled as the supernet's is."""
        return self.factor * self.summed(spec)


def write(table: LatencyTable, path: Path) -> None:
    """Write a table as JSON."""
    write_json(path, {"format": FORMAT, **dataclasses.asdict(table)})


def read(path: Path) -> LatencyTable:
    """The table in a file.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is no latency table.
    """
    try:
        return versioned(read_json(path), LatencyTable, FORMAT, str(path))
    except ValueError as error:
        raise ValueError(f"{error}: make a table with `sdhrnet latency-table`") from error


def pieces(spec: SuperNetSpec) -> Iterator[str]:
    """The keys of all pieces that a network consists of, one for each time that it is there."""
    yield "stem {}-{}".format(*spec.stem)
    for edge in spec.edges:
        yield edge_key(spec, edge)
    for body in spec.bodies:
        yield body_key(spec, body.stage, body.branch)
    yield head_key(spec)


def edge_key(spec: SuperNetSpec, edge: Edge) -> str:
    """Kind, branches and widths, such as `down 0to2 18-18-72`."""
    widths = (spec.source_width(edge), *edge.inner, spec.width(edge.stage, edge.target))
    if edge.kind == "identity":
        return _addition(spec, edge.stage, edge.target)
    return f"{edge.kind} {edge.source}to{edge.target} {'-'.join(map(str, widths))}"


def body_key(spec: SuperNetSpec, stage: int, branch: int) -> str:
    """One unit of a block, such as `layer 1 36`; MBConvs are just layers."""
    unit = "bottleneck" if stage == 1 and spec.bottlenecks else {"mbconv": "layer", "residual": "residual"}[spec.unit]
    return f"{unit} {branch} {spec.width(stage, branch)}"


def head_key(spec: SuperNetSpec) -> str:
    """The head, by its final branches and widths, such as `head 0:18 1:36 54-68`."""
    final = " ".join(f"{k}:{spec.width(spec.stages, k)}" for k in spec.branches(spec.stages))
    return f"head {final} {spec.head_width}-{spec.points}"


def _addition(spec: SuperNetSpec, stage: int, branch: int) -> str:
    """Adding one map to another, which is all that an identity edge does."""
    return f"identity {branch} {spec.width(stage, branch)}"
