"""Stage: a folder's TFLite files on an emulated Arm processor against the same files here."""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tyro.conf import Positional

from toolkit import runtime
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

CPU = "cortex-a76"
"""A phone's large core without SVE, which the emulator computes too slowly."""
ALLOWED: dict[Precision, tuple[float, float]] = {
    "float32": (1e-4, 1e-4),
    "float16": (1e-4, 1e-4),
    "int8": (1e-6, 0.0),
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
    files = {path.name: sidecar.read(path) for path in runtime.models_in(options.models) if path.suffix == ".tflite"}
    if not files:
        raise FileNotFoundError(f"no .tflite in {options.models}: run `sdhrnet convert` first")
    faces = open_faces(None, "test", options.faces)
    images: dict[str, ImageArray] = {}
    for size_px in sorted({about.size_px for about in files.values()}):
        images[str(size_px)] = (yield from plain_crops(faces, size_px)).images
    yield Progress(task="on this processor", done=0, total=2)
    here = answers(options.models, images)
    yield Progress(task=f"on an emulated {CPU}", done=1, total=2)
    there = emulated(options.root, options.models, images)
    records = []
    for path, about in files.items():
        record: dict[str, Any] = {
            "model": path,
            "file_sha256": sha256(options.models / path),
            "precision": about.precision,
        }
        record |= {"data": faces.title, "split": "test", "n": options.faces, **_compared(path, about, here, there)}
        records.append({"kind": "arm", "engine": engine_name(), "arm_cpu": CPU, **record, **conditions(1)})
    if options.results is not None:
        append(options.results, tuple(records))
    return Outcome(text=_table(records), records=tuple(records), ok=all(record["ok"] for record in records))


def emulated(root: Path, models: Path, images: dict[str, ImageArray]) -> Answers:
    """What the files answer on the emulated computer.

    Raises:
        ValueError: it did not run to its end; the message has its last words.
    """
    root = root.resolve()
    package_root = Path(__file__).resolve().parents[3]
    with tempfile.TemporaryDirectory(prefix="sdhrnet-") as temporary:
        crops, out = Path(temporary) / "crops.npz", Path(temporary) / "out.npz"
        np.savez(crops, **images)
        command = [str(root / "host/usr/bin/qemu-aarch64-static"), "-cpu", CPU, "-L", str(root / "root")]
        command += ["-E", f"PYTHONHOME={root / 'root/usr'}", "-E", f"PYTHONPATH={root / 'site'}:{package_root}"]
        command += [str(root / "root/usr/bin/python3.11"), "-m", "toolkit.runtime.answers"]
        done = subprocess.run(
            [*command, str(models.resolve()), str(crops), str(out)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            words = " ".join(done.stderr.split()[-30:])
            raise ValueError(f"the emulated computer failed with status {done.returncode}: {words}")
        with np.load(out) as found:
            return dict(found)


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
