"""What LiteRT's benchmark tools print, as figures: `benchmark_model` (old and new) and `benchmark_litert_model`."""

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Round:
    """One run of the tool; None for what this version does not print."""

    median_ms: float | None
    p95_ms: float | None
    mean_ms: float
    runs: int
    warmup: int
    init_ms: float | None
    first_ms: float | None
    memory_bytes: int | None
    delegated_share: float | None


NUMBER = r"([0-9.]+(?:e[+-]?[0-9]+)?)"
REFUSALS = (
    r"Failed to apply [\w ]*delegate",
    r"[Tt]hough [\w ]+ delegate is explicitly applied, the model(?: graph)? will not be executed",
    r"[\w ]+ acceleration is unsupported on this platform",
    r"[Uu]nable to open library libneuralnetworks\.so",
    r"Can't load (?:external )?delegate[^\n]*",
    r"Disallowed CPU fallback detected",
    r"Failed to (?:create|initialize) [\w ]*(?:accelerator|compiled model)[^\n]*",
)
"""What it says where a delegate will have nothing to do with the model; the tool then times the CPU, or stops."""


def refusal(text: str) -> str | None:
    """The line that says that a delegate refused the model; None where none does."""
    for pattern in REFUSALS:
        found = re.search(pattern, text)
        if found:
            return found.group().strip()
    return None


def parse(text: str) -> Round:
    """The figures of one run.

    Raises:
        ValueError: the tool did not get as far as timing; the message has its last error.
    """
    counts = [dict(re.findall(rf"(\w+)={NUMBER}", line)) for line in re.findall(r"count=.*", text)]
    if counts:
        return _classic(text, counts)
    if "Inference (avg):" in text:
        return _compiled(text)
    errors = re.findall(r"(?:ERROR|FATAL): (?!Benchmarking failed).*", text)
    last = (errors or text.strip().splitlines() or ["it printed nothing"])[-1].strip()
    raise ValueError(f"the benchmark tool timed nothing: {last}")


def _classic(text: str, counts: list[dict[str, str]]) -> Round:
    """benchmark_model: microseconds; a `count=` line for the warm-up, then one for the runs."""
    runs, warm = counts[-1], counts[0] if len(counts) > 1 else {}
    average = _first(rf"Inference \(avg\): {NUMBER}", text) or float(runs.get("avg", runs.get("curr", 0)))
    memory = _first(rf"peak memory footprint \(MB\) via periodic monitoring: {NUMBER}", text)
    if memory is None:
        memory = _first(rf"emory footprint[\w ]* \(MB\): init=[0-9.]+ overall={NUMBER}", text)
    return Round(
        median_ms=_thousandth(runs.get("median")),
        p95_ms=_thousandth(runs.get("p95")),
        mean_ms=round(average / 1000, 4),
        runs=int(float(runs["count"])),
        warmup=int(float(warm.get("count", 0))),
        init_ms=_thousandth(_first(rf"Init: {NUMBER}", text)),
        first_ms=_thousandth(_first(rf"First inference: {NUMBER}", text)),
        memory_bytes=None if memory is None else round(memory * 2**20),
        delegated_share=_share(text),
    )


def _compiled(text: str) -> Round:
    """benchmark_litert_model: milliseconds, without a median."""
    mean = re.search(rf"Inference \(avg\):\s*{NUMBER} ms \(([0-9]+) runs\)", text)
    warm = re.search(r"Warmup \(avg\):\s*[0-9.]+ ms \(([0-9]+) runs\)", text)
    if mean is None:
        raise ValueError("the benchmark tool's results are cut off: it says no number of runs")
    memory = _first(rf"(?:Peak memory usage|Overall footprint):\s*{NUMBER} MB", text)
    return Round(
        median_ms=None,
        p95_ms=None,
        mean_ms=float(mean.group(1)),
        runs=int(mean.group(2)),
        warmup=int(warm.group(1)) if warm else 0,
        init_ms=_first(rf"Model initialization:\s*{NUMBER} ms", text),
        first_ms=_first(rf"Warmup \(first\):\s*{NUMBER} ms", text),
        memory_bytes=None if memory is None else round(memory * 2**20),
        delegated_share=_share(text),
    )


def _share(text: str) -> float | None:
    """Of the first delegate that took operations: a later one, XNNPACK, takes what it left."""
    found = re.search(r"Replacing (\d+) out of (\d+) node\(s\) with delegate", text)
    found = found or re.search(r"delegate: (\d+) nodes delegated out of (\d+) nodes", text)
    return round(int(found.group(1)) / int(found.group(2)), 4) if found and int(found.group(2)) else None


def _first(pattern: str, text: str) -> float | None:
    found = re.search(pattern, text)
    return float(found.group(1)) if found else None


def _thousandth(value: Any) -> float | None:
    return None if value is None else round(float(value) / 1000, 4)
