"""The processes that train a network together, the device that each computes on, and its arithmetic.

One process or many run the same code: `sdhrnet supernet --processes 2` starts the others itself, `torchrun
--nproc-per-node 8 -m toolkit.cli supernet` has started them all. Each takes its rows of every batch; norms, losses and
gradients are those of the whole batch, so that the weights are those of one process up to rounding. Lightning Fabric
brings torch's process group, devices and autocasting together.
"""

import logging
import multiprocessing
import os
import queue
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal, TypeVar

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision import MixedPrecision
from lightning_fabric.plugins.precision import Precision as Arithmetic
from torch import Tensor, nn

from toolkit.core.progress import finish
from toolkit.core.provenance import cores
from toolkit.train import exchange
from toolkit.train.norm import joined_norms
from toolkit.train.place import Place, places_here

logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # only the command line prints

Precision = Literal["float32", "bf16", "fp16"]
T = TypeVar("T")
PIXELS = 2**16
"""Of a batch for each thread: with fewer, a further one brings little (results/training)."""


@dataclass(kw_only=True)
class Team:
    """The processes of a training as one of them sees them."""

    fabric: Fabric
    arithmetic: Arithmetic
    precision: Precision
    here: int = 1
    """How many of the processes are on this machine."""
    workers: list[Any] = field(default_factory=list)
    """Processes that this one has started."""
    news: Any = None
    """Where they say what went wrong."""

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        return self.fabric.device

    @property
    def size(self) -> int:
        """How many processes there are."""
        return self.fabric.world_size

    @property
    def rank(self) -> int:
        """Which one this is, from 0; the first one validates, writes and reports."""
        return self.fabric.global_rank

    def placed(self, net: nn.Module) -> Any:
        """A network on the device, in channels-last memory (1.3 to 1.5 times faster on a CPU), norms joined."""
        net = net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return joined_norms(net) if self.size > 1 else net

    def autocast(self) -> AbstractContextManager[Any]:
        """The precision that the forward pass computes in."""
        return self.arithmetic.forward_context()

    def rows(self, batch: int) -> slice:
        """This process's rows of a batch.

        Raises:
            ValueError: there are more processes than rows.
        """
        if batch < self.size:
            raise ValueError(f"a batch of {batch} faces cannot be shared by {self.size} processes: raise --batch")
        return slice(batch * self.rank // self.size, batch * (self.rank + 1) // self.size)

    def total(self, tensor: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        return exchange.total(tensor)

    def told(self, value: T) -> T:
        """The first process's value."""
        return self.fabric.broadcast(value)

    @property
    def records(self) -> bool:
        """Whether a step can be recorded as a CUDA graph: one process on a GPU, whose losses need no scaling."""
        return self.device.type == "cuda" and self.size == 1 and self.precision != "fp16"

    def gradients(self, loss: Tensor, optimiser: torch.optim.Optimizer) -> None:
        """Of this process's loss, in place of what the optimiser's parameters have."""
        optimiser.zero_grad(set_to_none=False)
        self.arithmetic.backward(loss, None)

    def descend(self, optimiser: torch.optim.Optimizer) -> None:
        """One step down the sum of all processes' losses, by their gradients."""
        for group in optimiser.param_groups:
            for parameter in group["params"]:
                self.total(parameter.grad)
        self.arithmetic.optimizer_step(optimiser)

    def error(self) -> BaseException | None:
        """What ended another process that this one has started, when the group has fallen apart."""
        if not self.workers:
            return None
        try:
            return self.news.get(timeout=2)  # type: ignore[no-any-return]
        except queue.Empty:
            if all(worker.is_alive() for worker in self.workers):
                return None
            return OSError("a training process ended without a word; was it out of memory?")

    def disband(self) -> None:
        """End the process group and the processes that this one has started."""
        exchange.connect({})
        if self.size > 1 and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        for worker in self.workers:
            worker.join(timeout=5)
            worker.terminate()
            worker.join()


def assemble(config: Any, device: torch.device, processes: int, precision: Precision) -> Team:
    """Meet the other processes of this training, having started them where nobody has.

    Args:
        config: a stage's options; a process that is started runs that stage with them.
        device: where to compute; of several GPUs each process takes its own.
        processes: how many to start, this one included. torchrun's number wins.
        precision: of the forward pass.

    Raises:
        ValueError: the device cannot compute so, or there are fewer devices than processes.
        Exception: what ended one of the other processes before they met.
    """
    arithmetic = _arithmetic(precision, device)
    workers, news = [], None
    place = _given()
    if place is None and processes > 1:
        context = multiprocessing.get_context("spawn")
        news = context.Queue()
        places, wires = places_here(processes), exchange.wires(processes)
        for values, own in zip(places[1:], wires[1:], strict=True):
            workers.append(context.Process(target=_work, args=(config, values, own, news)))
            workers[-1].start()
            for wire in own.values():  # theirs alone now, so that the others notice when they are gone
                wire.close()
        place = Place(places[0])
        exchange.connect(wires[0])
    team = Team(
        fabric=_fabric(device, place, arithmetic),
        arithmetic=arithmetic,
        precision=precision,
        here=place.here if place else 1,
        workers=workers,
        news=news,
    )
    try:
        exchange.total(torch.zeros(1))  # all are here: torch's own meeting would wait half an hour for the others
        team.fabric.launch()
    except RuntimeError as error:
        why = team.error()
        team.disband()
        raise why or error from error
    return team


def _given() -> Place | None:
    """The place that torchrun gave this process, if it did."""
    return Place(dict(os.environ)) if Place.detect() else None


def _fabric(device: torch.device, place: Place | None, arithmetic: Arithmetic) -> Fabric:
    if place is None:
        chosen: Any = 1 if device.index is None or device.type != "cuda" else [device.index]
        return Fabric(accelerator=device.type, devices=chosen, plugins=[arithmetic])
    if device.type == "mps" or (device.type == "cuda" and place.here > torch.cuda.device_count()):
        raise ValueError(f"{place.here} processes need as many GPUs: set --processes, or --device cpu")
    return Fabric(
        accelerator=device.type,
        devices=place.here,
        num_nodes=place.world_size() // place.here,
        strategy="ddp",
        plugins=[place, arithmetic],
    )


def _work(config: Any, place: dict[str, str], wires: exchange.Wires, news: "multiprocessing.Queue[Any]") -> None:
    """Run a stage as one of its processes; the first one hears what goes wrong."""
    os.environ.update(place)
    exchange.connect(wires)
    try:
        finish(import_module(type(config).__module__).run(config))
    except Exception as error:
        news.put(error)


def default_threads(device: torch.device, pixels: int, processes: int) -> int:
    """One on an accelerator and beside other trainings; on a CPU what the cores allow and a batch is worth.

    Args:
        device: where the training computes.
        pixels: of a whole batch.
        processes: how many share it on this machine. torchrun's number wins.
    """
    if device.type != "cpu" or multiprocessing.parent_process() is not None:
        return 1
    place = _given()
    return max(1, min(cores(), pixels // PIXELS) // (place.here if place else processes))


def default_precision(device: torch.device) -> Precision:
    """bf16 where the device has instructions for it, else float32."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    capabilities = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    return "bf16" if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else "float32"


def _arithmetic(precision: Precision, device: torch.device) -> Arithmetic:
    """fp16 comes with a scaled loss, whose gradients would else vanish."""
    if precision == "float32":
        return Arithmetic()
    mixed = MixedPrecision("bf16-mixed" if precision == "bf16" else "16-mixed", device.type)
    try:
        with mixed.forward_context():
            nn.Conv2d(8, 8, 3, device=device)(torch.ones(1, 8, 8, 8, device=device)).sum().backward()
    except RuntimeError as error:
        raise ValueError(
            f"{device} cannot compute in {precision} ({str(error).splitlines()[0]}): use another --precision"
        ) from error
    return mixed


def alone() -> Team:
    """This process by itself, on the CPU, in float32."""
    return assemble(None, torch.device("cpu"), 1, "float32")


def agree(tensors: Iterable[Tensor]) -> None:
    """Every process starts from the first one's values."""
    if torch.distributed.is_initialized():
        for tensor in tensors:
            torch.distributed.broadcast(tensor, 0)
