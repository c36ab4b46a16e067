"""A step's forward and backward pass as one CUDA graph: launched at once, not as thousands of small kernels.

A network of hundreds of layers of few channels keeps a GPU waiting for launches most of the time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from toolkit.train.inputs import Inputs

Work = Callable[[Inputs], dict[str, Tensor]]
"""Leaves gradients in place and returns the losses."""
WARM_UP = 3
"""Runs before a recording, in which libraries choose their kernels and take their memory."""


@dataclass(frozen=True)
class Recording:
    """A graph, where it reads and where it leaves what."""

    graph: torch.cuda.CUDAGraph
    seen: Inputs
    losses: dict[str, Tensor]


class Recorded:
    """The same work, recorded when it first sees inputs of a shape and replayed from then on."""

    def __init__(self, work: Work, buffers: Sequence[Tensor]) -> None:
        """Take work whose every tensor stays where it is in memory, and the buffers that it changes."""
        self.work, self.buffers = work, buffers
        self._by_shape: dict[tuple[torch.Size, ...], Recording] = {}

    def __call__(self, inputs: Inputs) -> dict[str, Tensor]:
        recording = self._by_shape.get(inputs.shapes)
        if recording is None:
            recording = self._by_shape[inputs.shapes] = self._record(inputs)
        recording.seen.take(inputs)
        recording.graph.replay()
        return recording.losses

    def _record(self, inputs: Inputs) -> Recording:
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
        return Recording(graph, seen, losses)
