"""The whole pipeline in one command: every stage in order, each into its folder; started again, it goes on."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from toolkit.commands.convert import convert, verify
from toolkit.commands.live import photo
from toolkit.commands.measure import benchmark, evaluate, report
from toolkit.commands.train import distil, slim, supernet, teacher
from toolkit.core.files import read_json, write_json
from toolkit.core.options import Options
from toolkit.core.outputs import OutFolder, check_outputs, require_empty
from toolkit.core.progress import Outcome, Steps
from toolkit.core.records import append
from toolkit.core.zoo import MAIN, SPARED, START, is_bundle, resolve
from toolkit.pipelines.jobs import Job, side_by_side
from toolkit.runtime import models_in
from toolkit.train.presets import PRESETS, PresetName

SETTINGS = "settings.json"
GENTLE = 5e-4
"""Highest learning rate of what goes on from START and SPARED: steps of a training from scratch would undo them.
What is cut from them may take steps twice as long."""
GENTLE_ALPHA = 3e-4
"""The same of its importance factors, which know what can be spared."""
TEST_FACES = 100
"""Synthetic faces that each model is scored on, where there is no --data."""


@dataclass(frozen=True, kw_only=True)
class Quickstart(Options):
    """Train, slim, distil, convert, prove, measure and look: the whole pipeline into one folder, with report.html.

    Without --data the faces are synthetic. Interrupted and started again, it goes on where it was.
    """

    out: OutFolder = Path("runs/quickstart")
    """The run's folder."""
    data: Path | None = None
    """300W in its official layout, or any folder of pictures with .pts files; without it, synthetic faces."""
    preset: PresetName = "tiny"
    """tiny: minutes, to see it work; on synthetic faces, teacher and supernet go on from networks that have learned
    from them for an hour, and the supernet what it can spare, for another.
    cpu: two hours or so on two cores. paper-300w, paper-cofw, paper-wflw: as published for a data set, for a GPU."""
    seed: int = 0
    """Seed of weights, order and augmentation."""
    device: str = "auto"
    """auto, cpu, cuda, mps."""


class Common(TypedDict):
    """What all trainings share."""

    data: tuple[Path, ...]
    preset: PresetName
    seed: int
    device: str
    resume: bool


def run(options: Quickstart) -> Steps[Outcome]:
    """Run the pipeline; see Quickstart."""
    check_outputs(options)
    _claim(options)
    out = options.out
    common: Common = {
        "data": () if options.data is None else (options.data,),
        "preset": options.preset,
        "seed": options.seed,
        "device": options.device,
        "resume": True,
    }
    large, whole = teacher.Teacher(**common, out=out / "teacher"), supernet.Supernet(**common, out=out / "supernet")
    small = distil.Distil(**common, student=out / "slim", teacher=out / "teacher", out=out / "distil")
    if options.preset == "tiny" and options.data is None and is_bundle(START) and is_bundle(SPARED):
        large = dataclasses.replace(large, start=START, lr=GENTLE)
        searched = dataclasses.replace(whole, updates="joint", sparsity=5e-6, penalty="macs")  # as SPARED was
        whole = dataclasses.replace(searched, start=SPARED, lr=GENTLE, alpha_lr=GENTLE_ALPHA)
        small = dataclasses.replace(small, lr=2 * GENTLE)
    parents = {"teacher": Job(teacher.run, large, "teacher"), "supernet": Job(supernet.run, whole, "supernet")}
    yield from side_by_side([job for name, job in parents.items() if not is_bundle(out / name)])
    if not is_bundle(out / "slim"):
        paper = options.preset if PRESETS[options.preset].published else None
        yield from slim.run(slim.Slim(supernet=out / "supernet", out=out / "slim", preset=paper))
    if not is_bundle(out / "distil"):
        yield from distil.run(small)
    outcomes = yield from _judge(options)
    page = yield from report.run(report.Report(run=out, overwrite=True))
    text = "\n".join(outcome.text for outcome in (*outcomes, page))
    return Outcome(text=text, records=page.records, ok=all(outcome.ok for outcome in outcomes))


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
    found = []
    for name in ("teacher", "supernet", "slim", "distil"):
        scoring = evaluate.Evaluate(
            model=out / name,
            data=options.data,
            synthetic=TEST_FACES,
            results=results,
            baselines=name == "teacher",
        )
        found.append((yield from evaluate.run(scoring)))
    models = out / "models"
    coreml = convert.Convert(
        bundle=out / "distil",
        out=models,
        data=options.data,
        to=("coreml",),
        precision=("float16",),
        overwrite=True,
    )
    tflite = dataclasses.replace(coreml, to=("tflite", "onnx"), precision=("float32", "float16", "int8"))
    jobs = [Job(convert.run, one, f"convert, {one.to[0]}") for one in (tflite, coreml)]
    made = yield from side_by_side(jobs)
    found += [outcome for outcome in made if not outcome.ok]
    append(results, [record for outcome in made for record in outcome.records if not record["ok"]])
    kept = {path.name: path for path in models_in(models)} if models.is_dir() else {}
    if kept:
        proof = verify.Verify(models=models, bundle=out / "distil", data=options.data, results=results)
        found.append((yield from verify.run(proof)))
        timing = benchmark.Benchmark(
            models=(models,), data=options.data, synthetic=TEST_FACES, starts=1, results=results
        )
        found.append((yield from benchmark.run(timing)))
    photos = [("photo.png", resolve(MAIN))]
    photos += [("photo-this-run.png", path) for name, path in kept.items() if name.endswith("-float32.tflite")]
    for name, model in photos:
        found.append((yield from photo.run(photo.Photo(model=model, out=out / name, overwrite=True))))
    return found
