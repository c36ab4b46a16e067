"""One record for everything measured: its fields, what tells two of them apart, and the file that keeps them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple, TypedDict

from msgspec import Meta

from toolkit.core.files import read_lines, write_lines
from toolkit.core.validation import check

Title = Annotated[str, Meta(max_length=2000)]
Milliseconds = Annotated[float, Meta(ge=0, le=1e9)]
Percent = Annotated[float, Meta(ge=0, le=1e6)]
"""Errors may be larger than the eyes' distance."""
Whole = Annotated[int, Meta(ge=0, le=2**50)]
Pixels = Annotated[float, Meta(ge=0, le=1e6)]


class LatencyFields(TypedDict, total=False):
    """Of one call; null where one was not measured."""

    median: Milliseconds | None
    p90: Milliseconds | None
    cpu_median: Milliseconds | None
    runs: Whole | None
    warmup: Whole | None


class Subject(TypedDict, total=False):
    """The fields that say what was measured."""

    kind: Annotated[str, Meta(min_length=1, max_length=100)]
    model: Title | None
    name: Title | None
    trained_on: Title | None
    file_sha256: Title | None
    engine: Title | None
    threads: Whole | None
    device: Title | None
    data: Title | None
    split: Title | None


class Measured(Subject, total=False):
    """The fields that a record may have, beside others."""

    boxes: Title | None
    precision: Title | None
    commit: Title | None
    n: Whole | None
    input_px: Whole | None
    size_bytes: Whole | None
    memory_bytes: Whole | None
    operations: Whole | None
    macs: Whole | None
    nme_mean: Percent | None
    nme_median: Percent | None
    fr8: Percent | None
    fr10: Percent | None
    auc10: Percent | None
    mean_px: Pixels | None
    worst_px: Pixels | None
    latency_ms: LatencyFields | None
    versions: dict[str, Any] | None
    ok: bool | None
    reasons: list[Any] | None


Fields = Mapping[str, Any]
"""A JSON object."""

MORE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "benchmark": ("boxes", "input_px"),
        "evaluate": ("input_px", "head", "decoder"),
        "channels": ("budget", "importance", "input_px"),
        "compare": ("bundle", "input_px"),
        "detected": ("boxes", "passes"),
        "engine": ("simulated",),
        "first crop": ("angle_deg", "crop", "again"),
        "flicker": ("looks",),
        "photo stages": ("passes",),
        "rewrite": ("variant", "input_px"),
        "throughput": ("size_px", "precision", "processes", "batch"),
        "inference": ("size_px", "precision", "batch"),
        "pace": ("drawn", "size_px"),
        "ablation": ("ablation", "variant", "seed"),
        "conversion": ("variant", "input_px"),
        "sweep": ("budget", "importance", "seed"),
        "budget": ("variant", "budget", "seed"),
        "pack": ("size_px", "quality"),
        "paper": ("item",),
        "chapter": ("chapter", "what"),
    }
)
"""What else tells two measurements of a kind apart."""
RECIPES = frozenset({"ablation", "budget", "conversion", "sweep", "step"})
"""Kinds that measure a recipe: its file is new each time it is followed, and on each device."""


class Key(NamedTuple):
    """What a measurement is of: two records with equal keys are of the same one, and the newer one counts."""

    kind: str
    model: str | None
    subject: str | None
    """The hash of the file, or of the bundle, that was measured. Of a record without one, what its network is called
    and was trained on: then the name is all that there is to tell it by."""
    engine: str | None
    threads: int | None
    device: str | None
    data: str | None
    split: str | None
    more: tuple[Any, ...]


@dataclass(frozen=True)
class Record(Mapping[str, Any]):
    """A measurement: typed where it says what was measured, and a JSON object for what came out.

    Raises:
        ValueError: it does not say its kind, or a field that tells measurements apart is of the wrong type.
    """

    fields: Fields
    """All of them, as they stand in the file."""

    def __post_init__(self) -> None:
        if not isinstance(self.fields, Mapping) or not isinstance(self.fields.get("kind"), str):
            raise ValueError("is not a measurement record: it has no kind")
        about = {name: self.fields[name] for name in Subject.__annotations__ if name in self.fields}
        check(about, Subject, "is not a measurement record")

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    @property
    def kind(self) -> str:
        """What sort of measurement it is."""
        return str(self.fields["kind"])

    @property
    def model(self) -> str:
        """A file's name, a bundle's stage, or what else was measured is called."""
        return str(self.fields.get("model"))

    @property
    def file_sha256(self) -> str | None:
        """Hash of the file or bundle."""
        return self.fields.get("file_sha256")

    def key(self) -> Key:
        """The record's identity; the one place that says which measurements are the same."""
        place = self.place()
        return place if self.kind in RECIPES or self.file_sha256 is None else place._replace(subject=self.file_sha256)

    def place(self) -> Key:
        """The identity without the file's hash: what a later file of the same name and conditions has in common."""
        get, recipe = self.fields.get, self.kind in RECIPES
        return Key(
            kind=self.kind,
            model=get("model"),
            subject=" of ".join(str(get(name)) for name in ("name", "trained_on") if get(name) is not None) or None,
            engine=get("engine"),
            threads=get("threads"),
            device=None if recipe else get("device"),
            data=get("data"),
            split=get("split"),
            more=tuple(str(get(name)) for name in MORE.get(self.kind, ())),
        )


def check_order(latency: Mapping[str, Any] | None, where: str) -> None:
    """Raises ValueError where nine calls in ten are said to take less than half of them do."""
    median, p90 = (latency or {}).get("median"), (latency or {}).get("p90")
    if median is not None and p90 is not None and p90 < median:
        raise ValueError(f"{where}: latency_ms: p90 cannot be below the median, got {p90} and {median}")


def imported(record: Fields) -> dict[str, Any]:
    """A benchmark made elsewhere, with what tables read of every benchmark where it does not say it."""
    own = {"boxes": "same boxes", "peer": False, "data": None, "split": None, "threads": 1, "latency_ms": None}
    return {**own, "imported": True, **record}


def called(record: Fields) -> str:
    """What a table on a terminal calls a network: a bundle by its folder, since its record's model is its stage."""
    return str(record.get("bundle") or record.get("model"))


def of(lines: Iterable[Fields]) -> list[Record]:
    """JSON objects as records.

    Raises:
        ValueError: one of them is none.
    """
    return [line if isinstance(line, Record) else Record(line) for line in lines]


def latest(records: Iterable[Record]) -> list[Record]:
    """The last record of every measurement, in the order in which these were made."""
    kept: dict[Key, Record] = {}
    for record in records:
        kept.pop(record.key(), None)
        kept[record.key()] = record
    return list(kept.values())


def read(path: Path) -> list[Record]:
    """The records of a file, oldest first; none where there is no file.

    Raises:
        ValueError: a line is no record; the message names file and line.
    """
    found = []
    for line, fields in enumerate(read_lines(path), start=1):
        try:
            found.append(Record(fields))
            check(fields, Measured, "is not a measurement record")
        except ValueError as error:
            raise ValueError(f"{path}:{line} {error}") from error
    return found


def append(path: Path, fresh: Iterable[Fields]) -> None:
    """Add records to a file; one of the same measurement replaces the older one.

    Raises:
        ValueError: what is to be added, or what the file holds, is no record.
    """
    kept = latest([*read(path), *of(fresh)])
    write_lines(path, [dict(record) for record in kept])
