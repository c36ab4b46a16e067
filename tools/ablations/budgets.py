"""What slimming to a budget of operations costs in accuracy and gives in time: by edges, layers, and channels too."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypedDict

from toolkit.benchmarking import accuracy
from toolkit.commands.convert import convert
from toolkit.commands.convert.convert import Convert
from toolkit.commands.train import distil, slim, supernet
from toolkit.commands.train.distil import ALONE, Distil
from toolkit.commands.train.slim import Slim
from toolkit.commands.train.supernet import Supernet, Updates
from toolkit.core.files import size_bytes, write_bytes
from toolkit.core.options import Options
from toolkit.core.outputs import OutFolder, OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append
from toolkit.data import Faces, open_faces
from toolkit.data.crops import plain_crops
from toolkit.export import lint
from toolkit.landmarkers import identify
from toolkit.pipelines.jobs import Job, side_by_side
from toolkit.pipelines.trials import Record, errors_of, make
from toolkit.reporting.readme.slimming import plots
from toolkit.runtime.sidecar import Precision
from toolkit.runtime.tflite import invocation
from toolkit.runtime.timing import interleaved
from toolkit.slimming.importance import Importance
from toolkit.train.options import Training

Way = Literal["edges", "layers", "channels"]
WAYS: tuple[Way, ...] = ("edges", "layers", "channels")
WORDS = {"edges": "edges", "layers": "edges and layers", "channels": "edges, layers and channels"}
WHOLE = "unslimmed"
PRECISIONS: tuple[Precision, ...] = ("float32", "int8")


class Shared(TypedDict):
    """What all trainings share."""

    data: tuple[Path, ...]
    share: tuple[float, ...]
    augment: dict[str, float]
    synthetic: int | None
    size: int
    progressive: tuple[int, ...]
    batch: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Budgets(Options):
    """Networks of a few budgets of operations, each trained alike: error against int8 time and against operations.

    For every seed a supernet and one with depth factors are trained, both with the operations' penalty; they are cut to
    each budget by edges alone, by edges and layers, and then by channels too; every cut, and the unslimmed supernets,
    are trained on for the same epochs on the truth, scored, converted, and timed by turns. Started again, it goes on
    where it was.
    """

    out: OutFolder = Path("runs/budgets")
    """Folder for all bundles, files and plots."""
    results: OutRecords | None = None
    """Add the records to this .jsonl file (default: results.jsonl in --out)."""
    budgets: tuple[int, ...] = (400, 280, 200)
    """Operations of the float32 file."""
    ways: tuple[Way, ...] = WAYS
    """What is cut: edges; edges and layers; or channels too, which are cut from what layers left."""
    data: tuple[Path, ...] = ()
    """Labelled faces, as for the training stages; the first set's test faces are scored. Without it, synthetic ones."""
    share: tuple[float, ...] = ()
    """One number for each --data, as for the training stages."""
    augment: dict[str, float] = field(default_factory=dict)
    """Strengths of augmentation, as for the training stages."""
    synthetic: int = 2000
    """Number of synthetic faces, where no --data is given."""
    size: int = 128
    """Side of the input crop in pixels."""
    progressive: tuple[int, ...] = ()
    """Smaller input sizes to begin with, as for the training stages."""
    supernet_epochs: int = 20
    """Passes over the data of every supernet."""
    sparsity: float = 5e-6
    """Weight of the L1 term, as for `sdhrnet supernet`."""
    updates: Updates = "joint"
    """How factors and weights take turns, as for `sdhrnet supernet`."""
    importance: Importance = "gamma"
    """What says which operations go, as for `sdhrnet slim`."""
    epochs: int = 20
    """Passes over the data after the cut, the same for each."""
    batch: int = 16
    """Faces a step."""
    lr: float = 1e-3
    """Highest learning rate after the cut."""
    even: int = 128
    """The widest group of channels, as for `sdhrnet slim --remove channels --even`."""
    seeds: int = 2
    """How often everything is done."""
    at_once: int = 2
    """Trainings side by side, one thread each."""
    runs: int = 100
    """Timed calls of each file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "epochs", "supernet_epochs", "seeds", "at_once", "runs", "even")
        if not self.budgets or min(self.budgets) < 1 or len(set(self.budgets)) < len(self.budgets):
            raise ValueError("--budgets takes different numbers of operations, each at least 1")
        if not self.ways or len(set(self.ways)) < len(self.ways):
            raise ValueError(f"--ways takes one or more of {', '.join(WAYS)}, each once")
        if "channels" in self.ways and "layers" not in self.ways:
            raise ValueError("--ways channels needs layers too: channels are cut from what layers left")
        Training(out=self.out, **self.training(0))  # refuses what the training stages would

    def training(self, seed: int) -> Shared:
        """The options that all trainings share."""
        return {
            "data": self.data,
            "share": self.share,
            "augment": self.augment,
            "synthetic": None if self.data else self.synthetic,
            "size": self.size,
            "progressive": self.progressive,
            "batch": self.batch,
            "seed": seed,
        }


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One network of the comparison."""

    way: Way
    """What goes; of the unslimmed ones, which supernet it is."""
    budget: int | None
    """Operations; None where nothing goes."""
    seed: int
    student: Path
    """Before it is trained on."""
    folder: Path
    """For the trained bundle, and its files beside it."""

    @property
    def trained(self) -> Path:
        """The trained bundle."""
        return self.folder / "trained"

    def file(self, precision: str) -> Path | None:
        """A converted file, where it is there."""
        return next((self.folder / "models").glob(f"*-{precision}.tflite"), None)


def run(options: Budgets) -> Steps[Outcome]:
    """Train, cut, train on, convert, time and plot; see Budgets."""
    check_outputs(options, results=options.results or options.out / "results.jsonl")
    data, count = options.data[0] if options.data else None, max(1, options.synthetic // 10)
    sets = {split: open_faces(data, split, count) for split in ("val", "test")}  # before anything is trained
    seeds = range(options.seeds)
    yield from make([_supernet(options, deep, seed) for seed in seeds for deep in _depths(options)], options.at_once)
    variants = [one for seed in seeds for one in _variants(options, seed)]
    for way in sorted(options.ways, key=WAYS.index):  # channels are cut from what layers left
        yield from make([_cut(options, one) for one in variants if one.way == way and one.budget], options.at_once)
    yield from make([_trained_on(options, one) for one in variants], options.at_once)
    missing = [one for one in variants if not all(map(one.file, PRECISIONS))]
    yield from side_by_side([_converted(options, one) for one in missing], options.at_once)
    records = yield from _measured(options, variants, sets)
    append(options.results or options.out / "results.jsonl", tuple(records))
    for name, svg in plots(records).items():
        write_bytes(options.out / name, svg.encode())
    return Outcome(text=_table([r for r in records if r["split"] == "test"]), records=tuple(records))


def _parent(options: Budgets, deep: bool, seed: int) -> Path:
    return options.out / f"supernet-{'deep' if deep else 'plain'}-{seed}"


def _supernet(options: Budgets, deep: bool, seed: int) -> Job[Supernet]:
    training = Supernet(
        **options.training(seed),
        out=_parent(options, deep, seed),
        resume=True,
        depth=deep,
        penalty="operations",
        sparsity=options.sparsity,
        updates=options.updates,
        epochs=options.supernet_epochs,
    )
    return Job(supernet.run, training, training.out.name)


def _depths(options: Budgets) -> list[bool]:
    """Without and with depth factors, where some cut needs such a supernet."""
    return [deep for deep in (False, True) if any((way != "edges") == deep for way in options.ways)]


def _variants(options: Budgets, seed: int) -> list[Variant]:
    found = []
    for way in options.ways:
        if way == "channels":
            continue  # from the supernet of layers
        folder = options.out / f"{WHOLE}-{way}-{seed}"
        student = _parent(options, way == "layers", seed)
        found.append(Variant(way=way, budget=None, seed=seed, student=student, folder=folder))
    for budget in options.budgets:
        for way in options.ways:
            folder = options.out / f"{way}-{budget}-{seed}"
            found.append(Variant(way=way, budget=budget, seed=seed, student=folder / "cut", folder=folder))
    return found


def _cut(options: Budgets, one: Variant) -> Job[Slim]:
    if one.way == "channels":
        parent = options.out / f"layers-{one.budget}-{one.seed}" / "cut"
        cut = Slim(supernet=parent, out=one.student, remove="channels", even=options.even)
    else:
        parent = _parent(options, one.way == "layers", one.seed)
        cut = Slim(supernet=parent, out=one.student, operations=one.budget, importance=options.importance)
    return Job(slim.run, cut, one.folder.name)


def _trained_on(options: Budgets, one: Variant) -> Job[Distil]:
    training = Distil(
        **ALONE,
        **options.training(one.seed),
        out=one.trained,
        student=one.student,
        resume=True,
        epochs=options.epochs,
        lr=options.lr,
    )
    return Job(distil.run, training, one.folder.name)


def _converted(options: Budgets, one: Variant) -> Job[Convert]:
    data = options.data[0] if options.data else None
    how = Convert(bundle=one.trained, to=("tflite",), precision=PRECISIONS, keep=True, data=data)
    return Job(convert.run, how, one.folder.name)


def _measured(options: Budgets, variants: list[Variant], sets: dict[str, Faces]) -> Steps[list[Record]]:
    """Records of every network on both splits; its files are timed by turns, all in one run."""
    files = {(one, precision): _there(one, precision) for one in variants for precision in PRECISIONS}
    calls, engines = zip(*(invocation(path) for path in files.values()), strict=True)
    times = dict(zip(files, (yield from interleaved(calls, options.runs, max(1, options.runs // 10))), strict=True))
    records = []
    for split, faces in sets.items():
        crops = yield from plain_crops(faces, options.size)
        for number, one in enumerate(variants, 1):
            errors = errors_of(one.trained, crops)
            yield Progress(task=f"scoring, {split}", done=number, total=len(variants))
            records.append(
                {
                    "kind": "budget",
                    **identify(one.trained),
                    "variant": WORDS[one.way],
                    "budget": one.budget,
                    "seed": one.seed,
                    "epochs": options.epochs,
                    "input_px": options.size,
                    "data": faces.title,
                    "split": split,
                    **accuracy.scored(errors),
                    "operations": sum(lint.operations(files[one, "float32"]).values()),
                    "int8_size_bytes": size_bytes(files[one, "int8"]),
                    "latency_ms": dataclasses.asdict(times[one, "float32"]),
                    "int8_latency_ms": dataclasses.asdict(times[one, "int8"]),
                    "engine": engines[0],
                    **conditions(1),
                }
            )
    return records


def _there(one: Variant, precision: str) -> Path:
    path = one.file(precision)
    if path is None:
        raise FileNotFoundError(f"{one.folder}/models has no {precision} file: delete that folder and start again")
    return path


def _table(records: list[Record]) -> str:
    lines = [f"{'':28}{'budget':>10}{'operations':>12}{'int8 ms':>9}{'MACs M':>9}{'NME %':>8}{'seed':>6}"]
    lines += [
        f"{r['variant']:28}{r['budget'] or WHOLE:>10}{r['operations']:12}{r['int8_latency_ms']['cpu_median']:9.2f}"
        f"{r['macs_full'] / 1e6:9.1f}{r['nme_mean']:8.2f}{r['seed']:6}"
        for r in records
    ]
    return "\n".join(lines)
