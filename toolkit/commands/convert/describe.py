"""Stage: what a network is and costs, in both conventions of counting."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tyro.conf import Positional

from toolkit import runtime
from toolkit.core.files import write_bytes
from toolkit.core.outputs import OutFile, WritesFiles, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.zoo import folder_name, is_bundle, resolve
from toolkit.export import lint
from toolkit.models.spec import ARCHITECTURES, OWN_POINTS, Spec, SuperNetSpec
from toolkit.reporting.charts import standalone
from toolkit.reporting.drawing import png, svg
from toolkit.runtime import sidecar
from toolkit.runtime.tflite import invocation
from toolkit.runtime.timing import Latency, interleaved

if TYPE_CHECKING:
    from toolkit.bundle import Bundle
    from toolkit.slimming.complexity import Component

NEITHER = f"{{!r}} is neither a bundle, a converted file nor an architecture ({', '.join(ARCHITECTURES)})"
"""What to tell of a word that means nothing."""
RUNS = 30
"""Timed calls of a converted file and of its float32 one."""
KINDS = ("stem", "block", "project", "up", "down", "head")


@dataclass(frozen=True, kw_only=True)
class Describe(WritesFiles):
    """What a network costs: parameters, multiply-accumulates and edges of a bundle or a named architecture; operations,
    their delegation and what is slow or wrong in a converted file.

    Architectures: hrnet-w18, hrsupernet, hrsupernet-residual, hrnet-supernet, hrnet-supernet-mbconv, s-hrnet-300w,
    s-hrnet-cofw, s-hrnet-wflw.
    """

    what: Positional[str]
    """A bundle's folder, a converted file, the name of an architecture, or of a released model (its bundle)."""
    points: int | None = None
    """Landmarks of a named architecture (default: those of its data set, else 68)."""
    size: int | None = None
    """Side of the input crop (default: the bundle's, else 256)."""
    draw: OutFile | None = None
    """Also draw the architecture into this .svg or .png file, as the paper's figures 2 and 7 do: stages across,
    branches down, kept operations with the width of their factor, dropped ones faint."""
    history: OutFile | None = None
    """Also plot the importance factors after every epoch of a supernet's training into this .svg file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "points", "size")
        if self.draw is not None and self.draw.suffix not in (".svg", ".png"):
            raise ValueError(f"--draw writes an .svg or .png file, got {self.draw.name}")
        if self.history is not None and self.history.suffix != ".svg":
            raise ValueError(f"--history writes an .svg file, got {self.history.name}")


def run(options: Describe) -> Steps[Outcome]:
    """Count; see Describe."""
    check_outputs(options, reads={"what": Path(options.what)})
    yield Progress(task="counting", done=0, total=1)
    if options.what in ARCHITECTURES:
        points = OWN_POINTS.get(options.what, 68) if options.points is None else options.points
        spec = ARCHITECTURES[options.what](points)
        _no_history(options)
        _draw(options, spec, None)
        return _network(options.what, spec, 256 if options.size is None else options.size)
    path = _path(options.what)
    if options.points is not None:
        raise ValueError("--points is for named architectures; a trained model has its own")
    if is_bundle(path):
        from toolkit import bundle

        loaded = bundle.read(path)
        size = loaded.card.size_px if options.size is None else options.size
        _draw(options, loaded.spec, _factors(loaded))
        _plot_history(options, loaded)
        return _network(folder_name(path), loaded.spec, size, loaded)
    if path.exists():
        _no_history(options)
        if options.draw is not None:
            raise ValueError("--draw is for bundles and named architectures; a converted file has none")
        return (yield from _file(path))
    raise FileNotFoundError(NEITHER.format(options.what))


def _path(what: str) -> Path:
    """What is described, where it is no architecture.

    Raises:
        FileNotFoundError: a bare word that names nothing.
    """
    try:
        return resolve(what, "bundle")
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{NEITHER.format(what)}; {error}") from error


def _factors(loaded: Bundle) -> list[float] | None:
    from toolkit.slimming.importance import factors

    return factors(loaded.spec, loaded.weights).tolist() if isinstance(loaded.spec, SuperNetSpec) else None


def _draw(options: Describe, spec: Spec, alpha: list[float] | None) -> None:
    if options.draw is not None:
        from toolkit.reporting.architecture import drawing

        plan = drawing(spec, alpha)
        write_bytes(options.draw, png(plan) if options.draw.suffix == ".png" else svg(plan, "arch").encode())


def _plot_history(options: Describe, loaded: Bundle) -> None:
    if options.history is None:
        return
    from toolkit.reporting.alphas import history_of
    from toolkit.reporting.run import summary_of

    plot = history_of(summary_of(loaded, ""), ["open"] * len(getattr(loaded.spec, "gated", ())), None)
    if plot is None:
        raise ValueError(f"{options.what} has no importance factors in its log: only a trained supernet's bundle has")
    write_bytes(options.history, standalone(plot.svg).encode())


def _no_history(options: Describe) -> None:
    if options.history is not None:
        raise ValueError(f"--history is for a trained supernet's bundle; {options.what} is none")


def _network(name: str, spec: Spec, size: int, loaded: Bundle | None = None) -> Outcome:
    from toolkit.slimming.complexity import complexity, components
    from toolkit.slimming.operations import DECODING, operations

    cost = complexity(spec, size)
    lines = [
        f"{name}{f' ({loaded.card.name})' if loaded else ''}, {spec.points} points, {size} x {size} input",
        f"  parameters            {cost.params_full:>13,}"
        + (f" + {cost.alphas} importance factors" if cost.alphas else ""),
        f"    without stem, head  {cost.params_paper:>13,}  (as the paper counts)",
        f"  multiply-accumulates  {cost.macs_full:>13,}",
        f"    without head        {cost.macs_paper:>13,}  (as the paper counts)",
        f"  convolutions          {cost.convolutions:>13,}",
    ]
    pieces = components(spec, size)
    lines += _costs(pieces)
    record = {
        "kind": "describe",
        "name": loaded.card.name if loaded else name,
        "points": spec.points,
        "size_px": size,
        **asdict(cost),
    }
    if isinstance(spec, SuperNetSpec):
        if loaded is not None and loaded.card.decoder in DECODING:
            alphas = dict(zip(spec.edges, loaded.weights["alpha"].tolist(), strict=True))
            record["operations"] = operations(spec, alphas, loaded.card.decoder)
            lines.append(f"  operations            {record['operations']:>13,}  (of the exported float32 TFLite file)")
        lines += _edges(spec)
    if loaded is not None:
        record["bundle"] = name
        record["card"] = asdict(loaded.card)
        lines += [f"  {key}: {value}" for key, value in record["card"].items() if value and key != "name"]
    record["parts"] = [asdict(piece) for piece in pieces]
    return Outcome(text="\n".join(lines), records=(record,))


def _costs(pieces: tuple[Component, ...]) -> list[str]:
    """A table of MACs by stage and kind, with each stage's parameters."""
    kinds = [kind for kind in KINDS if any(piece.kind == kind for piece in pieces)]
    header = "".join(f"{kind:>9}" for kind in kinds)
    rows = [
        f"  million multiply-accumulates by stage and kind, and thousand parameters\n    {'':8}{header}{'params':>9}"
    ]
    for stage in dict.fromkeys(piece.stage if piece.stage else piece.kind for piece in pieces):
        own = [piece for piece in pieces if stage in (piece.stage, piece.kind)]
        cells = [sum(piece.macs for piece in own if piece.kind == kind) / 1e6 for kind in kinds]
        name = stage if isinstance(stage, str) else f"stage {stage}"
        params = sum(piece.params for piece in own) / 1e3
        rows.append(f"    {name:8}" + "".join(f"{c:9.2f}" if c else f"{'-':>9}" for c in cells) + f"{params:9.1f}")
    return rows


def _edges(spec: SuperNetSpec) -> list[str]:
    rows = []
    for stage in range(2, spec.stages + 1):
        cells = ["".join(str(e.source) for e in spec.into(stage, k)) or "-" for k in range(4)]
        rows.append(f"    stage {stage:2}   " + "   ".join(cell.ljust(4) for cell in cells).rstrip())
    blocks = sum(len(spec.branches(stage)) for stage in range(2, spec.stages + 1))
    return [
        f"  {len(spec.edges)} operations into {blocks} blocks; columns: target branch 0 to 3, cells: source branches",
        *rows,
        *(_layers(spec) if spec.depth_factors or spec.depths else ()),
    ]


def _layers(spec: SuperNetSpec) -> list[str]:
    """How many residual layers each block has left."""
    rows = [f"  {len(spec.bodies)} residual layers; columns: branch 0 to 3"]
    for stage in range(1, spec.stages):
        cells = [str(spec.depth_of(stage, k)) if k in _blocks(spec, stage) else "-" for k in range(4)]
        rows.append(f"    stage {stage:2}   " + "   ".join(cell.ljust(4) for cell in cells).rstrip())
    return rows


def _blocks(spec: SuperNetSpec, stage: int) -> tuple[int, ...]:
    return spec.branches(stage) if stage > 1 else (0,)


def _file(path: Path) -> Steps[Outcome]:
    """What a converted file's sidecar says, what is in it, and what is wrong or slow about it."""
    about = sidecar.read(path)
    if about.compiled is not None:
        return Outcome(text="\n".join([path.name, *_fields(about)]), records=({"kind": "describe", **asdict(about)},))
    _require_as_told(path, about)
    found = lint.inspect(path)
    times = yield from _times(path, about.precision)
    warnings = [*found.warnings, *_slower(times)]
    lines = [path.name, f"  {about.precision}: {sidecar.MEANING[about.precision]}"]
    lines += [f"  {about.mixed.text}"] if about.mixed else []
    lines += _fields(about)
    counts = ", ".join(f"{name} {count}" for name, count in found.operations.items())
    lines.append(f"  {sum(found.operations.values())} operations: {counts}")
    if found.parts is not None and found.outside is not None:
        left = ", ".join(f"{name} {count}" for name, count in found.outside.items()) or "nothing"
        lines.append(f"  XNNPACK takes it in {found.parts} part{'s' * (found.parts > 1)}; left outside: {left}")
    if found.left is not None:
        told = {engine: ", ".join(f"{n} {c}" for n, c in kinds.items()) for engine, kinds in found.left.items()}
        text = f"a GPU would leave {told['gpu'] or 'nothing'}, an NPU {told['npu'] or 'nothing'}"
        lines.append(f"  by rule {text} to the processor; `verify engine` and `convert --npu` try it")
    if times:
        own, plain = (latency.median for latency in times)
        lines.append(f"  one call on one thread {own:.2f} ms, of the float32 file beside it {plain:.2f} ms")
    lines += [f"  WARNING: {text}" for text in (*found.breaches, *found.rounded, *warnings)] or ["  nothing to warn of"]
    record = {"kind": "describe", "name": path.name, **asdict(about), **asdict(found), "warnings": warnings}
    record |= {"latency_ms": asdict(times[0]), "float32_latency_ms": asdict(times[1])} if times else {}
    return Outcome(text="\n".join(lines), records=(record,))


def _require_as_told(path: Path, about: sidecar.Sidecar) -> None:
    """Raises ValueError where the file takes or gives something else than its sidecar says, by running it once."""
    if path.suffix != ".mlpackage":
        with suppress(ModuleNotFoundError):  # its engine is another's matter
            runtime.load(path)(np.zeros((about.size_px, about.size_px, 3), np.uint8))


def _fields(about: sidecar.Sidecar) -> list[str]:
    return [f"  {key}: {value}" for key, value in asdict(about).items() if key != "compiled" or value]


def _times(path: Path, precision: str) -> Steps[tuple[Latency, ...]]:
    """A .tflite file and its float32 one, by turns; nothing where that one is not beside it."""
    plain = path.with_name(path.name.replace(f"-{precision}.", "-float32."))
    if path.suffix != ".tflite" or plain == path or not plain.exists():
        return ()
    calls = [invocation(file)[0] for file in (path, plain)]
    return tuple((yield from interleaved(calls, RUNS, RUNS // 10)))


def _slower(times: tuple[Latency, ...]) -> list[str]:
    if not times or times[0].median <= times[1].median:
        return []
    return [f"slower than float32 here, {times[0].median:.2f} against {times[1].median:.2f} ms: ship that one"]
