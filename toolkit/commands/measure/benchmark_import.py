"""Stage: records that a phone, a browser or an app exported, checked and added to a run's."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from msgspec import Meta
from tyro.conf import Positional

from toolkit.core.files import read_json, read_lines
from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.records import Measured, Milliseconds, Whole, append, check_order, imported
from toolkit.core.validation import check

Said = Annotated[str, Meta(min_length=1, max_length=300)]


class ForeignLatency(TypedDict):
    """Latency says all of this, if only that it was not measured."""

    median: Milliseconds | None
    p90: Milliseconds | None
    runs: Whole | None
    warmup: Whole | None


class Foreign(TypedDict):
    """What a record that comes from elsewhere must say; what else it may is in Measured."""

    kind: Literal["benchmark"]
    model: Said
    engine: Said
    device: Said
    latency_ms: NotRequired[ForeignLatency | None]


@dataclass(frozen=True, kw_only=True)
class ImportRecords(Options):
    """Take in measurements made elsewhere: the web page's, the iOS app's, another computer's results.jsonl.

    A record is a JSON object as `sdhrnet benchmark` writes it: `kind`, `model`, `engine`, `device`, `threads`,
    `latency_ms` {median, p90, runs, warmup} and whatever else was measured. A file holds one, a list, or one a line.
    All are checked before any is added; one of the same measurement is replaced.
    """

    files: Positional[tuple[Path, ...]]
    """.json or .jsonl files."""
    results: OutRecords = Path("results.jsonl")
    """The .jsonl file to add to."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.files:
            raise ValueError("name at least one .json or .jsonl file")


def run(options: ImportRecords) -> Steps[Outcome]:
    """Check and add; see ImportRecords."""
    check_outputs(options)
    records = []
    for done, path in enumerate(options.files, start=1):
        records += [_checked(r, f"{path}, record {i}") for i, r in enumerate(_read(path), start=1)]
        yield Progress(task="reading", done=done, total=len(options.files))
    append(options.results, tuple(records))
    lines = [f"{r['model']}, {r['engine']}, {r['device']}" for r in records]
    return Outcome(text="\n".join([*lines, f"{len(records)} added to {options.results}"]), records=tuple(records))


def _read(path: Path) -> list[Any]:
    """The records of a file.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is not JSON, or holds no record.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no file at {path}")
    found = read_lines(path) if path.suffix == ".jsonl" else read_json(path)
    records = found if isinstance(found, list) else [found]
    if not records:
        raise ValueError(f"{path} holds no record")
    return records


def _checked(record: Any, where: str) -> dict[str, Any]:
    """A record of the form that tables and plots rely on; raises ValueError with what is wrong with it."""
    check(record, Foreign, where)
    check(record, Measured, where)
    check_order(record.get("latency_ms"), where)
    if record.get("latency_ms") is None and record.get("nme_mean") is None:
        raise ValueError(f"{where} has neither a time nor an accuracy")
    return imported(record)
