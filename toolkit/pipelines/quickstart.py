"""The whole road in one command: every stage in order, each into its folder; started again, it goes on where it was."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from toolkit.core.files import read_json, write_json
from toolkit.core.options import Options
from toolkit.core.outputs import OutFolder, check_outputs, require_empty
from toolkit.core.progress import Outcome, Steps
from toolkit.core.records import append
from toolkit.landmarkers import is_bundle, released
from toolkit.pipelines.jobs import Job, side_by_side
from toolkit.runtime import models_in

SETTINGS = "settings.json"
TEST_FACES = 100
"""Synthetic faces that each model is scored on, where there is no --data."""


@dataclass(frozen=True, kw_only=True)
class Quickstart(Options):
    """Train, slim, distil, convert, prove, measure and look: the whole road into one folder, ending with report.html.

    Without --data the faces are synthetic. Interrupted and started again, it goes on where it was.
    """

    out: OutFolder = Path("runs/quickstart")
    """The run's folder."""
    data: Path | None = None
    """300W in its official layout, or any folder of pictures with .pts files; without it, synthetic faces."""
    preset: Literal["tiny", "cpu", "paper"] = "tiny"
    """tiny: minutes, to see it work. cpu: two hours or so on two cores. paper: section 4.3, for a GPU."""
    seed: int = 0
    """Seed of weights, order and augmentation."""
    device: str = "auto"
    """auto, cpu, cuda, mps."""


def run(options: Quickstart) -> Steps[Outcome]:
    """Walk the road; see Quickstart."""
    check_outputs(options)
    _claim(options)
    out = options.out
    common: dict[str, Any] = {
        "data": () if options.data is None else (options.data,),
        "preset": options.preset,
        "seed": options.seed,
        "device": options.device,
        "resume": True,
    }
    teacher = Job("teacher", "Teacher", {**common, "out": out / "teacher"})
    supernet = Job("supernet", "Supernet", {**common, "out": out / "supernet"})
    yield from side_by_side([job for job in (teacher, supernet) if not is_bundle(job.options["out"])])
    if not is_bundle(out / "slim"):
        yield from Job("slim", "Slim", {"supernet": out / "supernet", "out": out / "slim"}).steps()
    if not is_bundle(out / "distil"):
        parents = {"student": out / "slim", "teacher": out / "teacher"}
        yield from Job("distil", "Distil", {**common, **parents, "out": out / "distil"}).steps()
    outcomes = yield from _judge(options)
    report = yield from Job("report", "Report", {"run": out}).steps()
    text = "\n".join(outcome.text for outcome in (*outcomes, report))
    return Outcome(text=text, records=report.records, ok=all(outcome.ok for outcome in outcomes))


def _claim(options: Quickstart) -> None:
    """Make the run's folder this run's own.

    Raises:
        ValueError: the folder holds a run with other settings.
    """
    path = options.out / SETTINGS
    if not path.exists():
        require_empty(options.out, "holds no run of quickstart")
    settings = {k: str(v) if isinstance(v, Path) else v for k, v in dataclasses.asdict(options).items() if k != "out"}
    if path.exists() and read_json(path) != settings:
        raise ValueError(f"{options.out} holds a run with other settings (see {path}): choose another --out")
    write_json(path, settings)


def _judge(options: Quickstart) -> Steps[list[Outcome]]:
    """Score, convert, prove and time what was trained, and draw the photo; a file that is refused is in no folder."""
    out, results = options.out, options.out / "results.jsonl"
    faces = {"data": options.data}
    found = []
    for stage in ("teacher", "supernet", "slim", "distil"):
        more = {**faces, "results": results, "baselines": stage == "teacher" and options.data is not None}
        job = Job("evaluate", "Evaluate", {"model": out / stage, "synthetic": TEST_FACES, **more})
        found.append((yield from job.steps()))
    models = out / "models"
    convert: dict[str, Any] = {"bundle": out / "distil", "out": models, **faces}
    tflite = {"to": ("tflite", "onnx"), "precision": ("float32", "float16", "int8")}
    coreml = {"to": ("coreml",), "precision": ("float16",)}
    made = yield from side_by_side([Job("convert", "Convert", {**convert, **which}) for which in (tflite, coreml)])
    found += [outcome for outcome in made if not outcome.ok]
    append(results, [record for outcome in made for record in outcome.records if not record["ok"]])
    kept = {path.name: path for path in models_in(models)} if models.is_dir() else {}
    if kept:
        proof = {"models": models, "bundle": out / "distil", "results": results, **faces}
        found.append((yield from Job("verify", "Verify", proof).steps()))
        timing = {"models": (models,), "synthetic": TEST_FACES, "starts": 1, "results": results, **faces}
        found.append((yield from Job("benchmark", "Benchmark", timing).steps()))
    photos = [("photo.png", released("float16"))]
    photos += [("photo-this-run.png", path) for name, path in kept.items() if name.endswith("-float32.tflite")]
    for name, model in photos:
        found.append((yield from Job("photo", "Photo", {"model": model, "out": out / name}).steps()))
    return found
