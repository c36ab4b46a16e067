"""Calls of one .tflite file, to count what an emulated processor executes.

    python -m toolkit.runtime.calls FILE COUNT

needs NumPy, OpenCV and a TFLite runtime alone. It prints where the engine's code and the C library's mathematics lie in
memory, a line each: first and last address and file, as in /proc/self/maps.
"""

import sys
from pathlib import Path

from toolkit.runtime.tflite import ENGINES, invocation

COUNTED = (next(iter(ENGINES)).replace("-", "_"), "libm.so")
"""In the paths of the files whose code is a call's."""


def main() -> None:
    """The module as a program."""
    call, _ = invocation(Path(sys.argv[1]))
    for _ in range(int(sys.argv[2])):
        call()
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        where, rights, *_, path = line.split(maxsplit=5)
        if "x" in rights and any(part in path for part in COUNTED):
            print(where, path)


if __name__ == "__main__":
    main()
