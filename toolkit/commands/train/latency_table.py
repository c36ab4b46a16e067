"""Stage: how long each kind of edge and block takes on this device, as TFLite, at each resolution."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from toolkit.core.outputs import OutFile, WritesFiles, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.export.pieces import WHOLE, convert_pieces, supernet_pieces
from toolkit.models.spec import hrsupernet
from toolkit.runtime.tflite import invocation
from toolkit.runtime.timing import interleaved
from toolkit.slimming import latency
from toolkit.slimming.complexity import check_size


@dataclass(frozen=True, kw_only=True)
class MakeTable(WritesFiles):
    """Time every kind of operation and block of the supernet as a TFLite model of its own, on this device.

    The table is what `supernet --penalty latency` weighs the operations by, and what `slim --latency-ms` adds up. All
    pieces take turns, so that a machine that slows down slows them all; the whole supernet is timed with them and
    compared with their sum.
    """

    out: OutFile
    """The table, a .json file."""
    precision: latency.TimedPrecision = "float32"
    """Of the files: int8 is what ships to phones."""
    size: int = 64
    """Side of the input crop in pixels."""
    points: int = 68
    """Landmarks."""
    runs: int = 100
    """Timed calls of each piece."""
    warmup: int = 10
    """Untimed calls of each piece before."""
    threads: int = 1
    """CPU threads of the engine."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self.size)
        if self.points < 1 or self.runs < 1 or self.warmup < 0 or self.threads < 1:
            raise ValueError("points, runs and threads must be at least 1, and warmup must not be negative")
        if self.out.suffix != ".json":
            raise ValueError(f"--out names a .json file, got {self.out.name}")


def run(options: MakeTable) -> Steps[Outcome]:
    """Convert, time and write the table; see MakeTable."""
    check_outputs(options)
    spec = hrsupernet(options.points)
    found = supernet_pieces(spec, options.size)
    yield Progress(task="converting the pieces", done=0, total=1)
    with tempfile.TemporaryDirectory(prefix="sdhrnet-") as temporary:
        paths = convert_pieces(found, Path(temporary), options.precision)
        calls, engine = zip(*(invocation(path, options.threads) for path in paths.values()), strict=True)
        times = yield from interleaved(calls, options.runs, options.warmup)
    medians = {key: time.cpu_median for key, time in zip(paths, times, strict=True)}
    measured = medians.pop(WHOLE)
    summed = latency.LatencyTable(size_px=options.size, pieces_ms=medians).summed(spec)
    table = latency.LatencyTable(
        size_px=options.size,
        precision=options.precision,
        pieces_ms=medians,
        whole={"measured_ms": measured, "summed_ms": round(summed, 4)},
        conditions={
            "engine": engine[0],
            "runs": options.runs,
            "warmup": options.warmup,
            **conditions(options.threads),
        },
    )
    latency.write(table, options.out)
    text = (
        f"{len(medians)} pieces timed into {options.out}; the whole supernet takes {measured:.2f} ms, its pieces "
        f"{summed:.2f} ms"
    )
    record = {"kind": "latency-table", "model": "hrsupernet", "size_px": options.size, **table.whole}
    record["precision"] = options.precision
    return Outcome(text=text, records=(record | table.conditions,))
