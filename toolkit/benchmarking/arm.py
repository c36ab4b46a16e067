"""An emulated Arm processor, in a folder that deploy/arm/fetch.sh makes: what files answer there, and how many
instructions a call takes."""

import os
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np

from toolkit.core.arrays import ImageArray
from toolkit.runtime.answers import Answers

CPU = "cortex-a76"
"""A phone's large core without SVE, which the emulator computes too slowly."""
MORE_CALLS = 2
"""Calls beyond the first one, which also loads the file and packs its weights."""

Ranges = tuple[tuple[int, int], ...]
"""First and last addresses of code."""


def answers_there(root: Path, models: Path, images: dict[str, ImageArray]) -> Answers:
    """What the TFLite files of a folder answer on the emulated processor.

    Args:
        root: the emulated computer.
        models: the folder, one of its files, or a released model's name.
        images: (N, S, S, 3) crops by the side S in pixels, one of every size that a file takes.

    Raises:
        ValueError: it did not run to its end; the message has its last words.
    """
    with tempfile.TemporaryDirectory(prefix="sdhrnet-") as temporary:
        crops, out = Path(temporary) / "crops.npz", Path(temporary) / "out.npz"
        np.savez(crops, **images)
        place = models.resolve() if models.exists() else models
        command = _command(root, "toolkit.runtime.answers", str(place), str(crops), str(out))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        _require_done(done.returncode, done.stderr)
        with np.load(out) as found:
            return dict(found)


def instructions(root: Path, file: Path) -> int:
    """Arm instructions of one call of a .tflite file: of the engine and of the C library's mathematics.

    The emulator writes down each block of code that it translates and each that it executes; what one call adds is the
    difference between runs of one and of three. It knows neither caches nor clocks.

    Raises:
        ValueError: it did not run to its end, or its code lay at another place the second time.
    """
    ranges, _ = _counted(root, file, 0, ())
    counts = []
    for calls in (1, 1 + MORE_CALLS):
        found, count = _counted(root, file, calls, ranges)
        if found != ranges:
            raise ValueError(
                f"{file.name}: the emulator put its code at another place each time, so nothing is counted"
            )
        counts.append(count)
    return round((counts[1] - counts[0]) / MORE_CALLS)


def executed(log: Iterable[bytes]) -> int:
    """Instructions in the emulator's log of `in_asm` and `exec`: of each executed block, as it was last translated."""
    sizes: dict[int, int] = {}
    block, total = None, 0
    for line in log:
        if line.startswith(b"Trace "):
            total += sizes[int(line.split(b"/", 2)[1], 16)]
        elif line.startswith(b"IN:"):
            block = None
        elif line.startswith(b"0x"):
            if block is None:
                block = int(line.partition(b":")[0], 16)
                sizes[block] = 0
            sizes[block] += 1
    return total


def _counted(root: Path, file: Path, calls: int, ranges: Ranges) -> tuple[Ranges, int]:
    """Where the code of some calls lies, and how many instructions within `ranges` were executed."""
    read, write = os.pipe()
    watched = ",".join(f"{first:#x}..{last:#x}" for first, last in ranges)
    log = ["-d", "in_asm,exec,nochain", "-dfilter", watched, "-D", f"/dev/fd/{write}"] if ranges else []
    command = _command(root, "toolkit.runtime.calls", str(file.resolve()), str(calls), emulator=log)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with os.fdopen(read, "rb") as lines:
            process = subprocess.Popen(command, stdout=out, stderr=err, pass_fds=(write,))
            os.close(write)
            count = executed(lines)
        process.wait()
        said, complained = (_written(part) for part in (out, err))
    _require_done(process.returncode, complained)
    places = (line.split()[0].split("-") for line in said.splitlines())
    return tuple((int(first, 16), int(last, 16)) for first, last in places), count


def _written(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _command(root: Path, module: str, *words: str, emulator: Iterable[str] = ()) -> list[str]:
    root = root.resolve()
    package_root = Path(__file__).resolve().parents[2]
    command = [str(root / "host/usr/bin/qemu-aarch64-static"), "-cpu", CPU, "-L", str(root / "root"), *emulator]
    command += ["-E", f"PYTHONHOME={root / 'root/usr'}", "-E", f"PYTHONPATH={root / 'site'}:{package_root}"]
    return [*command, str(root / "root/usr/bin/python3.11"), "-m", module, *words]


def _require_done(status: int, complained: str) -> None:
    if status:
        raise ValueError(f"the emulated computer failed with status {status}: {' '.join(complained.split()[-30:])}")
