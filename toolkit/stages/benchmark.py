"""Stage: accuracy and latency of every converted file of a folder, measured in one run."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tyro.conf import Positional

from toolkit import measure, runtime
from toolkit.core.progress import Outcome, Steps
from toolkit.data import open_faces
from toolkit.data.batches import PlainCrops, plain_crops
from toolkit.landmarkers import identify, open_model
from toolkit.runtime.landmarker import Landmarker
from toolkit.runtime.timing import Latency, interleaved


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """Accuracy on labelled faces and latency on this machine of every converted file in a folder.

    One call is one face: crop in, points out. All files take turns, after a warm-up, so that a machine that slows down
    slows them all; the median and the 90th percentile are reported. Compare times within one run only.
    """

    models: Positional[Path]
    """Folder of converted files."""
    data: Path | None = None
    """300W in its official layout, or any folder of pictures with .pts files; without it, synthetic faces."""
    synthetic: int = 200
    """Number of synthetic faces, where no --data is given."""
    runs: int = 100
    """Timed calls of each file."""
    warmup: int = 10
    """Untimed calls of each file before."""
    threads: int = 1
    """CPU threads of each engine."""
    results: Path | None = None
    """Add the records to this .jsonl file (default: results.jsonl beside the folder)."""

    def __post_init__(self) -> None:
        if self.runs < 1 or self.warmup < 0 or self.threads < 1:
            raise ValueError("runs and threads must be at least 1, and warmup must not be negative")


def run(options: Benchmark) -> Steps[Outcome]:
    """Measure every file; see Benchmark."""
    files = runtime.models_in(options.models)
    if not files:
        raise FileNotFoundError(f"no .tflite, .onnx or .mlpackage in {options.models}: run `sdhrnet convert` first")
    models = {file: open_model(file, options.threads) for file in files}
    faces = open_faces(options.data, "test", options.synthetic, scheme=next(iter(models.values())).scheme)
    crops: dict[int, PlainCrops] = {}
    for size_px in sorted({model.size_px for model in models.values()}):
        crops[size_px] = yield from plain_crops(faces, size_px)
    timed = {file: model for file, model in models.items() if model.timed}
    calls = [_call(model, crops[model.size_px]) for model in timed.values()]
    latencies = dict(zip(timed, (yield from interleaved(calls, options.runs, options.warmup)), strict=True))
    records = []
    for file, model in models.items():
        cut = crops[model.size_px]
        points = yield from measure.points_on(model, cut, f"scoring {file.name}")
        latency = latencies.get(file)
        records.append(
            {
                "kind": "benchmark",
                **identify(file),
                "engine": model.engine,
                "data": faces.title,
                "split": "test",
                **measure.accuracy(points, cut.points_xy, cut.faces.scheme, cut.faces.subsets),
                "latency_ms": None if latency is None else dataclasses.asdict(latency),
                **measure.conditions(options.threads),
            }
        )
    measure.append(options.results or options.models.parent / "results.jsonl", tuple(records))
    return Outcome(text=_table(records, latencies), records=tuple(records))


def _call(model: Landmarker, crops: PlainCrops) -> Any:
    image = np.ascontiguousarray(crops.images[0])
    return lambda: model(image)


def _table(records: list[dict[str, Any]], latencies: dict[Path, Latency]) -> str:
    width = max(len(r["model"]) for r in records)
    lines = [f"{'file'.ljust(width)}  {'NME %':>6}  {'FR@10 %':>7}  {'ms median':>12}  {'ms p90':>7}  {'MB':>5}"]
    for r in records:
        ms = r["latency_ms"]
        times = f"{ms['median']:12.2f}  {ms['p90']:7.2f}" if ms else f"{'not measured':>12}  {'':7}"
        lines.append(
            f"{r['model'].ljust(width)}  {r['nme_mean']:6.2f}  {r['fr10']:7.2f}  {times}  {r['size_bytes'] / 1e6:5.2f}"
        )
    return "\n".join(lines)
