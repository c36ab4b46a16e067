"""Stage: every converted file of a folder against the bundle it came from, in pixels and NME."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from toolkit import bundle, runtime
from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append
from toolkit.data.crops import open_crops
from toolkit.export.proof import Reference, prove, reference, refusal, table
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
    bundles = _bundles(options, {path.absolute().parent for path in paths})
    references: dict[str, Reference] = {}
    records = []
    for done, path in enumerate(paths):
        yield Progress(task="verifying", done=done, total=len(paths), note=path.name)
        try:
            source = sidecar.read(path).source_bundle
            if source not in bundles:
                raise ValueError(_no_bundle(options, source))
            if source not in references:
                references[source] = yield from _reference(options, bundles[source])
            _, record = prove(path, references[source], options.threads)
        except (ValueError, FileNotFoundError) as error:
            record = refusal(path, " ".join(str(error).split()))
        records.append({**record, **conditions(options.threads)})
    if options.results is not None:
        append(options.results, tuple(records))
    failed = sum(not record["ok"] for record in records)
    verdict = f"{failed} of {len(records)} files failed" if failed else f"all {len(records)} files keep their budgets"
    return Outcome(text=f"{table(records)}\n{verdict}", records=tuple(records), ok=not failed)


def _bundles(options: Verify, folders: set[Path]) -> dict[str, Path]:
    """Bundles by hash: the given one, or all beside the folder of the files and in it."""
    if options.bundle is not None:
        if not bundle.is_bundle(options.bundle):
            raise FileNotFoundError(f"{options.bundle} is not a bundle: it has no spec.json")
        return {bundle.digest(options.bundle): options.bundle}
    nearby = [each for models in folders for place in (models.parent, models) for each in sorted(place.iterdir())]
    return {bundle.digest(folder): folder for folder in nearby if bundle.is_bundle(folder)}


def _no_bundle(options: Verify, source: str) -> str:
    if options.bundle is not None:
        return f"it was converted from another bundle ({source[:12]}) than {options.bundle}"
    return f"its bundle ({source[:12]}) is not beside {options.models}: name it by --bundle"


def _reference(options: Verify, folder: Path) -> Steps[Reference]:
    loaded = bundle.read(folder)
    size_px = loaded.card.size_px
    crops = yield from open_crops(options.data, "test", options.faces, scheme=loaded.scheme, size_px=size_px)
    return reference(loaded, crops)
