"""Stage: the released models of this installation, what they scored, and where their files lie."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.core.files import read_json, size_bytes
from toolkit.core.options import Options
from toolkit.core.outputs import check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.validation import check
from toolkit.core.zoo import MAIN, WEIGHTS, files, names, resolve
from toolkit.runtime import sidecar

NO_TIMES = (
    "A name stands for the first file where a model runs, and for the bundle where one is trained on, described or "
    "converted. Times are not in the package: `sdhrnet benchmark NAME` measures them on this machine."
)


@dataclass(frozen=True, kw_only=True)
class Models(Options):
    """List the released models: points, input, error on their test faces, licence, and where bundle, .tflite and
    .mlpackage lie."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What a released model's card says of its test faces; errors in percent of the inter-ocular distance."""

    data: str
    n: int
    nme_mean: float
    nme_median: float
    fr10: float
    auc10: float
    nme_regions: dict[str, float]


def run(options: Models) -> Steps[Outcome]:
    """Read sidecars and cards; see Models. Needs no torch."""
    check_outputs(options)
    yield Progress(task="reading cards", done=0, total=0)
    told = [_told(name) for name in sorted(names(), key=lambda name: (name != MAIN, name))]
    if not told:
        raise FileNotFoundError(f"no released model in {WEIGHTS}: install the package again")
    return Outcome(
        text="\n\n".join([*(text for text, _ in told), NO_TIMES]), records=tuple(record for _, record in told)
    )


def _told(name: str) -> tuple[str, dict[str, Any]]:
    """A released model for a person and for a program."""
    runs, folder = resolve(name), resolve(name, "bundle")
    about = sidecar.read(runs)
    scores: Scores = check(read_json(folder / "card.json")["metrics"]["test"], Scores, f"{name}: test")
    others = [path for path in files(name) if path != runs]
    lines = [
        f"{name}" + (" (taken where none is named)" if name == MAIN else ""),
        f"  {about.points} points of {about.scheme}, crops of {about.size_px} x {about.size_px} pixels",
        f"  NME {scores.nme_mean:.2f} %, FR@10 {scores.fr10:.1f} % on {scores.data} ({scores.n} faces)",
        f"  file:    {runs} ({_mb(runs)})",
        f"  bundle:  {folder} ({_mb(folder)})",
        *(f"  also:    {path} ({_mb(path)})" for path in others),
        f"  licence: {about.licence}",
    ]
    record = {
        "kind": "released",
        "name": name,
        "scheme": about.scheme,
        "points": about.points,
        "input_px": about.size_px,
        "test": read_json(folder / "card.json")["metrics"]["test"],
        "latency_ms": None,
        "licence": about.licence,
        "file": str(runs),
        "bundle": str(folder),
        "files": {path.name: {"path": str(path), "size_bytes": size_bytes(path)} for path in (runs, *others)},
    }
    return "\n".join(lines), record


def _mb(path: Path) -> str:
    return f"{size_bytes(path) / 1e6:.1f} MB"
