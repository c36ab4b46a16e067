"""Networks, whole and in pieces, as TFLite files for timing: each edge and block of a supernet at its resolution."""

import itertools
import json
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from toolkit.core.files import size_bytes
from toolkit.core.progress import Progress, Steps
from toolkit.export.deployed import Deployed
from toolkit.export.lint import operations
from toolkit.export.onnx import OPSET
from toolkit.export.tools import require, run_apart
from toolkit.models.blocks import upsample
from toolkit.models.building import build
from toolkit.models.spec import SuperNetSpec
from toolkit.models.supernet import HRSuperNet
from toolkit.runtime.tflite import invocation
from toolkit.runtime.timing import Latency, interleaved
from toolkit.slimming import latency
from toolkit.slimming.fold import FoldedHead, FoldedSuperNet, fold

Shape = tuple[int, int, int]
"""Channels, height and width of one input."""
WHOLE = "whole"


@dataclass(frozen=True)
class Piece:
    """A module and the maps that it reads."""

    module: nn.Module
    inputs: tuple[Shape, ...]


class Into(nn.Module):
    """An edge with the addition into its block: (x, y) -> y + T(x)."""

    def __init__(self, edge: nn.Module, factor: int) -> None:
        super().__init__()
        self.edge = edge
        self.factor = factor

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        total: Tensor = y + upsample(self.edge(x), self.factor)
        return total


class Final(nn.Module):
    """A head that takes its branches as arguments."""

    def __init__(self, head: FoldedHead, branches: Sequence[int]) -> None:
        super().__init__()
        self.head = head
        self.branches = tuple(branches)

    def forward(self, *maps: Tensor) -> Tensor:
        return self.head(dict(zip(self.branches, maps, strict=True)))  # type: ignore[no-any-return]


def supernet_pieces(spec: SuperNetSpec, size_px: int) -> dict[str, Piece]:
    """Every piece of a supernet and of whatever can be slimmed from it, by its key in a latency table, as it is
    deployed: alpha and the norms folded. The whole supernet is there too, as a check."""
    net = build(spec).eval()
    assert isinstance(net, HRSuperNet)
    folded = fold(net)
    assert isinstance(folded, FoldedSuperNet)
    image = (3, size_px, size_px)
    first, *_ = latency.pieces(spec)
    layers = len(folded.stem) - spec.depth_of(1, 0)
    found = {WHOLE: Piece(folded, (image,)), first: Piece(folded.stem[:layers], (image,))}
    for edge in spec.edges:
        module = folded.stages[edge.stage - 2][str(edge.target)].edges[str(edge.source)]  # type: ignore[index]
        shapes = (
            _shape(spec, edge.stage - 1, edge.source, size_px),
            _shape(spec, edge.stage, edge.target, size_px),
        )
        into = Into(module, 2 ** max(0, edge.source - edge.target))
        found.setdefault(latency.edge_key(spec, edge), Piece(into, shapes))
    for body in spec.bodies:
        block = folded.stages[body.stage - 2][str(body.branch)] if body.stage > 1 else None  # type: ignore[index]
        module = block.encoder[body.index] if block else folded.stem[layers + body.index]
        piece = Piece(module, (_shape(spec, body.stage, body.branch, size_px),))
        found.setdefault(latency.body_key(spec, body.stage, body.branch), piece)
    return found | _heads(spec, size_px)


def _heads(spec: SuperNetSpec, size_px: int) -> dict[str, Piece]:
    """The head for every set of final branches that slimming can leave, as wide as it is, and as published."""
    final = spec.branches(spec.stages)
    found = {}
    for count, width in itertools.product(range(1, len(final) + 1), (spec.head_width, None)):
        for kept in itertools.combinations(final, count):
            edges = tuple(e for e in spec.edges if e.stage < spec.stages or e.target in kept)
            smaller = replace(spec, edges=edges, head=width)
            hidden = smaller.head_width
            first: dict[str, nn.Module] = {}
            for k in kept:
                first[str(k)] = nn.Conv2d(spec.width(spec.stages, k), hidden, 1, bias=k == kept[0])
            head = FoldedHead(first, nn.Conv2d(hidden, spec.points, 1)).eval()
            shapes = tuple(_shape(spec, spec.stages, k, size_px) for k in kept)
            found[latency.head_key(smaller)] = Piece(Final(head, kept), shapes)
    return found


def _shape(spec: SuperNetSpec, stage: int, branch: int, size_px: int) -> Shape:
    side = size_px // 4 // 2**branch
    return spec.width(stage, branch), side, side


def convert_pieces(
    found: Mapping[str, Piece], folder: Path, precision: latency.TimedPrecision = "float32"
) -> dict[str, Path]:
    """Convert pieces to TFLite files in a folder, all in one process; int8 ones take and give int8, their ranges from
    random maps.

    Raises:
        ModuleNotFoundError: the convert extra is not installed.
        ValueError: a converter failed; the message names its log.
    """
    require("tensorflow", "onnx", "onnxscript")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sdhrnet-") as temporary:
        work = Path(temporary)
        names = {key: f"{index:03}" for index, key in enumerate(found)}
        for key, piece in found.items():
            _to_onnx(piece, work / f"{names[key]}.onnx")
        job = {"names": list(names.values()), "precision": precision}
        (work / "job.json").write_text(json.dumps(job), encoding="utf-8")
        run_apart("toolkit.export.tflite_worker", work)
        paths = {}
        for key, name in names.items():
            paths[key] = folder / f"{name}.tflite"
            paths[key].write_bytes((work / f"{name}.tflite").read_bytes())
    return paths


def _to_onnx(piece: Piece, path: Path) -> None:
    example = tuple(torch.zeros(1, *shape) for shape in piece.inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in export.onnx
        names = [f"x{i}" for i in range(len(example))]
        torch.onnx.export(
            piece.module, example, str(path), dynamo=False, opset_version=OPSET, input_names=names, output_names=["y"]
        )


@dataclass(frozen=True, kw_only=True)
class MeasuredFile:
    """What a float32 TFLite file of a network is like."""

    operations: int
    size_bytes: int
    latency: Latency
    engine: str


def measure_files(
    modules: Mapping[str, Deployed], size_px: Mapping[str, int], runs: int
) -> Steps[dict[str, MeasuredFile]]:
    """Convert deployed networks in one process and time them by turns on one thread.

    Args:
        modules: by name.
        size_px: the side of each one's crop.
        runs: timed calls of each; a tenth as many to warm up.

    Returns:
        What was measured, by name.
    """
    yield Progress(task="converting", done=0, total=1)
    with tempfile.TemporaryDirectory(prefix="sdhrnet-") as temporary:
        pieces = {name: Piece(module, ((3, size_px[name], size_px[name]),)) for name, module in modules.items()}
        paths = convert_pieces(pieces, Path(temporary))
        calls, engines = zip(*(invocation(path) for path in paths.values()), strict=True)
        times: list[Latency] = yield from interleaved(calls, runs, max(1, runs // 10))
        return {
            name: MeasuredFile(
                operations=sum(operations(path).values()),
                size_bytes=size_bytes(path),
                latency=latency,
                engine=engine,
            )
            for (name, path), latency, engine in zip(paths.items(), times, engines, strict=True)
        }
