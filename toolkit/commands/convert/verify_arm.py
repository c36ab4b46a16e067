"""Stage: a folder's TFLite files on an emulated Arm processor against the same files here."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tyro.conf import Positional

from toolkit import runtime
from toolkit.benchmarking.arm import CPU, answers_there, instructions
from toolkit.benchmarking.competitors import mesh_file
from toolkit.core.arrays import ImageArray
from toolkit.core.files import sha256
from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append
from toolkit.data import open_faces
from toolkit.data.crops import plain_crops
from toolkit.runtime import sidecar
from toolkit.runtime.answers import Answers, answers
from toolkit.runtime.sidecar import Precision, Sidecar
from toolkit.runtime.tflite import POINT_STEP, engine_name

ALLOWED: dict[Precision, tuple[float, float]] = {
    "float32": (1e-4, 1e-4),
    "float16": (1e-4, 1e-4),
    "int8": (1e-6, 0.0),
    "int8whole": (1e-6, 0.0),
    "int8io": (POINT_STEP, 0.0),
    "dynamic8": (2e-3, 1e-2),
}
"""How far points, in crop sides, and confidences may differ. Static int8 gives equal heatmaps, whose heights are the
confidences; the decoding after them is float, in which an Arm processor rounds once where another does twice. dynamic8
rounds activations by ranges that are themselves floats, and a few fall to the other side."""


@dataclass(frozen=True, kw_only=True)
class VerifyArm(Options):
    """Run every TFLite file of a folder on an emulated Arm processor and compare it with this one.

    Points in [0, 1] and confidences of float files must agree within 1e-4; those of static int8 files must be equal,
    but for the rounding of their float decoding. `make verify-arm` makes the emulated computer first. Exit status 1
    when any file fails.
    """

    models: Positional[Path]
    """A folder of converted files, one of them, or the name of a released model for all that there are of it."""
    root: Path = Path(".arm")
    """The emulated computer, made by deploy/arm/fetch.sh."""
    faces: int = 8
    """Synthetic faces to compare on."""
    instructions: bool = False
    """Also count the Arm instructions of a call of each file, and of MediaPipe's Face Mesh where its package is
    installed: what compares files without a phone, though it knows no caches and no clock. Minutes a file."""
    results: OutRecords | None = None
    """Add the records to this .jsonl file; an older record of the same measurement is replaced."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.faces < 1:
            raise ValueError("faces must be at least 1")


def run(options: VerifyArm) -> Steps[Outcome]:
    """Compare; see VerifyArm."""
    check_outputs(options)
    if not (options.root / ".ready").exists():
        raise FileNotFoundError(f"no Arm computer at {options.root}: run `make verify-arm`, or deploy/arm/fetch.sh")
    files = {path: sidecar.read(path) for path in runtime.models_in(options.models) if path.suffix == ".tflite"}
    if not files:
        raise FileNotFoundError(f"no .tflite in {options.models}: run `sdhrnet convert` first")
    faces = open_faces(None, "test", options.faces)
    images: dict[str, ImageArray] = {}
    for size_px in sorted({about.size_px for about in files.values()}):
        images[str(size_px)] = (yield from plain_crops(faces, size_px)).images
    yield Progress(task="on this processor", done=0, total=2)
    here = answers(options.models, images)
    yield Progress(task=f"on an emulated {CPU}", done=1, total=2)
    there = answers_there(options.root, options.models, images)
    records = []
    for path, about in files.items():
        record: dict[str, Any] = {
            "model": path.name,
            "file_sha256": sha256(path),
            "precision": about.precision,
        }
        record |= {"data": faces.title, "split": "test", "n": options.faces, **_compared(path.name, about, here, there)}
        records.append({"kind": "arm", "engine": engine_name(), "arm_cpu": CPU, **record, **conditions(1)})
    text, ok = _table(records), all(record["ok"] for record in records)
    if options.results is not None:
        append(options.results, tuple(records))  # before the counting, which takes minutes a file and may fail
    if options.instructions:
        counted = yield from _counted(options.root, {path.name: path for path in files})
        records, text = records + counted, f"{text}\n{_counts(counted)}"
        if options.results is not None:
            append(options.results, tuple(counted))
    return Outcome(text=text, records=tuple(records), ok=ok)


def _counted(root: Path, files: dict[str, Path]) -> Steps[list[dict[str, Any]]]:
    """A record of the instructions of each file, and of Face Mesh's where it is to be had."""
    with suppress(ModuleNotFoundError):
        files = files | {"mediapipe": mesh_file()}
    records = []
    for done, (name, path) in enumerate(files.items()):
        yield Progress(task=f"counting the instructions of {name}", done=done, total=len(files))
        record = {"kind": "instructions", "model": name, "file_sha256": sha256(path), "engine": engine_name()}
        records.append({**record, "arm_cpu": CPU, "instructions": instructions(root, path), **conditions(1)})
    return records


def _compared(name: str, about: Sidecar, here: Answers, there: Answers) -> dict[str, Any]:
    """How far both processors' answers differ, and whether they may."""
    points = np.abs(here[f"{name}/points"] - there[f"{name}/points"]).max() / about.size_px
    confidence = np.abs(here[f"{name}/confidence"] - there[f"{name}/confidence"]).max()
    allowed = ALLOWED[about.precision]
    figures = {"points_difference": float(points), "confidence_difference": float(confidence), "allowed": allowed}
    return {**figures, "ok": bool(points <= allowed[0] and confidence <= allowed[1])}


def _table(records: list[dict[str, Any]]) -> str:
    width = max(len(record["model"]) for record in records)
    lines = [f"{'file'.ljust(width)}  {'points':>8}  {'allowed':>8}  {'confidence':>10}  {'allowed':>8}"]
    for r in records:
        points, confidence = r["allowed"]
        figures = f"{r['points_difference']:8.2g}  {points:8.2g}  {r['confidence_difference']:10.2g}  {confidence:8.2g}"
        lines.append(f"{r['model'].ljust(width)}  {figures}{'' if r['ok'] else '  FAILED'}")
    return "\n".join(lines)


def _counts(records: list[dict[str, Any]]) -> str:
    width = max(len(record["model"]) for record in records)
    lines = [f"{'file'.ljust(width)}  {'million Arm instructions a call':>31}"]
    return "\n".join([*lines, *(f"{r['model'].ljust(width)}  {r['instructions'] / 1e6:31.1f}" for r in records)])
