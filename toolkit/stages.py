"""The stages as functions: options in, the stage run to its end, its outcome out. Nothing is printed.

Each takes the options of its command, a frozen dataclass that checks itself when it is made, so that what a program
gives and what the command line gives are one type: `toolkit.slim(toolkit.Slim(supernet=..., out=...))` does what
`sdhrnet slim --supernet ... --out ...` does. Paths are pathlib's. Options are written out in each class.

Every function raises ValueError for options or input that cannot be used, FileNotFoundError for what is not there,
FileExistsError for a place that is taken, and ModuleNotFoundError where an extra is not installed. Every function gives
an Outcome: `text` for a person, `records` of plain JSON values, and `ok`, False where a check failed. `progress` is
called with a Progress as often as there is news.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

from toolkit.core.progress import Outcome, Progress, Steps

if TYPE_CHECKING:
    from toolkit.commands.convert.convert import Convert
    from toolkit.commands.convert.verify import Verify
    from toolkit.commands.measure.benchmark import Benchmark
    from toolkit.commands.measure.evaluate import Evaluate
    from toolkit.commands.measure.report import Report
    from toolkit.commands.train.distil import Distil
    from toolkit.commands.train.shape import Shape
    from toolkit.commands.train.slim import Slim
    from toolkit.commands.train.supernet import Supernet
    from toolkit.commands.train.teacher import Teacher

Watcher = Callable[[Progress], object]
"""Is told how far a stage is."""


def teacher(options: Teacher, *, progress: Watcher | None = None) -> Outcome:
    """Train HRNetV2-W18, or another architecture, on ground truth; writes a bundle to `out`.

    Example:
        options = toolkit.Teacher(out=Path("runs/teacher"), data=(Path("300w"),), preset="cpu")
        outcome = toolkit.teacher(options)
        print(outcome.records[-1]["val_teacher"]["nme_mean"])  # percent of the inter-ocular distance
    """
    from toolkit.commands.train.teacher import run

    return _to_end(run(options), progress)


def supernet(options: Supernet, *, progress: Watcher | None = None) -> Outcome:
    """Train HRSuperNet and its importance factors (LSFF, paper section 3.1); writes a bundle to `out`.

    Example:
        options = toolkit.Supernet(out=Path("runs/supernet"), preset="tiny")  # synthetic faces, without data
        outcome = toolkit.supernet(options, progress=lambda now: print(now.task, now.done, now.total))
        print(outcome.records[-1]["alpha"])  # a factor for each edge
    """
    from toolkit.commands.train.supernet import run

    return _to_end(run(options), progress)


def slim(options: Slim, *, progress: Watcher | None = None) -> Outcome:
    """Cut a supernet down to a budget of MACs, operations or time; reads one bundle and writes another to `out`.

    Example:
        options = toolkit.Slim(supernet=Path("runs/supernet"), out=Path("runs/slim"))
        outcome = toolkit.slim(options)
        print(outcome.text)  # what was cut
    """
    from toolkit.commands.train.slim import run

    return _to_end(run(options), progress)


def distil(options: Distil, *, progress: Watcher | None = None) -> Outcome:
    """Refine a slimmed network by triple distillation: two peers and a teacher; writes a bundle to `out`.

    Example:
        options = toolkit.Distil(student=Path("runs/slim"), teacher=Path("runs/teacher"), out=Path("runs/distil"))
        outcome = toolkit.distil(options)
        print(outcome.text)  # which peer was kept, and its NME in percent
    """
    from toolkit.commands.train.distil import run

    return _to_end(run(options), progress)


def shape(options: Shape, *, progress: Watcher | None = None) -> Outcome:
    """Fit a layer behind a network's decoding that corrects each point by all of the face's; writes a bundle to `out`.

    Example:
        options = toolkit.Shape(bundle=Path("runs/distil"), data=Path("300w"), out=Path("runs/shape"))
        outcome = toolkit.shape(options)
        print(outcome.text)  # validation NME before and after
    """
    from toolkit.commands.train.shape import run

    return _to_end(run(options), progress)


def convert(options: Convert, *, progress: Watcher | None = None) -> Outcome:
    """Convert a bundle to TFLite, CoreML and ONNX, each file proved against it; `ok` is False where one broke a budget.

    Example:
        options = toolkit.Convert(bundle=Path("runs/distil"), out=Path("runs/models"), to=("tflite",))
        outcome = toolkit.convert(options)
        print([record["mean_px"] for record in outcome.records])  # how far points moved, in crop pixels
    """
    from toolkit.commands.convert.convert import run

    return _to_end(run(options), progress)


def verify(options: Verify, *, progress: Watcher | None = None) -> Outcome:
    """Compare converted files with the bundle that they came from; `ok` is False where one no longer gives its points.

    Example:
        outcome = toolkit.verify(toolkit.Verify(models=Path("sdhrnet-68pt-160")))  # all files of a released model
        print(outcome.ok, outcome.text)
        print([record["worst_px"] for record in outcome.records])  # in crop pixels
    """
    from toolkit.commands.convert.verify import run

    return _to_end(run(options), progress)


def evaluate(options: Evaluate, *, progress: Watcher | None = None) -> Outcome:
    """Score one model on labelled faces: NME, FR@10 and AUC@10 in percent, of all, by subset and by region.

    Example:
        options = toolkit.Evaluate(model=Path("sdhrnet-68pt-128"), data=Path("300w"))
        outcome = toolkit.evaluate(options)
        print(outcome.records[0]["nme_mean"], outcome.records[0]["n"])
    """
    from toolkit.commands.measure.evaluate import run

    return _to_end(run(options), progress)


def benchmark(options: Benchmark, *, progress: Watcher | None = None) -> Outcome:
    """Measure accuracy, time, start, memory and size of models side by side; adds records to `results`.

    Example:
        options = toolkit.Benchmark(models=(Path("sdhrnet-68pt-128"), Path("sdhrnet-68pt-160")), runs=50)
        outcome = toolkit.benchmark(options)
        print([record["latency_ms"]["median"] for record in outcome.records])  # ms a face
    """
    from toolkit.commands.measure.benchmark import run

    return _to_end(run(options), progress)


def report(options: Report, *, progress: Watcher | None = None) -> Outcome:
    """Render the records and bundles of a run's folder as one HTML page that needs no network.

    Example:
        options = toolkit.Report(run=Path("runs/quickstart"), out=Path("page.html"))
        outcome = toolkit.report(options)
        print(outcome.records[0]["size_bytes"])
    """
    from toolkit.commands.measure.report import run

    return _to_end(run(options), progress)


def _to_end(steps: Steps[Outcome], progress: Watcher | None) -> Outcome:
    """Run a stage to its end; where its watcher fails, it ends at once and leaves the process as it was."""
    with closing(steps):
        while True:
            try:
                now = next(steps)
            except StopIteration as end:
                assert isinstance(end.value, Outcome)
                return end.value
            if progress is not None:
                progress(now)
