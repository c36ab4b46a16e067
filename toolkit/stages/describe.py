"""Stage: what a network is and costs, in both conventions of counting."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tyro.conf import Positional

from toolkit import bundle
from toolkit.core.files import write_bytes
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.models.spec import ARCHITECTURES, OWN_POINTS, STAGES, Spec, SuperNetSpec
from toolkit.report.architecture import draw
from toolkit.runtime import sidecar
from toolkit.slimming.census import census


@dataclass(frozen=True, kw_only=True)
class Describe:
    """Parameters, multiply-accumulates and edges of a bundle, a converted file or a named architecture.

    Architectures: hrnet-w18, hrsupernet, s-hrnet-300w, s-hrnet-cofw, s-hrnet-wflw.
    """

    what: Positional[str]
    """A bundle's folder, a converted file, or the name of an architecture."""
    points: int | None = None
    """Landmarks of a named architecture (default: those of its data set, else 68)."""
    size: int | None = None
    """Side of the input crop (default: the bundle's, else 256)."""
    draw: Path | None = None
    """Also draw the architecture into this .svg file, as the paper's figures 2 and 7 do."""

    def __post_init__(self) -> None:
        if self.draw is not None and self.draw.suffix != ".svg":
            raise ValueError(f"--draw writes an .svg file, got {self.draw.name}")


def run(options: Describe) -> Steps[Outcome]:
    """Count; see Describe."""
    yield Progress(task="counting", done=0, total=1)
    path = Path(options.what)
    if options.what in ARCHITECTURES:
        points = options.points or OWN_POINTS.get(options.what, 68)
        spec = ARCHITECTURES[options.what](points)
        _draw(options, spec, None)
        return _network(options.what, spec, options.size or 256, {})
    if options.points is not None:
        raise ValueError("--points is for named architectures; a trained model has its own")
    if bundle.is_bundle(path):
        loaded = bundle.read(path)
        size = options.size or loaded.card.size_px
        _draw(options, loaded.spec, loaded.weights["alpha"].tolist() if "alpha" in loaded.weights else None)
        return _network(loaded.card.name, loaded.spec, size, {"card": asdict(loaded.card)}, loaded)
    if path.exists():
        return _file(path)
    raise FileNotFoundError(
        f"{options.what!r} is neither a bundle, a converted file nor an architecture ({', '.join(ARCHITECTURES)})"
    )


def _draw(options: Describe, spec: Spec, alpha: list[float] | None) -> None:
    if options.draw is not None:
        write_bytes(options.draw, draw(spec, alpha).encode())


def _network(name: str, spec: Spec, size: int, more: dict[str, Any], loaded: bundle.Bundle | None = None) -> Outcome:
    cost = census(spec, size)
    lines = [
        f"{name}, {spec.points} points, {size} x {size} input",
        f"  parameters            {cost.params_full:>13,}"
        + (f" + {cost.alphas} importance factors" if cost.alphas else ""),
        f"    without stem, head  {cost.params_paper:>13,}  (as the paper counts)",
        f"  multiply-accumulates  {cost.macs_full:>13,}",
        f"    without head        {cost.macs_paper:>13,}  (as the paper counts)",
        f"  convolutions          {cost.convolutions:>13,}",
    ]
    if isinstance(spec, SuperNetSpec):
        lines += _edges(spec)
    if loaded is not None:
        lines += [f"  {key}: {value}" for key, value in asdict(loaded.card).items() if value and key != "name"]
    record = {"kind": "describe", "name": name, "points": spec.points, "size_px": size, **asdict(cost), **more}
    return Outcome(text="\n".join(lines), records=(record,))


def _edges(spec: SuperNetSpec) -> list[str]:
    rows = []
    for stage in range(2, STAGES + 1):
        cells = ["".join(str(e.source) for e in spec.into(stage, k)) or "-" for k in range(4)]
        rows.append(f"    stage {stage:2}   " + "   ".join(cell.ljust(4) for cell in cells).rstrip())
    blocks = sum(len(spec.branches(stage)) for stage in range(2, STAGES + 1))
    return [
        f"  {len(spec.edges)} operations into {blocks} blocks; columns: target branch 0 to 3, cells: source branches",
        *rows,
    ]


def _file(path: Path) -> Outcome:
    about = asdict(sidecar.read(path))
    text = "\n".join([path.name, *(f"  {key}: {value}" for key, value in about.items())])
    return Outcome(text=text, records=({"kind": "describe", "name": path.name, **about},))
