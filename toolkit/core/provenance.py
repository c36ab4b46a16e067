"""Where a figure comes from: versions, commit and machine, as records carry them."""

import json
import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from toolkit import __version__

WHEEL = f"sdhrnet_toolkit-{__version__}-py3-none-any.whl"
"""What `pip wheel` calls the toolkit's."""
ENGINES = ("torch", "numpy", "ai-edge-litert", "tflite-runtime", "onnxruntime", "coremltools", "mediapipe")
"""Libraries that have a part in a measurement."""


def conditions(threads: int) -> dict[str, Any]:
    """The fields of a record that say where and with what it was measured."""
    return {"device": processor(), "threads": threads, "commit": commit(), "versions": versions(*ENGINES)}


def versions(*distributions: str) -> dict[str, str]:
    """Versions of Python, this toolkit and the named distributions, those that are installed."""
    found = {"python": platform.python_version(), "sdhrnet-toolkit": __version__}
    for name in distributions:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def commit() -> str | None:
    """The git commit this code runs from, with `+changes` where the tree differs from it; None outside a checkout."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        head = _git(root, "rev-parse", "HEAD")
        return head + ("+changes" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None  # no git program, or a checkout without a commit


@cache
def processor() -> str:
    """The CPU's name as the system gives it, with the number of its cores that this process may use."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        name = names[0] if names else name
    elif platform.system() == "Darwin":
        name = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=True
        ).stdout.strip()
    return f"{name}, {cores()} cores"


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]  # fixed words, no shell
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def install(extra: str) -> str:
    """The command that brings an extra, from where this toolkit came: no index has it."""
    return f"pip install '{_source()}[{extra}]'"


def _source() -> str:
    """The clone or the wheel that this toolkit was installed from; `.` where that is the current folder."""
    root = Path(__file__).parents[2]
    if not (root / "pyproject.toml").is_file():
        try:
            about = distribution("sdhrnet-toolkit").read_text("direct_url.json")
        except PackageNotFoundError:
            about = None
        root = Path(unquote(urlparse(json.loads(about)["url"]).path)) if about else Path(WHEEL)
    return "." if root == Path.cwd() else str(root)


def inside(package: str, inner: str) -> Path | None:
    """A file inside an installed package, which is not imported; None where there is no such package or file.

    Args:
        package: its import name.
        inner: the path from the package's folder.
    """
    spec = find_spec(package)
    places = (Path(folder) / inner for folder in (spec.submodule_search_locations or () if spec else ()))
    return next((path for path in places if path.is_file()), None)
