"""The measurements that chapters read, and which they were, for the stamp."""

import hashlib
import json
from pathlib import Path
from typing import Any

from toolkit.core.files import read_lines

ROOT = Path(__file__).parents[1]
READ: dict[str, str] = {}
"""SHA-256 of the records that were read, by folder and what was asked for."""
LIMIT_MS, LIMIT_MB = 6.0, 2.0
"""The decision of chapter 9: milliseconds of a call on one thread, and megabytes of a download."""


def records(folder: str, **wanted: object) -> list[dict[str, Any]]:
    """The measurements of results/FOLDER that have these values.

    Raises:
        FileNotFoundError: there is no such folder; results are in a clone and not in a wheel.
    """
    every = read_lines(ROOT / "results" / folder / "results.jsonl", dict[str, Any])
    found = [record for record in every if all(record.get(key) == value for key, value in wanted.items())]
    READ[json.dumps([folder, wanted])] = hashlib.sha256(json.dumps(found).encode()).hexdigest()
    return found


def changed(read: dict[str, str]) -> list[str]:
    """What a stamp names of the records that a chapter read and that are no longer the same."""
    for asked in read:
        folder, wanted = json.loads(asked)
        records(folder, **wanted)
    return [asked for asked, digest in read.items() if READ[asked] != digest]


def shipped() -> list[dict[str, Any]]:
    """The released files and others on the same faces and boxes: name, ms, mb, nme, and whether it is ours."""
    found: dict[str, dict[str, Any]] = {}
    for record in records("release", kind="benchmark", boxes="same boxes"):
        times = record["latency_ms"]
        if times and record["nme_mean"] is not None:
            row = {"name": record["model"], "engine": record["engine"], "ours": not record["peer"]}
            row |= {"ms": times["cpu_median"], "mb": record["size_bytes"] / 1e6, "nme": record["nme_mean"]}
            found.setdefault(record["model"], row)
    return list(found.values())
