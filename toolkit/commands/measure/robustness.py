"""Stage: what is left of the accuracy where a face is seen badly, and how much landmarks tremble over time."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tyro.conf import Positional

from toolkit.benchmarking import competitors
from toolkit.benchmarking.candidates import Candidate, EngineName, open_candidate, sources
from toolkit.benchmarking.competitors import CompetitorName
from toolkit.benchmarking.end_to_end import pipelines_of
from toolkit.benchmarking.flicker import measured
from toolkit.benchmarking.results import columns
from toolkit.benchmarking.robustness import RobustnessScores, robustness
from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import Fields, append, called
from toolkit.core.zoo import ModelPath
from toolkit.data import one_in, open_faces
from toolkit.data.audit import told
from toolkit.data.corruptions import CORRUPTIONS

PAINTERS = "held out"
"""Of the conditions: no training uses them. Records without it are of the painters of training's augmentation."""


@dataclass(frozen=True, kw_only=True)
class Robustness(Options):
    """Accuracy under twelve corruptions of rising strength, and flicker, of every model on the same pictures.

    Box jitter, scale, rotation, blur, motion, low resolution, noise, compression, darkness, shadow, occlusion and a
    face mask, drawn with a fixed seed by painters that no training uses. Flicker is the mean change of a point's error
    from frame to frame, without smoothing: of still photos that glide under a camera's noise, and of synthetic heads
    that turn.
    """

    models: Positional[tuple[ModelPath, ...]] = ()
    """Converted files, folders of them, bundles, released models by name (as float16 TFLite), and other people's models
    as a .json description."""
    data: Path | None = None
    """Labelled faces of any known format; without it, synthetic faces."""
    synthetic: int = 100
    """Number of synthetic faces, where no --data is given."""
    split: str = "test"
    """test, val or train, or a published subset of the test faces."""
    every: int = 1
    """Use one face in this many."""
    competitors: tuple[CompetitorName, ...] = ()
    """What people use instead, on the same pictures: mediapipe, mediapipe-uncorrected, dlib."""
    engines: tuple[EngineName, ...] = ()
    """Run each file on those of these engines that suit it (default: the usual one of its format)."""
    detector: bool = False
    """Also run each behind its own face detector on the pictures of every condition's middle level; a face that is not
    found is a failure."""
    clips: int = 8
    """Clips of each kind that flicker is measured on; 0 leaves it out."""
    results: OutRecords | None = None
    """Add the records to this .jsonl file (default: results.jsonl in the current folder)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "synthetic")
        if self.every < 1 or self.clips < 0:
            raise ValueError("every must be at least 1, and clips must not be negative")
        if not self.models and not self.competitors:
            raise ValueError("name at least one model, folder or bundle, or a competitor by --competitors")


def run(options: Robustness) -> Steps[Outcome]:
    """Corrupt, score and compare; see Robustness."""
    results = options.results or Path("results.jsonl")
    check_outputs(options, results=results)
    opened = [open_candidate(s) for s in sources(options.models, options.competitors, options.engines, (1,))]
    candidates = [c for c in opened if c.landmarker is not None and c.landmarker.timed]
    if not candidates:
        raise ValueError("none of these models has an engine here: give a .tflite or .onnx file or a bundle")
    runners = [(c.landmarker, c.framing) for c in candidates if c.landmarker is not None]
    faces = open_faces(options.data, options.split, options.synthetic, scheme=runners[0][0].scheme)
    if any(landmarker.scheme != faces.scheme for landmarker, _ in runners):
        raise ValueError(
            f"the faces are labelled {faces.scheme.name}, and not all of these models predict those points"
        )
    yield from told(faces)
    faces = one_in(options.every, faces)
    with pipelines_of(candidates) if options.detector else nullcontext(((), None)) as (pipelines, _):
        hard = yield from robustness(runners, faces, pipelines)
    trembling: list[dict[str, float] | None] = [None] * len(runners)
    if options.clips:
        trembling = [*(yield from measured(runners, faces, options.clips))]
    about = {"data": faces.title, "split": options.split, "n": len(faces), "clips": options.clips, "seed": 0}
    records = tuple(
        _record(candidate, about, own, flicker)
        for candidate, own, flicker in zip(candidates, hard, trembling, strict=True)
    )
    append(results, records)
    return Outcome(text=_table(records), records=records)


def _record(
    candidate: Candidate, about: Fields, hard: RobustnessScores, flicker: dict[str, float] | None
) -> dict[str, Any]:
    identity = {k: v for k, v in candidate.identity.items() if k not in ("seed", "size_px")}
    found = conditions(candidate.source.threads)
    return {
        "kind": "robustness",
        **identity,
        "engine": candidate.engine,
        **about,
        "painters": PAINTERS,
        "nme_plain": hard["plain"],
        "conditions": hard["conditions"],
        "own_detector": hard["own_detector"],
        "flicker_percent": flicker,
        **found,
        "versions": {**found["versions"], **competitors.versions()},
    }


def _table(records: Sequence[Fields]) -> str:
    """NME at each condition's middle level, a column a model, behind own detectors likewise; then flicker."""
    head = ["", *(called(r) for r in records)]
    rows = [head, *_levels("NME %, plain faces", [{**r, "plain": {"nme_mean": r["nme_plain"]}} for r in records])]
    for kind in records[0]["flicker_percent"] or ():
        values = (r["flicker_percent"].get(kind) for r in records)
        rows.append([f"flicker %, {kind}", *("-" if v is None else f"{v:.3f}" for v in values)])
    lines = columns(rows, left=1)
    if records[0]["own_detector"]:
        rows = [head, *_levels("plain faces", [r["own_detector"] for r in records])]
        lines += ["", "each behind its own detector: NME % of those found (% not found or above 10 %)"]
        lines += columns(rows, left=1)
    return "\n".join(lines)


def _levels(plain: str, found: Sequence[Fields]) -> Iterator[list[str]]:
    """A row for plain faces and one for every condition's middle level."""
    yield [plain, *(_cell(f["plain"]) for f in found)]
    for name, first in found[0]["conditions"].items():
        middle = CORRUPTIONS[name].middle
        label = f"{name}, {CORRUPTIONS[name].levels[middle]:g} {first['unit']}"
        yield [label, *(_cell(f["conditions"][name], middle) for f in found)]


def _cell(scores: Fields, middle: int = 0) -> str:
    mean = scores["nme_mean"][middle] if isinstance(scores["nme_mean"], list) else scores["nme_mean"]
    shown = "-" if mean is None else f"{mean:.2f}"
    return f"{shown} ({scores['failed_percent']:.1f})" if "failed_percent" in scores else shown
