"""The machine while it measures: processor, clock, memory and load, as records carry them."""

import os
import platform
from pathlib import Path
from typing import Any

from toolkit.core.provenance import cores, processor

FREQUENCY = Path("/sys/devices/system/cpu/cpu0/cpufreq")


def host() -> dict[str, Any]:
    """What of the machine sways a timing; null where the system does not tell."""
    return {
        "cpu": processor(),
        "cores": cores(),
        "clock_mhz": _clock_mhz(),
        "clock_max_mhz": _kilohertz(FREQUENCY / "cpuinfo_max_freq"),
        "governor": _text(FREQUENCY / "scaling_governor"),
        "memory_bytes": _memory_bytes(),
        "load_1min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.release()}",
    }


def _clock_mhz() -> float | None:
    """The mean of all cores' clocks right now."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    found = [float(line.partition(":")[2]) for line in lines if line.startswith("cpu MHz")]
    return round(sum(found) / len(found), 1) if found else None


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _kilohertz(path: Path) -> float | None:
    text = _text(path)
    return float(text) / 1000 if text is not None and text.isdigit() else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
