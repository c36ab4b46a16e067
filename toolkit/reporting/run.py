"""A run's folder as a value: its bundles, its records, its converted files and its pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from toolkit.core.records import Record, latest, read
from toolkit.core.zoo import is_bundle
from toolkit.export.npu import Chip
from toolkit.models.spec import Spec, SuperNetSpec
from toolkit.reporting.proofs import Proofs, present
from toolkit.reporting.table import number

if TYPE_CHECKING:  # both need torch, and so does a run that holds bundles; records alone do not
    from toolkit.bundle import Bundle, Card
    from toolkit.slimming.complexity import Complexity


class DataSplit(NamedTuple):
    """Which faces a record is about."""

    data: str
    """A data set's title."""
    split: str

    def __str__(self) -> str:
        return f"{self.data}, {self.split}"


OWN_DETECTOR = "own detector"
"""What a benchmark's records say of boxes that are not those of the labels."""
WITH_A_DETECTOR = ("mediapipe", "mediapipe-uncorrected", "dlib")
"""Competitors that bring a face detector; a described network brings none."""
TITLES = MappingProxyType(
    {
        "teacher": "Teacher",
        "supernet": "Supernet",
        "slim": "Slimmed",
        "distil": "Distilled",
        "shape": "With a shape layer",
    }
)
OPTIONAL = ("shape",)
"""Stages that a run may well be without."""
ALONE = "Trained on ground truth alone"
"""The title of what the distillation stage made with all of its terms off."""
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, kw_only=True)
class BundleSummary:
    """One bundle of a run, without its weights."""

    spec: Spec
    card: "Card"
    log: tuple[dict[str, Any], ...]
    alpha: tuple[float, ...] | None
    """Importance factors in the order of spec.gated."""
    digest: str
    complexity: "Complexity"


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a report is made from."""

    folder: Path
    bundles: dict[str, BundleSummary]
    """Bundles by stage, those that are there, in the order of TITLES."""
    records: tuple[Record, ...]
    proofs: Proofs
    """The verdict on every converted file, and which there are now."""
    photo: bytes | None
    """Landmarks of the bundled model."""
    own_photo: bytes | None
    """Landmarks of this run's network."""
    worst: bytes | None
    """Faces with the largest errors, which a benchmark draws on request; not for others' eyes."""
    written: datetime | None
    """The newest of the files' times; None for an empty run."""

    def scores(self) -> list[Record]:
        """Records of accuracy or latency, of bundles and files, on the boxes of the labels."""
        found = [r for r in self.records if r["kind"] in ("evaluate", "benchmark")]
        return [r for r in found if r.get("boxes") != OWN_DETECTOR]

    def of_kind(self, kind: str) -> list[Record]:
        """The records of one kind."""
        return [r for r in self.records if r["kind"] == kind]

    def data_splits(self) -> list[DataSplit]:
        """Data sets with their splits, the one that most bundles were measured on first."""
        counts: dict[DataSplit, int] = {}
        for record in [*self.scores(), *self.of_kind("baseline")]:
            if number(record.get("nme_mean")) is not None or record.get("latency_ms"):
                counts[data_split(record)] = counts.get(data_split(record), 0) + (record.get("model") in TITLES)
        return sorted(counts, key=lambda g: -counts[g])

    def score(self, stage: str, where: DataSplit) -> Record | None:
        """The latest accuracy of a stage's bundle on one set: of the one in the run, else of an older one."""
        found = [r for r in self.scores() if r.get("model") == stage and data_split(r) == where]
        return next(iter(sorted(reversed(found), key=self.stale)), None)

    def final(self) -> str | None:
        """The last stage that is there."""
        return list(self.bundles)[-1] if self.bundles else None

    def title(self, stage: str) -> str:
        """What a stage's network is called; `Distilled` is kept for what learned from more than the truth."""
        part = self.bundles.get(stage)
        return ALONE if stage == "distil" and part and part.card.taught_by == () else TITLES[stage]

    @property
    def stages(self) -> tuple[str, ...]:
        """Those that are there or ought to be."""
        scored = {r.get("model") for r in self.scores()}
        return tuple(s for s in TITLES if s not in OPTIONAL or s in self.bundles or s in scored)

    @property
    def compared(self) -> tuple[str, ...]:
        """The networks that its files are of, by name, where they are several: then it is no one network's run."""
        names: dict[str, str] = {}
        for r in self.records:
            if PurePath(r.model).suffix and r.get("precision") and not r.get("peer"):
                name, now = _network(r), self.proofs.present.get(r.model)
                names.setdefault(str(now.about.get("source_bundle") or name) if now else name, name)
        found = tuple(dict.fromkeys(names.values()))
        return found if len(found) > 1 else ()

    def stale(self, record: Record) -> bool:
        """Whether a record was measured on other weights, or on another file, than are in the run now."""
        return self.proofs.replaced(record)

    def named(self, record: Record) -> str:
        """What a table or plot calls the network or file that a record is about, with what is to be said of it."""
        return self.proofs.title(record, self.title(record.model) if record.model in TITLES else record.model)


def _network(record: Record) -> str:
    """What the network of a converted file is called, by the file's name."""
    name = PurePath(record.model).stem
    for ending in (*get_args(Chip), record["precision"], "heatmaps"):
        name = name.removesuffix(f"-{ending}")
    return name


def data_split(record: Record) -> DataSplit:
    """Which faces a record is about."""
    return DataSplit(str(record.get("data") or "data not recorded"), str(record.get("split") or "split not recorded"))


def behind(records: Sequence[Record], mark: str = "") -> str:
    """Whose face detector models are behind: each its own, and a described network, which brings none, the toolkit's.

    Args:
        records: of the models.
        mark: stands around names of models.
    """
    named = dict.fromkeys(r.model for r in records if r.get("peer") and r.model not in WITH_A_DETECTOR)
    names = " and ".join(f"{mark}{name}{mark}" for name in named)
    return "behind its own face detector" + (f" ({names}: behind ours, crops not turned upright)" if names else "")


def load(folder: Path) -> Run:
    """Read a run.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: the records, a bundle or a picture are damaged.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no run at {folder}: give the folder that holds teacher/, slim/ or results.jsonl")
    bundles = {stage: _summary(folder / stage) for stage in TITLES if is_bundle(folder / stage)}
    files = [folder / "results.jsonl", *(folder / stage / "card.json" for stage in bundles)]
    times = [file.stat().st_mtime for file in files if file.exists()]
    records = latest(read(folder / "results.jsonl"))
    return Run(
        folder=folder,
        bundles=bundles,
        records=tuple(records),
        proofs=Proofs(records, present(folder / "models"), {stage: part.digest for stage, part in bundles.items()}),
        photo=_png(folder / "photo.png"),
        own_photo=_png(folder / "photo-this-run.png"),
        worst=_png(folder / "worst.png"),
        written=datetime.fromtimestamp(max(times), UTC) if times else None,
    )


def _summary(folder: Path) -> BundleSummary:
    from toolkit import bundle

    return summary_of(bundle.read(folder), bundle.digest(folder))


def summary_of(loaded: "Bundle", digest: str) -> BundleSummary:
    """A bundle's part of a run."""
    from toolkit.slimming.complexity import complexity
    from toolkit.slimming.importance import factors

    spec = loaded.spec
    alpha = tuple(factors(spec, loaded.weights).tolist()) if isinstance(spec, SuperNetSpec) else None
    return BundleSummary(
        spec=loaded.spec,
        card=loaded.card,
        log=tuple(r for r in loaded.log if isinstance(r, dict)),
        alpha=alpha,
        digest=digest,
        complexity=complexity(loaded.spec, loaded.card.size_px),
    )


def _png(path: Path) -> bytes | None:
    if not path.is_file():
        return None
    data = path.read_bytes()
    if not data.startswith(PNG):
        raise ValueError(f"{path} is not a PNG picture: replace it or take it away")
    return data
