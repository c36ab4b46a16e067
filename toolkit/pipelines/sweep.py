"""A family of networks over budgets: each cut from the same supernet, trained on for the same epochs, and measured."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit import bundle
from toolkit.benchmarking import accuracy
from toolkit.commands.train import distil, slim
from toolkit.commands.train.distil import ALONE, Distil
from toolkit.commands.train.slim import Slim
from toolkit.core.files import write_bytes
from toolkit.core.options import Options
from toolkit.core.outputs import OutFolder, OutRecords, check_outputs
from toolkit.core.progress import Outcome, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append
from toolkit.core.zoo import BundlePath
from toolkit.data import Faces, open_faces
from toolkit.data.crops import plain_crops
from toolkit.export.deployed import Deployed
from toolkit.export.pieces import measure_files
from toolkit.landmarkers import identify
from toolkit.models.spec import SuperNetSpec
from toolkit.pipelines.jobs import Job
from toolkit.pipelines.trials import errors_of, make
from toolkit.reporting.readme.slimming import plots
from toolkit.slimming.importance import Importance

Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Sweep(Options):
    """Slim one supernet to several budgets: bundles, records, and plots of error against MACs and against time.

    Every network is trained on for the same few epochs on ground truth, the uncut supernet (budget 1) too; all are
    converted to float32 TFLite and timed by turns. Started again, it goes on where it was.
    """

    supernet: BundlePath
    """Bundle of the supernet."""
    out: OutFolder = Path("runs/sweep")
    """Folder for the family: share-0.64/slim as cut, share-0.64/trained after training on, and the plots."""
    results: OutRecords | None = None
    """Add the records to this .jsonl file (default: results.jsonl in --out)."""
    budgets: tuple[float, ...] = (1.0, 0.8, 0.64, 0.5, 0.4, 0.3)
    """Shares of the supernet's multiply-accumulates without the head; 0.64 is what the paper's 300W network keeps."""
    importance: Importance = "alpha"
    """What says which operations go, as for `sdhrnet slim`; for taylor, over faces of the first --data."""
    data: tuple[Path, ...] = ()
    """Labelled faces, as for the training stages; the first set's test faces are scored. Without it, synthetic ones."""
    augment: dict[str, float] = field(default_factory=dict)
    """Strengths of augmentation, as for the training stages."""
    synthetic: int = 2000
    """Number of synthetic faces, where no --data is given."""
    epochs: int = 3
    """Passes over the data after the cut, the same for each."""
    lr: float | None = None
    """Highest learning rate of these (default: the preset's)."""
    seed: int = 0
    """Of order and augmentation."""
    at_once: int = 2
    """Trainings side by side, one thread each."""
    runs: int = 100
    """Timed calls of each file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "synthetic")
        self.at_least(0, "seed")
        if self.epochs < 1 or self.at_once < 1 or self.runs < 1:
            raise ValueError("epochs, at_once and runs must be at least 1")
        if not self.budgets or any(not 0 < share <= 1 for share in self.budgets):
            raise ValueError("--budgets takes shares above 0, at most 1")
        if len(set(self.budgets)) < len(self.budgets):
            raise ValueError("--budgets names a share twice")


def run(options: Sweep) -> Steps[Outcome]:
    """Cut, train on, score, time and plot; see Sweep.

    Raises:
        ValueError: a network that is there was made with other settings, on other faces or from another supernet.
    """
    check_outputs(options, results=options.results or options.out / "results.jsonl")
    parent = bundle.read(options.supernet)
    if not isinstance(parent.spec, SuperNetSpec):
        raise ValueError(f"{options.supernet} holds no supernet: only a supernet can be slimmed")
    data, count = options.data[0] if options.data else None, max(1, options.synthetic // 10)
    sets = {split: open_faces(data, split, count, scheme=parent.scheme) for split in ("val", "test")}  # before the work
    family = {share: options.out / f"share-{share:g}" for share in options.budgets}
    cuts = [Job(slim.run, _cut(options, share, folder), f"{folder.name}, cut") for share, folder in family.items()]
    yield from make(cuts, 1)
    jobs = [Job(distil.run, _training(options, folder), folder.name) for folder in family.values()]
    yield from make(jobs, options.at_once)
    records = yield from _measured(options, family, sets)
    append(options.results or options.out / "results.jsonl", tuple(records))
    tested = [record for record in records if record["split"] == "test"]
    for name, svg in plots(records).items():
        write_bytes(options.out / name, svg.encode())
    return Outcome(text=_table(tested), records=tuple(records))


def _cut(options: Sweep, share: float, folder: Path) -> Slim:
    data = options.data[0] if options.importance == "taylor" and options.data else None
    return Slim(supernet=options.supernet, out=folder / "slim", importance=options.importance, data=data, share=share)


def _training(options: Sweep, folder: Path) -> Distil:
    """On the truth alone."""
    return Distil(
        **ALONE,
        out=folder / "trained",
        student=folder / "slim",
        data=options.data,
        augment=options.augment,
        synthetic=None if options.data else options.synthetic,
        size=bundle.read(options.supernet).card.size_px,
        epochs=options.epochs,
        lr=options.lr,
        seed=options.seed,
        resume=True,
    )


def _measured(options: Sweep, family: dict[float, Path], sets: dict[str, Faces]) -> Steps[list[Record]]:
    """Records of every network on both splits; time, operations and size are those of its TFLite file."""
    size = bundle.read(options.supernet).card.size_px
    names = {share: f"{share:g}" for share in family}
    modules = {names[share]: Deployed(bundle.read(folder / "trained")) for share, folder in family.items()}
    files = yield from measure_files(modules, dict.fromkeys(modules, size), options.runs)
    records = []
    for split, faces in sets.items():
        crops = yield from plain_crops(faces, size)
        for share, folder in family.items():
            errors = errors_of(folder / "trained", crops)
            found = files[names[share]]
            records.append(
                {
                    "kind": "sweep",
                    **identify(folder / "trained"),
                    "budget": share,
                    "importance": options.importance,
                    "epochs": options.epochs,
                    "seed": options.seed,
                    "input_px": size,
                    "data": faces.title,
                    "split": split,
                    **accuracy.scored(errors),
                    "operations": found.operations,
                    "size_bytes": found.size_bytes,
                    "latency_ms": dataclasses.asdict(found.latency),
                    "engine": found.engine,
                    **conditions(1),
                }
            )
    return records


def _table(records: list[Record]) -> str:
    lines = [f"{'share':>6}{'params M':>10}{'MACs M':>9}{'ms':>8}{'operations':>12}{'MB':>7}{'NME %':>8}"]
    lines += [
        f"{r['budget']:6.2f}{r['params_full'] / 1e6:10.2f}{r['macs_full'] / 1e6:9.1f}"
        f"{r['latency_ms']['cpu_median']:8.2f}{r['operations']:12}{r['size_bytes'] / 1e6:7.2f}{r['nme_mean']:8.2f}"
        for r in records
    ]
    return "\n".join(lines)
