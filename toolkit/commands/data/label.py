"""Stage: labels for photos that nobody has labelled, by MediaPipe's Face Mesh, as a folder to train on."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tyro.conf import Positional

from toolkit.benchmarking import accuracy
from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.draw import captioned, contact_sheet, face_tile
from toolkit.core.files import new_folder
from toolkit.core.images import read_image, write_png
from toolkit.core.metrics import nme
from toolkit.core.options import Options
from toolkit.core.outputs import NewFolder, OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions, versions
from toolkit.core.records import append
from toolkit.core.words import counted
from toolkit.data import open_faces
from toolkit.data.formats.gather import shown
from toolkit.data.own import SHEET, OwnFolder, check_place, photos_in, write_labels
from toolkit.detect import FaceDetector
from toolkit.detect.detector import FINEST
from toolkit.detect.mesh import CONFIDENT, SCHEME, FaceMesh, MeshFace, face_at

KIND = "labels"
"""Of the folder, in its labels.json."""
METHOD = "MediaPipe Face Mesh, mean of picture and mirror image, as 68 points by toolkit.detect.mesh_table"
COLUMNS, TILE_PX = 10, 160
SHOWN = 200
"""Faces on the sheet for review, the least confident ones."""
LISTED = 10
"""Photos that are named for a person; labels.json has all."""


@dataclass(frozen=True, kw_only=True)
class LabelPhotos(Options):
    """Label the faces of your own photos with 68 points, for training.

    The labels are MediaPipe's, mapped and corrected; look at contact_sheet.png, where the least confident come first,
    and delete what is wrong (NAME.pts). The photos themselves are never changed. --measure says how far such labels
    are from those of people.
    """

    photos: Positional[Path | None] = None
    """A folder of photos."""
    out: NewFolder | None = None
    """The folder to make: a picture and a .pts file for each face, labels.json and contact_sheet.png."""
    confidence: float = CONFIDENT
    """Leave out faces of less confidence, from 0 (keep all) to 1."""
    finest: int = FINEST
    """How small faces may be: 0 looks at the whole photo only, each step further at tiles of half the size too."""
    overwrite: bool = False
    """Replace --out where it was made by this command."""
    measure: Path | None = None
    """Label no photos: score such labels on the labelled test faces of this folder."""
    results: OutRecords | None = None
    """With --measure, add the records to this .jsonl file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.photos is None) == (self.measure is None):
            raise ValueError("expected a folder of photos and --out, or --measure and a folder of labelled faces")
        if (self.photos is None) != (self.out is None):
            raise ValueError("a folder of photos needs --out, the folder to make of it; --measure needs none")
        if self.results is not None and self.measure is None:
            raise ValueError("--results keeps what --measure finds: give both")
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"expected --confidence from 0 to 1, got {self.confidence}")
        if self.finest < 0:
            raise ValueError(f"expected --finest 0 or more, got {self.finest}")


@dataclass(frozen=True, kw_only=True)
class LabelledFace:
    """A face that was labelled."""

    name: str
    source: str
    """The photo's name."""
    confidence: float
    box_xyxy: list[float]
    detector_score: float


@dataclass(frozen=True, kw_only=True)
class UnsureFace:
    """A face of too little confidence."""

    source: str
    confidence: float
    box_xyxy: list[float]


@dataclass(frozen=True, kw_only=True)
class UnreadablePhoto:
    """A photo that cannot be read."""

    source: str
    why: str


@dataclass
class Found:
    """What became of the photos."""

    faces: list[LabelledFace] = field(default_factory=list)
    left_out: list[UnsureFace] = field(default_factory=list)
    no_face: list[str] = field(default_factory=list)
    unreadable: list[UnreadablePhoto] = field(default_factory=list)
    tiles: list[tuple[float, ImageArray]] = field(default_factory=list)


def run(options: LabelPhotos) -> Steps[Outcome]:
    """Label a folder, or measure what such labels are worth; see LabelPhotos."""
    check_outputs(options)
    photos = []
    if options.photos is not None and options.out is not None:
        photos = photos_in(options.photos)
        check_place(options.out, options.photos, KIND, overwrite=options.overwrite)
    detector, mesh = FaceDetector(options.finest), FaceMesh()
    try:
        if options.measure is not None:
            return (yield from _measure(options, options.measure, detector, mesh))
        assert options.out is not None
        return (yield from _label(options, photos, options.out, detector, mesh))
    finally:
        mesh.close()
        detector.close()


def _label(
    options: LabelPhotos, photos: list[Path], out: Path, detector: FaceDetector, mesh: FaceMesh
) -> Steps[Outcome]:
    found = Found()
    with new_folder(out) as temporary:
        own = OwnFolder(temporary)
        for number, photo in enumerate(photos):
            note = f"{len(found.faces)} faces"
            yield Progress(task="labelling photos", done=number, total=len(photos), note=note)
            try:
                image = read_image(photo)
            except (ValueError, OSError) as error:
                found.unreadable.append(UnreadablePhoto(source=shown(Path(photo.name)), why=str(error)))
                continue
            _keep(photo, [(each.score, mesh(image, each)) for each in detector(image)], image, own, options, found)
        if not found.faces:
            raise ValueError(
                f"no face to label in the {len(photos)} photos ({_counts(found)}): try --confidence "
                f"{options.confidence / 2:g}, or look for smaller faces with --finest {options.finest + 1}"
            )
        tiles = [tile for _, tile in sorted(found.tiles, key=lambda pair: pair[0])[:SHOWN]]
        write_png(temporary / SHEET, contact_sheet(tiles, COLUMNS))
        record = {
            **{"kind": KIND, "method": METHOD, "scheme": SCHEME.name, "versions": versions("mediapipe")},
            **{"least_confidence": options.confidence, "photos": len(photos)},
            **{"faces": [asdict(each) for each in found.faces]},
            **{"left_out": [asdict(each) for each in found.left_out]},
            **{"no_face": found.no_face, "unreadable": [asdict(each) for each in found.unreadable]},
        }
        write_labels(temporary, record)
    return Outcome(text="\n".join(_lines(options, found, len(photos))), records=(record,))


def _keep(
    photo: Path,
    seen: list[tuple[float, MeshFace | None]],
    image: ImageArray,
    own: OwnFolder,
    options: LabelPhotos,
    found: Found,
) -> None:
    """Write the faces of a photo that are confident enough, and note the others."""
    source = shown(Path(photo.name))
    faces = [(score, face) for score, face in seen if face is not None]
    if not faces:
        found.no_face.append(source)
    kept = [(score, face) for score, face in faces if face.confidence >= options.confidence]
    found.left_out += [
        UnsureFace(source=source, confidence=round(face.confidence, 3), box_xyxy=face.box_xyxy.round(1).tolist())
        for _, face in faces
        if face.confidence < options.confidence
    ]
    names = own.add(photo, [face.points_xy for _, face in kept]) if kept else []
    for name, (score, face) in zip(names, kept, strict=True):
        found.faces.append(
            LabelledFace(
                name=name,
                source=source,
                confidence=round(face.confidence, 3),
                box_xyxy=face.box_xyxy.round(1).tolist(),
                detector_score=round(score, 3),
            )
        )
        sure = np.full(SCHEME.points, face.confidence)
        tile = face_tile(image, face.points_xy, face.box_xyxy, SCHEME, TILE_PX, sure)
        found.tiles.append((face.confidence, captioned(tile, f"{face.confidence:.2f} {name}")))
    if len(found.tiles) > 2 * SHOWN:  # so that any number of photos fits in memory
        found.tiles = sorted(found.tiles, key=lambda pair: pair[0])[:SHOWN]


def _counts(found: Found) -> str:
    low, none, bad = len(found.left_out), len(found.no_face), len(found.unreadable)
    seen = f"{counted(low, 'face')} below the confidence, {counted(none, 'photo')} without a face"
    return f"{seen}, {bad} that cannot be read"


def _lines(options: LabelPhotos, found: Found, photos: int) -> list[str]:
    assert options.out is not None
    lines = [f"{counted(len(found.faces), 'face')} of {counted(photos, 'photo')} labelled; {_counts(found)}"]
    if found.no_face:
        lines.append(f"  no face in {', '.join(found.no_face[:LISTED])}{', ...' * (len(found.no_face) > LISTED)}")
    lines += [f"  {each.source}: {each.why}" for each in found.unreadable[:LISTED]]
    return [
        *lines,
        f"look at {options.out / SHEET}, delete the .pts files of what is wrong, then",
        f"sdhrnet teacher --data {options.out}",
    ]


def _measure(options: LabelPhotos, data: Path, detector: FaceDetector, mesh: FaceMesh) -> Steps[Outcome]:
    """How far the labels of the test faces of a folder are from those of people."""
    faces = open_faces(data, "test", 0)
    if faces.scheme != SCHEME:
        raise ValueError(f"--measure needs {SCHEME.title}; {faces.title} has {faces.scheme.title}")
    truth, found = [], []
    for number in range(len(faces)):
        if number % 5 == 0:
            yield Progress(task="labelling labelled faces", done=number, total=len(faces))
        sample = faces[number]
        face = face_at(sample.box_xyxy, [mesh(sample.image, each) for each in detector(sample.image)])
        if face is not None:
            truth.append(sample.points_xy)
            found.append(face)
    if not found:
        raise ValueError(f"the mesh found none of the {len(faces)} faces of {faces.title}")
    missed = len(faces) - len(found)
    kept = [face.confidence >= options.confidence for face in found]
    every = [True] * len(found)
    variants = {
        "Face Mesh, mesh points alone": ([face.uncorrected_xy for face in found], every),
        "Face Mesh, corrected": ([face.points_xy for face in found], every),
        f"Face Mesh, corrected, confidence {options.confidence:g} and more": ([f.points_xy for f in found], kept),
    }
    records = tuple(
        {
            "kind": "label",
            "model": name,
            "engine": "mediapipe",
            "data": faces.title,
            "split": "test",
            **_scored(np.stack(points)[chosen], np.stack(truth)[chosen]),
            "faces_not_found": missed,
            "faces_left_out": len(chosen) - sum(chosen),
            **conditions(1),
        }
        for name, (points, chosen) in variants.items()
        if any(chosen)
    )
    if options.results is not None:
        append(options.results, records)
    return Outcome(text="\n".join([*map(_line, records), f"{missed} of {len(faces)} faces not found"]), records=records)


def _scored(points: FloatArray, truth: FloatArray) -> dict[str, Any]:
    """The accuracy fields, and the median without the contour, whose points' places along a cheek are arbitrary."""
    inner = truth.copy()
    inner[:, list(SCHEME.regions["contour"])] = np.nan
    median = accuracy.scored(nme(points, inner, SCHEME))["nme_median"]
    return {**accuracy.accuracy(points, truth, SCHEME, {}), "nme_inner_median": median}


def _line(record: dict[str, Any]) -> str:
    regions = ", ".join(f"{name} {value:.2f}" for name, value in record["nme_regions"].items() if value is not None)
    rates = f"FR@8 {record['fr8']:.2f} %, FR@10 {record['fr10']:.2f} %, AUC@10 {record['auc10']:.2f} %"
    return (
        f"{record['model']}: NME {record['nme_mean']:.2f} % (median {record['nme_median']:.2f} %), {rates} on "
        f"{record['n']} faces ({record['data']})\n"
        f"  {regions} (median {record['nme_inner_median']:.2f})"
    )
