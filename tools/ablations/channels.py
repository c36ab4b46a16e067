"""Which channels to cut: networks of the same multiply-accumulates, by magnitude and by Taylor, before any training."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tyro.conf import Positional

from toolkit import bundle
from toolkit.benchmarking import accuracy
from toolkit.benchmarking.results import columns
from toolkit.commands.train import slim
from toolkit.commands.train.slim import Slim
from toolkit.core.options import Options
from toolkit.core.outputs import OutFolder, OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append
from toolkit.core.zoo import BundlePath
from toolkit.data import open_faces
from toolkit.data.crops import plain_crops
from toolkit.landmarkers import identify
from toolkit.models.spec import SuperNetSpec
from toolkit.pipelines.trials import errors_of
from toolkit.slimming.complexity import complexity
from toolkit.slimming.importance import Importance

WAYS: Mapping[str, Importance] = MappingProxyType({"magnitude": "alpha", "Taylor over cost": "taylor"})
"""An importance of `sdhrnet slim --remove channels`, by what the records call it."""


@dataclass(frozen=True, kw_only=True)
class Channels(Options):
    """Cut a network's channels by their magnitude, and by the change of the loss over what they cost, to the same
    multiply-accumulates; score each network on validation faces as the cut left it."""

    bundle: Positional[BundlePath]
    """The bundle of the network."""
    data: Path | None = None
    """Labelled faces; without them, synthetic ones."""
    shares: tuple[float, ...] = (0.9, 0.8, 0.75, 0.7)
    """Of the network's multiply-accumulates that may be left, everything counted."""
    faces: int = 256
    """Training faces that the Taylor importance is summed over."""
    synthetic: int = 100
    """How many faces to score on, without --data."""
    out: OutFolder = Path("runs/ablate-channels")
    """Folder for the networks; those of a run before are replaced."""
    results: OutRecords = Path("runs/ablate-channels/results.jsonl")
    """Add the records to this .jsonl file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "faces", "synthetic")
        if not self.shares or any(not 0 < share < 1 for share in self.shares):
            raise ValueError("--shares takes shares above 0 and below 1")


def run(options: Channels) -> Steps[Outcome]:
    """Cut and score every network; see Channels."""
    check_outputs(options)
    whole = bundle.read(options.bundle)
    if not isinstance(whole.spec, SuperNetSpec):
        raise ValueError(f"{options.bundle} holds no supernet, nor a network slimmed from one")
    size = whole.card.size_px
    faces = open_faces(options.data, "val", options.synthetic, scheme=whole.scheme)
    crops = yield from plain_crops(faces, size)
    macs = complexity(whole.spec, size).macs_full / 1e6
    networks = [(1.0, "", options.bundle)]
    for share in options.shares:
        for way, importance in WAYS.items():
            cut = _cut(options, share * macs, importance, options.out / f"{importance}-{share:g}")
            yield from slim.run(cut)
            networks.append((share, way, cut.out))
    records = []
    for done, (share, way, folder) in enumerate(networks, 1):
        counts = complexity(bundle.read(folder).spec, size)
        records.append(
            {
                "kind": "channels",
                **identify(options.bundle),
                "importance": way,
                "budget": share,
                "input_px": size,
                "params_full": counts.params_full,
                "macs_full": counts.macs_full,
                "data": faces.title,
                "split": "val",
                **accuracy.scored(errors_of(folder, crops)),
                **conditions(1),
            }
        )
        yield Progress(task="scoring", done=done, total=len(networks))
    append(options.results, tuple(records))
    return Outcome(text=_table(records), records=tuple(records))


def _cut(options: Channels, macs: float, importance: Importance, out: Path) -> Slim:
    cut = Slim(supernet=options.bundle, out=out, overwrite=True, remove="channels", importance=importance, macs=macs)
    return replace(cut, data=options.data, faces=options.faces) if importance == "taylor" else cut


def _table(records: list[dict[str, Any]]) -> str:
    rows = [["of its MACs", "channels by", "MACs", "parameters", "NME"]]
    rows += [
        [
            f"{r['budget']:.0%}",
            r["importance"] or "as it is",
            f"{r['macs_full'] / 1e6:.1f} M",
            f"{r['params_full']:,}",
            f"{r['nme_mean']:.2f} %",
        ]
        for r in records
    ]
    return "\n".join(columns(rows))
