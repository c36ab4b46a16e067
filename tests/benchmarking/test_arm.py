"""Instructions of a call on an emulated processor: how they are read off what the emulator writes."""

import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from toolkit.benchmarking import arm
from toolkit.runtime.answers import answers

BLOCK = b"""----------------
IN: XnnGemm
0x5509000000:  d10043ff  sub sp, sp, #0x10
0x5509000004:  f9000be0  str x0, [sp, #0x10]

Linking TBs 0x7f1 index 0 -> 0x7f2
Trace 0: 0x7f10 [0000000000000000/0000005509000000/00000000/ff000000] XnnGemm
"""
NEXT = b"""----------------
IN:
0x5509000008:  d65f03c0  ret

Trace 0: 0x7f20 [0000000000000000/0000005509000008/00000000/ff000000] a/b
Trace 0: 0x7f10 [0000000000000000/0000005509000000/00000000/ff000000] XnnGemm
"""


def lines(text: bytes) -> list[bytes]:
    return text.splitlines(keepends=True)


def test_every_execution_of_a_block_counts() -> None:
    """By its instructions; a block that is translated anew, shorter, counts as that from then on."""
    assert arm.executed(lines(BLOCK)) == 2
    assert arm.executed(lines(BLOCK + NEXT)) == 2 + 1 + 2
    shorter = BLOCK.replace(b"0x5509000004:  f9000be0  str x0, [sp, #0x10]\n", b"")
    assert arm.executed(lines(BLOCK + NEXT + shorter)) == 5 + 1


EMULATOR = """#!/bin/sh
for last; do :; done
while [ $# -gt 0 ]; do [ "$1" != -D ] || log=$2; shift; done
if [ -n "$log" ]; then
  printf 'IN:\n0x10:  nop\n0x14:  nop\n\n' > "$log"
  for each in $(seq $((5 + last))); do printf 'Trace 0: 0x7 [0/0000000000000010/0/0] x\n' >> "$log"; done
fi
echo "PLACE-20 /ai_edge_litert/libLiteRt.so"
"""


def emulator(root: Path, place: str) -> Path:
    """An emulated computer that loads in five blocks of two instructions and calls in one."""
    file = root / "host" / "usr" / "bin" / "qemu-aarch64-static"
    file.parent.mkdir(parents=True)
    file.write_text(EMULATOR.replace("PLACE", place))
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return root


def test_what_loading_takes_is_not_a_call_s(tmp_path: Path) -> None:
    """The difference between one call and three."""
    assert arm.instructions(emulator(tmp_path, "10"), tmp_path / "a.tflite") == 2


def test_code_that_moves_is_told(tmp_path: Path) -> None:
    """Its addresses are known from a run before."""
    root = emulator(tmp_path, "$$")
    with pytest.raises(ValueError, match="at another place each time"):
        arm.instructions(root, tmp_path / "a.tflite")


def test_a_released_model_s_name_means_its_files_there_too(tmp_path: Path) -> None:
    """Not a path of the current folder: the emulated computer runs this toolkit."""
    file = emulator(tmp_path, "10") / "host" / "usr" / "bin" / "qemu-aarch64-static"
    file.write_text(f'#!/bin/sh\nwhile [ "$1" != -m ]; do shift; done\nexec {sys.executable} "$@"\n')
    crops = {"96": np.zeros((1, 96, 96, 3), np.uint8)}
    found = arm.answers_there(tmp_path, Path("sdhrnet-29pt-96"), crops)
    assert "sdhrnet-29pt-96-float16.tflite/points" in found
    assert found.keys() == answers(Path("sdhrnet-29pt-96"), crops).keys()
