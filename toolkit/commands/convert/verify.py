"""Stage: every converted file of a folder against the bundle it came from, in pixels and NME."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tyro.conf import Positional

from toolkit import runtime
from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append
from toolkit.export.proof import Reference, Sources, prove, reference_on, refusal, table
from toolkit.runtime import sidecar


@dataclass(frozen=True, kw_only=True)
class Verify(Options):
    """Check every converted file of a folder: whole, described, and still giving its bundle's points.

    Exit status 1 when any file fails.
    """

    models: Positional[Path]
    """A folder of converted files, one of them, or the name of a released model for all that there are of it."""
    bundle: Path | None = None
    """Their bundle (default: the one beside the folder, or in it, that has the hash in the sidecar)."""
    data: Path | None = None
    """Labelled faces, as for `evaluate`; without it, synthetic faces."""
    faces: int = 32
    """How many of them."""
    threads: int = 1
    """CPU threads of each engine."""
    results: OutRecords | None = None
    """Add the records to this .jsonl file; an older record of the same measurement is replaced."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.faces < 1 or self.threads < 1:
            raise ValueError("faces and threads must be at least 1")


def run(options: Verify) -> Steps[Outcome]:
    """Prove every file; see Verify."""
    check_outputs(options)
    paths = runtime.models_in(options.models)
    if not paths:
        raise FileNotFoundError(f"no .tflite, .onnx or .mlpackage in {options.models}: run `sdhrnet convert` first")
    bundles = Sources(options.models, options.bundle, {path.absolute().parent for path in paths})
    references: dict[str, Reference] = {}
    proven, untried = [], []
    for done, path in enumerate(paths):
        yield Progress(task="verifying", done=done, total=len(paths), note=path.name)
        try:
            about = sidecar.read(path)
        except (ValueError, FileNotFoundError) as error:
            proven.append(_refused(path, error, options))
            continue
        try:
            runtime.check_runs(path, about)
            bundle = bundles.of(about.source_bundle)
        except ValueError as error:
            untried.append(_refused(path, error, options))
            continue
        if about.source_bundle not in references:
            references[about.source_bundle] = yield from reference_on(bundle, options.data, options.faces)
        try:
            _, record = prove(path, references[about.source_bundle], options.threads)
            proven.append({**record, **conditions(options.threads)})
        except (ValueError, FileNotFoundError) as error:
            proven.append(_refused(path, error, options))
        except ModuleNotFoundError as error:
            untried.append(_refused(path, error, options))
    if options.results is not None:
        append(options.results, tuple(proven))  # the others are about this call, not about a file
    records = [*proven, *untried]
    failed = sum(not record["ok"] for record in records)
    verdict = f"{failed} of {len(records)} files failed" if failed else f"all {len(records)} files keep their budgets"
    return Outcome(text=f"{table(records)}\n{verdict}", records=tuple(records), ok=not failed)


def _refused(path: Path, error: Exception, options: Verify) -> dict[str, Any]:
    return {**refusal(path, " ".join(str(error).split())), **conditions(options.threads)}
