"""Stage: small faces on large pictures: which the detector finds, and how long it takes, by where it looks."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any, Literal

import numpy as np

from toolkit.benchmarking.results import columns
from toolkit.core.arrays import FloatArray, ImageArray
from toolkit.core.files import sha256
from toolkit.core.geometry import BOX_SCALE, Pose, crop_of_box, cut
from toolkit.core.options import Options
from toolkit.core.outputs import OutRecords, check_outputs
from toolkit.core.progress import Outcome, Progress, Steps
from toolkit.core.provenance import conditions
from toolkit.core.records import append
from toolkit.core.selection import evenly_spaced
from toolkit.data import open_faces
from toolkit.data.audit import told
from toolkit.data.sample import Faces
from toolkit.data.synthetic.imaging import draw_background
from toolkit.detect.blazeface import detector_file
from toolkit.detect.boxes import calibrate, similar
from toolkit.detect.detector import FaceDetector

CANVAS_WH = (1280, 960)
PARTS = (1 / 4, 1 / 6, 1 / 8, 1 / 12, 1 / 16, 1 / 24)
"""Of the canvas's longer side: the longer side of a face's box."""
LARGE_PART = 0.32
"""The same of the large face that others are beside."""
AROUND = 1.7
"""Side of what is shown of a photo over that of its face's box."""
WAYS = {"the whole picture": 0, "tiles unless it shows large faces alone": None, "tiles always": 2}


@dataclass(frozen=True, kw_only=True)
class SmallFaces(Options):
    """Put faces of a set, made small, onto large drawn backgrounds, alone and beside a large face, and look for them.

    In the whole picture, in tiles unless that shows large faces alone, and in tiles always: what each finds, and its
    time.
    """

    data: Path
    """Labelled faces of any known format."""
    split: Literal["train", "val"] = "val"
    """train or val: what is decided by this is not decided on test faces."""
    faces: int = 12
    """Faces, evenly spaced over the set."""
    results: OutRecords | None = None
    """The .jsonl file that the record is added to."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "faces")


def run(options: SmallFaces) -> Steps[Outcome]:
    """Compose, look, count; see SmallFaces."""
    check_outputs(options)
    faces = open_faces(options.data, options.split, 1)
    yield from told(faces)
    chosen = evenly_spaced(options.faces, len(faces))
    found = np.zeros((len(WAYS), 2, len(PARTS)), int)
    times: list[list[list[float]]] = [[[], []] for _ in WAYS]
    detectors = [FaceDetector(finest) for finest in WAYS.values()]
    for done, index in enumerate(chosen, start=1):
        for beside, size, scene, box_xyxy in scenes(faces, index):
            for way, detector in enumerate(detectors):
                began = process_time()
                seen = detector(scene)
                times[way][beside].append(1e3 * (process_time() - began))
                found[way, beside, size] += any(similar(calibrate(d.box_xyxy), box_xyxy) for d in seen)
        yield Progress(task="small faces", done=done, total=len(chosen))
    ways = [
        {
            "way": name,
            "alone": {f"1/{round(1 / part)}": int(n) for part, n in zip(PARTS, found[way, 0], strict=True)},
            "beside_a_large_face": {
                f"1/{round(1 / part)}": int(n) for part, n in zip(PARTS, found[way, 1], strict=True)
            },
            "alone_ms_median": round(float(np.median(times[way][0])), 2),
            "beside_a_large_face_ms_median": round(float(np.median(times[way][1])), 2),
        }
        for way, name in enumerate(WAYS)
    ]
    record: dict[str, Any] = {
        "kind": "small faces",
        "model": detector_file().name,
        "file_sha256": sha256(detector_file()),
        "engine": detectors[0].engine,
        "data": faces.title,
        "split": options.split,
        "n": len(chosen),
        "canvas_wh": list(CANVAS_WH),
        "clock": "process",
        "ways": ways,
        **conditions(1),
    }
    for detector in detectors:
        detector.close()
    if options.results is not None:
        append(options.results, (record,))
    return Outcome(text=_table(record), records=(record,))


def scenes(faces: Faces, index: int) -> Iterator[tuple[int, int, ImageArray, FloatArray]]:
    """Whether a face is beside a large one, the index of its size, the picture (H, W, 3), and its box (4,) there."""
    width, height = CANVAS_WH
    for size, part in enumerate(PARTS):
        for beside in (0, 1):
            rng = np.random.default_rng([11, index, size, beside])
            scene = draw_background(rng, width // 2, width)[:height].copy()
            if beside:
                _put(scene, faces, (index + 1) % len(faces), LARGE_PART * width, (0.3, 0.5))
            place = (rng.uniform(0.7, 0.9), rng.uniform(0.25, 0.75))
            yield beside, size, scene, _put(scene, faces, index, part * width, place)


def _put(scene: ImageArray, faces: Faces, index: int, side_px: float, place: tuple[float, float]) -> FloatArray:
    """Draw a face, so large and with its middle at so much of the scene's width and height; its box (4,) there."""
    sample = faces[index]
    size = round(AROUND * side_px)
    crop = crop_of_box(sample.box_xyxy, size, Pose(scale=BOX_SCALE / AROUND))
    corner = (np.array(place) * CANVAS_WH - size / 2).astype(int)
    left, top = np.clip(corner, 0, np.array(CANVAS_WH) - size).tolist()
    scene[top : top + size, left : left + size] = cut(sample.image, crop)
    return np.asarray(crop.to_crop(sample.box_xyxy.reshape(2, 2)) + np.array([left, top])).ravel()


def _table(record: dict[str, Any]) -> str:
    sizes = list(record["ways"][0]["alone"])
    rows = [["looks at", "", *sizes, "ms"]]
    for way in record["ways"]:
        for scene in ("alone", "beside_a_large_face"):
            counts = [str(way[scene][size]) for size in sizes]
            rows.append([way["way"], scene.replace("_", " "), *counts, f"{way[f'{scene}_ms_median']:.1f}"])
    return "\n".join([*columns(rows, left=2), f"found of {record['n']}, by size over the picture's longer side"])
