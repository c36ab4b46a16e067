"""The device that a training computes on: precision, CUDA graphs, and what a training sets for its whole process."""

import ctypes
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from toolkit.train.inference import Inputs

ComputePrecision = Literal["float32", "bf16", "fp16"]
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Names of glibc's malloc.h."""


def pick_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU; otherwise torch's own names.

    Raises:
        ValueError: the device is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"device {name!r} cannot be used here ({str(error).splitlines()[0]}); try --device auto"
        ) from error
    return torch.device(name)


def default_precision(device: torch.device) -> ComputePrecision:
    """bf16 where the device has instructions for it, else float32."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    capabilities = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    return "bf16" if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else "float32"


def autocast(device: torch.device, precision: ComputePrecision) -> AbstractContextManager[object]:
    """The precision that a forward pass computes in; weights stay float32."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16 if precision == "bf16" else torch.float16)


def check_precision(device: torch.device, precision: ComputePrecision) -> None:
    """Raises ValueError where the device cannot compute so."""
    if precision == "float32":
        return
    try:
        with autocast(device, precision):
            nn.Conv2d(8, 8, 3, device=device)(torch.ones(1, 8, 8, 8, device=device)).sum().backward()
    except RuntimeError as error:
        raise ValueError(
            f"{device} cannot compute in {precision} ({str(error).splitlines()[0]}): use another --precision"
        ) from error


@contextmanager
def process_settings(device: torch.device, *, threads: int, seed: int, deterministic: bool) -> Iterator[None]:
    """Set torch's threads and generators, and with `deterministic` refuse what varies by run; then all is as it was."""
    before = torch.get_num_threads()
    refused, warned = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    workspace = os.environ.get("CUBLAS_WORKSPACE_CONFIG")  # cuBLAS asks for it by this name
    on_cuda = device.type == "cuda"
    current = torch.cuda.current_device() if on_cuda else 0
    with torch.random.fork_rng([device] if on_cuda else []):
        try:
            torch.set_num_threads(threads)
            torch.default_generator.manual_seed(seed)
            if on_cuda:
                torch.cuda.set_device(device)
                torch.cuda.manual_seed(seed)
            keep_freed_memory()
            if deterministic:
                os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            torch.use_deterministic_algorithms(deterministic)
            yield
        finally:
            torch.use_deterministic_algorithms(refused, warn_only=warned)
            if workspace is None:
                os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)
            release_freed_memory()
            if on_cuda:
                torch.cuda.set_device(current)
            torch.set_num_threads(before)


def keep_freed_memory() -> None:
    """Have glibc keep what a step frees for the next one.

    By default it hands large pieces back to the system, which clears every page when it gives them out again: 40,000
    pages a step of the supernet at 128 px, 5 to 8 % of its time. Elsewhere nothing is done.
    """
    _set_malloc(1 << 30, (1 << 31) - 1)


def release_freed_memory() -> None:
    """Give back what was kept, and the thresholds that glibc comes to by itself after a piece of 32 MB."""
    _set_malloc(32 << 20, 64 << 20)
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def _set_malloc(mmap_bytes: int, trim_bytes: int) -> None:
    """From which size on glibc maps a piece of its own, and from which on it gives back what is free."""
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        if not library.mallopt(M_MMAP_THRESHOLD, mmap_bytes):  # older versions refuse more than 32 MB
            library.mallopt(M_MMAP_THRESHOLD, 32 << 20)
        library.mallopt(M_TRIM_THRESHOLD, trim_bytes)


Work = Callable[[Inputs], dict[str, Tensor]]
"""Leaves gradients in place and returns the losses."""
WARM_UP = 3
"""Runs before a capture, in which libraries choose their kernels and take their memory."""


@dataclass(frozen=True)
class Capture:
    """A CUDA graph, where it reads and where it leaves what."""

    graph: torch.cuda.CUDAGraph
    seen: Inputs
    losses: dict[str, Tensor]


class CudaGraphs:
    """A step's forward and backward pass as a CUDA graph for each shape of its inputs.

    A network of hundreds of layers of few channels keeps a GPU waiting for launches most of the time: a graph, captured
    when a shape is first seen and replayed from then on, is launched at once, not as thousands of small kernels.
    """

    def __init__(self, work: Work, buffers: Sequence[Tensor]) -> None:
        """Take work whose every tensor stays where it is in memory, and the buffers that it changes."""
        self.work, self.buffers = work, buffers
        self._by_shape: dict[tuple[torch.Size, ...], Capture] = {}

    def __call__(self, inputs: Inputs) -> dict[str, Tensor]:
        capture = self._by_shape.get(inputs.shapes)
        if capture is None:
            capture = self._by_shape[inputs.shapes] = self._capture(inputs)
        capture.seen.take(inputs)
        capture.graph.replay()
        return capture.losses

    def _capture(self, inputs: Inputs) -> Capture:
        seen, before = inputs.copy(), [buffer.clone() for buffer in self.buffers]
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        usual = torch.backends.cudnn.benchmark
        torch.backends.cudnn.benchmark = not torch.are_deterministic_algorithms_enabled()
        try:
            with torch.cuda.stream(aside):
                for _ in range(WARM_UP):
                    self.work(seen)
            torch.cuda.current_stream().wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                losses = self.work(seen)
        finally:
            torch.backends.cudnn.benchmark = usual
        for buffer, value in zip(self.buffers, before, strict=True):  # the warm-up is no training
            buffer.copy_(value)
        return Capture(graph, seen, losses)
