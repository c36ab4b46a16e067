"""What training sets for its process."""

import os
import platform
import subprocess
import sys

import pytest
import torch

from toolkit.train.process import prepare

FAULTS = """
import resource, sys, torch
from toolkit.train.process import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
for i in range(30):
    if i == 10:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        pieces = [torch.ones(4 << 20) for _ in range(3)]
        del pieces
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's own")
def test_freed_memory_is_used_again() -> None:
    """240 pieces of 16 MB taken and freed: almost no new pages, where there are hundreds of thousands without."""
    large = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(1 << 20)}  # else glibc sometimes learns to keep them by itself
    faults = []
    for how in ("keep", "release"):
        command = [sys.executable, "-c", FAULTS, how]
        faults.append(int(subprocess.run(command, check=True, capture_output=True, text=True, env=large).stdout))
    assert faults[0] < 0.02 * faults[1], faults


def test_the_process_is_prepared() -> None:
    """Threads, the generator, and whether what varies is refused."""
    before = torch.get_num_threads()
    prepare(threads=1, seed=7, deterministic=True)
    assert torch.are_deterministic_algorithms_enabled() and torch.initial_seed() == 7
    prepare(threads=1, seed=8, deterministic=False)
    assert not torch.are_deterministic_algorithms_enabled() and torch.get_num_threads() == 1
    torch.set_num_threads(before)
