"""Stage: how well faces are found that are turned in the picture, all around."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from toolkit.benchmarking import competitors
from toolkit.benchmarking.angles import AngleScores, at_angles
from toolkit.benchmarking.candidates import open_candidate, sources
from toolkit.benchmarking.competitors import CompetitorName
from toolkit.benchmarking.end_to_end import pipelines_of
from toolkit.benchmarking.results import columns
from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append, called
from toolkit.core.zoo import ModelPath
from toolkit.data import one_in, open_faces
from toolkit.data.audit import told


@dataclass(frozen=True, kw_only=True)
class Angles(Options):
    """The error of whole pipelines on pictures turned by every so many degrees, beside the same faces upright.

    Each model runs behind its own detector, as `photo` runs it. A face that is told as unsure counts as not found.
    """

    models: Positional[tuple[ModelPath, ...]] = ()
    """Converted files, folders of them, bundles, and released models by name (as float16 TFLite)."""
    data: Path | None = None
    """Labelled faces of any known format; without it, synthetic faces."""
    synthetic: int = 20
    """Number of synthetic faces, where no --data is given."""
    split: str = "test"
    """test, val or train, or a published subset of the test faces."""
    every: int = 1
    """Use one face in this many."""
    step_deg: int = 15
    """Degrees from one angle to the next; a divisor of 360."""
    competitors: tuple[CompetitorName, ...] = ()
    """What people use instead, behind its own pipeline: mediapipe, mediapipe-uncorrected, dlib."""
    results: OutRecords | None = None
    """Add the records to this .jsonl file (default: results.jsonl in the current folder)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "synthetic", "every", "step_deg")
        if 360 % self.step_deg:
            raise ValueError(f"--step-deg {self.step_deg} does not divide 360: take 15, 30, 45 or 90")
        if not self.models and not self.competitors:
            raise ValueError("name at least one model, folder or bundle, or a competitor by --competitors")


def run(options: Angles) -> Steps[Outcome]:
    """Turn, find, score; see Angles."""
    results = options.results or Path("results.jsonl")
    check_outputs(options, results=results)
    opened = [open_candidate(source) for source in sources(options.models, options.competitors, (), (1,))]
    candidates = [each for each in opened if each.landmarker is not None and each.landmarker.timed]
    if not candidates:
        raise ValueError("none of these models has an engine here: give a .tflite or .onnx file or a bundle")
    schemes = [each.landmarker.scheme for each in candidates if each.landmarker is not None]
    faces = open_faces(options.data, options.split, options.synthetic, scheme=schemes[0])
    if any(scheme != faces.scheme for scheme in schemes):
        raise ValueError(f"the faces are labelled {faces.scheme.name}, and not all of these models give those points")
    yield from told(faces)
    faces = one_in(options.every, faces)
    with pipelines_of(candidates, sure=True) as (pipelines, _):
        scores = yield from at_angles(pipelines, faces, range(0, 360, options.step_deg))
    found = conditions(1)
    records = tuple(
        {
            "kind": "angles",
            **{k: v for k, v in each.identity.items() if k not in ("seed", "size_px")},
            "engine": each.engine,
            "data": faces.title,
            "split": options.split,
            "n": len(faces),
            "angles": own,
            **found,
            "versions": {**found["versions"], **competitors.versions()},
        }
        for each, own in zip(candidates, scores, strict=True)
    )
    append(results, records)
    return Outcome(text=_table([called(r) for r in records], scores), records=records)


def _table(names: Sequence[str], scores: Sequence[Sequence[AngleScores]]) -> str:
    """A row for every angle, a cell for every model: NME of the faces found, how many, how many wrong."""
    rows = [["turned by", *names]]
    for same in zip(*scores, strict=True):
        rows.append([f"{same[0]['angle_deg']} degrees", *map(_cell, same)])
    return "\n".join([*columns(rows, left=1), "NME % of the faces found (how many; above 10 %: wrong)"])


def _cell(own: AngleScores) -> str:
    shown = "-" if own["nme_mean"] is None else f"{own['nme_mean']:.2f}"
    return f"{shown} ({own['found']}; {own['wrong']})"
