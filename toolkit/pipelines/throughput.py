"""How many faces a second each training stage takes in, by input size, precision and number of processes."""

import itertools
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypedDict

import torch

from toolkit import bundle
from toolkit.bundle import Card
from toolkit.commands.train import distil, supernet, teacher
from toolkit.core.options import Options
from toolkit.core.outputs import OutFolder, OutRecords, check_outputs
from toolkit.core.progress import Outcome, Steps
from toolkit.core.provenance import conditions, cores
from toolkit.core.records import append
from toolkit.core.schemes import W300_68
from toolkit.models.building import build
from toolkit.models.spec import ARCHITECTURES
from toolkit.train.device import ComputePrecision

Stage = Literal["teacher", "supernet", "distil"]
PARENTS = {"student": "s-hrnet-300w", "teacher": "hrnet-w18"}
"""What distillation starts from."""
EPOCHS = 4
"""The first one warms up and is not counted."""


@dataclass(frozen=True, kw_only=True)
class Throughput(Options):
    """Train each stage for some steps on synthetic faces with the usual augmentation, and count.

    A face counts once for each step that sees it. `outside` is the share of the time that the loop spends on all but
    its steps: making batches, averaging weights, telling its progress. Compare figures of one run only.
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
    batch: int = 16
    """Faces a step, of all processes together."""
    steps: int = 6
    """Steps of each measurement; the median of three measurements counts."""
    device: str = "auto"
    """auto, cpu, cuda, mps."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.batch, self.steps, *self.threads, *self.processes) < 1:
            raise ValueError("batch, steps, threads and processes must be at least 1")


class Choice(TypedDict):
    """The options that differ from one measurement to the next."""

    size: int
    precision: ComputePrecision
    processes: int
    threads: int


class Shared(Choice):
    """All options of a measured training, whatever it trains."""

    out: Path
    batch: int
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
    records = []
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
            records.append(_record(options, stage, bundle.read(out)))
    append(options.results or options.out / "results.jsonl", tuple(records))
    return Outcome(text="\n".join(map(_line, records)), records=tuple(records))


def _shared(options: Throughput, choice: Choice, out: Path) -> Shared:
    faces = options.batch * options.steps
    return {
        **choice,
        "out": out,
        "batch": options.batch,
        "device": options.device,
        "preset": "tiny",
        "epochs": EPOCHS,
        "synthetic": faces,
    }


def _choices(options: Throughput) -> Iterator[Choice]:
    ways = itertools.product(options.sizes, options.precisions, options.processes, options.threads)
    for size, precision, processes, threads in ways:
        if processes * threads <= cores() or 1 in (processes, threads):
            yield {"size": size, "precision": precision, "processes": processes, "threads": threads}


def _parents(folder: Path) -> Parents:
    """Untrained ones, which cost as much as trained ones."""
    for role, arch in PARENTS.items():
        card = Card(name=arch, stage="teacher", scheme=W300_68.name, size_px=64, sigma_px=1.0)
        with torch.random.fork_rng([]):
            torch.default_generator.manual_seed(0)
            bundle.write(bundle.of_network(build(ARCHITECTURES[arch](W300_68.points)), card), folder / role)
    return {"student": folder / "student", "teacher": folder / "teacher"}


def _record(options: Throughput, stage: str, trained: bundle.Bundle) -> dict[str, Any]:
    made, counted = trained.card.made_with, trained.log[1:]
    return {
        "kind": "throughput",
        "model": stage,
        "data": trained.card.data["train"],
        "split": "train",
        "n": options.batch * options.steps,
        "size_px": trained.card.size_px,
        "precision": trained.card.config["precision"],
        "processes": made["processes"],
        "batch": options.batch,
        "faces_per_second": round(statistics.median(r["faces_per_second"] for r in counted), 2),
        "outside_percent": round(statistics.median(r["outside_percent"] for r in counted), 2),
        **conditions(made["threads"]),
        "device": made["device"],
    }


def _line(record: dict[str, Any]) -> str:
    shared = f"{record['processes']} x {record['threads']} threads"
    return (
        f"{record['model']:9} {record['size_px']:4} px  {record['precision']:7}  {shared}  "
        f"{record['faces_per_second']:8.1f} faces/s  {record['outside_percent']:4.1f} % outside the steps"
    )
