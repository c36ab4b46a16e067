"""What training sets for the whole process, which is one stage's own: threads, memory, seed, determinism."""

import ctypes
import os
import platform

import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Names of glibc's malloc.h."""


def prepare(*, threads: int, seed: int, deterministic: bool) -> None:
    """Set torch's threads and generator, keep freed memory, and with `deterministic` refuse what varies by run."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    keep_freed_memory()
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it by this name
    torch.use_deterministic_algorithms(deterministic)


def keep_freed_memory() -> None:
    """Have glibc keep what a step frees for the next one.

    By default it hands large pieces back to the system, which clears every page when it gives them out again: 40,000
    pages a step of the supernet at 128 px, 5 to 8 % of its time. Elsewhere nothing is done.
    """
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        # older versions refuse more than 32 MB
        if not library.mallopt(M_MMAP_THRESHOLD, 1 << 30):
            library.mallopt(M_MMAP_THRESHOLD, 32 << 20)
        library.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)
