"""Stage: what is taken for a face where there is none, and how sure a network is of true faces."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from toolkit.benchmarking.false_faces import TrueFaces, false_faces, true_faces
from toolkit.benchmarking.results import columns
from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append, called
from toolkit.core.zoo import ModelPath
from toolkit.data import one_in, open_faces
from toolkit.data.audit import told
from toolkit.detect import FaceDetector
from toolkit.landmarkers import identify, open_model


@dataclass(frozen=True, kw_only=True)
class FalseFaceRate(Options):
    """How often the floor of confidence lets a picture without a face pass as one, and tells a true face as unsure.

    Pictures of scikit-image, synthetic backgrounds and noise, through the whole of `photo`. With --data, the confidence
    of true faces and of the same ones in turned crops, where points are nonsense: the floor that parts both best is
    fitted so, on training faces, for every released model.
    """

    models: Positional[tuple[ModelPath, ...]]
    """Converted files, bundles, and released models by name (as float16 TFLite)."""
    pictures: int = 200
    """Pictures without a face."""
    data: Path | None = None
    """Labelled faces of any known format."""
    split: Literal["train", "val"] = "train"
    """Of --data: train or val; test faces choose nothing."""
    every: int = 1
    """Use one true face in this many."""
    results: OutRecords | None = None
    """Add the records to this .jsonl file (default: results.jsonl in the current folder)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "pictures", "every")
        if not self.models:
            raise ValueError("name at least one model or bundle")


def run(options: FalseFaceRate) -> Steps[Outcome]:
    """Look, count; see FalseFaceRate."""
    results = options.results or Path("results.jsonl")
    check_outputs(options, results=results)
    landmarkers = [open_model(path) for path in options.models]
    truth: Sequence[TrueFaces | None] = [None] * len(landmarkers)
    about: dict[str, str | int | None] = {"data": None, "split": None, "n": None}
    with closing(FaceDetector()) as detector:
        if options.data is not None:
            faces = open_faces(options.data, options.split, 1, scheme=landmarkers[0].scheme)
            yield from told(faces)
            faces = one_in(options.every, faces)
            truth = yield from true_faces(landmarkers, faces)
            about = {"data": faces.title, "split": options.split, "n": len(faces)}
        found = yield from false_faces(landmarkers, detector, options.pictures)
    records = tuple(
        {
            "kind": "false faces",
            **identify(path),
            "engine": landmarker.engine,
            **about,
            "floor": landmarker.confidence_floor,
            "pictures": own,
            "true_faces": true,
            **conditions(1),
        }
        for path, landmarker, own, true in zip(options.models, landmarkers, found, truth, strict=True)
    )
    append(results, records)
    rows = [["model", "pictures", "number", "face", "told as unsure"]]
    for record, own in zip(records, found, strict=True):
        for kind, seen in own.items():
            rows.append([called(record), kind, *(str(seen[key]) for key in ("pictures", "sure", "unsure"))])
    fitted = [
        f"{called(record)}: a floor of {true['fitted_floor']:.2f} tells {true['fitted_errors_percent'][0]:.1f} % of "
        f"{true['n']} faces as unsure and lets {true['fitted_errors_percent'][1]:.1f} % of {true['wrong']} wrong ones "
        f"pass; its own of {record['floor']:.2f}, "
        f"{true['below_floor_percent']:.1f} and {true['wrong_above_floor_percent']:.1f} %"
        for record, true in zip(records, truth, strict=True)
        if true is not None
    ]
    return Outcome(text="\n".join([*columns(rows, left=2), *fitted]), records=records)
