"""Stage: accuracy and latency of TFLite files on an Android phone, by LiteRT's own benchmark program over adb."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from tyro.conf import Positional

from toolkit import runtime
from toolkit.benchmarking import accuracy
from toolkit.benchmarking.framing import Framing, framed_crops
from toolkit.benchmarking.phone import program
from toolkit.benchmarking.phone.adb import Phone
from toolkit.benchmarking.phone.litert_log import Round
from toolkit.benchmarking.phone.program import DelegateRun
from toolkit.benchmarking.results import SAME, table
from toolkit.core.files import sha256
from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append
from toolkit.core.schemes import scheme
from toolkit.core.selection import evenly_spaced
from toolkit.core.zoo import ModelPath
from toolkit.data import Subset, open_faces
from toolkit.data.crops import PlainCrops
from toolkit.landmarkers import identify
from toolkit.runtime import sidecar

DelegateName = Literal["cpu", "gpu", "npu"]


@dataclass(frozen=True, kw_only=True)
class AdbBenchmark(Options):
    """Accuracy and latency of TFLite files on an Android phone, as records like those of this computer.

    Needs adb, a phone with USB debugging, and LiteRT's `benchmark_model` for its processor: a nightly binary of
    Google's (android_aarch64_benchmark_model), or built from the LiteRT sources. Files and delegates take turns in
    rounds; the median is that of the rounds' medians. For accuracy the program is run once on every crop, and its
    output is pulled and scored here. A delegate that refuses a file is recorded as not measured, with its words.
    """

    models: Positional[tuple[ModelPath, ...]]
    """TFLite files, folders of converted files, or released models by name (their float16 TFLite files)."""
    binary: Path
    """benchmark_model for the phone's processor, on this computer."""
    delegates: tuple[DelegateName, ...] = ("cpu", "gpu", "npu")
    """cpu is XNNPACK; npu is NNAPI, or the library of --npu-library."""
    npu_library: str | None = None
    """A vendor's external delegate on the phone, such as /data/local/tmp/libQnnTFLiteDelegate.so."""
    threads: tuple[int, ...] = (1,)
    """Numbers of CPU threads; more than one concerns the cpu delegate only."""
    runs: int = 50
    """Timed calls in a round."""
    rounds: int = 3
    """Rounds, so that a phone that grows warm slows all files alike."""
    data: Path | None = None
    """Labelled faces of any known format; without it, synthetic faces."""
    synthetic: int = 200
    """Number of synthetic faces, where no --data is given."""
    faces: int = 32
    """Faces, evenly spaced, that accuracy on the phone is measured on; 0 leaves it out."""
    serial: str | None = None
    """The phone, as `adb devices` names it, where several are connected."""
    adb: str = "adb"
    """The adb program."""
    results: OutRecords | None = None
    """Add the records to this .jsonl file (default: results.jsonl in the current folder)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "synthetic")
        if self.runs < 1 or self.rounds < 1 or self.faces < 0 or min(self.threads, default=0) < 1:
            raise ValueError("runs, rounds and threads must be at least 1, and faces must not be negative")
        if not self.models or not self.delegates:
            raise ValueError("name at least one TFLite file, and a delegate")


def run(options: AdbBenchmark) -> Steps[Outcome]:
    """Push, time, predict and pull; see AdbBenchmark."""
    results = options.results or Path("results.jsonl")
    check_outputs(options, results=results)
    files = _files(options.models)
    if not options.binary.is_file():
        raise FileNotFoundError(f"no program at {options.binary}: it is LiteRT's benchmark_model for the phone")
    phone = Phone(options.serial, options.adb)
    about = phone.describe()
    planned = [
        DelegateRun(file=file, delegate=delegate, threads=n, npu_library=options.npu_library)
        for file in files
        for delegate in options.delegates
        for n in (options.threads if delegate == "cpu" else options.threads[:1])
    ]
    crops = yield from _crops(options, files)
    program.prepare(phone, options.binary, files)
    try:
        found: dict[DelegateRun, list[Round]] = {one: [] for one in planned}
        refused: dict[DelegateRun, str] = {}
        for turn in range(options.rounds):
            for done, one in enumerate(planned, start=1):
                if one not in refused:
                    timed = program.time(phone, one, options.runs)
                    if isinstance(timed, str):
                        refused[one] = timed
                    else:
                        found[one].append(timed)
                total = options.rounds * len(planned)
                yield Progress(task=f"timing on {about['device']}", done=turn * len(planned) + done, total=total)
        scores = yield from _scores(phone, [one for one in planned if one not in refused], crops)
    finally:
        program.clean(phone)
    data = next((cut.faces.title for cut in crops.values()), None)
    where = {"data": data, "split": "test" if crops else None}
    shared = {"run": datetime.now(UTC).isoformat(timespec="seconds"), "boxes": SAME, **where, **about}
    records = tuple(
        {**_record(one, found[one], refused.get(one)), **shared, **scores.get(one, accuracy.NO_SCORE), **_made(options)}
        for one in planned
    )
    append(results, records)
    return Outcome(text=table(records), records=records)


def _files(models: tuple[Path, ...]) -> list[Path]:
    found = [file for path in models for file in (runtime.models_in(path) if path.is_dir() else [path])]
    files = [file for file in found if file.suffix == ".tflite"]
    if not files:
        raise FileNotFoundError("no .tflite file among these models: run `sdhrnet convert` first")
    for file in files:
        sidecar.read(file)
    return files


def _crops(options: AdbBenchmark, files: list[Path]) -> Steps[dict[int, PlainCrops]]:
    """The crops that accuracy is measured on, by their side; none where it is left out.

    Raises:
        ValueError: the files predict different points, or others than the faces are labelled by.
    """
    if not options.faces:
        return {}
    known = [sidecar.read(file) for file in files]
    schemes = dict.fromkeys(about.scheme for about in known)
    if len(schemes) > 1:
        raise ValueError(f"these files predict different points ({', '.join(schemes)}): time those of one scheme")
    own = scheme(known[0].scheme)
    every = open_faces(options.data, "test", options.synthetic, scheme=own)
    if every.scheme != own:
        raise ValueError(f"the faces are labelled {every.scheme.name}, and these files predict {own.name}")
    chosen = evenly_spaced(options.faces, len(every))
    faces = Subset(every, chosen, f"{every.title}, {len(chosen)} of them")
    crops = yield from framed_crops(faces, [Framing(size_px=px) for px in dict.fromkeys(a.size_px for a in known)])
    return {framing.size_px: cut for framing, cut in crops.items()}


def _scores(
    phone: Phone, planned: list[DelegateRun], crops: dict[int, PlainCrops]
) -> Steps[dict[DelegateRun, Mapping[str, object]]]:
    """Accuracy by file and delegate."""
    scores: dict[DelegateRun, Mapping[str, object]] = {}
    for done, one in enumerate(planned if crops else [], start=1):
        scores[one] = program.score(phone, one, crops[sidecar.read(one.file).size_px])
        yield Progress(task="predicting on the phone", done=done, total=len(planned))
    return scores


def _record(one: DelegateRun, found: list[Round], refused: str | None) -> dict[str, Any]:
    return {
        "kind": "benchmark",
        **identify(one.file),
        "peer": False,
        "engine": one.engine,
        "threads": one.threads,
        **program.summary(found),
        "not_measured": refused,
    }


def _made(options: AdbBenchmark) -> dict[str, Any]:
    """Commit and versions, with the program's own digest for want of a version."""
    found = conditions(1)
    versions = {**found["versions"], "benchmark_model": sha256(options.binary)[:12]}
    return {"commit": found["commit"], "versions": versions}
