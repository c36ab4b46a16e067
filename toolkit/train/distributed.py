"""The processes that train a network together: their ranks, how they meet, and what each does for the others.

One process or many run the same code: `sdhrnet supernet --processes 2` starts the others itself, `torchrun
--nproc-per-node 8 -m toolkit.cli supernet` has started them all. Each takes its rows of every batch; norms, losses and
gradients are those of the whole batch, so that the weights are those of one process up to rounding.
"""

import multiprocessing
import os
import queue
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from toolkit.core.progress import Steps, finish
from toolkit.core.provenance import cores
from toolkit.train.all_reduce import Pipes, all_reduce, connect, open_pipes, sync_batch_norms
from toolkit.train.device import ComputePrecision, autocast, check_precision

T = TypeVar("T")
PIXELS = 2**16
"""Of a batch for each thread: with fewer, a further one brings little (results/training)."""
TIMEOUT = timedelta(minutes=30)
"""The longest that processes wait for each other."""


@dataclass(frozen=True, kw_only=True)
class Rank:
    """A process among all that train together, in torchrun's words."""

    rank: int = 0
    local_rank: int = 0
    world_size: int = 1
    local_world_size: int = 1
    """How many of the processes are on this machine."""
    master_addr: str = "127.0.0.1"
    master_port: int = 0

    @staticmethod
    def of(environment: Mapping[str, str]) -> "Rank | None":
        """The rank that torchrun's variables give a process, if they are set.

        Raises:
            ValueError: some are missing.
        """
        if "RANK" not in environment:
            return None
        names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_PORT")
        missing = [name for name in (*names, "MASTER_ADDR") if name not in environment]
        if missing:
            raise ValueError(f"RANK is set but not {', '.join(missing)}: start training processes with torchrun")
        numbers = {name.lower(): int(environment[name]) for name in names}
        return Rank(**numbers, master_addr=environment["MASTER_ADDR"])

    @property
    def environment(self) -> dict[str, str]:
        """torchrun's variables for this rank."""
        return {name.upper(): str(value) for name, value in vars(self).items()}


def local_ranks(processes: int) -> list[Rank]:
    """Ranks of some processes on this machine, which meet at a free port where there are several."""
    if processes == 1:
        return [Rank()]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return [
        Rank(rank=i, local_rank=i, world_size=processes, local_world_size=processes, master_port=port)
        for i in range(processes)
    ]


@dataclass(kw_only=True)
class ProcessGroup:
    """The processes of a training as one of them sees them."""

    own: Rank
    device: torch.device
    """Where this process computes."""
    precision: ComputePrecision
    scaler: torch.amp.GradScaler = field(init=False)
    """Keeps fp16's gradients from vanishing; it does nothing at another precision."""
    children: list[BaseProcess] = field(default_factory=list)
    """Processes that this one has started."""
    errors: Any = None
    """The queue in which they say what went wrong."""

    def __post_init__(self) -> None:
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")

    @property
    def world_size(self) -> int:
        """How many processes there are."""
        return self.own.world_size

    @property
    def rank(self) -> int:
        """Which one this is, from 0; the first one validates, writes and reports."""
        return self.own.rank

    def place(self, net: nn.Module) -> Any:
        """A network on the device, in channels-last memory (1.3 to 1.5 times faster on a CPU), its norms in step."""
        net = net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return sync_batch_norms(net) if self.world_size > 1 else net

    def autocast(self) -> AbstractContextManager[object]:
        """The precision that the forward pass computes in."""
        return autocast(self.device, self.precision)

    def rows(self, batch: int) -> slice:
        """This process's rows of a batch.

        Raises:
            ValueError: there are more processes than rows.
        """
        if batch < self.world_size:
            raise ValueError(f"a batch of {batch} faces cannot be shared by {self.world_size} processes: raise --batch")
        return slice(batch * self.rank // self.world_size, batch * (self.rank + 1) // self.world_size)

    def broadcast(self, value: T) -> T:
        """The first process's value."""
        values = [value]
        if self.world_size > 1:
            torch.distributed.broadcast_object_list(values, 0)
        return values[0]

    @property
    def uses_cuda_graphs(self) -> bool:
        """Whether a step can be captured as a CUDA graph: one process on a GPU, whose losses need no scaling."""
        return self.device.type == "cuda" and self.world_size == 1 and self.precision != "fp16"

    def backward(self, loss: Tensor, optimiser: torch.optim.Optimizer) -> None:
        """Gradients of this process's loss, in place of what the optimiser's parameters have."""
        optimiser.zero_grad(set_to_none=False)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def step(self, optimiser: torch.optim.Optimizer) -> None:
        """One step down the sum of all processes' losses, by their gradients."""
        for parameters in optimiser.param_groups:
            for parameter in parameters["params"]:
                all_reduce(parameter.grad)
        self.scaler.step(optimiser)
        self.scaler.update()

    def error(self) -> BaseException | None:
        """What ended another process that this one has started, when the group has fallen apart."""
        if not self.children:
            return None
        try:
            return self.errors.get(timeout=2)  # type: ignore[no-any-return]
        except queue.Empty:
            if all(child.is_alive() for child in self.children):
                return None
            return OSError("a training process ended without a word; was it out of memory?")

    def close(self) -> None:
        """End the group and the processes that this one has started."""
        connect({})
        if self.world_size > 1 and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        for child in self.children:
            child.join(timeout=5)
            child.terminate()
            child.join()


def start_processes(
    device: torch.device,
    precision: ComputePrecision,
    processes: int = 1,
    work: Callable[[], Steps[object]] | None = None,
) -> ProcessGroup:
    """Meet the other processes of this training, having started them where nobody has.

    Args:
        device: where to compute; of several GPUs each process takes its own.
        precision: of the forward pass.
        processes: how many to start, this one included. torchrun's number wins.
        work: what a process that is started does, by a function of a module; it comes here in its turn.

    Raises:
        ValueError: the device cannot compute so, or there are fewer devices than processes.
        Exception: what ended one of the other processes before they met.
    """
    check_precision(device, precision)
    given = Rank.of(os.environ)
    ranks = [given] if given else local_ranks(processes)
    own = ranks[0]
    group = ProcessGroup(own=own, device=_own_device(device, own), precision=precision)
    if len(ranks) > 1:
        context, pipes = multiprocessing.get_context("spawn"), open_pipes(processes)
        group.errors = context.Queue()
        for rank, ends in zip(ranks[1:], pipes[1:], strict=True):
            group.children.append(context.Process(target=_child, args=(work, rank, ends, group.errors)))
            group.children[-1].start()
            for pipe in ends.values():  # theirs alone now, so that the others notice when they are gone
                pipe.close()
        connect(pipes[0])
    try:
        all_reduce(torch.zeros(1))  # all are here: torch's own meeting would wait half an hour for the others
        _init(group)
    except RuntimeError as error:
        why = group.error()
        group.close()
        raise why or error from error
    return group


def _own_device(device: torch.device, own: Rank) -> torch.device:
    """This process's device; of several GPUs the one of its local rank."""
    if own.world_size > 1:
        if device.type == "mps" or (device.type == "cuda" and own.local_world_size > torch.cuda.device_count()):
            raise ValueError(f"{own.local_world_size} processes need as many GPUs: set --processes, or --device cpu")
        return torch.device("cuda", own.local_rank) if device.type == "cuda" else device
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else device


def _init(group: ProcessGroup) -> None:
    """Join torch's process group, where there are several processes."""
    if group.device.type == "cuda":
        torch.cuda.set_device(group.device)
    if group.world_size > 1:
        address = f"[{group.own.master_addr}]" if ":" in group.own.master_addr else group.own.master_addr
        torch.distributed.init_process_group(
            "nccl" if group.device.type == "cuda" else "gloo",
            init_method=f"tcp://{address}:{group.own.master_port}",
            timeout=TIMEOUT,
            rank=group.rank,
            world_size=group.world_size,
        )


def _child(
    work: Callable[[], Steps[object]], rank: Rank, pipes: Pipes, errors: "multiprocessing.Queue[BaseException]"
) -> None:
    """Do the work as one of the processes; the first one hears what goes wrong."""
    os.environ.update(rank.environment)
    connect(pipes)
    try:
        finish(work())
    except Exception as error:
        errors.put(error)


def default_threads(device: torch.device, pixels: int, processes: int) -> int:
    """One on an accelerator and beside other trainings; on a CPU what the cores allow and a batch is worth.

    Args:
        device: where the training computes.
        pixels: of a whole batch.
        processes: how many share it on this machine. torchrun's number wins.
    """
    if device.type != "cpu" or multiprocessing.parent_process() is not None:
        return 1
    own = Rank.of(os.environ)
    return max(1, min(cores(), pixels // PIXELS) // (own.local_world_size if own else processes))


def single_process() -> ProcessGroup:
    """This process by itself, on the CPU, in float32."""
    return ProcessGroup(own=Rank(), device=torch.device("cpu"), precision="float32")


def broadcast_tensors(tensors: Iterable[Tensor]) -> None:
    """Every process starts from the first one's values."""
    if torch.distributed.is_initialized():
        for tensor in tensors:
            torch.distributed.broadcast(tensor, 0)
