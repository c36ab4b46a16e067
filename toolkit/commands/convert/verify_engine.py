"""Stage: converted files on the kinds of engines that phones have, simulated here, against their bundle in pixels."""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict, get_args

import numpy as np
from msgspec import Meta
from tyro.conf import Positional

from toolkit import bundle, runtime
from toolkit.core.arrays import ImageArray
from toolkit.core.files import sha256, size_bytes
from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append
from toolkit.core.validation import Text, check, parse
from toolkit.data.crops import open_crops
from toolkit.export import conversion
from toolkit.export.parity import BUDGETS, compare
from toolkit.export.proof import Reference, Sources, reference
from toolkit.runtime import engine_worker, sidecar
from toolkit.runtime.landmarker import Prediction
from toolkit.runtime.sidecar import Precision

Engine = Literal["htp", "gpu"]
SUFFIX: dict[Engine, str] = {"htp": ".onnx", "gpu": ".tflite"}
"""The files that an engine takes."""
BUDGET_PX = 0.1
"""Mean displacement from the bundle's points, in crop pixels, of a network that is computed in half precision; int8 has
the budget of its own that conversion holds it to."""
FLOATS: tuple[Precision, ...] = ("float32", "float16")
ICD = "icd.json"
"""In an engine's folder: what tells Vulkan which driver to take, by VK_ICD_FILENAMES."""
SPLIT = re.compile(r"(\d+) operations will run on the GPU, and the remaining (\d+) operations will run on the CPU")
REFUSED = "not supported by GPU delegate:"
"""What LiteRT's GPU engine says before the operations that it leaves, a line each with the reason; SPLIT ends them."""
Number = Annotated[int, Meta(ge=0)]


class About(TypedDict, total=False):
    """What the worker says of an engine and a file."""

    engine: Text
    operations: Number
    taken: Number
    parts: Number
    left: list[Text]
    whole: bool


@dataclass(frozen=True, kw_only=True)
class VerifyEngine(Options):
    """Run converted files on an engine of the kind that phones have, simulated on this machine, and compare their
    points with those of their bundle.

    `htp` is Qualcomm's NPU as its own simulator computes it, in half precision: it takes .onnx files, and where there
    are none makes one of each bundle. `gpu` is LiteRT's GPU engine on a software driver: it takes .tflite files of
    floats and of static int8. Half precision may move points by 0.1 px on average, int8 by the 0.35 px of its own
    rounding. The record says how many operations the engine took, and in how many parts. No speed of a phone can be
    told from it. `make verify-engines` makes the engines first. Exit status 1 when any file fails.
    """

    models: Positional[Path]
    """A folder of converted files, one of them, or the name of a released model for all that there are of it."""
    engine: Engine = "htp"
    """Which engine."""
    root: Path = Path(".engines")
    """The engines' environments, made by deploy/engines/fetch.sh."""
    bundle: Path | None = None
    """Their bundle (default: the one beside the folder, or in it, that has the hash in the sidecar)."""
    data: Path | None = None
    """Labelled faces, as for `evaluate`; without it, synthetic faces."""
    faces: int = 4
    """How many of them; the simulator takes seconds for each."""
    results: OutRecords | None = None
    """Add the records to this .jsonl file; an older record of the same measurement is replaced."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "faces")


class Answered:
    """A landmarker whose predictions were made elsewhere, in the order of the crops."""

    timed = False

    def __init__(self, engine: str, loaded: bundle.Bundle, predictions: list[Prediction]) -> None:
        self.engine, self.scheme, self.size_px = engine, loaded.scheme, loaded.card.size_px
        self._next = iter(predictions)

    def __call__(self, crop: ImageArray) -> Prediction:
        return next(self._next)


def run(options: VerifyEngine) -> Steps[Outcome]:
    """Compare; see VerifyEngine."""
    check_outputs(options)
    if not (options.root / options.engine / ".ready").exists():
        raise FileNotFoundError(
            f"no {options.engine} engine at {options.root}: run `make verify-engines`, or deploy/engines/fetch.sh"
        )
    known = {path: sidecar.read(path) for path in runtime.models_in(options.models)}
    sources = Sources(options.models, options.bundle, {path.absolute().parent for path in known})
    files = {path: about.source_bundle for path, about in known.items() if _takes(options.engine, path, about)}
    references: dict[str, Reference] = {}
    records = []
    with tempfile.TemporaryDirectory(prefix="sdhrnet-") as temporary:
        if options.engine == "htp" and not files:
            for source in dict.fromkeys(about.source_bundle for about in known.values()):
                files[_onnx(sources.of(source), Path(temporary))] = source
        if not files:
            raise FileNotFoundError(f"no file in {options.models} that {options.engine} takes: run `sdhrnet convert`")
        for done, (path, source) in enumerate(files.items()):
            yield Progress(task=f"on {options.engine}", done=done, total=len(files), note=path.name)
            if source not in references:
                references[source] = yield from _reference(options, sources.of(source))
            precision = known[path].precision if path in known else "float32"
            records.append(_prove(options, path, references[source], precision) | conditions(1))
    if options.results is not None:
        append(options.results, tuple(records))
    return Outcome(text=_table(records), records=tuple(records), ok=all(record["ok"] for record in records))


def _takes(engine: Engine, path: Path, about: sidecar.Sidecar) -> bool:
    known = engine == "htp" or about.precision in (*FLOATS, "int8", "int8whole")
    return path.suffix == SUFFIX[engine] and about.in_floats and about.output == "points" and known


def _onnx(folder: Path, out: Path) -> Path:
    """A bundle as the .onnx file that `convert` would make."""
    wanted = conversion.Wanted(targets=("onnx",), precisions=("float32",))
    (made,) = conversion.make(bundle.read(folder), wanted, "onnx", out, ()).values()
    return made.path


def _reference(options: VerifyEngine, folder: Path) -> Steps[Reference]:
    loaded = bundle.read(folder)
    size_px = loaded.card.size_px
    crops = yield from open_crops(options.data, "test", options.faces, scheme=loaded.scheme, size_px=size_px)
    return reference(loaded, crops)


def _prove(options: VerifyEngine, path: Path, expected: Reference, precision: Precision) -> dict[str, Any]:
    """A file's record: what the engine took of it, and how far its points are from the bundle's."""
    predictions, about = answers(options.root / options.engine, options.engine, path, expected.crops.crops)
    answered = Answered(about["engine"], expected.bundle, predictions)
    parity = compare(answered, expected.predictions, expected.crops, "float16")
    budget_px = BUDGET_PX if precision in FLOATS else BUDGETS[precision].mean_px
    name = "half precision" if precision in FLOATS else precision
    text = f"points move by {parity.mean_px:.4g} px on average; the budget of {name} is {budget_px} px"
    reasons = [] if parity.mean_px <= budget_px else [text]
    operations, taken = about.get("operations"), about.get("taken")
    return {
        "kind": "engine",
        "model": path.name,
        "file_sha256": sha256(path),
        "size_bytes": size_bytes(path),
        "simulated": options.engine,
        "engine": about["engine"],
        "operations": operations,
        "operations_taken": taken,
        "whole": about.get("whole", operations is not None and operations == taken),
        "parts": about.get("parts"),
        "left": about.get("left", []),
        **parity.record(),
        "budget_px": budget_px,
        "reasons": reasons,
        "ok": not reasons,
    }


def answers(root: Path, engine: Engine, path: Path, crops: Sequence[ImageArray]) -> tuple[list[Prediction], About]:
    """A file's predictions on an engine in its own environment, and what it says of itself.

    Args:
        root: the environment's folder, with bin/python.
        engine: which engine it has.
        path: the file.
        crops: (S, S, 3) uint8 each.

    Raises:
        ValueError: it did not run to its end; the message has its last words.
    """
    assert engine in get_args(Engine)
    root = root.resolve()
    with tempfile.TemporaryDirectory(prefix="sdhrnet-") as temporary:
        given, out = Path(temporary) / "crops.npy", Path(temporary) / "out.npz"
        np.save(given, np.stack(crops).astype(np.float32))
        command = [str(root / "bin/python"), engine_worker.__file__, engine, str(path.resolve()), str(given), str(out)]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment |= {"VK_ICD_FILENAMES": str(root / ICD), "LD_LIBRARY_PATH": str(root / "lib")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            words = " ".join(done.stderr.split()[-30:])
            raise ValueError(f"{engine} failed on {path.name} with status {done.returncode}: {words}")
        with np.load(out) as found:
            points, confidence, said = found["points"], found["confidence"], str(found["about"])
    about: About = check(parse(said.encode(), "the engine's answer"), About, "the engine's answer")
    side = crops[0].shape[0]
    predictions = [
        Prediction(points_xy=xy.astype(np.float64) * side - 0.5, confidence=sure.astype(np.float64))
        for xy, sure in zip(points, confidence, strict=True)
    ]
    return predictions, _by_the_log(about, done.stderr) if engine == "gpu" else about


def _by_the_log(about: About, log: str) -> About:
    """What LiteRT's GPU engine took, which its log alone tells."""
    split = SPLIT.search(log)
    if split is None:
        return about
    taken, left = map(int, split.groups())
    refused = log[: split.start()].rpartition(REFUSED)[2].split("\n")
    return {**about, "operations": taken + left, "taken": taken, "left": [line.strip() for line in refused if line]}


def _table(records: list[dict[str, Any]]) -> str:
    width = max(len(record["model"]) for record in records)
    lines = [f"{'file'.ljust(width)}  {'mean px':>8}  {'worst px':>8}  {'taken':>11}  {'parts':>5}"]
    for r in records:
        told = "whole" if r["whole"] else "not told"
        taken = told if r["operations"] is None else f"{r['operations_taken']} of {r['operations']}"
        parts = "-" if r["parts"] is None else r["parts"]
        lines.append(f"{r['model'].ljust(width)}  {r['mean_px']:8.4f}  {r['worst_px']:8.3f}  {taken:>11}  {parts:>5}")
        lines += [f"  left to the processor: {json.dumps(r['left'])}"] if r["left"] else []
        lines += [f"  FAILED: {reason}" for reason in r["reasons"]]
    lines.append(f"by {records[0]['engine']}")
    return "\n".join(lines)
