"""The records that the page in a browser posts: what they must be, and where they are kept."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from toolkit.core.records import Milliseconds, Pixels, Whole, append, check_order, imported
from toolkit.core.validation import MOST_THREADS, Sha256, Text, check
from toolkit.web.server import Collect

MOST = 500
"""Records taken at once."""


@dataclass(frozen=True, kw_only=True)
class Times:
    """Latency as the page measures it."""

    median: Milliseconds
    p90: Milliseconds
    runs: Whole
    warmup: Whole


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Parity with the golden faces as the page measures it."""

    data: Text
    n: Whole
    mean_px: Pixels
    worst_px: Pixels
    moved_over_1px: Annotated[float, Meta(ge=0, le=1)]


@dataclass(frozen=True, kw_only=True)
class PageRecord:
    """A record as the page writes it (deploy/web/src/record.js), which measures parity and latency."""

    kind: Literal["benchmark"]
    model: Text
    file_sha256: Sha256
    precision: Text
    size_bytes: Whole
    engine: Text
    device: Text
    threads: Annotated[int, Meta(ge=1, le=MOST_THREADS)]
    fully_accelerated: bool
    latency_ms: Times
    parity: Agreement | None
    commit: Text | None
    versions: dict[Text, Text]
    seed: None
    data: None
    split: None
    n: None
    nme_mean: None
    nme_median: None
    fr10: None
    auc10: None


Post = Annotated[list[PageRecord], Meta(min_length=1, max_length=MOST)]


def collector(path: Path) -> Collect:
    """Takes posted records into a results file, one post at a time."""
    lock = threading.Lock()

    def collect(posted: Any) -> str:
        records = checked(posted)
        with lock:
            append(path, map(imported, records))
        return f"{len(records)} records kept in {path.name}"

    return collect


def checked(posted: Any) -> list[dict[str, Any]]:
    """What was posted, if it is a list of the page's records: these fields, of these kinds, and no others.

    Raises:
        ValueError: it is something else.
    """
    check(posted, Post, "records")
    for number, record in enumerate(posted):
        check_order(record["latency_ms"], f"records[{number}]")
    return posted  # type: ignore[no-any-return]
