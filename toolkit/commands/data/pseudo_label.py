"""Stage: a labelled set anew, its points from trained networks or moved to where they see the face (pseudo-labels)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from tyro.conf import Positional

from toolkit import bundle
from toolkit.core.arrays import FloatArray
from toolkit.core.files import new_folder, sha256
from toolkit.core.options import Options
from toolkit.core.outputs import NewFolder, OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions, cores
from toolkit.core.records import append
from toolkit.core.schemes import Scheme, scheme
from toolkit.core.zoo import MAIN, ModelPath, is_bundle
from toolkit.data import open_folder
from toolkit.data.audit import told
from toolkit.data.labels import Label, Photos
from toolkit.data.licences import research_sets
from toolkit.data.own import LabelledFolder, check_place
from toolkit.data.pseudo_labels import Placement, disagreement, eye_distance, placed
from toolkit.detect.ensemble import Mirrored, consensus
from toolkit.detect.landmarks import PASSES
from toolkit.landmarkers import open_model
from toolkit.runtime import sidecar
from toolkit.runtime.landmarker import Landmarker

KIND = "pseudo-label"
"""Of the record, and of the folder in its labels.json."""
PERCENTILES = (10, 50, 90, 99)
"""Of the distances between the networks' points and those that the faces came with."""


@dataclass(frozen=True, kw_only=True)
class PseudoLabel(Options):
    """Label a set anew with trained networks: faces with five points get all of them, noisy labels are replaced, and
    labels that are good but lie beside their face are put in place.

    Each network looks at each face in crops of its own, turned upright. A face whose own points are far from the
    networks' is left out, since one of the two is wrong. Own photos without points: `sdhrnet data label` first.
    """

    data: Positional[Path]
    """Labelled faces of any format that `sdhrnet data check` knows; their training part is labelled."""
    out: NewFolder
    """The folder to make: a copy of each picture with a .pts file, labels.json, and visibility.json where the set has
    one. Train on it as on any other; cards of networks that do name the sets behind the labels."""
    model: tuple[ModelPath, ...] = (Path(MAIN),)
    """Networks of one landmark scheme, whose points are averaged."""
    head: str | None = None
    """Of networks with heads for several schemes, the one to label by (default: the faces' own, or the first)."""
    correct: Literal["points", "placement"] = "points"
    """points: the networks' points replace the given ones. placement: the given points stay, and are turned, scaled and
    shifted as a whole where that brings them clearly nearer to the networks'; no face is left out."""
    agree: float = 0.1
    """How far the given points may be from the networks', as a share of the eye distance, where they are furthest
    apart: in the eyes, the nose, the mouth, the brows or the contour. For placement, what may be left of it."""
    flip: bool = False
    """Average with what is found in mirrored crops, at twice the time."""
    passes: int = PASSES
    """Crops a network, each around the points found in the one before."""
    skip_bad: bool = False
    """Leave out annotations and pictures that cannot be used."""
    overwrite: bool = False
    """Replace --out where it was made by this command."""
    results: OutRecords | None = None
    """Add the record to this .jsonl file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "passes")
        if not self.model:
            raise ValueError("--model needs a network or more to label by")
        if not self.agree > 0:
            raise ValueError(f"--agree must be above 0, got {self.agree}")
        if self.head:
            scheme(self.head)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of a face, in shares of the eye distance."""

    name: str
    before: float
    """From the given points to the networks'."""
    after: float | None = None
    """What was left of it when the face was placed anew."""
    spread: float
    """How far the networks are from their mean."""


@dataclass
class Verdicts:
    """What became of the faces."""

    kept: list[Verdict] = field(default_factory=list)
    """Written with other points than they came with."""
    as_given: list[Verdict] = field(default_factory=list)
    """Whose placement stayed."""
    left_out: list[Verdict] = field(default_factory=list)


def run(options: PseudoLabel) -> Steps[Outcome]:
    """Label the set; see PseudoLabel."""
    check_outputs(options)
    check_place(options.out, options.data, KIND, overwrite=options.overwrite)
    faces = open_folder(options.data, test=False, skip_bad=options.skip_bad)
    yield from told(faces)
    networks = _networks(options, faces.scheme)
    target = faces.scheme if options.correct == "placement" else networks[0].scheme
    with new_folder(options.out) as temporary:
        own = LabelledFolder(temporary)
        found = yield from _label(options, faces, networks, own)
        if not found.kept and not found.as_given:
            raise ValueError(
                f"none of {len(faces)} faces is within {options.agree:g} of the eye distance of the networks' points: "
                "is --model one for these points? Or allow more by --agree"
            )
        record = _record(options, faces, target, found)
        own.close({**record, **{name: _rounded(verdicts) for name, verdicts in vars(found).items()}}, target)
    if options.results is not None:
        append(options.results, (record,))
    return Outcome(text=_text(options, record), records=(record,))


def _networks(options: PseudoLabel, given: Scheme) -> list[Landmarker]:
    """The networks with the head that is wanted.

    Raises:
        ValueError: they predict different points.
    """
    opened = []
    for path in options.model:
        network = open_model(path, cores())
        if network.scheme.parts:
            own = given if given in network.scheme.parts else network.scheme.parts[0]
            network = open_model(path, cores(), head=scheme(options.head) if options.head else own)
        opened.append(Mirrored(network) if options.flip else network)
    schemes = {network.scheme.name for network in opened}
    if options.head:
        schemes.add(options.head)
    if len(schemes) > 1:
        raise ValueError(f"networks that label together need one landmark scheme, got {', '.join(sorted(schemes))}")
    return opened


def _label(options: PseudoLabel, faces: Photos, networks: Sequence[Landmarker], own: LabelledFolder) -> Steps[Verdicts]:
    found, seen, given = Verdicts(), networks[0].scheme, faces.scheme
    same_points = (seen.layout or seen.name) == (given.layout or given.name)
    for number, label in enumerate(faces.labels):
        yield Progress(task="labelling faces", done=number, total=len(faces), note=f"{len(found.left_out)} left out")
        try:
            image = faces[number].image
        except (ValueError, FileNotFoundError):
            if not options.skip_bad:
                raise
            continue
        points, spread = consensus(image, label.box_xyxy, networks, options.passes)
        apart = float(spread.mean()) / eye_distance(points, seen)
        if options.correct == "placement":
            place = placed(points, label.points_xy, seen, given)
            _place(label, place, apart, options.agree, own, found)
            continue
        verdict = Verdict(name=label.name, before=disagreement(points, label.points_xy, seen, given), spread=apart)
        if verdict.before > options.agree:
            found.left_out.append(verdict)
            continue
        if same_points:  # a point that nobody could place is still none
            points = np.where(np.isnan(label.points_xy), np.nan, points)
        own.copy(label, points, same_points)
        found.kept.append(verdict)
    return found


def _place(
    label: Label, place: Placement | None, spread: float, limit: float, own: LabelledFolder, found: Verdicts
) -> None:
    """Write a face where it belongs."""
    better = place is not None and place.better(limit)
    points: FloatArray = place.points_xy if place is not None and better else label.points_xy
    own.copy(label, points, True)
    if place is None:
        found.as_given.append(Verdict(name=label.name, before=float("nan"), spread=spread))
        return
    verdict = Verdict(name=label.name, before=place.before, after=place.after, spread=spread)
    (found.kept if better else found.as_given).append(verdict)


def _record(options: PseudoLabel, faces: Photos, target: Scheme, found: Verdicts) -> dict[str, Any]:
    """What was done, by whom, and what it changed; `origin` is what titles of the folder will say."""
    everyone = [*found.kept, *found.as_given, *found.left_out]
    sets = dict.fromkeys(name for path in options.model for name in research_sets(_terms(path)))
    behind = f" trained on {', '.join(sets)}" if sets else ""
    names = " and ".join(path.name for path in options.model)
    what = "points" if options.correct == "points" else "placement"
    return {
        "kind": KIND,
        "model": names,
        "origin": f"{what} by {names}{behind}, of {faces.title}",
        "correct": options.correct,
        "scheme": target.name,
        "labelled_by": [
            {
                "model": path.name,
                "sha256": bundle.digest(path) if is_bundle(path) else sha256(path),
                "licence": _terms(path) or None,
            }
            for path in options.model
        ],
        "head": options.head,
        "flip": options.flip,
        "passes": options.passes,
        "agree": options.agree,
        "data": faces.title,
        "split": "train",
        "n": len(everyone),
        "n_changed": len(found.kept),
        "n_as_given": len(found.as_given),
        "n_left_out": len(found.left_out),
        "before_percent": _percentiles([verdict.before for verdict in everyone]),
        "after_percent": _percentiles([v.after for v in found.kept if v.after is not None]),
        "spread_percent": _percentiles([verdict.spread for verdict in everyone]),
        **conditions(1),
    }


def _terms(path: Path) -> str:
    """What is known of the terms of a network's weights."""
    return (bundle.read(path).card.licence if is_bundle(path) else sidecar.read(path).licence) or ""


def _percentiles(values: Sequence[float]) -> dict[str, float] | None:
    there = [value for value in values if np.isfinite(value)]
    if not there:
        return None
    return {str(p): round(100 * float(np.percentile(there, p)), 2) for p in PERCENTILES}


def _rounded(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """As JSON, which knows no NaN."""

    def number(value: Any) -> Any:
        if isinstance(value, float):
            return round(value, 4) if np.isfinite(value) else None
        return value

    return [{key: number(value) for key, value in asdict(verdict).items()} for verdict in verdicts]


def _text(options: PseudoLabel, record: dict[str, Any]) -> str:
    def spread(name: str) -> str:
        values = record[name]
        return "nothing" if values is None else f"{values['50']:.1f} % (90th percentile {values['90']:.1f} %)"

    if options.correct == "points":
        head = f"{record['n_changed']} of {record['n']} faces labelled, {record['n_left_out']} left out"
    else:
        head = f"{record['n_changed']} of {record['n']} faces placed anew, {record['n_as_given']} as they were"
    after = "" if record["after_percent"] is None else f", of those placed anew {spread('after_percent')} is left"
    return "\n".join(
        [
            f"{head}: {options.out}",
            f"given points from the networks', in eye distances, median: {spread('before_percent')}{after}",
            f"sdhrnet data preview {options.out} --out sheet.png",
        ]
    )
