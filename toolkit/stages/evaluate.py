"""Stage: the accuracy of one model on labelled faces."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from tyro.conf import Positional

from toolkit import measure
from toolkit.core.metrics import nme
from toolkit.core.progress import Outcome, Steps
from toolkit.data import open_faces, open_folder
from toolkit.data.baselines import mean_shape_points
from toolkit.data.batches import plain_crops
from toolkit.landmarkers import identify, open_model


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """NME (by inter-ocular distance), FR@10 and AUC@10 of a bundle or a converted file on labelled faces."""

    model: Positional[Path]
    """A bundle's folder, or a .tflite, .onnx or .mlpackage."""
    data: Path | None = None
    """300W in its official layout, or any folder of pictures with .pts files; without it, synthetic faces."""
    split: Literal["test", "val", "train"] = "test"
    """test, or a part of the training faces."""
    synthetic: int = 200
    """Number of synthetic faces, where no --data is given."""
    baselines: bool = False
    """Also score two predictors that look at no pixel: the mean training shape in each face's box, and that shape
    under the best similarity transform onto the truth."""
    results: Path | None = None
    """Add the records to this .jsonl file; an older record of the same measurement is replaced."""
    threads: int = 1
    """CPU threads of the engine."""


def run(options: Evaluate) -> Steps[Outcome]:
    """Score the model; see Evaluate."""
    model = open_model(options.model, options.threads)
    faces = open_faces(options.data, options.split, options.synthetic)
    crops = yield from plain_crops(faces, model.size_px)
    errors = yield from measure.errors_on(model, crops, f"evaluating {options.model.name}")
    where = {"data": faces.title, "split": options.split}
    record = {
        "kind": "evaluate",
        **identify(options.model),
        "engine": model.engine,
        **where,
        **measure.scored(errors),
        "latency_ms": None,
        **measure.conditions(options.threads),
    }
    records = (record, *(_baselines(options, where) if options.baselines else ()))
    if options.results is not None:
        measure.append(options.results, records)
    return Outcome(text="\n".join(_line(r) for r in records), records=records)


def _baselines(options: Evaluate, where: dict[str, str]) -> list[dict[str, Any]]:
    if options.data is None:
        raise ValueError("--baselines compares with labelled photos: give --data")
    train, test = open_folder(options.data, test=False), open_folder(options.data, test=True)
    placed = mean_shape_points(train, test).items()
    truth = np.stack([label.points_xy for label in test.labels])
    return [
        {"kind": "baseline", "model": name, **where, **measure.scored(nme(points, truth, test.scheme))}
        for name, points in placed
    ]


def _line(record: dict[str, Any]) -> str:
    return (
        f"{record['model']}: NME {record['nme_mean']:.2f} % (median {record['nme_median']:.2f} %), "
        f"FR@10 {record['fr10']:.2f} %, AUC@10 {record['auc10']:.2f} % on {record['n']} faces ({record['data']})"
    )
