"""Ways to convert one bundle to TFLite, side by side: roads, steps to static int8, and decoding inside or outside."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from tyro.conf import Positional

from toolkit import bundle, runtime
from toolkit.core.arrays import ImageArray
from toolkit.core.files import size_bytes
from toolkit.core.options import Options
from toolkit.core.outputs import OutFolder, OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append
from toolkit.core.zoo import BundlePath
from toolkit.data.crops import SpreadCrops, open_crops
from toolkit.export import conversion, lint
from toolkit.export.conversion import Origin
from toolkit.export.deployed import Deployed, DeployedHeatmaps
from toolkit.export.parity import compare
from toolkit.export.proof import Reference, reference
from toolkit.export.static_int8 import Way
from toolkit.export.tflite import to_litert, to_tflite
from toolkit.runtime import sidecar
from toolkit.runtime.landmarker import Landmarker
from toolkit.runtime.sidecar import Output, Precision
from toolkit.runtime.timing import interleaved

WAYS: dict[str, Way] = {
    "int8, decoding in int8 too": Way(decoding_in_float=False),
    "int8, one scale a weight tensor": Way(weights_per_channel=False),
    "int8, ranges up to the rarest value": Way(beyond=0.0),
}
PRECISIONS: tuple[Precision, ...] = ("float32", "float16", "dynamic8", "int8", "int8io")
HEATMAPS: tuple[Precision, ...] = ("float32", "int8", "int8io")
OUTSIDE = "heatmaps out, decoded in NumPy"


@dataclass(frozen=True, kw_only=True)
class Conversions(Options):
    """Convert one bundle in every way that could ship and in those that were left, and measure them together.

    Precisions, static int8 with one of its steps left out, heatmaps decoded outside the file, the network as it was
    trained, and litert-torch where it is installed. Each is compared with the bundle in pixels; one call is a crop in,
    points out, by turns on one thread. Files that are there already are measured again, not made again.
    """

    bundle: Positional[BundlePath]
    """The bundle."""
    data: Path | None = None
    """Faces for calibration and parity, as for training; without it, synthetic faces."""
    calibration: int = 128
    """Training faces that static int8 takes its ranges from."""
    faces: int = 32
    """Validation faces that parity is measured on."""
    runs: int = 100
    """Timed calls of each; a tenth as many to warm up."""
    out: OutFolder = Path("runs/ablate-convert")
    """Folder for the files."""
    results: OutRecords | None = None
    """Add the records to this .jsonl file (default: results.jsonl in the folder)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.calibration, self.faces, self.runs) < 1:
            raise ValueError("--calibration, --faces and --runs must be at least 1")


@dataclass(frozen=True)
class Made:
    """A converted file and what is special about it."""

    path: Path
    precision: Precision
    road: str = "tensorflow"


@dataclass(frozen=True)
class Batch:
    """Files that come out of one conversion, by what they are called in a table."""

    made: dict[str, Made]
    make: Callable[[], object]
    output: Output = "points"

    def ready(self, digest: str) -> bool:
        """Whether all are there, whole, and of the bundle with this digest."""
        paths = [one.path for one in self.made.values()]
        described = all(path.exists() and sidecar.path_of(path).exists() for path in paths)
        return described and all(sidecar.read(path).source_bundle == digest for path in paths)


def run(options: Conversions) -> Steps[Outcome]:
    """Convert and measure; see Conversions."""
    check_outputs(options, results=options.results or options.out / "results.jsonl")
    loaded = bundle.read(options.bundle)
    crops: dict[str, SpreadCrops] = {}
    for split, count in (("train", options.calibration), ("val", options.faces)):
        crops[split] = yield from open_crops(
            options.data, split, count, scheme=loaded.scheme, size_px=loaded.card.size_px, task=f"crops ({split})"
        )
    expected = reference(loaded, crops["val"])
    made = yield from _convert(options, loaded, crops["train"])
    models = {name: runtime.load(one.path) for name, one in made.items()}
    calls = [_call(model, crops["val"].crops[0]) for model in models.values()]
    times = yield from interleaved(calls, options.runs, max(1, options.runs // 10))
    records = []
    for (name, one), model, latency in zip(made.items(), models.values(), times, strict=True):
        figures = _figures(one, model, expected)
        timed = {"input_px": loaded.card.size_px, "latency_ms": dataclasses.asdict(latency)}
        record = {"kind": "conversion", "name": loaded.card.name, "variant": name, "split": "val", **figures, **timed}
        records.append(record | conditions(1))
    append(options.results or options.out / "results.jsonl", tuple(records))
    return Outcome(text=_table(records), records=tuple(records))


def _convert(options: Conversions, loaded: bundle.Bundle, crops: SpreadCrops) -> Steps[dict[str, Made]]:
    """Every file with its sidecar, by what it is called in a table."""
    digest = bundle.digest(options.bundle)
    batches = _batches(options, loaded, crops)
    if find_spec("litert_torch") is None and not batches["litert-torch"].ready(digest):
        del batches["litert-torch"]
    (options.out / "models").mkdir(parents=True, exist_ok=True)
    for done, (what, batch) in enumerate(batches.items()):
        yield Progress(task="converting", done=done, total=len(batches), note=what)
        if not batch.ready(digest):
            batch.make()
            for one in batch.made.values():
                origin = Origin(bundle=loaded, digest=digest, output=batch.output, calibration=crops)
                conversion.describe(conversion.ConvertedFile(path=one.path), origin, "tflite", one.precision)
    return {name: one for batch in batches.values() for name, one in batch.made.items()}


def _batches(options: Conversions, loaded: bundle.Bundle, crops: SpreadCrops) -> dict[str, Batch]:
    """What one conversion each gives."""
    folder, size_px = options.out / "models", loaded.card.size_px
    inside = {p: folder / f"{p}.tflite" for p in PRECISIONS}
    outside = {p: folder / f"heatmaps-{p}.tflite" for p in HEATMAPS}
    ways = {folder / f"int8-way{place}.tflite": way for place, way in enumerate(WAYS.values())}
    names = ("unfolded", "norms", "litert-torch", "onnx2tf")
    unfolded, norms, litert, by_onnx2tf = (folder / f"{name}.tflite" for name in names)
    points = {str(p): Made(path, p) for p, path in inside.items()}
    points |= {name: Made(path, "int8") for name, path in zip(WAYS, ways, strict=True)}
    maps = {f"{p}, {OUTSIDE}": Made(path, p) for p, path in outside.items()}
    plain, half_way = Made(unfolded, "float32"), Made(norms, "float32")
    second, third = Made(litert, "float32", "litert-torch"), Made(by_onnx2tf, "float32", "onnx2tf")

    def convert(module: Deployed | DeployedHeatmaps, paths: dict[Precision, Path], more: dict[Path, Way]) -> None:
        to_tflite(module, size_px, paths, crops.crops, more)

    return {
        "points": Batch(points, lambda: convert(Deployed(loaded), inside, ways)),
        "heatmaps": Batch(maps, lambda: convert(DeployedHeatmaps(loaded), outside, {}), "heatmaps"),
        "unfolded": Batch(
            {"float32, nothing folded": plain},
            lambda: convert(Deployed(loaded, None), {"float32": unfolded}, {}),
        ),
        "norms": Batch(
            {"float32, norms folded alone": half_way},
            lambda: convert(Deployed(loaded, "norms"), {"float32": norms}, {}),
        ),
        "onnx2tf": Batch(
            {"float32, network by onnx2tf": third},
            lambda: to_tflite(Deployed(loaded), size_px, {"float32": by_onnx2tf}, converter="onnx2tf"),
        ),
        "litert-torch": Batch({"float32 by litert-torch": second}, lambda: to_litert(options.bundle, litert)),
    }


def _call(model: Landmarker, crop: ImageArray) -> Callable[[], object]:
    image = np.ascontiguousarray(crop)
    return lambda: model(image)


def _figures(one: Made, model: Landmarker, expected: Reference) -> dict[str, Any]:
    found = lint.inspect(one.path)
    return {
        "road": one.road,
        "precision": one.precision,
        "engine": model.engine,
        "size_bytes": size_bytes(one.path),
        "operations": sum(found.operations.values()),
        "transposes": found.operations.get("TRANSPOSE", 0),
        "xnnpack_parts": found.parts,
        **compare(model, expected.predictions, expected.crops, one.precision).record(),
    }


def _table(records: list[dict[str, Any]]) -> str:
    width = max(len(r["variant"]) for r in records)
    lines = [f"{''.ljust(width)}{'mean px':>9}{'worst px':>10}{'NME change':>12}{'ms':>8}{'operations':>12}{'MB':>7}"]
    for r in records:
        change = "" if r["nme_delta"] is None else f"{r['nme_delta']:+.3f} pp"
        figures = f"{r['mean_px']:9.4f}{r['worst_px']:10.2f}{change:>12}{r['latency_ms']['median']:8.2f}"
        lines.append(f"{r['variant'].ljust(width)}{figures}{r['operations']:12}{r['size_bytes'] / 1e6:7.2f}")
    return "\n".join(lines)
