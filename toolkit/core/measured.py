"""What the fields of a record hold, wherever it comes from: tables and plots rely on it, so every door asks for it."""

from typing import Annotated, Any, TypedDict

from msgspec import Meta

Title = Annotated[str, Meta(max_length=2000)]
Milliseconds = Annotated[float, Meta(ge=0, le=1e9)]
Percent = Annotated[float, Meta(ge=0, le=1e6)]
"""Errors may be larger than the eyes' distance."""
Whole = Annotated[int, Meta(ge=0, le=2**50)]
Pixels = Annotated[float, Meta(ge=0, le=1e6)]


class Latency(TypedDict, total=False):
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
    latency_ms: Latency | None
    versions: dict[str, Any] | None
    ok: bool | None
    reasons: list[Any] | None
