"""How many faces a second each training stage takes in, or its network reads, by input size, precision and batch."""

import itertools
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from types import MappingProxyType
from typing import Any, Literal, TypedDict

import torch
from torch import nn

from toolkit import bundle
from toolkit.bundle import Card
from toolkit.commands.train import distil, supernet, teacher
from toolkit.core.options import Options
from toolkit.core.outputs import OutFolder, OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions, cores, processor
from toolkit.core.records import append
from toolkit.core.schemes import W300_68
from toolkit.models.building import build
from toolkit.models.spec import ARCHITECTURES
from toolkit.slimming.fold import fold
from toolkit.train.device import ComputePrecision, autocast, check_precision, pick_device, process_settings

Stage = Literal["teacher", "supernet", "distil"]
PARENTS = {"student": "s-hrnet-300w", "teacher": "hrnet-w18"}
"""What distillation starts from."""
NETWORKS: Mapping[Stage, str] = MappingProxyType(
    {"teacher": "hrnet-w18", "supernet": "hrsupernet", "distil": "s-hrnet-300w"}
)
"""What each stage is about, at inference."""
RUNS = 3
EPOCHS = 4
"""The first one warms up and is not counted."""


@dataclass(frozen=True, kw_only=True)
class Throughput(Options):
    """Train each stage for some steps on synthetic faces with the usual augmentation, and count.

    A face counts once for each step that sees it. `outside` is the share of the time that the loop spends on all but
    its steps: making batches, averaging weights, telling its progress. Compare figures of one run only.

    With --inference the networks only read, batch by batch: the paper's Figure 4.
    """

    out: OutFolder = Path("runs/throughput")
    """Folder for results.jsonl."""
    results: OutRecords | None = None
    """Add the records to this .jsonl file instead."""
    stages: tuple[Stage, ...] = ("teacher", "supernet", "distil")
    """What is trained: HRNetV2-W18, HRSuperNet, and two S-HRNet with the teacher at their side."""
    sizes: tuple[int, ...] = (64, 128)
    """Sides of the input crop in pixels."""
    precisions: tuple[ComputePrecision, ...] = ("float32",)
    """float32, bf16, fp16."""
    processes: tuple[int, ...] = (1, 2)
    """How many share a batch."""
    threads: tuple[int, ...] = (1, 2)
    """CPU threads of each process; several processes of several threads only where there are as many cores."""
    batch: tuple[int, ...] = (16,)
    """Faces a step, of all processes together; several sizes are measured in turn."""
    inference: bool = False
    """Measure the networks of these stages at inference, in place of their training: from normalised crops that are on
    the device already to heatmaps, importance factors and norms folded; in one process, with untrained weights, which
    cost as much."""
    steps: int = 6
    """Steps of each measurement; the median of three measurements counts."""
    device: str = "auto"
    """auto, cpu, cuda, mps."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(*self.batch, self.steps, *self.threads, *self.processes) < 1:
            raise ValueError("batch, steps, threads and processes must be at least 1")


class Choice(TypedDict):
    """The options that differ from one measurement to the next."""

    size: int
    precision: ComputePrecision
    processes: int
    threads: int
    batch: int


class Shared(Choice):
    """All options of a measured training, whatever it trains."""

    out: Path
    device: str
    preset: Literal["tiny"]
    epochs: int
    synthetic: int


class Parents(TypedDict):
    """What distillation starts from."""

    student: Path
    teacher: Path


def run(options: Throughput) -> Steps[Outcome]:
    """Measure every combination; see Throughput."""
    check_outputs(options, results=options.results or options.out / "results.jsonl")
    records: list[dict[str, Any]] = []
    if options.inference:
        records = yield from _inference(options)
        append(options.results or options.out / "results.jsonl", tuple(records))
        return Outcome(text="\n".join(map(_line, records)), records=tuple(records))
    with TemporaryDirectory(prefix="sdhrnet-") as folder:
        parents = _parents(Path(folder))
        for number, (stage, choice) in enumerate(itertools.product(options.stages, _choices(options))):
            out = Path(folder) / str(number)
            shared = _shared(options, choice, out)
            match stage:
                case "teacher":
                    yield from teacher.run(teacher.Teacher(**shared))
                case "supernet":
                    yield from supernet.run(supernet.Supernet(**shared))
                case "distil":
                    yield from distil.run(distil.Distil(**shared, **parents))
            records.append(_record(options, stage, choice["batch"], bundle.read(out)))
    append(options.results or options.out / "results.jsonl", tuple(records))
    return Outcome(text="\n".join(map(_line, records)), records=tuple(records))


def _shared(options: Throughput, choice: Choice, out: Path) -> Shared:
    faces = choice["batch"] * options.steps
    return {
        **choice,
        "out": out,
        "device": options.device,
        "preset": "tiny",
        "epochs": EPOCHS,
        "synthetic": faces,
    }


def _choices(options: Throughput) -> Iterator[Choice]:
    all_processes = (1,) if options.inference else options.processes
    ways = itertools.product(options.sizes, options.precisions, all_processes, options.threads, options.batch)
    for size, precision, processes, threads, batch in ways:
        if processes * threads <= cores() or 1 in (processes, threads):
            yield {"size": size, "precision": precision, "processes": processes, "threads": threads, "batch": batch}


def _parents(folder: Path) -> Parents:
    """Untrained ones, which cost as much as trained ones."""
    for role, arch in PARENTS.items():
        card = Card(name=arch, stage="teacher", scheme=W300_68.name, size_px=64, sigma_px=1.0)
        with torch.random.fork_rng([]):
            torch.default_generator.manual_seed(0)
            bundle.write(bundle.of_network(build(ARCHITECTURES[arch](W300_68.points)), card), folder / role)
    return {"student": folder / "student", "teacher": folder / "teacher"}


def _inference(options: Throughput) -> Steps[list[dict[str, Any]]]:
    """A record for every network and choice."""
    device = pick_device(options.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
    ways = list(itertools.product(options.stages, _choices(options)))
    records = []
    for done, (stage, choice) in enumerate(ways, start=1):
        check_precision(device, choice["precision"])
        with process_settings(device, threads=choice["threads"], seed=0, deterministic=False):
            net = fold(build(ARCHITECTURES[NETWORKS[stage]](W300_68.points))).to(device)
            rate = _frames_per_second(net, choice, device, options.steps)
        records.append(
            {
                "kind": "inference",
                "model": NETWORKS[stage],
                "size_px": choice["size"],
                "precision": choice["precision"],
                "batch": choice["batch"],
                "faces_per_second": round(rate, 2),
                **conditions(choice["threads"]),
                "device": name,
            }
        )
        yield Progress(task="inference", done=done, total=len(ways), note=_line(records[-1]).strip())
    return records


def _frames_per_second(net: nn.Module, choice: Choice, device: torch.device, steps: int) -> float:
    """Faces a second: the median of RUNS runs of so many batches, after one run that is not counted."""
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    shape = (choice["batch"], 3, choice["size"], choice["size"])
    images = torch.randn(shape, device=device).to(memory_format=torch.channels_last)
    rates = []
    with torch.inference_mode(), autocast(device, choice["precision"]):
        for _ in range(RUNS + 1):
            started = perf_counter()
            for _ in range(steps):
                net(images)
            if device.type != "cpu":
                torch.accelerator.synchronize(device)
            rates.append(steps * choice["batch"] / (perf_counter() - started))
    return statistics.median(rates[1:])


def _record(options: Throughput, stage: str, batch: int, trained: bundle.Bundle) -> dict[str, Any]:
    made, counted = trained.card.made_with, trained.log[1:]
    return {
        "kind": "throughput",
        "model": stage,
        "data": trained.card.data["train"],
        "split": "train",
        "n": batch * options.steps,
        "size_px": trained.card.size_px,
        "precision": trained.card.config["precision"],
        "processes": made["processes"],
        "batch": batch,
        "faces_per_second": round(statistics.median(r["faces_per_second"] for r in counted), 2),
        "outside_percent": round(statistics.median(r["outside_percent"] for r in counted), 2),
        **conditions(made["threads"]),
        "device": made["device"],
    }


def _line(record: dict[str, Any]) -> str:
    if record["kind"] == "inference":
        return (
            f"{record['model']:14} {record['size_px']:4} px  {record['precision']:7}  batch {record['batch']:4}  "
            f"{record['faces_per_second']:9.1f} faces/s  {record['device']}"
        )
    shared = f"{record['processes']} x {record['threads']} threads"
    return (
        f"{record['model']:9} {record['size_px']:4} px  {record['precision']:7}  {shared}  "
        f"{record['faces_per_second']:8.1f} faces/s  {record['outside_percent']:4.1f} % outside the steps"
    )
