"""Stage: accuracy, time, start, memory and size of every model, beside what people would use instead."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tyro.conf import Positional

from toolkit.benchmarking import accuracy, competitors, results
from toolkit.benchmarking.candidates import Candidate, EngineName, Source, compute_units, open_candidate, sources
from toolkit.benchmarking.competitors import CompetitorName
from toolkit.benchmarking.delegation import NOT_KNOWN, GraphFields, facts, off_cpu, residency
from toolkit.benchmarking.end_to_end import behind_detectors, check_pipelines
from toolkit.benchmarking.framing import Framing, framed_crops
from toolkit.benchmarking.gate import against
from toolkit.benchmarking.startup import NO_START, StartFields, starts
from toolkit.benchmarking.timing import host, timed
from toolkit.core.arrays import FloatArray
from toolkit.core.outputs import OutRecords, WritesFiles, check_outputs
from toolkit.core.progress import Outcome, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import Record, append, called, read
from toolkit.core.schemes import Scheme
from toolkit.core.zoo import ModelPath
from toolkit.data import Faces, open_faces
from toolkit.data.audit import told
from toolkit.data.crops import PlainCrops


@dataclass(frozen=True, kw_only=True)
class Benchmark(WritesFiles):
    """Accuracy, latency, start-up, memory and size, of every model on the same boxes and in one run.

    One call is one face: crop in, points out. All models take turns, after a warm-up, so that a machine that slows
    down slows them all; the median and the 90th percentile are reported, and the load in every record. Compare times
    within one run only. results/benchmark/README.md is the protocol.
    """

    models: Positional[tuple[ModelPath, ...]] = ()
    """Converted files, folders of them, bundles, released models by name (as float16 TFLite), and other people's models
    as a .json description."""
    data: Path | None = None
    """300W in its official layout, or any folder of pictures with .pts files; without it, synthetic faces."""
    synthetic: int = 200
    """Number of synthetic faces, where no --data is given."""
    split: str = "test"
    """test, val or train, or a published subset of the test faces."""
    competitors: tuple[CompetitorName, ...] = ()
    """What people use instead, in the same run: mediapipe (its Face Mesh as 68 points, moved to where annotators put
    them), mediapipe-uncorrected (its nearest mesh points), dlib (needs the extra `competitors`)."""
    engines: tuple[EngineName, ...] = ()
    """Run each file on those of these engines that suit it (default: the usual one of its format)."""
    threads: tuple[int, ...] = (1,)
    """Numbers of CPU threads."""
    runs: int = 100
    """Timed calls of each model."""
    warmup: int = 10
    """Untimed calls of each model before."""
    starts: int = 3
    """Fresh processes of each model that cold start and memory are measured in; 0 leaves both out."""
    detector: bool = False
    """Also each model behind its own face detector, on the whole pictures."""
    worst: int = 0
    """Also draw so many faces of each model with the largest error into worst.png beside the results, for the report.
    It shows faces of the data set: keep it to yourself."""
    against: Path | None = None
    """Exit with 1 where a model got worse than in this .jsonl file of an earlier run."""
    nme_margin: float = 0.1
    """With --against: percentage points of NME that are allowed."""
    latency_margin: float = 0.25
    """With --against: share of the time, relative to the run's other files, that is allowed."""
    results: OutRecords | None = None
    """Add the records to this .jsonl file (default: results.jsonl in the current folder)."""

    skip_bad: bool = False
    """Leave out annotations and pictures that cannot be used."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "synthetic")
        if self.runs < 1 or self.warmup < 0 or not self.threads or min(self.threads) < 1:
            raise ValueError("runs and threads must be at least 1, and warmup must not be negative")
        if self.starts < 0 or self.worst < 0 or self.nme_margin < 0 or self.latency_margin < 0:
            raise ValueError("starts, worst and margins must not be negative")
        if not self.models and not self.competitors:
            raise ValueError("name at least one model, folder or bundle, or a competitor by --competitors")

    @property
    def results_file(self) -> Path:
        """Where the records go."""
        return self.results or Path("results.jsonl")

    @property
    def sheet(self) -> Path | None:
        """Where the worst faces are drawn, if they are."""
        return self.results_file.parent / "worst.png" if self.worst else None


def run(options: Benchmark) -> Steps[Outcome]:
    """Measure every model; see Benchmark."""
    check_outputs(options, within=("models",), results=options.results_file, worst=options.sheet)
    baseline = None if options.against is None else _baseline(options.against)
    candidates = [
        open_candidate(s) for s in sources(options.models, options.competitors, options.engines, options.threads)
    ]
    able = [c for c in candidates if c.landmarker is not None]
    if not able:
        raise ValueError(f"nothing can run here: {'; '.join(dict.fromkeys(c.reason for c in candidates))}")
    faces = open_faces(options.data, options.split, options.synthetic, scheme=_scheme(able), skip_bad=options.skip_bad)
    yield from told(faces)
    if options.detector:
        check_pipelines(able)
    framings = list(dict.fromkeys(c.framing for c in able))
    crops = yield from framed_crops(faces, framings, skip_bad=options.skip_bad)
    faces = crops[framings[0]].faces
    fields: dict[str, Any] = {"data": faces.title, "split": options.split}
    fields["run"] = datetime.now(UTC).isoformat(timespec="seconds")
    graphs = [_facts(candidate) for candidate in candidates]
    before = host()
    times = yield from timed(candidates, crops, options.runs, options.warmup)
    fields["host"] = {**before, "load_1min_after": host()["load_1min"]}
    cold = yield from _cold(able, options.starts)
    points = yield from _points(able, crops)
    records = [
        {
            **results.record(candidate, fields, timing),
            **cold.get(candidate.source, NO_START),
            **graph,
            **_accuracy(candidate, points, crops),
            **_conditions(candidate.source.threads),
        }
        for candidate, timing, graph in zip(candidates, times, graphs, strict=True)
    ]
    if options.detector:
        found = yield from behind_detectors(able, faces, max(10, options.runs // 5))
        records += [{**fields, **r, **_conditions(r["threads"])} for r in found]
    append(options.results_file, tuple(records))
    if options.sheet is not None:
        results.draw_worst(options.sheet, able, points, crops, options.worst)
    return _outcome(options, records, baseline)


def _cold(able: Sequence[Candidate], times: int) -> Steps[dict[Source, StartFields]]:
    """Cold start and memory of what is timed."""
    chosen = [c.source for c in able if c.landmarker is not None and c.landmarker.timed]
    return dict(zip(chosen, (yield from starts(chosen, times)), strict=True))


def _scheme(able: Sequence[Candidate]) -> Scheme:
    """That of all.

    Raises:
        ValueError: they predict different points.
    """
    schemes = {c.landmarker.scheme.name: c.landmarker.scheme for c in able if c.landmarker is not None}
    if len(schemes) > 1:
        raise ValueError(f"these models predict different points ({', '.join(schemes)}): compare those of one scheme")
    return next(iter(schemes.values()))


def _points(able: Sequence[Candidate], crops: Mapping[Framing, PlainCrops]) -> Steps[dict[str, FloatArray]]:
    """Points in each candidate's crops, by its model and engine: another number of threads gives the same ones."""
    found: dict[str, FloatArray] = {}
    for candidate in able:
        name = candidate.name
        if name not in found:
            assert candidate.landmarker is not None
            found[name] = yield from accuracy.points_on(
                candidate.landmarker, crops[candidate.framing], f"scoring {called(candidate.identity)}"
            )
    return found


def _accuracy(
    candidate: Candidate, points: Mapping[str, FloatArray], crops: Mapping[Framing, PlainCrops]
) -> Mapping[str, object]:
    if candidate.landmarker is None:
        return accuracy.NO_SCORE
    cut = crops[candidate.framing]
    faces: Faces = cut.faces
    return accuracy.accuracy(points[candidate.name], cut.points_xy, faces.scheme, faces.subsets)


def _facts(candidate: Candidate) -> GraphFields:
    units = compute_units(candidate.source.engine)
    if units is not None and candidate.landmarker is not None:
        devices = residency(Path(candidate.source.what), units)
        return {**NOT_KNOWN, "delegated_share": off_cpu(devices), "residency": devices}
    path = results.file_of(candidate)
    found = NOT_KNOWN if path is None else facts(path)
    # another engine's delegate may take other operations
    share = found["delegated_share"] if candidate.engine.startswith("ai-edge-litert") else None
    return {**found, "delegated_share": share}


def _conditions(threads: int) -> dict[str, Any]:
    found = conditions(threads)
    return {**found, "versions": {**found["versions"], **competitors.versions()}}


def _baseline(path: Path) -> list[Record]:
    if not path.is_file():
        raise FileNotFoundError(f"no baseline at {path}: keep the results.jsonl of a run that was good")
    return read(path)


def _outcome(options: Benchmark, records: list[dict[str, Any]], baseline: list[Record] | None) -> Outcome:
    text = results.table(records)
    if baseline is None:
        return Outcome(text=text, records=tuple(records))
    verdict = against(records, baseline, options.nme_margin, options.latency_margin)
    gate = {"kind": "gate", "ok": not verdict.breaches, **dataclasses.asdict(verdict)}
    return Outcome(text=f"{text}\n\n{verdict.text}", records=(*records, gate), ok=not verdict.breaches)
