"""The command line, `sdhrnet <command>`: parses, runs a stage, draws its progress, prints its outcome."""

import errno
import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper

from toolkit import __version__
from toolkit.core.progress import Outcome, Steps, end_as_ctrl_c
from toolkit.core.provenance import install

COMMANDS = {
    "quickstart": (
        "toolkit.pipelines.quickstart",
        "Quickstart",
        "the whole road, small, on synthetic faces; ends with a report",
    ),
    "teacher": ("toolkit.commands.train.teacher", "Teacher", "train the teacher, HRNetV2-W18"),
    "supernet": ("toolkit.commands.train.supernet", "Supernet", "train HRSuperNet and its importance factors"),
    "slim": ("toolkit.commands.train.slim", "Slim", "cut the supernet down to a budget"),
    "slim --sweep": ("toolkit.pipelines.sweep", "Sweep", "a family over budgets, each trained on, with plots"),
    "latency-table": (
        "toolkit.commands.train.latency_table",
        "MakeTable",
        "time each kind of operation on this device",
    ),
    "distil": ("toolkit.commands.train.distil", "Distil", "refine the slimmed network by triple distillation"),
    "describe": (
        "toolkit.commands.convert.describe",
        "Describe",
        "parameters, MACs and edges of a bundle, file or architecture",
    ),
    "evaluate": (
        "toolkit.commands.measure.evaluate",
        "Evaluate",
        "NME, FR@10 and AUC@10 of any bundle or converted file",
    ),
    "evaluate --boxes": (
        "toolkit.commands.measure.evaluate_detected",
        "Detected",
        "the same with the boxes of a face detector",
    ),
    "compare": (
        "toolkit.commands.convert.compare",
        "Compare",
        "bundles before and after: counts, operations, size and time",
    ),
    "convert": ("toolkit.commands.convert.convert", "Convert", "to TFLite, CoreML and ONNX, each with its parity"),
    "verify": ("toolkit.commands.convert.verify", "Verify", "compare converted files with their bundle, in pixels"),
    "verify --arm": (
        "toolkit.commands.convert.verify_arm",
        "VerifyArm",
        "compare TFLite files on an emulated Arm processor",
    ),
    "benchmark": (
        "toolkit.commands.measure.benchmark",
        "Benchmark",
        "accuracy, time and size of every model, beside its rivals",
    ),
    "benchmark --robustness": (
        "toolkit.commands.measure.robustness",
        "Robustness",
        "the same where faces are seen badly; flicker",
    ),
    "benchmark --device adb": (
        "toolkit.commands.measure.benchmark_phone",
        "AdbBenchmark",
        "accuracy and time on an Android phone",
    ),
    "benchmark import": (
        "toolkit.commands.measure.benchmark_import",
        "ImportRecords",
        "records that a phone, browser or app exported",
    ),
    "throughput": ("toolkit.pipelines.throughput", "Throughput", "faces a second of each training stage"),
    "report": ("toolkit.commands.measure.report", "Report", "render a run's records as one HTML page"),
    "release": ("toolkit.pipelines.release", "Release", "train, convert and prove what ships in the package"),
    "serve": ("toolkit.commands.live.serve", "Serve", "the page that finds landmarks in a browser, for a phone too"),
    "contract": ("tools.contract.command", "Contract", "what every platform reads: contract.json and golden/"),
    "data check": ("toolkit.commands.data.check", "Check", "whether a folder of labelled faces is whole and sound"),
    "data preview": ("toolkit.commands.data.preview", "Preview", "a contact sheet of labelled faces"),
    "data label": ("toolkit.commands.data.label", "LabelPhotos", "label your own photos, for training"),
    "data pack": ("toolkit.commands.data.pack", "Pack", "a set as one memory-mapped file of faces, cut already"),
    "data boxes": ("toolkit.commands.data.boxes", "Boxes", "how a detector's boxes differ from those of the landmarks"),
    "data pace": (
        "toolkit.commands.data.synthetic_throughput",
        "Pace",
        "how many synthetic faces a second one core draws",
    ),
    "ablate augment": ("tools.ablations.augment", "Augmentations", "what each group of augmentation gives"),
    "ablate recipe": ("tools.ablations.recipe", "Recipes", "what the ways of training are worth"),
    "ablate ingredients": (
        "tools.ablations.ingredients",
        "Ingredients",
        "what each ingredient of the released models gives",
    ),
    "ablate distil": ("tools.ablations.distil", "Distillation", "what each part of distillation gives (Table 6)"),
    "ablate masks": ("tools.ablations.masks", "Masks", "what masked inputs give where faces are hidden"),
    "ablate slim": ("tools.ablations.slim", "Slimmings", "ways to choose operations, at equal MACs"),
    "ablate budgets": ("tools.ablations.budgets", "Budgets", "edges, layers, channels at budgets of operations"),
    "ablate rewrites": ("tools.ablations.rewrites", "Rewrites", "what each exact rewrite gives, on one bundle"),
    "ablate convert": ("tools.ablations.conversions", "Conversions", "ways to convert one bundle, measured"),
    "models": ("toolkit.commands.live.models", "Models", "the released models: error, licence, and where files lie"),
    "photo": ("toolkit.commands.live.photo", "Photo", "find faces in a photo and draw their landmarks"),
    "video": ("toolkit.commands.live.video", "Video", "follow the faces of a video; draw and write their landmarks"),
    "video --measure": (
        "toolkit.commands.live.video_throughput",
        "VideoPace",
        "its speed by stage and its jitter, on films of known points",
    ),
    "webcam": ("toolkit.commands.live.webcam", "Webcam", "follow the faces before a camera, in a window or to a file"),
}

INSTALL = {
    "torch": "train",
    "torch_pruning": "train",
    "safetensors": "train",
    "tensorboard": "tensorboard",
    "onnx": "convert",
    "onnxruntime": "convert",
    "onnx2tf": "convert",
    "tensorflow": "convert",
    "coremltools": "convert",
    "litert_torch": "litert",
    "matplotlib": "report",
    "jinja2": "report",
    "skimage": "report",
    "h5py": "data",
    "scipy": "data",
    "dlib": "peers",
    "face_recognition_models": "peers",
}
"""Which extra brings a package."""

MEND = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "; make room, or choose another place"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "; change its rights, or choose another place"),
}
"""What to do about errors of the system."""

USAGE = """usage: sdhrnet COMMAND [options]

SD-HRNet face landmarks, from training to a phone. Each command reads the folder of the one before and writes its own:

{commands}

`sdhrnet COMMAND --help` explains its options. Every command takes --json (records on standard output) and --quiet.
Exit status: 0 done, 1 a check failed, 2 wrong usage or input.

Start with `sdhrnet quickstart`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a name that the terminal cannot print is printed with escapes
            stream.reconfigure(errors="backslashreplace")
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        width = max(map(len, COMMANDS))
        lines = [f"  {name.ljust(width)}  {text}" for name, (_, _, text) in COMMANDS.items()]
        print(USAGE.format(commands="\n".join(lines)))
        return 0
    if arguments[0] in ("-V", "--version", "version"):
        print(f"sdhrnet-toolkit {__version__}")
        return 0
    found = _command(arguments)
    if found is not None:
        return _guarded(*found)
    family = [name for name in COMMANDS if name.startswith(f"{arguments[0]} ")]
    if family:
        return _complain(f"`sdhrnet {arguments[0]}` needs a second word: {', '.join(family)}")
    return _complain(f"there is no command {arguments[0]!r}; `sdhrnet --help` lists them")


def _command(words: list[str]) -> list[str] | None:
    """The name of the command that these words call, then what is left for it; None where there is none."""
    for name in (n for n in COMMANDS if n.startswith(f"{words[0]} --")):  # `slim --sweep`, the flag at any place
        flag = name.split()[1:]
        for at in range(1, len(words) - len(flag) + 1):
            if words[at : at + len(flag)] == flag:
                return [name, *words[1:at], *words[at + len(flag) :]]
    if " ".join(words[:2]) in COMMANDS:  # `data check`, `ablate distil`
        return [" ".join(words[:2]), *words[2:]]
    return words if words[0] in COMMANDS else None


def _guarded(name: str, *arguments: str) -> int:
    """Run a command; what a user can mend becomes one line and status 2."""
    try:
        with end_as_ctrl_c():
            return _run(name, list(arguments))
    except KeyboardInterrupt as stop:
        with suppress(OSError):  # the terminal may be gone
            print("\nstopped; what was finished is kept, and a training run goes on with --resume", file=sys.stderr)
        return 128 + next(iter(stop.args), signal.SIGINT)
    except ModuleNotFoundError as error:
        extra = INSTALL.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        return _complain(f"`sdhrnet {name}` needs {error.name}: {install(extra)}")
    except (ValueError, OSError) as error:
        if os.environ.get("SDHRNET_TRACEBACK"):
            raise
        return _complain(" ".join(_sentence(error).split()))


def _sentence(error: ValueError | OSError) -> str:
    """An error in words: of the system's, the file first, and what to do."""
    if not isinstance(error, OSError) or error.errno is None or not error.strerror:
        return str(error)
    where = "" if error.filename is None else f"{error.filename}: "
    return f"{where}{error.strerror}{MEND.get(error.errno, '')}"


def _complain(message: str) -> int:
    print(f"sdhrnet: {message}", file=sys.stderr)
    return 2


def _run(name: str, arguments: list[str]) -> int:
    import tyro

    as_json, quiet = ("--json" in arguments), ("--quiet" in arguments)
    module_name, config_name, _ = COMMANDS[name]
    module = import_module(module_name)
    options = tyro.cli(
        getattr(module, config_name),
        prog=f"sdhrnet {name}",
        args=[a for a in arguments if a not in ("--json", "--quiet")],
    )
    follows = os.environ.get("RANK", "0") != "0"  # one of torchrun's processes, of which the first one speaks
    outcome = _watch(module.run(options), quiet=quiet or follows)
    if follows:
        return 0 if outcome.ok else 1
    for line in map(json.dumps, outcome.records) if as_json else [outcome.text]:
        _say(line)
    return 0 if outcome.ok else 1


def _say(text: str) -> None:
    """Print; whoever reads no further (`| head`, a closed terminal) misses a line and nothing else.

    Raises:
        OSError: standard output is a file that cannot be written, on a full disk for instance.
    """
    try:
        print(text, flush=True)
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EIO):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its end


def _watch(steps: Steps[Outcome], *, quiet: bool) -> Outcome:
    """Run a stage; on a terminal, with a bar for its present task."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars
    from rich.text import Text

    columns = (
        TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(), TextColumn("{task.fields[note]}"),
    )  # fmt: skip
    console = Console(stderr=True)
    with Bars(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as bars:
        rows: dict[str, TaskID] = {}
        while True:
            try:
                now = next(steps)
            except StopIteration as end:
                assert isinstance(end.value, Outcome)
                return end.value
            if now.text and not quiet:
                console.print(Text.from_ansi(now.text), soft_wrap=True)
            if now.total == 0:
                continue
            row = now.task.partition(":")[0] if ":" in now.task else ""
            if row not in rows:
                rows[row] = bars.add_task(now.task, total=now.total, note="")
            bars.update(rows[row], description=now.task, completed=now.done, total=now.total, note=now.note)


if __name__ == "__main__":
    sys.exit(main())
