"""Stage: converted files on the kinds of engines that phones have, simulated here, against their bundle in pixels."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tyro.conf import Positional

from toolkit import bundle, runtime
from toolkit.core.files import sha256
from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append
from toolkit.export import conversion, npu
from toolkit.export.engines import FLOATS, environment, prove_on, refusal_on
from toolkit.export.proof import Reference, Sources, reference_on
from toolkit.runtime import sidecar


@dataclass(frozen=True, kw_only=True)
class VerifyEngine(Options):
    """Run converted files on an engine of the kind that phones have, simulated on this machine, and compare their
    points with those of their bundle.

    `htp` is Qualcomm's NPU as its own simulator computes it, floats in half precision: it takes .onnx files and what
    `convert --npu` compiled, and where there are none makes an .onnx file of each bundle. `gpu` is LiteRT's GPU engine
    on a software driver: it takes .tflite files of floats and of static int8. Half precision may move points by 0.1 px
    on average, int8 by the 0.35 px of its own rounding (in crops above 128 px, as much more). The record says how many
    operations the engine took, and in how many parts. No speed of a phone can be told from it. `make verify-engines`
    makes the engines first. Exit status 1 when any file fails.
    """

    models: Positional[Path]
    """A folder of converted files, one of them, or the name of a released model for all that there are of it."""
    engine: Literal["htp", "gpu", "npu"] = "htp"
    """Which engine; npu compiles .tflite files for Qualcomm's sm8650, as `convert --npu` does, for the simulator."""
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


def run(options: VerifyEngine) -> Steps[Outcome]:
    """Compare; see VerifyEngine."""
    check_outputs(options)
    if options.engine == "npu":
        npu.compiler(options.root)
    environment(options.root, "htp" if options.engine == "npu" else options.engine)
    known = {path: sidecar.read(path) for path in runtime.models_in(options.models)}
    folders = {path.absolute().parent for path in known}
    folders |= {folder.parent for folder in folders if folder.name == npu.FOLDER}
    sources = Sources(options.models, options.bundle, folders)
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
                references[source] = yield from reference_on(sources.of(source), options.data, options.faces)
            try:
                if options.engine == "npu":
                    record = _compiled(options, path, references[source], Path(temporary))
                else:
                    _, record = prove_on(options.engine, options.root, path, references[source], known.get(path))
            except ValueError as error:
                record = refusal_on(options.engine, path, references[source], known.get(path), error)
            records.append({**record, **conditions(1)})
    if options.results is not None:
        append(options.results, tuple(records))
    return Outcome(text=_table(records), records=tuple(records), ok=all(record["ok"] for record in records))


def _compiled(options: VerifyEngine, plain: Path, expected: Reference, folder: Path) -> dict[str, Any]:
    """The record of a .tflite file by what the compiler made of it."""
    made, about = npu.compiled(plain, "sm8650", folder, options.root)
    _, record = prove_on("htp", options.root, made, expected, about)
    return {**record, "model": plain.name, "file_sha256": sha256(plain), "simulated": "npu"}


def _takes(engine: str, path: Path, about: sidecar.Sidecar) -> bool:
    if not about.in_floats or about.output != "points":
        return False
    if engine == "htp":
        return path.suffix == ".onnx" or about.compiled is not None
    return path.suffix == ".tflite" and about.compiled is None and about.precision in (*FLOATS, "int8", "int8whole")


def _onnx(folder: Path, out: Path) -> Path:
    """A bundle as the .onnx file that `convert` would make."""
    wanted = conversion.Wanted(targets=("onnx",), precisions=("float32",))
    (made,) = conversion.make(bundle.read(folder), wanted, "onnx", out, ()).values()
    return made.path


def _table(records: list[dict[str, Any]]) -> str:
    width = max(len(record["model"]) for record in records)
    lines = [f"{'file'.ljust(width)}  {'mean px':>8}  {'worst px':>8}  {'taken':>11}  {'parts':>5}"]
    for r in records:
        if r["mean_px"] is None:
            lines += [r["model"], *(f"  FAILED: {reason}" for reason in r["reasons"])]
            continue
        told = "whole" if r["whole"] else "not told"
        taken = told if r["operations"] is None else f"{r['operations_taken']} of {r['operations']}"
        parts = "-" if r["parts"] is None else r["parts"]
        lines.append(f"{r['model'].ljust(width)}  {r['mean_px']:8.4f}  {r['worst_px']:8.3f}  {taken:>11}  {parts:>5}")
        lines += [f"  left to the processor: {json.dumps(r['left'])}"] if r["left"] else []
        lines += [f"  FAILED: {reason}" for reason in r["reasons"]]
    engine = next((r["engine"] for r in records if r["engine"]), None)
    return "\n".join([*lines, *([f"by {engine}"] if engine else [])])
